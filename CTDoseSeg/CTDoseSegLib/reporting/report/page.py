"""The report as one HTML file: no script, nothing fetched, one A4 page in print."""

from __future__ import annotations

import base64
from collections.abc import Mapping
from typing import TYPE_CHECKING

from ...errors import DependencyError

if TYPE_CHECKING:
    from .pictures import ReportPicture
    from .rows import Report

# Rows of organs that one column of the printed page takes.
_ONE_COLUMN = 10
PAGE = """<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="color-scheme" content="light">
<title>{{ say("title") }}</title>
<style>
@page { size: A4; margin: 11mm 12mm; }
* { box-sizing: border-box; }
body { font: 12.5px/1.32 "Liberation Sans", Arial, Helvetica, sans-serif; color: #222;
  background: #fff; margin: 1.5em auto; max-width: 60em; padding: 0 1em; }
h1 { font-size: 1.7em; margin: 0; }
h2 { font-size: 1.05em; margin: .8em 0 .2em; break-after: avoid; }
.notice { border: 1px solid #222; padding: .1em .5em; font-weight: bold; float: right;
  margin-right: 1px; }
table { border-collapse: collapse; width: 100%; }
th { text-align: left; font-weight: normal; color: #555; }
td, th { padding: .08em .6em .08em 0; vertical-align: top; }
.head { display: flex; flex-wrap: wrap; gap: 0 1.4em; color: #555; margin: .3em 0; }
.head b { color: #222; font-weight: normal; }
.answer td:first-child { width: 15em; } .answer td:nth-child(2) { font-weight: bold;
  white-space: nowrap; } .answer td:nth-child(3) { color: #555; }
.answer tr { border-bottom: 1px solid #ddd; }
.n { text-align: right; white-space: nowrap; font-variant-numeric: tabular-nums; }
.know { margin: 0; padding-left: 1.2em; }
.organs { display: flex; gap: 2em; align-items: flex-start; }
.organs table { flex: 1 1 0; } .organs tr { break-inside: avoid; }
.organs td:first-child { white-space: nowrap; }
.bar { position: relative; min-width: 4em; width: 30%; }
.bar i { position: absolute; left: 0; top: .35em; height: .6em; background: #9db8cc; }
.bar u { position: absolute; top: .6em; height: 2px; background: #222; }
.pictures { display: flex; gap: 1em; align-items: flex-start; }
.pictures figure { margin: 0; flex: 1 1 0; } .pictures img { width: 100%; max-height: 12em;
  object-fit: contain; object-position: left top; }
figcaption { color: #555; }
.key span { white-space: nowrap; margin-right: 1em; } .key i { display: inline-block; width: .8em;
  height: .8em; border: 1px solid; margin-right: .3em; vertical-align: -.05em; }
.small { font-size: .86em; color: #444; } .small p { margin: .15em 0; }
.two { display: flex; gap: 2em; } .two > div { flex: 1 1 0; }
@media print { body { margin: 0; padding: 0; max-width: none; font-size: {{ print_px }}px; }
  .bar i { print-color-adjust: exact; -webkit-print-color-adjust: exact; }
  .bar u, .key i { print-color-adjust: exact; -webkit-print-color-adjust: exact; } }
</style></head><body>
<div class="notice">{{ report.notice }}</div>
<h1>{{ say("title") }}</h1>
<div class="head">{% for row in report.head %}<span>{{ row.name }}: <b>{{ row.value }}</b></span>
{% endfor %}</div>
<h2>{{ say("answer") }}</h2>
<table class="answer">{% for row in report.answer %}<tr><td>{{ row.name }}</td>
<td>{{ row.value }}</td><td>{{ row.note }}</td></tr>
{% endfor %}</table>
{% if report.notices %}<h2>{{ say("notices") }}</h2>
<ul class="know">{% for text in report.notices %}<li>{{ text }}</li>{% endfor %}
{% if report.more %}<li>{{ report.more }}</li>{% endif %}</ul>{% endif %}
{% if report.events %}<h2>{{ say("events") }}</h2>
<table><tr><th>{{ say("event") }}</th><th>{{ say("event_kind") }}</th>
<th class="n">CTDIvol (mGy)</th><th class="n">DLP (mGy cm)</th>
<th>{{ say("event_counted") }}</th></tr>
{% for row in report.events %}<tr><td>{{ row[0] }}</td><td>{{ row[1] }}</td>
<td class="n">{{ row[2] }}</td><td class="n">{{ row[3] }}</td><td>{{ row[4] }}</td></tr>
{% endfor %}</table>
<p class="small">{{ report.event_total }}</p>{% endif %}
<h2>{{ say("organs") }}</h2>
{% if report.organs %}<div class="organs">{% for part in parts %}<table>
<tr><th>{{ say("organ") }}</th><th class="n">{{ say("dose") }}</th><th></th>
<th class="n">{{ say("interval") }}</th>
{% if report.has_totals %}<th class="n">{{ say("examination_dose") }}</th>{% endif %}</tr>
{% for organ in part %}<tr><td>{{ organ.name }}</td><td class="n">{{ organ.dose }}</td>
<td class="bar"><i style="width: {{ percent(organ.dose_mGy) }}%"></i>
{% if organ.interval != "-" %}<u style="left: {{ percent(organ.low_mGy) }}%;
width: {{ percent(organ.high_mGy - organ.low_mGy) }}%"></u>{% endif %}
</td><td class="n">{{ organ.interval }}</td>
{% if report.has_totals %}<td class="n">{{ number(organ.total_mGy) }}</td>{% endif %}</tr>
{% endfor %}</table>{% endfor %}</div>
<p class="small">{{ report.basis }}</p>
{% if report.doubted %}<p class="small">{{ report.doubted }}</p>{% endif %}
{% else %}<p>{{ say("no_organs") }}</p>{% endif %}
{% if report.refused %}<p class="small">{{ say("no_dose") }}:
{% for row in report.refused %}{{ row.name }} ({{ row.value }}){{ "; " if not loop.last }}
{%- endfor %}.</p>{% endif %}
{% if pictures %}<div class="pictures">{% for name, alt, address in pictures %}
<figure><img alt="{{ alt }}" src="{{ address }}"><figcaption class="small">{{ name }}</figcaption>
</figure>{% endfor %}</div>{% endif %}
{% if keys %}<p class="small key">{{ say("key") }}: {% for key in keys %}<span>
{%- if key.fill %}<i style="background: {{ key.fill }}; border-color: {{ key.edge }}"></i>
{%- endif %}{{ key.name }}</span> {% endfor %}</p>{% endif %}
<div class="two small"><div><h2>{{ say("sources") }}</h2>
{% for row in report.sources %}<p>{{ row.name }}: {{ row.value }}</p>{% endfor %}
{% if report.budget %}<p>{{ say("budget") }}: {{ report.budget|join("; ") }}.</p>{% endif %}</div>
<div><h2>{{ say("method") }}</h2>
<p>{{ report.method|join(" ") }}</p></div></div>
</body></html>
"""


