"""What the module's CMakeLists.txt installs, read from its patterns."""

from __future__ import annotations

import re
from pathlib import Path

MODULE_FOLDER = Path(__file__).resolve().parents[2] / "CTDoseSeg"


def listed_files() -> set[str]:
    """Paths below the modules' folder that a pattern or a module of CMakeLists.txt takes."""
    text = (MODULE_FOLDER / "CMakeLists.txt").read_text(encoding="utf-8")
    found = set()
    for modules, body in re.findall(
        r"foreach\(MODULE_NAME (.*?)\)(.*?)endforeach", text, re.DOTALL
    ):
        named = " ".join(re.findall(r"(?:SCRIPTS|RESOURCES) (.*)", body))
        for module in modules.split():
            names = named.replace("${MODULE_NAME}", module).split()
            found |= {MODULE_FOLDER / name for name in names if (MODULE_FOLDER / name).is_file()}
    text = text.replace("${MODULE_NAME}", "CTDoseSeg")
    for block in re.findall(r"file\(GLOB_RECURSE(.*?)\)", text, re.DOTALL):
        _, _, patterns = block.partition("CONFIGURE_DEPENDS")
        for pattern in patterns.split():
            folder, _, name = pattern.rpartition("/")
            found |= {path for path in (MODULE_FOLDER / folder).rglob(name) if path.is_file()}
    kept = (path.relative_to(MODULE_FOLDER) for path in found)
    return {path.as_posix() for path in kept if "__pycache__" not in path.parts}


def files_in_the_tree() -> set[str]:
    """Paths below the module's folder that somebody wrote."""
    paths = (path.relative_to(MODULE_FOLDER) for path in MODULE_FOLDER.rglob("*") if path.is_file())
    return {
        path.as_posix()
        for path in paths
        if "__pycache__" not in path.parts
        and not any(part.endswith(".egg-info") for part in path.parts)
        and path.name != "CMakeLists.txt"
    }
