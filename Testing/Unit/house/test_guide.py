"""The Guide: what is made from the code is current, links lead somewhere, all is in reach."""

from __future__ import annotations

import csv
import re
from pathlib import Path

import numpy as np
import pytest
from guide_reference import columns_page, command_line_page, pages, rooms_page, schema_page
from guide_reference.markdown import anchor
from tiny_analysis import tiny_labelmap, tiny_result

from CTDoseSegLib import compare
from CTDoseSegLib.batch.ledger import Ledger
from CTDoseSegLib.batch.plan import write_plan
from CTDoseSegLib.batch.tables import write_tables as write_batch_tables
from CTDoseSegLib.flags import FLAGS
from CTDoseSegLib.outputs.comparison import write_comparison
from CTDoseSegLib.outputs.dose_volume import DOSE_VOLUME, DOSE_VOLUME_COLUMNS
from CTDoseSegLib.outputs.tables import write_csv, write_histogram, write_labelmap, write_tables

pytestmark = pytest.mark.slow

ROOT = Path(__file__).resolve().parents[3]
LIB = ROOT / "CTDoseSeg" / "CTDoseSegLib"
INDEX = pages.GUIDE / "README.md"
WRITTEN = (ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted(pages.GUIDE.glob("*.md")))
MOST_LINES = 130


def prose(page: Path) -> str:
    """A page without its blocks of code."""
    return re.sub(r"```.*?```", "", page.read_text(encoding="utf-8"), flags=re.DOTALL)


def links(page: Path) -> list[tuple[Path, str]]:
    """File and anchor of each relative link and picture."""
    found = re.findall(r"\]\(([^)\s]+)\)", prose(page))
    local = [target.partition("#") for target in found if ":" not in target]
    return [((page.parent / path).resolve() if path else page, name) for path, _, name in local]


def anchors(page: Path) -> set[str]:
    return {anchor(heading) for heading in re.findall(r"^#+ (.*)$", prose(page), re.MULTILINE)}


@pytest.mark.parametrize("page", pages.PAGES)
def test_a_generated_page_is_what_the_code_gives(page):
    assert set(pages.blocks(page)) == set(pages.PAGES[page])
    assert pages.is_current(page), f"{page} is not current; run: make guide"


def test_every_relative_link_leads_somewhere():
    broken = [
        f"{page.name}: {target.name}#{name}"
        for page in WRITTEN
        for target, name in links(page)
        if not target.exists() or (name and name not in anchors(target))
    ]
    assert not broken, "\n".join(broken)


def test_every_page_is_reached_from_the_index():
    seen: set[Path] = set()
    ahead = [INDEX]
    while ahead:
        page = ahead.pop()
        seen.add(page)
        ahead += [p for p, _ in links(page) if p.parent == pages.GUIDE and p not in seen]
    assert {page for page in pages.GUIDE.iterdir() if page.suffix == ".md"} == seen


def test_the_index_lists_every_page():
    assert set(pages.GUIDE.glob("*.md")) - {INDEX} <= {target for target, _ in links(INDEX)}


def test_the_tutorial_of_slicer_has_ten_steps():
    headings = re.findall(r"^## (\d+)\. ", prose(pages.GUIDE / "tutorial-slicer.md"), re.MULTILINE)
    assert headings == [str(n) for n in range(1, 11)]


def test_the_readme_is_short():
    assert len((ROOT / "README.md").read_text(encoding="utf-8").splitlines()) <= MOST_LINES


def test_files_that_the_pages_name_are_there():
    """Those with a folder in their name: of the repository, or of the package."""
    missing = [
        f"{page.name}: {name}"
        for page in WRITTEN
        for name in re.findall(r"`((?:[\w.]+/)+[\w.]+\.(?:py|toml|yml|md))`", prose(page))
        if not (ROOT / name).exists() and not (LIB / name).exists()
    ]
    assert not missing, "\n".join(missing)


def test_every_room_is_on_the_page_of_rooms_with_a_line():
    tree = rooms_page.tree()
    packages = [path.parent for path in LIB.rglob("__init__.py") if path.parent != LIB]
    assert len(packages) > 20
    for folder in packages:
        assert re.search(rf"^ +{folder.name}/ +\w", tree, re.MULTILINE), folder
    rules = rooms_page.house_rules()
    rooms = {
        path.stem for path in LIB.iterdir() if path.name[0] not in "_." and path.suffix != ".typed"
    }
    assert rooms == {*rules.ROOMS, *rules.FACES, "models"}


def test_every_flag_has_a_row():
    text = (pages.GUIDE / "reference-flags.md").read_text(encoding="utf-8")
    assert not [code for code in FLAGS if text.count(f"| `{code}` |") != 1]


def test_every_argument_and_option_of_every_command_is_explained():
    without = [
        f"{name} {action.dest}"
        for name, parser, _ in command_line_page._commands()
        for action in parser._actions
        if not action.help
    ]
    assert not without


def test_every_column_and_every_key_of_a_result_has_a_meaning():
    tables = columns_page.TABLES.items()
    without = [f"{name} {c}" for name, t in tables for c in t.columns if not t.meaning(c)]
    for kind in schema_page.kinds():
        means = schema_page.keys(kind)
        without += [f"{kind.__name__}.{key}" for key, (_, text) in means.items() if not text]
    assert not without, "\n".join(without)


def test_the_keys_of_a_result_are_those_of_its_file():
    from CTDoseSegLib.result import Result

    assert list(schema_page.keys(Result)) == list(tiny_result().to_json())


def test_the_columns_are_those_of_the_files(tmp_path):
    write_tables(tiny_result(), tmp_path)
    write_labelmap(tiny_labelmap(), tmp_path)
    write_csv(tmp_path / DOSE_VOLUME, DOSE_VOLUME_COLUMNS, ())
    write_histogram(tmp_path / "histogram.csv", np.arange(3.0), np.arange(2))
    write_comparison(compare(tiny_result(), tiny_result()), tmp_path)
    write_plan(tmp_path / "plan.csv", ())
    with Ledger(tmp_path / "ledger.sqlite") as ledger:
        write_batch_tables(ledger, tmp_path, identity=True)
    headers = {}
    for path in tmp_path.glob("*.csv"):
        with path.open(encoding="utf-8", newline="") as stream:
            headers[path.name] = tuple(next(csv.reader(stream)))
    assert headers == {name: table.columns for name, table in columns_page.TABLES.items()}
