"""Pictures of the module's states, taken in the test host (which says so in the picture).

python Testing/Module/take_screenshots.py FOLDER [STATE ...]
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

TESTING = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(TESTING / "Host"), str(TESTING / "support")]

import module_steps as steps  # noqa: E402
from slicerhost.host import Host  # noqa: E402

LARGE, SMALL_WINDOW = (1700, 1050), (1100, 700)


def imported(host, phantom):
    """A phantom as DICOM, imported; returns its volume and the folder of its files."""
    import slicer
    from DICOMLib import DICOMUtils

    from CTDoseSegLib.phantom.dicom_files import write_dicom

    folder = Path(tempfile.mkdtemp(dir=slicer.app.temporaryPath))  # goes with the host
    write_dicom(phantom, folder)
    (uid,) = host.database.index_folder(folder / "dicom")
    (identifier,) = DICOMUtils.loadSeriesByUID([uid])
    return slicer.mrmlScene.GetNodeByID(identifier), folder


def load_dicom(host, panel, variant: str, spacing_mm: tuple[float, float, float]) -> None:
    """A phantom as DICOM, imported and chosen, with its organs."""
    import slicer

    from CTDoseSegLib.ctdoseseg_ui.nodes.segmentations import fill_segmentation
    from CTDoseSegLib.ctdoseseg_ui.parameters import Method
    from CTDoseSegLib.phantom.phantom import Phantom
    from CTDoseSegLib.reading.reader import read_series
    from CTDoseSegLib.segmentation.user import read_labelmap

    phantom = Phantom(seed=3, variant=variant, shape=(256, 256, 48), spacing_mm=spacing_mm)
    volume, folder = imported(host, phantom)
    organs = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLSegmentationNode", "Organs")
    truth = folder / "truth" / "segmentation.nii.gz"
    fill_segmentation(organs, read_labelmap(truth, read_series(folder / "dicom")), volume)
    organs.GetDisplayNode().SetVisibility(False)
    slicer.util.setSliceViewerLayers(background=volume, fit=True)
    panel._parameterNode.inputVolume = volume
    panel._parameterNode.method = Method.EXISTING
    panel._parameterNode.inputSegmentation = organs
    host.process_events()


def empty(host, panel, picture) -> None:
    picture("empty")


def chest(host, panel, picture) -> None:
    from CTDoseSegLib.ctdoseseg_ui.parameters import LowerChart, Voltage

    load_dicom(host, panel, "chest", (1.6, 1.6, 6.5))
    picture("loaded")
    host.click(panel.ui.applyButton)
    host.wait_until(lambda: panel.ui.progressBar.value > 20, 60)
    picture("running")
    host.wait_until(lambda: not panel.task.job.active, 120)
    host.wait(0.5)
    picture("chest")
    for name in ("inputs", "acquisition"):
        getattr(panel.ui, f"{name}CollapsibleButton").collapsed = True
    panel._parameterNode.showOverlay = True
    host.wait(0.5)
    picture("overlay")
    panel._parameterNode.showOverlay = False
    panel._parameterNode.lowerChart = LowerChart.SSDE
    panel.results.go_to_organ("aorta")
    host.wait(0.5)
    picture("organ")
    panel._parameterNode.lowerChart = LowerChart.DOSES
    panel.results.show_all_organs()
    panel.ui.resultsCollapsibleButton.collapsed = True
    for name in ("edit", "whatIf", "export"):
        getattr(panel.ui, f"{name}CollapsibleButton").collapsed = False
    panel._parameterNode.whatIfVoltage = Voltage.KV_100
    panel._parameterNode.tubeCurrentFactor = 1.5
    host.wait_until(lambda: "HYPOTHETICAL" in panel.ui.whatIfLabel.text, 60)
    panel._parameterNode.show3D = True
    host.wait(0.5)
    picture("what_if")


def abdomen(host, panel, picture) -> None:
    load_dicom(host, panel, "abdomen", (1.6, 1.6, 7.5))
    steps.apply(host, panel)
    host.wait(0.5)
    picture("abdomen_dark")


def simulated(host, panel, picture) -> None:
    """Monte Carlo: fast doses while it runs, then the simulated ones with the dose map."""
    load_dicom(host, panel, "chest", (1.6, 1.6, 6.5))
    panel._parameterNode.kvp_kV = "120"
    steps.choose_monte_carlo(panel)
    panel._parameterNode.aimedPercent = 1.0
    panel.ui.advancedCollapsibleButton.collapsed = False
    host.process_events()
    steps.apply(host, panel)
    host.wait_until(lambda: "% in" in panel.ui.simulationLabel.text, 120)
    picture("simulating")
    host.wait_until(lambda: not panel.simulation.active, 300)
    for name in ("inputs", "acquisition"):
        getattr(panel.ui, f"{name}CollapsibleButton").collapsed = True
    panel._parameterNode.showDoseMap = True
    host.wait(0.5)
    picture("simulated")
    panel.ui.resultsCollapsibleButton.collapsed = True
    panel.ui.editCollapsibleButton.collapsed = False
    panel._parameterNode.showDoseMap = False
    steps.warm(host, panel)
    panel.results.results.segmentation.GetSegmentation().RemoveSegment("stomach")
    host.wait_until(lambda: "updated" in panel.ui.liveLabel.text, 60)
    host.wait(0.5)
    picture("simulated_edit")


def doubt(host, panel, picture) -> None:
    """What the bundled UNet is not sure of in an enhanced body that it was not trained on."""
    import slicer

    from CTDoseSegLib.ctdoseseg_ui.parameters import Method
    from CTDoseSegLib.phantom.bodies.body import Body
    from CTDoseSegLib.phantom.bodies.person import Person
    from CTDoseSegLib.phantom.phantom import Phantom

    person = Person(age_y=58.0, sex="male", height_mm=1740.0, weight_kg=78.0)
    body = Body(person=person, seed=9, phase="portal", kvp=120.0)
    phantom = Phantom.of_body(body, "abdomen", pixels=256, slice_mm=5.0, seed=9)
    volume, _ = imported(host, phantom)
    slicer.util.setSliceViewerLayers(background=volume, fit=True)
    panel._parameterNode.inputVolume = volume
    panel._parameterNode.method = Method.AUTO
    host.process_events()
    host.click(panel.ui.applyButton)
    host.wait_until(lambda: not panel.task.job.active, 600)
    for name in ("inputs", "acquisition"):
        getattr(panel.ui, f"{name}CollapsibleButton").collapsed = True
    panel._parameterNode.showDoubt = True
    panel.results.go_to_organ("stomach")
    panel.results.show_all_organs()
    host.wait(0.5)
    picture("doubt")


def without_dicom(host, panel, picture) -> None:
    import slicer

    from CTDoseSegLib.ctdoseseg_ui.sample_data import load_phantom

    volume, organs = load_phantom()
    organs.GetDisplayNode().SetVisibility(False)
    slicer.util.setSliceViewerLayers(background=volume, fit=True)
    panel._parameterNode.inputVolume = volume
    host.process_events()
    picture("without_dicom")
    panel.ui.kvp_kV_edit.text = "abc"
    host.process_events()
    host.click(panel.ui.applyButton)
    picture("error")


STATES = {
    "empty": (empty, "light", LARGE),
    "chest": (chest, "light", LARGE),
    "abdomen": (abdomen, "dark", LARGE),
    "simulated": (simulated, "light", LARGE),
    "doubt": (doubt, "light", LARGE),
    "without_dicom": (without_dicom, "light", SMALL_WINDOW),
}


def main(folder: str, *states: str) -> None:
    """Take the pictures of the states named, else of all."""
    for name in states or STATES:
        take, theme, size = STATES[name]
        with Host(size=size, theme=theme) as host:
            host.load_module(steps.MODULE)
            panel = host.open("CTDoseSeg")
            take(
                host,
                panel,
                lambda state, host=host: print(host.screenshot(Path(folder) / f"{state}.png")),
            )


if __name__ == "__main__":
    main(*sys.argv[1:])
