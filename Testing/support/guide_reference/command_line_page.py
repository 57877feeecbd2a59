"""Every command with its arguments, options, defaults and choices."""

from __future__ import annotations

import argparse
from collections.abc import Iterator

from CTDoseSegLib.cli.command_line import EXIT_CODES, make_parser

from .markdown import anchor, choice, code, table


def commands() -> str:
    """Return the list of the commands."""
    rows = (
        (f"[{code(f'ctdoseseg {name}')}](#{anchor(f'ctdoseseg {name}')})", summary)
        for name, _, summary in _commands()
    )
    return table(("command", "what it does"), rows)


def options() -> str:
    """Return a section for each command."""
    return "\n\n".join(_section(name, parser) for name, parser, _ in _commands())


def exit_codes() -> str:
    """Return the table of exit codes."""
    return table(("code", "meaning"), ((str(n), text) for n, text in EXIT_CODES.items()))


def _commands() -> Iterator[tuple[str, argparse.ArgumentParser, str]]:
    (group,) = (a for a in make_parser()._actions if isinstance(a, argparse._SubParsersAction))
    for listed in group._choices_actions:
        yield listed.dest, group.choices[listed.dest], listed.help


def _section(name: str, parser: argparse.ArgumentParser) -> str:
    actions = [a for a in parser._actions if not isinstance(a, argparse._HelpAction)]
    actions.sort(key=lambda a: (bool(a.option_strings), a.dest == "events"))
    needed = [a for a in actions if a.required or not a.option_strings]
    usage = " ".join((f"ctdoseseg {name}", *map(_usage, needed), "[OPTIONS]"))
    rows = ((code(_name(a)), _values(a), _default(a), a.help or "") for a in actions)
    return "\n".join(
        (
            f"## ctdoseseg {name}",
            f"{parser.description[:1].upper()}{parser.description[1:].rstrip('.')}.",
            f"\n```sh\n{usage}\n```\n",
            table(("argument or option", "values", "default", "meaning"), rows),
        )
    )


def _usage(action: argparse.Action) -> str:
    """An argument as a line of usage shows it."""
    named = f"{_name(action)} {_metavar(action)}" if action.option_strings else _name(action)
    return f"[{named} ...]" if action.nargs == "*" else named


def _name(action: argparse.Action) -> str:
    return ", ".join(action.option_strings) or _metavar(action)


def _metavar(action: argparse.Action) -> str:
    return action.metavar or action.dest.upper()


def _values(action: argparse.Action) -> str:
    if action.choices:
        values = choice(action.choices)
    elif action.nargs == 0:
        return "no value"
    elif not action.option_strings:
        values = ""
    else:
        values = choice(_metavar(action).split("|"))
    more = {"+": "one or more", "*": "none or more"}.get(action.nargs, "")
    return ", ".join(part for part in (values, more) if part)


def _default(action: argparse.Action) -> str:
    if action.nargs != "*" and (action.required or not action.option_strings):
        return "required"
    if action.nargs == 0 or action.default in (None, (), []):
        return ""
    return code(f"{action.default:g}" if isinstance(action.default, float) else action.default)
