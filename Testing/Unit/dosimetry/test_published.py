"""The reference mode: scaler and network apart, then doses of a scan."""

from __future__ import annotations

import builtins
import json
from dataclasses import replace

import numpy as np
import pytest

from CTDoseSegLib.ct.acquisition import Acquisition
from CTDoseSegLib.ct.series import CTSeries, SliceInfo
from CTDoseSegLib.dosimetry.estimate import estimate
from CTDoseSegLib.dosimetry.published.engine import PublishedEngine
from CTDoseSegLib.dosimetry.published.networks import LAYERS, WIDTHS, load_published
from CTDoseSegLib.dosimetry.scan import Scan
from CTDoseSegLib.errors import DependencyError, InputError, ModelError
from CTDoseSegLib.measurement.measurements import measure
from CTDoseSegLib.measurement.size import measure_size
from CTDoseSegLib.segmentation.labelmap import Atom, Labelmap

torch = pytest.importorskip("torch", reason="the published networks need torch")
preprocessing = pytest.importorskip("sklearn.preprocessing", reason="it scales their input")

CENTRE = np.array([40.0, 20.0, 300.0, 100.0, -50.0])
SPREAD = np.array([30.0, 10.0, 100.0, 40.0, 60.0])
ORGANS = ("liver", "heart", "skin")


@pytest.fixture(scope="module")
def published(data_dir, tmp_path_factory):
    """The published repository's layout, from the development data."""
    folder = tmp_path_factory.mktemp("published")
    for name in ("chest_models", "abdomen_models"):
        (folder / name).symlink_to(data_dir / "dose" / "published" / name)
    (folder / "training_arrays").symlink_to(data_dir / "dose" / "training_arrays")
    return load_published(folder)


@pytest.fixture
def small(tmp_path):
    """Random networks and arrays in the published layout: liver, skin; heart, skin, thyroid."""
    rng = np.random.default_rng(0)
    torch.manual_seed(0)
    for region, organ in (
        ("abdomen", "liver"),
        ("abdomen", "skin"),
        ("chest", "heart"),
        ("chest", "skin"),
        ("chest", "thyroid_gland"),
    ):
        (tmp_path / f"{region}_models").mkdir(exist_ok=True)
        torch.save(random_state(), tmp_path / f"{region}_models" / f"{organ}_model.pth")
        if organ == "thyroid_gland":
            continue
        arrays = tmp_path / "training_arrays" / f"{region}_merged_training_arrays"
        arrays.mkdir(exist_ok=True, parents=True)
        rows = np.column_stack([rng.normal(CENTRE, SPREAD, (500, 5)), np.ones(500)])
        np.save(arrays / f"{organ}_training_array.npy", rows.astype(np.float32))
    return tmp_path


def random_state():
    state = {}
    for layer, wide_in, wide_out in zip(LAYERS, WIDTHS[:-1], WIDTHS[1:], strict=True):
        linear = torch.nn.Linear(wide_in, wide_out)
        state[f"model.{layer}.weight"] = linear.weight.detach()
        state[f"model.{layer}.bias"] = linear.bias.detach()
    return state


def scan(organs=ORGANS, current_mA=300.0, location_mm=-50.0, slices=6, **acquisition):
    """Water with the organs on slices 1 to 3, one block each."""
    rng = np.random.default_rng(1)
    hu = rng.normal(30, 20, (slices, 64, 64)).round().astype(np.int16)
    labels = np.ones(hu.shape, np.uint8)
    labels[:, 0] = 0
    for index, _ in enumerate(organs):
        labels[1:4, 5 + 10 * index : 12 + 10 * index, 5:30] = index + 2
    affine = np.diag([2.0, 2.0, 5.0, 1.0])
    infos = tuple(
        SliceInfo(5.0 * k, slice_location_mm=location_mm, tube_current_mA=current_mA)
        for k in range(slices)
    )
    atoms = [Atom(i + 1, n, "", "#ffffff", "t") for i, n in enumerate(("body_rest", *organs))]
    groups = {organ: (organ,) for organ in organs}
    groups["body"] = ("body_rest", *organs)
    series = CTSeries(hu, affine, infos, Acquisition(**acquisition), "test")
    labelmap = Labelmap(labels, affine, tuple(atoms), groups, "test")
    measurements = measure(series, labelmap)
    size = measure_size(series, labelmap, measurements)
    return Scan.of(series, labelmap, measurements, size)


def codes(flags):
    return {f.code for f in flags}


