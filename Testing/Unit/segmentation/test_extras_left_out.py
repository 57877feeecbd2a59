"""Extras of TotalSegmentator where another engine segments."""

from __future__ import annotations

import pytest
from tiny_analysis import tiny_labelmap, tiny_series

from CTDoseSegLib.cli import command_line
from CTDoseSegLib.phantom.phantom import Phantom, phantom_series
from CTDoseSegLib.segmentation.segmenting import segment


@pytest.mark.parametrize("command", ["analyze", "segment", "export"])
@pytest.mark.parametrize("engine", ["classical", "unet", "threshold"])
def test_an_engine_that_has_no_extras_is_a_usage_error_before_the_ct_is_read(
    command, engine, tmp_path, capsys
):
    options = ("--output", str(tmp_path / "out"), "--engine", engine, "--extra", "breasts", "body")
    assert command_line.main([command, str(tmp_path / "no_ct"), *options]) == 2
    printed = capsys.readouterr().err
    assert "--extra breasts body is for TotalSegmentator; add --engine totalsegmentator" in printed


def test_a_flag_names_extras_that_no_engine_looked_for(monkeypatch, tmp_path):
    monkeypatch.setenv("TOTALSEG_WEIGHTS_PATH", str(tmp_path))  # so that auto takes another
    series, _ = phantom_series(Phantom(shape=(96, 96, 4), spacing_mm=(4.5, 4.5, 40.0)))
    (flag,) = (f for f in segment(series, extra=("breasts",)).flags if f.code == "extras_left_out")
    assert flag.detail == "breasts"


def test_a_complete_label_map_of_the_user_has_the_flag_only_where_extras_were_asked_for():
    series, own = tiny_series(), tiny_labelmap()
    codes = [
        {f.code for f in segment(series, user_segmentation=own, extra=extra).flags}
        for extra in ((), ("body",))
    ]
    assert "extras_left_out" not in codes[0]
    assert "extras_left_out" in codes[1]
