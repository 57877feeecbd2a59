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

_ARMS_DOWN = ("head", "head_neck", "whole")
_BODY_ONLY = (
    *("sex", "height", "weight", "bmi", "region", "phase", "kvp", "pixels", "slice_mm"),
    *("pregnancy_week", "implants", "reference"),
)


def phantom_command(args: argparse.Namespace, progress: Progress) -> None:
    """Write an analytic phantom as a DICOM series with its dose report and its exact truth."""
    from ..phantom.dicom_files import require_free, write_dicom
    from ..phantom.phantom import Phantom

    require_free(args.output)  # before a body is solved, which takes its time
    if args.age is None:
        chosen = [name for name in _BODY_ONLY if getattr(args, name) is not None]
        if chosen:
            option = "--" + chosen[0].replace("_", "-")
            raise InputError(f"{option} is for bodies; give --age too.")
        phantom = Phantom(
            seed=args.seed,
            variant=args.variant or "trunk",
            arms=args.arms or "up",
            position=_position(args),
        )
    else:
        phantom = _of_body(args)
    written = write_dicom(phantom, args.output, progress=progress)
    progress.result(folder=str(args.output), files=[path.name for path in written])


def _of_body(args: argparse.Namespace) -> Phantom:
    """Return the phantom of a body as the options describe it."""
    from ..phantom.bodies.body import Body
    from ..phantom.bodies.person import Person
    from ..phantom.exposure import usual_kvp
    from ..phantom.phantom import Phantom

    if args.variant is not None:
        raise InputError("--variant is of the reference adult; with --age give --region.")
    region = args.region or "trunk"
    person = Person.of(
        args.age, args.sex or "female", height_cm=args.height, weight_kg=args.weight, bmi=args.bmi
    )
    body = Body(
        person=person,
        seed=args.seed,
        variation=0.0 if args.reference else 1.0,
        phase=args.phase or "none",
        kvp=usual_kvp(person, region) if args.kvp is None else args.kvp,
        pregnancy_week=args.pregnancy_week,
        implants=tuple(dict.fromkeys(args.implants or ())),
    )
    return Phantom.of_body(
        body,
        region,
        pixels=512 if args.pixels is None else args.pixels,
        slice_mm=5.0 if args.slice_mm is None else args.slice_mm,
        arms=args.arms or ("down" if region in _ARMS_DOWN else "up"),
        position=_position(args),
        seed=args.seed,
    )


def _position(args: argparse.Namespace) -> str:
    return "HFP" if args.prone else "HFS"


def _implant_names(text: str) -> list[str]:
    """Return names between commas."""
    names = [name.strip() for name in text.split(",") if name.strip()]
    if not names:
        raise argparse.ArgumentTypeError("it is empty; name an implant")
    return names


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
    sub.add_argument(
        "--arms",
        choices=("up", "down", "right_up", "left_up"),
        help="default up; down for head, head_neck and whole",
    )
    sub.add_argument("--prone", action="store_true", help="face down; without it face up")
    body = sub.add_argument_group("a body of any age, in place of the reference adult")
    body.add_argument("--age", type=float, metavar="YEARS", help="0 (newborn) to 90")
    body.add_argument("--sex", choices=("female", "male"), help="default female")
    body.add_argument(
        "--height", type=float, metavar="CM", help="default: the reference of age and sex"
    )
    build = body.add_mutually_exclusive_group()
    build.add_argument("--weight", type=float, metavar="KG", help="default: by the height")
    build.add_argument("--bmi", type=float, metavar="KG/M2", help="in place of the weight")
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
    body.add_argument(
        "--kvp",
        type=float,
        metavar="KV",
        help="tube voltage, 70 to 150 (default 120; 80 or 100 for children under 50 kg)",
    )
    body.add_argument("--pixels", type=int, metavar="N", help="rows and columns (512)")
    body.add_argument("--slice-mm", type=float, metavar="MM", help="thickness of slices (5)")
    body.add_argument(
        "--pregnancy-week",
        type=float,
        metavar="WEEK",
        help="since the last menstruation, 5 to 41; the weight is that before (default: none)",
    )
    body.add_argument(
        "--implants",
        type=_implant_names,
        action="extend",
        metavar="NAME,...",
        help="some of hip_prosthesis_right, hip_prosthesis_left, spinal_screws, bone_cement, "
        "breast_implant_right, breast_implant_left, pacemaker, dental_fillings",
    )
    body.add_argument(
        "--reference",
        action="store_const",
        const=True,
        help="reference masses and positions, without the spread between people",
    )
