"""The command's choices are the names that bodies know: none forgotten, none invented."""

from __future__ import annotations

import argparse

import pytest

from CTDoseSegLib.cli.command_line import make_parser
from CTDoseSegLib.phantom.bodies.body import ARMS, IMPLANTS
from CTDoseSegLib.phantom.bodies.contrast import PHASES
from CTDoseSegLib.phantom.bodies.regions import REGIONS


def option(name: str) -> argparse.Action:
    """Return an option of ``ctdoseseg phantom``."""
    commands = next(
        a for a in make_parser()._actions if isinstance(a, argparse._SubParsersAction)
    ).choices
    return next(a for a in commands["phantom"]._actions if name in a.option_strings)


@pytest.mark.parametrize(
    ("name", "known"), [("--arms", ARMS), ("--region", REGIONS), ("--phase", PHASES)]
)
def test_choices_are_the_names_of_the_bodies(name, known):
    assert set(option(name).choices) == set(known)


def test_the_help_names_every_implant():
    words = (option("--implants").help or "").replace("some of ", "").split(", ")
    assert set(words) == set(IMPLANTS)