def test_scalers_have_the_mean_and_population_sd_of_the_arrays_as_the_notebooks_have(
    published, data_dir
):
    arrays = sorted((data_dir / "dose" / "training_arrays").glob("*/*.npy"))
    assert len(arrays) == 30
    for path in arrays:
        rows = np.load(path)
        rows = rows[~np.isnan(rows).any(axis=1), :5]
        key = (path.parent.name.split("_")[0], path.name.removesuffix("_training_array.npy"))
        scaler = published.scalers[key]
        exact = rows.astype(np.float64)
        np.testing.assert_allclose(scaler.mean_, exact.mean(axis=0), rtol=1e-9)
        np.testing.assert_allclose(scaler.scale_, exact.std(axis=0), rtol=1e-9)
        notebook = preprocessing.StandardScaler().fit(rows)
        np.testing.assert_allclose(scaler.transform(exact), notebook.transform(exact), rtol=1e-6)


def test_networks_give_the_doses_of_the_oracle_with_its_scalers(published, data_dir):
    oracle = json.loads((data_dir / "dose" / "published_oracle.json").read_text())["organs"]
    assert len(oracle) == 30
    for name, organ in oracle.items():
        scaler = preprocessing.StandardScaler()
        scaler.mean_ = np.array(organ["scaler_mean"])
        scaler.scale_ = np.array(organ["scaler_scale"])
        network = published.networks[tuple(name.split("/"))]
        predicted = network.predict(scaler.transform(organ["rows"]))
        np.testing.assert_allclose(
            predicted, organ["predicted_mGy"], rtol=1e-4, atol=1e-3, err_msg=name
        )


def test_models_without_an_array_are_the_two_known_ones(published):
    assert len(published.networks) == 32
    missing = set(published.networks) - set(published.scalers)
    assert missing == {("chest", "thyroid_gland"), ("abdomen", "spinal_cord")}


def test_network_equals_torchs_own_layers(small):
    models = load_published(small)
    state = torch.load(small / "chest_models" / "heart_model.pth", weights_only=True)
    x = torch.randn(7, 5)
    expected = x
    for layer in LAYERS:
        expected = torch.nn.functional.linear(
            expected, state[f"model.{layer}.weight"], state[f"model.{layer}.bias"]
        )
        expected = expected if layer == LAYERS[-1] else torch.relu(expected)
    predicted = models.networks["chest", "heart"].predict(x.numpy())
    np.testing.assert_allclose(predicted, expected.numpy()[:, 0], rtol=1e-4, atol=1e-6)


def test_organ_dose_is_the_plain_mean_over_its_slices(small):
    inputs = scan()
    measured, size = inputs.measurements, inputs.size
    result = PublishedEngine(small).estimate(inputs)
    models = load_published(small)
    (liver,) = [o for o in result.organs if o.organ == "liver"]

    group = measured.of("liver")
    # Of the body mask alone, as the notebook has it: without the rim that `wed_mm` counts.
    wed = 2 * np.sqrt((size.body_mean_hu / 1000 + 1) * size.body_area_mm2 / np.pi)
    features = [(group.mean_hu[k], group.sd_hu[k], 300.0, wed[k], -50.0) for k in (1, 2, 3)]
    key = ("abdomen", "liver")
    expected = models.networks[key].predict(models.scalers[key].transform(features))

    assert liver.slice_dose_mGy[1:4] == pytest.approx(expected)
    assert np.isnan(liver.slice_dose_mGy[[0, 4, 5]]).all()
    assert liver.dose_mGy == liver.dose_slice_mean_mGy == pytest.approx(expected.mean())
    assert liver.by_route == {liver.route: liver.dose_mGy}
    assert (liver.n_slices, liver.coverage) == (3, 1.0)
    assert liver.volume_ml == pytest.approx(3 * 7 * 25 * 2 * 2 * 5 / 1000)
    assert liver.model_low_mGy is None
    assert liver.total_high_mGy is None
    assert "published_no_interval" in codes(result.flags)
    assert len(result.model_card["sha256"]) == 64


def test_auto_takes_each_organ_by_its_region_and_skin_by_both(small):
    result = PublishedEngine(small).estimate(scan())
    assert {(o.region, o.organ) for o in result.organs} == {
        ("chest", "heart"),
        ("chest", "skin"),
        ("abdomen", "liver"),
        ("abdomen", "skin"),
    }


def test_auto_takes_skin_by_the_region_that_the_other_organs_are_of(small):
    result = PublishedEngine(small).estimate(scan(("liver", "skin")))
    assert {(o.region, o.organ) for o in result.organs} == {
        ("abdomen", "liver"),
        ("abdomen", "skin"),
    }


