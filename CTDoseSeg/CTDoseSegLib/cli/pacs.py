"""The commands that speak with an archive: `send`, `watch`."""

from __future__ import annotations

import argparse
import time
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

from ..tasks.progress import Progress
from .arguments import Command, output_folder, positive_minutes, whole_number

if TYPE_CHECKING:
    from ..outputs.pacs import TLS

LOOPBACK = "127.0.0.1"
# Of a watch that sends results and was not given kinds.
WATCH_KINDS = "seg,sr,pdf"


class LinesOfService(Progress):
    """Prints what a service does, a line at a time with its time, as logs are kept.

    Parameters
    ----------
    whole
        Whose cancelling ends the service.
    """

    def __init__(self, whole: Progress) -> None:
        super().__init__()
        self._whole = whole

    def check_cancelled(self) -> None:
        self._whole.check_cancelled()

    def emit(self, kind: str, /, **fields: Any) -> None:
        text = fields.get("message") or f"{kind.replace('_', ' ')}: {fields}"
        print(f"{time.strftime('%Y-%m-%d %H:%M:%S')}  {text}", flush=True)


def send_command(args: argparse.Namespace, progress: Progress) -> None:
    """Send DICOM files to an archive."""
    from ..errors import InputError
    from ..outputs.pacs import send

    files: list[Path] = []
    for given in args.files:
        found = sorted(given.glob("*.dcm")) if given.is_dir() else [given]
        if not given.exists():
            raise InputError(f"{given.name} does not exist; check the path.")
        if not found:
            raise InputError(f"The folder {given.name} holds no DICOM file (*.dcm).")
        files += found
    commit = (args.listen, args.commit) if args.commit is not None else None
    sent = send(files, args.to, own_ae=args.aet, tls=_tls(args), commit=commit, progress=progress)
    progress.result(sent=sent, kept=commit is not None)
    if args.events == "rich":
        kept = ", which keeps them" if commit else ""
        print(f"{sent} files were sent to {args.to.name}{kept}.")


def watch_command(args: argparse.Namespace, progress: Progress) -> None:
    """Receive CT series, analyse them and send the results."""
    from ..batch.watching.rules import EVERY_SERIES, read_rules
    from ..batch.watching.service import WatchChoices, watch
    from .batch import analysis_arguments

    if args.to and not args.dicom:
        args.dicom = WATCH_KINDS  # what else would be sent?
    rules = read_rules(args.rules) if args.rules else EVERY_SERIES
    for rule in rules:
        _check_options(rule.options, args.rules)
    if args.events == "rich":
        progress = LinesOfService(progress)
    choices = WatchChoices(
        callers=tuple(name.strip() for name in args.callers.split(",") if name.strip()),
        ae=args.aet,
        address=args.listen,
        port=args.port,
        target=args.to,
        rules=rules,
        arguments=analysis_arguments(args),
        workers=args.workers or 1,
        quiet_s=args.quiet,
        most_bytes=args.max_gb << 30,
        most_series=args.max_series,
        time_limit_s=60.0 * args.time_limit_min,
        tls=_tls(args),
    )
    watch(args.output, choices, progress)


def _check_options(options: Mapping[str, str], path: Path | None) -> None:
    """Refuse options of a rule that `analyze` would refuse for every series."""
    from ..batch.scan_options import as_arguments
    from ..errors import InputError
    from .batch import analysis_options

    class Parser(argparse.ArgumentParser):
        def error(self, message: str) -> NoReturn:
            raise InputError(f"{path.name if path else 'A rule'}: {message}.")

    parser = Parser(add_help=False)
    analysis_options(parser)
    parser.parse_args(as_arguments(options))


def _tls(args: argparse.Namespace) -> TLS | None:
    from ..outputs.pacs import TLS

    if not (args.tls or args.tls_ca or args.tls_certificate):
        return None
    return TLS(args.tls_ca, args.tls_certificate, args.tls_key)


