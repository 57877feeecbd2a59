"""The command that writes a phantom: the reference adult by seed, or a body of any age."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from ..errors import InputError
from ..tasks.progress import Progress
from .arguments import Command

if TYPE_CHECKING:
    from ..phantom.phantom import Phantom

_BODY_ONLY = ("sex", "height", "weight", "bmi", "region", "phase", "kvp", "pixels", "slice_mm")


def phantom_command(args: argparse.Namespace, progress: Progress) -> None:
    """Write an analytic phantom as a DICOM series with its dose report and its exact truth."""
    from ..phantom.dicom_files import write_dicom
    from ..phantom.phantom import Phantom

    if args.age is None:
        given = [f"--{n.replace('_', '-')}" for n in _BODY_ONLY if getattr(args, n) is not None]
        if given:
            raise InputError(f"{given[0]} is for bodies; give --age too.")
        phantom = Phantom(seed=args.seed, variant=args.variant or "trunk", arms=args.arms or "up")
    else:
        phantom = _of_body(args)
    written = write_dicom(phantom, args.output, progress=progress)
    progress.result(folder=str(args.output), files=[path.name for path in written])


def _of_body(args: argparse.Namespace) -> Phantom:
    """Return the phantom of a body as the options describe it."""
    from ..phantom.bodies.body import Body
    from ..phantom.bodies.person import Person
    from ..phantom.phantom import Phantom

    if args.variant is not None:
        raise InputError("--variant is of the reference adult; with --age give --region.")
    person = Person.of(
        args.age, args.sex or "female", height_cm=args.height, weight_kg=args.weight, bmi=args.bmi
    )
    body = Body(
        person=person,
        seed=args.seed,
        variation=0.0 if args.reference else 1.0,
        phase=args.phase or "none",
        kvp=args.kvp or 120.0,
    )
    return Phantom.of_body(
        body,
        args.region or "trunk",
        pixels=args.pixels or 512,
        slice_mm=args.slice_mm or 5.0,
        arms=args.arms or "up",
        seed=args.seed,
    )


def add(command: Command) -> None:
    """Add the command to the parser."""
    sub = command(
        "phantom", phantom_command, "write an analytic CT with its dose report and exact truth"
    )
    sub.add_argument("output", type=Path, metavar="DIR", help="folder to write")
    sub.add_argument("--seed", type=int, default=0, help="anatomy and noise")
    sub.add_argument(
        "--variant",
        choices=("trunk", "chest", "abdomen", "head"),
        help="part of the reference adult (default trunk)",
    )
    sub.add_argument("--arms", choices=("up", "down", "right_up", "left_up"), help="default up")
    body = sub.add_argument_group("a body of any age, in place of the reference adult")
    body.add_argument("--age", type=float, metavar="YEARS", help="0 (newborn) to 90")
    body.add_argument("--sex", choices=("female", "male"), help="default female")
    body.add_argument("--height", type=float, metavar="CM", help="default: the age's reference")
    body.add_argument("--weight", type=float, metavar="KG", help="default: by the height")
    body.add_argument("--bmi", type=float, metavar="KG/M2", help="in place of the weight")
    body.add_argument(
        "--region",
        choices=(
            *("trunk", "chest", "abdomen", "abdomen_pelvis", "pelvis", "head", "head_neck"),
            "whole",
        ),
        help="part of the body that is scanned (default trunk)",
    )
    body.add_argument(
        "--phase",
        choices=("none", "arterial", "portal", "nephrographic", "excretory"),
        help="of contrast agent (default none)",
    )
    body.add_argument("--kvp", type=float, metavar="KV", help="tube voltage, 70 to 150 (120)")
    body.add_argument("--pixels", type=int, metavar="N", help="rows and columns (512)")
    body.add_argument("--slice-mm", type=float, metavar="MM", help="thickness of slices (5)")
    body.add_argument(
        "--reference",
        action="store_true",
        help="reference masses and positions, without the spread between people",
    )