def test_a_region_that_is_asked_for_leaves_the_other_out(small):
    result = PublishedEngine(small, "chest").estimate(scan())
    assert {o.region for o in result.organs} == {"chest"}
    with pytest.raises(InputError, match="chest, abdomen or auto"):
        PublishedEngine(small, "leg")


def test_an_organ_at_the_end_of_the_scan_has_no_known_coverage(small):
    inputs = scan(("liver",))
    inputs.labelmap.labels[0, 5:12, 5:30] = 2
    measured = measure(inputs.series, inputs.labelmap)
    result = PublishedEngine(small).estimate(replace(inputs, measurements=measured))
    assert result.organs[0].coverage is None


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"current_mA": None}, "published_no_tube_current"),
        ({"current_mA": 0.0}, "published_no_tube_current"),
        ({"location_mm": None}, "published_no_slice_location"),
    ],
)
def test_a_missing_feature_refuses_the_organ_with_a_sentence(small, change, code):
    organ = PublishedEngine(small).estimate(scan(("liver",), **change)).organs[0]
    assert organ.dose_mGy is None
    assert np.isnan(organ.slice_dose_mGy).all()
    (refusal,) = organ.flags
    assert (refusal.code, refusal.severity) == (code, "refusal")
    assert "3 of 3 slices" in refusal.message


def test_a_model_without_an_array_is_refused_by_name(small):
    organ = estimate(PublishedEngine(small), scan(("thyroid_gland",))).organs[0]
    assert organ.dose_mGy is None
    assert codes(organ.flags) == {"published_no_scaler"}
    (flag,) = organ.flags
    name = f"{organ.region}_merged_training_arrays/{organ.organ}_training_array.npy is missing"
    assert name in flag.message
    assert "dose_arrays" in flag.mends
    assert "thyroid_gland (chest)" in organ.flags[0].message
    assert organ.flags[0].place == "organ thyroid_gland"


@pytest.mark.parametrize(
    ("acquisition", "code"),
    [
        ({"age_years": 9.0}, "published_child"),
        ({"body_part": "HEAD"}, "published_not_trunk"),
        ({"body_part": "LOWER LEG"}, "published_not_trunk"),
        ({"dual_source": True}, "published_exposure"),
        ({"ecg_gated": True}, "published_exposure"),
    ],
)
def test_patients_and_exposures_unlike_the_training_ones_get_no_dose(small, acquisition, code):
    result = PublishedEngine(small).estimate(scan(("liver",), **acquisition))
    assert result.organs[0].dose_mGy is None
    assert code in codes(result.organs[0].flags)
    assert code in codes(result.flags)


@pytest.mark.parametrize(
    ("acquisition", "code", "says"),
    [
        ({"kvp_kV": 100.0}, "published_tube_voltage", "100 kV"),
        ({"kvp_kV": None}, "tube_voltage_unknown", "trained at 120 kV"),
        ({"age_years": None}, "age_unknown", "models are for adults"),
        ({"body_part": "HIPS"}, "published_edge_of_trunk", "HIPS"),
        ({"body_part": "C-SPINE"}, "published_edge_of_trunk", "C-SPINE"),
        ({"contrast": True}, "contrast", "Iodine raises"),
        ({"pregnancy_stated": True}, "pregnancy", "unborn child"),
        ({"irradiated_range_mm": None}, "dose_range_unknown", "ends of the images"),
    ],
)
def test_what_differs_from_the_training_scans_is_flagged_and_the_dose_is_the_same(
    small, acquisition, code, says
):
    usual = {"kvp_kV": 120.0, "age_years": 50.0, "body_part": "CHEST"}
    usual |= {"irradiated_range_mm": (-50.0, 80.0)}
    plain, other = (
        estimate(PublishedEngine(small), scan(("liver",), **given))
        for given in (usual, usual | acquisition)
    )
    assert code not in codes(plain.flags)
    (found,) = [f for f in other.flags if f.code == code]
    assert says in found.message
    assert other.organs[0].dose_mGy == plain.organs[0].dose_mGy is not None


def test_another_rotation_time_or_pitch_is_flagged_and_the_dose_is_not_rescaled(small):
    usual = PublishedEngine(small).estimate(scan(("liver",), rotation_time_s=0.5, pitch=1.0))
    other = PublishedEngine(small).estimate(scan(("liver",), rotation_time_s=0.33, pitch=1.0))
    assert "published_protocol" not in codes(usual.flags)
    (remark,) = [f for f in other.flags if f.code == "published_protocol"]
    assert "0.33 s per rotation" in remark.message
    assert other.organs[0].dose_mGy == usual.organs[0].dose_mGy


