"""A surface as one HTML page to be turned in a browser, without a network."""

from __future__ import annotations

import html
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from .. import NOTICE
from ..errors import DependencyError, InputError

if TYPE_CHECKING:
    import trimesh

# Some 7 MB of page, which a browser turns without delay.
MOST_TRIANGLES = 200_000
# Where it has more, the voxels are averaged to this size first, then to ever larger ones.
COARSE_MM, COARSER, COARSEST_MM = 2.0, 1.4, 20.0
BONE_COLOR = "#ececd4"
# Patient's axes (left, posterior, superior) to the page's (right, up, towards the reader).
FROM_THE_FRONT = np.array([[1.0, 0, 0, 0], [0, 0, 1, 0], [0, -1, 0, 0], [0, 0, 0, 1]])
_GROUND = "scene.background=new THREE.Color"
# Nothing may be fetched: the geometry is in the page, as a data address.
_NO_NETWORK = (
    '<meta http-equiv="Content-Security-Policy" content="default-src \'none\'; script-src '
    "'unsafe-inline'; style-src 'unsafe-inline'; connect-src data:; img-src data: blob:\">"
)
_STYLE = (
    "position:absolute;left:8px;top:8px;padding:6px 10px;font:14px sans-serif;color:#222;"
    "background:rgba(255,255,255,0.85);pointer-events:none;max-width:90%"
)


def write_surface_page(
    mesh: trimesh.Trimesh,
    coarser: Callable[[float], trimesh.Trimesh],
    path: Path,
    title: str,
    color: str = BONE_COLOR,
) -> Path:
    """Write a page that shows a surface from the front and turns it with the mouse.

    The page holds trimesh's viewer with three.js; it fetches nothing.

    Parameters
    ----------
    mesh
        In LPS mm.
    coarser
        Gives the same surface of voxels averaged to a size in mm; called where `mesh` has more
        than `MOST_TRIANGLES`.
    path
        ``.html`` file to write.
    title
        What the page says above the surface; free of identity.
    color
        ``#rrggbb``.

    Returns
    -------
    Path
        `path`.

    Raises
    ------
    DependencyError
        If trimesh is missing, or is a version whose viewer is another.
    """
    drawn, detail, size_mm = mesh, "as in the STL file", COARSE_MM
    while len(drawn.faces) > MOST_TRIANGLES and size_mm < COARSEST_MM:
        try:
            drawn = coarser(size_mm)
        except InputError:  # nothing so thin is left: the finer one stays
            break
        detail = f"of voxels averaged to about {size_mm:.1f} mm"
        size_mm *= COARSER
    note = (
        f"<b>{html.escape(title)}</b><br>From the front: the patient's left is at your right. Drag "
        f"to turn, wheel to zoom, right button to move. {len(drawn.faces)} triangles, {detail}."
        f"<br>{html.escape(NOTICE)}"
    )
    page = _viewer(drawn, color)
    for mark, more in (
        ("<head>", f"<head>{_NO_NETWORK}"),
        ("<body>", f'<body><div style="{_STYLE}">{note}</div>'),
    ):
        if mark not in page:
            raise DependencyError(
                "The installed trimesh makes pages of another kind; install trimesh 5 with: "
                "pip install --upgrade trimesh"
            )
        page = page.replace(mark, more, 1)
    page = page.replace("trimesh: threejs viewer", html.escape(title), 1)
    page = page.replace(f"{_GROUND}(0xffffff)", f"{_GROUND}(0x404040)", 1)
    path.write_text(page, encoding="utf-8")
    return path


def _viewer(mesh: trimesh.Trimesh, color: str) -> str:
    import trimesh
    from trimesh.viewer.notebook import scene_to_html
    from trimesh.visual.material import PBRMaterial

    shown = trimesh.Trimesh(mesh.vertices, mesh.faces, process=False)
    # Round the origin, to which the viewer's light points.
    shown.apply_translation(-shown.bounds.mean(axis=0))
    shown.apply_transform(FROM_THE_FRONT)
    # The viewer's light is stronger than white: half of it leaves the shading to be seen.
    rgb = [int(color[n : n + 2], 16) // 2 for n in (1, 3, 5)]
    material = PBRMaterial(
        baseColorFactor=[*rgb, 255], metallicFactor=0.0, roughnessFactor=0.9, doubleSided=True
    )
    shown.visual = trimesh.visual.TextureVisuals(material=material)
    _ = shown.vertex_normals  # written only where they are known
    page: str = scene_to_html(trimesh.Scene(shown))
    return page
