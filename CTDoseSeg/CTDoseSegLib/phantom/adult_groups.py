"""Groups of the reference adult's atoms."""

from __future__ import annotations

from ..ct.organs import OUTSIDE_BODY
from .bodies.groups import chest_groups


def adult_groups(atoms: tuple[str, ...]) -> dict[str, tuple[str, ...]]:
    """Return the groups of those atoms that a phantom has: group to the names of its atoms."""
    groups: dict[str, list[str]] = {
        "body": [name for name in atoms if name not in OUTSIDE_BODY],
        **chest_groups(atoms),
        "bone": [name for name in ("spine", "ribs", "bone_rest", "skull") if name in atoms],
    }
    for name in atoms:
        groups.setdefault(name, [name])
    return {group: tuple(members) for group, members in groups.items() if members}