def test_a_slice_location_far_from_training_is_flagged_and_named(small):
    usual = PublishedEngine(small).estimate(scan(("liver",))).organs[0]
    far = PublishedEngine(small).estimate(scan(("liver",), location_mm=500.0)).organs[0]
    assert "published_outside_training" not in codes(usual.flags)
    assert far.dose_mGy is not None
    (warning,) = far.flags
    assert "slice location on 3 of 3 slices" in warning.message


@pytest.mark.parametrize(
    "layout", ["{}_merged_training_arrays", "training_arrays/{}_training_arrays"]
)
def test_arrays_are_found_in_the_other_layouts_too(small, layout):
    for region in ("chest", "abdomen"):
        source = small / "training_arrays" / f"{region}_merged_training_arrays"
        source.rename(small / layout.format(region))
    assert len(load_published(small).scalers) == 4


def test_arrays_may_lie_in_another_folder_than_the_networks(small, tmp_path_factory):
    together = PublishedEngine(small).estimate(scan(("liver",)))
    elsewhere = tmp_path_factory.mktemp("arrays")
    (small / "training_arrays").rename(elsewhere / "training_arrays")
    apart = PublishedEngine(small, arrays=elsewhere).estimate(scan(("liver",)))
    assert apart.organs[0].dose_mGy == together.organs[0].dose_mGy
    assert apart.model_card["sha256"] == together.model_card["sha256"]
    directly = load_published(small, elsewhere / "training_arrays")
    assert len(directly.scalers) == 4


def test_a_folder_without_models_or_arrays_is_refused(tmp_path, small):
    empty = tmp_path / "empty"
    empty.mkdir()
    with pytest.raises(ModelError, match=r"empty holds no .* \(chest_models/<organ>_model\.pth"):
        load_published(empty)
    with pytest.raises(ModelError, match="empty holds no published arrays"):
        load_published(small, empty)
    with pytest.raises(ModelError, match="no folder gone"):
        load_published(small, tmp_path / "gone")
    (small / "training_arrays").rename(small / "elsewhere")
    with pytest.raises(ModelError, match="training_array"):
        load_published(small)


def test_damaged_or_foreign_model_files_are_refused_by_name(small):
    path = small / "chest_models" / "heart_model.pth"
    whole = path.read_bytes()
    for content in (b"", b"nonsense", whole[: len(whole) // 2]):
        path.write_bytes(content)
        with pytest.raises(ModelError, match=r"heart_model\.pth"):
            load_published(small)
    torch.save({"other": torch.zeros(3)}, path)
    with pytest.raises(ModelError, match=r"heart_model\.pth"):
        load_published(small)
    state = random_state()
    state["model.0.weight"] = torch.zeros(512, 6)
    torch.save(state, path)
    with pytest.raises(ModelError, match="another model"):
        load_published(small)


def test_a_model_file_cannot_run_code(small):
    class Hostile:
        def __reduce__(self):
            return (print, ("run",))

    torch.save(Hostile(), small / "chest_models" / "heart_model.pth")
    with pytest.raises(ModelError, match=r"heart_model\.pth"):
        load_published(small)


@pytest.mark.parametrize(
    "rows", [np.zeros((5, 4)), np.full((5, 6), np.nan), np.zeros((5, 6), dtype=int)]
)
def test_arrays_of_another_form_are_refused_by_name(small, rows):
    path = small / "training_arrays/chest_merged_training_arrays/heart_training_array.npy"
    np.save(path, rows)
    with pytest.raises(ModelError, match=r"heart_training_array\.npy"):
        load_published(small)
    path.write_bytes(b"\x93NUMPY")
    with pytest.raises(ModelError, match=r"heart_training_array\.npy"):
        load_published(small)


@pytest.mark.parametrize(
    ("module", "package"), [("torch", "torch"), ("sklearn.preprocessing", "scikit-learn")]
)
def test_without_a_package_the_sentence_names_it(small, monkeypatch, module, package):
    real = builtins.__import__

    def blocked(name, *args, **kwargs):
        if name == module:
            raise ImportError(name)
        return real(name, *args, **kwargs)

    monkeypatch.setattr(builtins, "__import__", blocked)
    with pytest.raises(DependencyError, match=package):
        load_published(small)
