"""Surfaces at a threshold, and the pages that show them."""

from __future__ import annotations

import base64
import io
import re
from dataclasses import replace

import numpy as np
import pytest
import trimesh
from tiny_analysis import AFFINE, tiny_labelmap, tiny_series

from CTDoseSegLib.ct.series import SliceInfo
from CTDoseSegLib.errors import GeometryError, InputError
from CTDoseSegLib.outputs.export import export
from CTDoseSegLib.outputs.surface_page import MOST_TRIANGLES, write_surface_page
from CTDoseSegLib.outputs.surfaces import surface, threshold_surface
from CTDoseSegLib.phantom.phantom import Phantom, phantom_series


@pytest.mark.parametrize("spacing_mm", [None, 2.0])
def test_a_surface_at_a_threshold_lies_where_the_hu_cross_it(tmp_path, spacing_mm):
    affine = np.diag([-2.0, -2.0, 2.5, 1.0])
    affine[:3, 3] = 30.0, 44.0, -100.0
    series = replace(tiny_series(12), affine=affine)
    index = np.stack(np.meshgrid(*map(np.arange, series.hu.shape), indexing="ij"), -1)[..., ::-1]
    ras = index @ affine[:3, :3].T + affine[:3, 3]
    centre, radius = ras.reshape(-1, 3).mean(axis=0), 11.0
    away = np.linalg.norm(ras - centre, axis=-1)
    # HU fall linearly with the distance, so that 350 HU are reached at the radius.
    series = replace(series, hu=(350 - 100 * (away - radius)).astype(np.float32))
    export(series, None, tmp_path, spacing_mm=spacing_mm, threshold_hu=350.0)
    mesh = trimesh.load(tmp_path / "surface_350_hu.ply")
    distance = np.linalg.norm(mesh.vertices - centre * (-1, -1, 1), axis=1)
    np.testing.assert_allclose(distance, radius, atol=0.25)
    assert mesh.is_watertight
    assert mesh.volume == pytest.approx(4 / 3 * np.pi * radius**3, rel=0.03)
    stl = trimesh.load(tmp_path / "surface_350_hu.stl")
    np.testing.assert_allclose(stl.bounds, mesh.bounds, atol=1e-3)


def test_the_couch_is_in_a_surface_unless_a_label_map_knows_it(tmp_path):
    series, labelmap = tiny_series(), tiny_labelmap()  # the couch alone reaches 250 HU
    export(series, None, tmp_path, threshold_hu=250.0)
    mesh = trimesh.load(tmp_path / "surface_250_hu.stl")
    k, j, i = np.argwhere(labelmap.mask("couch")).mean(axis=0)
    ras = (AFFINE @ (i, j, k, 1))[:3]
    np.testing.assert_allclose(mesh.bounds.mean(axis=0), ras * (-1, -1, 1), atol=0.5)
    with pytest.raises(InputError, match="No voxel reaches 250 HU"):
        export(series, labelmap, tmp_path / "out", threshold_hu=250.0)
    assert not (tmp_path / "out").exists()


@pytest.fixture(scope="module")
def phantom():
    return phantom_series(Phantom(shape=(96, 96, 20), spacing_mm=(4.5, 4.5, 20.0)))[0]


@pytest.mark.parametrize("dtype", [np.int16, np.float32])
@pytest.mark.parametrize("coarse_mm", [None, 9.0])
@pytest.mark.parametrize("threshold_hu", [40.0, -100.0])
def test_a_surface_is_closed_also_where_voxels_have_the_thresholds_own_value(
    phantom, dtype, coarse_mm, threshold_hu
):
    assert np.count_nonzero(phantom.hu == threshold_hu)
    hu = phantom.hu.astype(dtype)
    mesh = threshold_surface(hu, phantom.affine, threshold_hu, coarse_mm=coarse_mm)
    _, times = np.unique(np.sort(mesh.edges, axis=1), axis=0, return_counts=True)
    assert not (times % 2).any()
    assert mesh.volume > 0


def test_a_voxel_that_has_the_threshold_is_inside_its_surface():
    hu = np.full((5, 5, 5), -1000, np.int16)
    hu[2, 2, 2] = 350
    mesh = threshold_surface(hu, np.eye(4), 350.0)
    assert mesh.is_watertight
    assert (mesh.bounds[0] < (-2, -2, 2)).all()
    assert (mesh.bounds[1] > (-2, -2, 2)).all()


