"""The modules as Slicer and its Extensions Index show them: panels, help, fields."""

from __future__ import annotations

import ast
import re
import xml.etree.ElementTree as ElementTree
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[3]
MODULES = ("CTDoseSeg", "CTDoseSegBatch", "CTDoseSegTraining")
CONTROLS = {"QPushButton", "QToolButton", "QComboBox", "QLineEdit", "QCheckBox", "QSpinBox"}
CONTROLS |= {"QDoubleSpinBox", "QTableWidget", "QPlainTextEdit", "QProgressBar"}
CONTROLS |= {"ctkSliderWidget", "ctkRangeWidget", "qMRMLNodeComboBox", "qMRMLTableView"}


def widgets(module: str) -> list[tuple[str, str, dict[str, str]]]:
    """Class, name and properties of the widgets of a panel."""
    path = ROOT / "CTDoseSeg" / "Resources" / "UI" / f"{module}.ui"
    found = []
    for widget in ElementTree.parse(path).iter("widget"):
        properties = {
            one.get("name"): "".join(one.itertext()).strip() for one in widget.findall("property")
        }
        found.append((widget.get("class"), widget.get("name"), properties))
    return found


@pytest.mark.parametrize("module", MODULES)
def test_every_control_has_a_tip(module):
    assert [n for c, n, p in widgets(module) if c in CONTROLS and not p.get("toolTip")] == []


@pytest.mark.parametrize("module", MODULES)
def test_every_label_of_a_control_has_it_as_its_buddy(module):
    names = {name for kind, name, _ in widgets(module) if kind in CONTROLS}
    labels = [p for kind, _, p in widgets(module) if kind == "QLabel"]
    lacking = [
        p["text"]
        for p in labels
        if p.get("text", "").endswith((":", " x")) and p.get("buddy") not in names
    ]
    assert lacking == []


def about(module: str) -> dict[str, str]:
    """What a module's file states of it: name of the field to the source of its value."""
    tree = ast.parse((ROOT / "CTDoseSeg" / f"{module}.py").read_text(encoding="utf-8"))
    return {
        node.targets[0].attr: ast.unparse(node.value)
        for node in ast.walk(tree)
        if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Attribute)
    }


@pytest.mark.parametrize("module", MODULES)
def test_a_module_has_help_with_its_guide_acknowledgement_and_contributors(module):
    fields = about(module)
    assert "not for clinical use" in fields["helpText"]
    text = (ROOT / "CTDoseSeg" / f"{module}.py").read_text(encoding="utf-8")
    links = re.findall(r'(?:GUIDE|CITATION) = f"\{HOME\}/([^"]+)"', text)
    assert len(links) == 2
    assert all((ROOT / link).is_file() for link in links)
    assert "format(guide=GUIDE)" in fields["helpText"]
    assert "format(citation=CITATION)" in fields["acknowledgementText"]
    assert ast.literal_eval(fields["contributors"])


def test_the_extension_has_what_the_index_asks_for():
    text = (ROOT / "CMakeLists.txt").read_text(encoding="utf-8")
    fields = dict(re.findall(r'set\(EXTENSION_(\w+) "([^"]+)"\)', text))
    assert fields["HOMEPAGE"].rpartition("/")[2] == "SlicerCTDoseSeg"
    assert fields["CATEGORY"] == "Quantification"
    assert fields["CONTRIBUTORS"]
    assert 1 <= fields["DESCRIPTION"].rstrip(".").count(". ") + 1 <= 2  # one or two sentences
    assert set(fields["DEPENDS"].split()) == {"PyTorch", "TotalSegmentator"}
    for address in (fields["ICONURL"], *fields["SCREENSHOTURLS"].split()):
        start, _, path = address.partition("/main/")
        assert start == "https://raw.githubusercontent.com/CTDoseSeg/SlicerCTDoseSeg"
        assert (ROOT / path).is_file(), path


def test_the_home_page_has_what_the_index_asks_for():
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    assert text.startswith("# CTDoseSeg")
    assert "![" in text
    for title in ("CT Dose Segmentation", "CT Dose Batch", "CT Dose UNet Training"):
        assert f"*{title}*" in text, title
    for named in ("Apache-2.0", "CITATION.cff", "tutorial-slicer.md"):
        assert named in text, named
    assert (ROOT / "LICENSE").is_file()
