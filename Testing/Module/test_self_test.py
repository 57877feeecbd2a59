"""The self test, as the button "Reload and Test" runs it."""

from __future__ import annotations


def test_the_self_test_passes(host, panel):
    host.run_self_test("CTDoseSeg")