def test_one_slice_has_a_closed_surface_too(tmp_path):
    export(tiny_series(1), None, tmp_path, threshold_hu=-500.0)
    assert trimesh.load(tmp_path / "surface_-500_hu.stl").is_watertight


@pytest.mark.parametrize(
    ("threshold_hu", "words"),
    [
        (5000.0, r"No voxel reaches 5000 HU; the highest value is \d+\."),
        (-5000.0, "Every voxel has at least -5000 HU"),
        (float("nan"), "no number"),
    ],
)
def test_a_threshold_without_a_surface_is_refused(tmp_path, threshold_hu, words):
    with pytest.raises(InputError, match=words):
        export(tiny_series(), None, tmp_path / "out", threshold_hu=threshold_hu)
    assert not (tmp_path / "out").exists()


def test_an_irregular_series_has_no_surface_at_a_threshold(tmp_path):
    with pytest.raises(GeometryError, match="not equally spaced"):
        export(tiny_series(regular=False), None, tmp_path / "out", threshold_hu=0.0)


def geometry_of(page) -> trimesh.Trimesh:
    """What a page draws."""
    (encoded,) = re.findall(r'base64_data="([A-Za-z0-9+/=]+)"', page)
    scene = trimesh.load(io.BytesIO(base64.b64decode(encoded)), file_type="glb")
    return scene.to_geometry()


def test_a_page_holds_the_surface_fetches_nothing_and_names_no_patient(tmp_path):
    series, labelmap = tiny_series(), tiny_labelmap()
    export(series, labelmap, tmp_path, organ="liver", mesh=True, threshold_hu=-500.0)
    for name in ("liver", "surface_-500_hu"):
        page = (tmp_path / f"{name}.html").read_text(encoding="utf-8")
        assert "not for clinical use" in page
        assert "default-src 'none'" in page
        assert not re.search(r"<(script|link|img|iframe)[^>]*\b(src|href)=", page)
        assert not re.search(r"\b(import|from)\s*['\"]https?:", page)
        assert "Doe^" not in page
        assert series.identity not in page
        shown = geometry_of(page)
        mesh = trimesh.load(tmp_path / f"{name}.stl")
        assert len(shown.faces) == len(mesh.faces)
        # Left, superior and anterior are right, up and towards the reader.
        np.testing.assert_allclose(shown.extents, mesh.extents[[0, 2, 1]], rtol=1e-4)


def test_a_page_shows_the_front_to_the_reader_upright_and_not_mirrored(tmp_path):
    # From one corner 10 mm to the left, 20 mm to the front and 30 mm up, in LPS.
    corners = [(0, 0, 0), (10, 0, 0), (0, -20, 0), (0, 0, 30)]
    mesh = trimesh.convex.convex_hull(corners)
    path = write_surface_page(mesh, lambda size_mm: mesh, tmp_path / "x.html", "x")
    vertices = geometry_of(path.read_text(encoding="utf-8")).vertices
    shown = np.unique(np.round(vertices - vertices.min(axis=0), 3), axis=0)
    # 20 mm towards the reader, 30 mm up, 10 mm to the right.
    assert shown.tolist() == [[0, 0, 0], [0, 0, 20], [0, 30, 0], [10, 0, 0]]


def test_a_page_of_a_large_surface_stays_small(tmp_path):
    series = tiny_series(24)
    noise = np.random.default_rng(1).integers(0, 2000, (40, 120, 120)).astype(np.int16)
    infos = tuple(SliceInfo(z_mm=float(k)) for k in range(40))
    affine = np.diag([-0.5, -0.5, 0.5, 1.0])
    series = replace(series, hu=noise, affine=affine, slices=infos)
    export(series, None, tmp_path, threshold_hu=1000.0)
    page = (tmp_path / "surface_1000_hu.html").read_text(encoding="utf-8")
    shown = geometry_of(page)
    assert len(trimesh.load(tmp_path / "surface_1000_hu.stl").faces) > MOST_TRIANGLES
    assert len(shown.faces) <= MOST_TRIANGLES
    assert "averaged to about" in page
    assert len(page) < 10e6


def test_the_name_of_an_organ_is_no_code_in_a_page(tmp_path):
    mesh = surface(tiny_labelmap().mask("liver"), AFFINE)
    path = write_surface_page(mesh, lambda size_mm: mesh, tmp_path / "x.html", "<b>x</b>")
    assert "<b>x</b>" not in path.read_text(encoding="utf-8")