def report_page(report: Report, pictures: Mapping[str, ReportPicture] | None = None) -> str:
    """Return the report as HTML.

    Parameters
    ----------
    report
        What it states.
    pictures
        By name: ``along`` (curves along the body) and ``overlay`` (slices with organs).

    Returns
    -------
    str
        Everything that was not written by this project is escaped.

    Raises
    ------
    DependencyError
        If jinja2 is not installed.
    """
    try:
        from jinja2 import Environment, StrictUndefined
    except ImportError as error:
        raise DependencyError(
            'The report needs the package jinja2: pip install "ctdoseseg[report]"'
        ) from error
    from ..numbers import number

    environment = Environment(autoescape=True, undefined=StrictUndefined, trim_blocks=True)
    rows = len(report.organs) + 2 * len(report.events)
    highest = report.highest_mGy
    n = len(report.organs)
    each = max(n if n <= _ONE_COLUMN else (n + 1) // 2, 1)
    shown = [
        (report.words(name), report.words(f"{name}_alt"), _address(picture.png))
        for name, picture in (pictures or {}).items()
    ]
    return environment.from_string(PAGE).render(
        report=report,
        say=report.words,
        pictures=shown,
        keys=[key for picture in (pictures or {}).values() for key in picture.keys],
        number=number,
        percent=lambda value_mGy: f"{100 * value_mGy / highest:.1f}",
        parts=[report.organs[at : at + each] for at in range(0, len(report.organs), each)],
        # Smaller letters before a second page, down to what can be read.
        print_px=11 if rows <= 30 else 10,
    )


def _address(png: bytes) -> str:
    return f"data:image/png;base64,{base64.b64encode(png).decode()}"
