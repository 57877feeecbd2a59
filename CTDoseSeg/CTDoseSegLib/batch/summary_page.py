"""The page of the summary; jinja2 fills it and escapes what it inserts."""

PAGE = """<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>CT doses</title>
<style>
body { font: 15px/1.45 sans-serif; margin: 2em auto; max-width: 75em; padding: 0 1em; }
table { border-collapse: collapse; margin: .5em 0 1.5em; }
th, td { border-bottom: 1px solid #ccc; padding: .25em .8em; text-align: left; }
td.n { text-align: right; } img { max-width: 100%; } .notice { font-weight: bold; }
</style></head><body>
<h1>CT doses</h1>
<p class="notice">{{ notice }}</p>
<p>{{ counts.done }} scans analysed, {{ counts.failed }} failed, {{ counts.planned }} still to be
done, {{ left_out }} entries of the archive left out (failures.csv lists them). Tables: exams.csv,
doses.csv.</p>
{% if picture %}<img src="{{ picture }}" alt="Doses by size, organ doses">{% endif %}
{% macro levels(title, rows) %}
<h2>{{ title }}</h2>
<p>Median (25th to 75th percentile; 95th), of examinations. A local reference level is usually set
at the median or the 75th percentile; groups under {{ smallest }} show none.</p>
<table><tr><th>Group</th><th>Examinations</th>
{% for name in quantities %}<th>{{ name }}</th>{% endfor %}</tr>
{% for row in rows %}<tr><td>{{ row.name }}</td><td class="n">{{ row.n }}</td>
{% for cell in row.cells %}<td>{{ cell or "under %d"|format(smallest) }}</td>{% endfor %}</tr>
{% endfor %}</table>
{% endmacro %}
{{ levels("By protocol", protocols) }}
{{ levels("By size", sizes) }}
<h2>Organ doses</h2>
<p>Distributions over the scans in mGy: estimates with their own intervals, <b>not reference
levels</b>.</p>
<table><tr><th>Organ</th><th>Scans</th><th>Median (25th to 75th; 95th) mGy</th></tr>
{% for organ in organs %}<tr><td>{{ organ.name }}</td><td class="n">{{ organ.n }}</td>
<td>{{ organ.text or "under %d"|format(smallest) }}</td></tr>
{% endfor %}</table>
<h2>Outliers</h2>
{% if outliers %}<table><tr><th>Scan</th><th>Value</th><th>Protocol</th></tr>
{% for row in outliers %}<tr><td><a href="studies/{{ row.key }}/">{{ row.key }}</a></td>
<td>{{ row.text }}</td><td>{{ row.protocol }}</td></tr>
{% endfor %}</table>{% else %}
<p>None, or no protocol with {{ smallest }} examinations.</p>{% endif %}
<h2>Failures</h2>
{% if failures %}<table><tr><th>Scan</th><th>State</th><th>Reason</th></tr>
{% for row in failures %}<tr><td>{{ row.key }}</td><td>{{ row.state }}</td>
<td>{{ row.sentence }}</td></tr>
{% endfor %}</table>{% else %}<p>None.</p>{% endif %}
</body></html>
"""