def archive(text: str) -> Any:
    """Return where a text points to; for an argument parser."""
    from ..outputs.archive_address import target_of

    try:
        return target_of(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from error


def port(text: str) -> int:
    """Return the number of a TCP port."""
    number = whole_number(text)
    if not 0 < number < 65536:
        raise argparse.ArgumentTypeError("a port is 1 to 65535")
    return number


def ae_title(text: str) -> str:
    """Return the title of an application entity."""
    if not 1 <= len(text.strip()) <= 16 or "\\" in text or not text.isascii():
        raise argparse.ArgumentTypeError("a title has 1 to 16 plain characters")
    return text.strip()


def seconds(text: str) -> float:
    """Return seconds, 0 or more."""
    try:
        value = float(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(f"{text!r} is not a number") from error
    if not 0 <= value < 86400:
        raise argparse.ArgumentTypeError("seconds, from 0 to a day")
    return value


def add(command: Command) -> None:
    """Add the commands of this family to the parser."""
    from ..outputs.archive_address import OWN_AE, TOKEN
    from .batch import analysis_options

    sub = command("send", send_command, "send DICOM files to a PACS or a DICOMweb archive")
    sub.add_argument(
        "files", type=Path, nargs="+", metavar="FILES", help="DICOM files, or folders of *.dcm"
    )
    sub.add_argument(
        "--to",
        type=archive,
        required=True,
        metavar="AE@HOST:PORT|URL",
        help=f"a PACS, or the root of a DICOMweb service (a bearer token is taken from {TOKEN})",
    )
    sub.add_argument(
        "--commit",
        type=port,
        metavar="PORT",
        help="ask the PACS to commit itself to keeping the files, and wait for its answer on this "
        "port of ours",
    )
    _connects(sub, OWN_AE)

    sub = command(
        "watch", watch_command, "receive CT series, analyse each, and send the results back"
    )
    sub.add_argument(
        "--output", type=output_folder, required=True, metavar="DIR", help="folder of the service"
    )
    sub.add_argument("--port", type=port, required=True, help="port to listen on")
    sub.add_argument(
        "--callers",
        required=True,
        metavar="AE,AE",
        help="titles of those that may send; all others are refused",
    )
    sub.add_argument(
        "--to",
        type=archive,
        metavar="AE@HOST:PORT|URL",
        help=f"where DICOM results are sent, those of --dicom or {WATCH_KINDS}",
    )
    sub.add_argument(
        "--rules", type=Path, metavar="FILE.toml", help="which series are analysed, and how"
    )
    sub.add_argument(
        "--quiet",
        type=seconds,
        default=5.0,
        metavar="S",
        help="a series is taken so many seconds after its sender was done (default 5)",
    )
    sub.add_argument(
        "--max-gb",
        type=whole_number,
        default=20,
        metavar="GB",
        help="more images than this do not wait at once; the sender is refused (default 20)",
    )
    sub.add_argument(
        "--max-series",
        type=whole_number,
        default=500,
        metavar="N",
        help="more series than this do not wait at once (default 500)",
    )
    sub.add_argument("--workers", type=whole_number, metavar="N", help="scans at once (default 1)")
    sub.add_argument(
        "--time-limit-min",
        type=positive_minutes,
        default=60.0,
        metavar="MIN",
        help="time limit of each scan",
    )
    analysis_options(sub)
    _connects(sub, OWN_AE)


def _connects(sub: argparse.ArgumentParser, own_ae: str) -> None:
    sub.add_argument(
        "--aet", type=ae_title, default=own_ae, help=f"our own title (default {own_ae})"
    )
    sub.add_argument(
        "--listen",
        default=LOOPBACK,
        metavar="ADDRESS",
        help=f"address to listen on (default {LOOPBACK}, which hears this machine alone)",
    )
    sub.add_argument(
        "--tls", action="store_true", help="encrypt, with the certificates of this machine"
    )
    sub.add_argument(
        "--tls-ca",
        type=Path,
        metavar="PEM",
        help="encrypt; the other's certificate is signed by it",
    )
    sub.add_argument("--tls-certificate", type=Path, metavar="PEM", help="encrypt; our own")
    sub.add_argument("--tls-key", type=Path, metavar="PEM", help="key of our certificate")
