"""An engine has one name in results, and another that says what it does."""

from __future__ import annotations

import pytest

from CTDoseSegLib.cli.command_line import make_parser
from CTDoseSegLib.segmentation.engines import choose


@pytest.mark.parametrize("command", ["analyze", "segment", "export", "batch"])
def test_threshold_is_another_name_of_classical(command):
    arguments = make_parser().parse_args(
        [command, "in", "--output", "out", "--engine", "threshold"]
    )
    assert arguments.engine == "classical"
    assert choose("threshold") == choose("classical")


def test_another_name_is_refused(capsys):
    with pytest.raises(SystemExit):
        make_parser().parse_args(["analyze", "in", "--output", "out", "--engine", "thresholds"])
    assert "thresholds" in capsys.readouterr().err
