# ruff: noqa: PT009, PT027 - Slicer has unittest and no pytest
"""The self test: a small phantom all the way, in seconds; the same case in Slicer and elsewhere."""

from __future__ import annotations

import os
import tempfile
import unittest

import slicer
from slicer.ScriptedLoadableModule import ScriptedLoadableModuleTest

SMALL = {"shape": (64, 64, 24), "spacing_mm": (6.8, 6.8, 23.0)}
EXPOSURE = {"ctdivol_mGy": 8.1, "phantom_cm": 32, "kvp_kV": 120}


class CTDoseSegTest(ScriptedLoadableModuleTest):
    """What "Reload and Test" runs: all cases, reported one by one."""

    def setUp(self) -> None:
        slicer.mrmlScene.Clear(False)

    def runTest(self) -> None:
        """Run all cases and report which failed."""
        self.setUp()
        suite = unittest.TestLoader().loadTestsFromTestCase(PhantomCase)
        outcome = unittest.TextTestRunner(verbosity=2).run(suite)
        self.tearDown()
        problems = [*outcome.failures, *outcome.errors]
        if problems:
            names = ", ".join(str(case) for case, _ in problems)
            raise AssertionError(f"{len(problems)} cases failed: {names}\n{problems[0][1]}")
        self.delayDisplay(f"{outcome.testsRun} cases passed")


class PhantomCase(unittest.TestCase):
    """Load, segment, analyse, compare with the exact truth, edit, save and reload, bad inputs."""

    def setUp(self) -> None:
        from .logic import CTDoseSegLogic
        from .sample_data import load_phantom

        slicer.mrmlScene.Clear(False)
        self.logic = CTDoseSegLogic()
        self.volume, self.organs = load_phantom(**SMALL)

    def tearDown(self) -> None:
        self.logic.forget()
        slicer.mrmlScene.Clear(False)

    def analyze(self, **choices):
        return self.logic.analyze(self.volume, self.organs, acquisition=EXPOSURE, **choices)

    def test_drawn_organs_come_back_with_the_phantoms_size_and_plausible_doses(self) -> None:
        import numpy as np

        from ..phantom.phantom import Phantom
        from .nodes.segmentations import labelmap_of

        results = self.analyze()
        _, truth = Phantom(seed=1, **SMALL).render()
        measured = slicer.util.arrayFromTableColumn(results.sliceTable, "wed_mm")
        self.assertLess(float(np.abs(measured / truth.wed_mm - 1).max()), 0.02)
        series = self.logic.series(self.volume)
        drawn = labelmap_of(self.organs, self.volume, series)
        back = labelmap_of(results.segmentation, self.volume, series)
        for atom in drawn.atoms:
            if atom.name in {a.name for a in back.atoms}:
                same = np.array_equal(
                    drawn.labels == atom.value, back.labels == back.value_of(atom.name)
                )
                self.assertTrue(same, atom.name)
        doses = results.doses()
        self.assertIn("liver", doses)
        for organ, dose in doses.items():
            self.assertTrue(0.3 * 8.1 < dose < 4 * 8.1, f"{organ}: {dose} mGy")

    def test_classical_engine_finds_body_and_lungs(self) -> None:
        results = self.logic.analyze(self.volume, engine="classical", acquisition=EXPOSURE)
        names = {atom.name for atom in results.result.segmentation.atoms}
        self.assertLessEqual({"body_rest", "skin", "lung_left", "lung_right"}, names)
        self.assertIn("lung", results.doses())

    def test_an_edit_is_measured_and_gives_what_a_whole_analysis_gives(self) -> None:
        results = self.analyze()
        before = results.doses()["liver"]
        segmentation = results.segmentation.GetSegmentation()
        voxels = slicer.util.arrayFromSegmentInternalBinaryLabelmap(results.segmentation, "liver")
        value = segmentation.GetSegment("liver").GetLabelValue()
        spleen = segmentation.GetSegment("spleen").GetLabelValue()
        slices = (voxels == value).any(axis=(1, 2)).nonzero()[0]
        upper = voxels[slices[len(slices) // 2] :]
        upper[upper == value] = spleen
        segmentation.GetSegment("liver").Modified()
        self.assertGreater(self.logic.recompute(results), 0)
        self.assertNotEqual(results.doses()["liver"], before)
        edited = results.doses()
        self.logic.forget()
        whole = self.logic.session(results)
        self.logic.look(results)
        fresh = {o.organ: o.dose_mGy for o in whole.analysis().doses.organs if o.dose_mGy}
        for organ, dose in edited.items():
            self.assertAlmostEqual(fresh[organ], dose, places=9)

    def test_a_saved_scene_comes_back(self) -> None:
        from .nodes.results import Results

        doses = self.analyze().doses()
        with tempfile.TemporaryDirectory() as folder:
            path = os.path.join(folder, "scene.mrb")
            self.assertTrue(slicer.util.saveScene(path))
            slicer.mrmlScene.Clear(False)
            slicer.util.loadScene(path)
        (back,) = Results.all()
        self.assertEqual(back.doses(), doses)
        for role in ("volume", "segmentation", "doseTable", "sizeChart"):
            self.assertIsNotNone(back.get(role), role)

    def test_a_linear_transform_moves_the_result(self) -> None:
        import vtk

        before = self.logic.series(self.volume)
        transform = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLLinearTransformNode")
        matrix = vtk.vtkMatrix4x4()
        matrix.SetElement(2, 3, 100.0)
        transform.SetMatrixTransformToParent(matrix)
        self.volume.SetAndObserveTransformNodeID(transform.GetID())
        after = self.logic.series(self.volume)
        self.assertTrue(after.regular)
        self.assertAlmostEqual(after.slices[0].z_mm, before.slices[0].z_mm + 100.0)
        self.assertAlmostEqual(after.affine[2, 3], before.affine[2, 3] + 100.0)

    def test_bad_inputs_are_refused_with_a_sentence(self) -> None:
        from ..errors import CTDoseSegError

        empty = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLScalarVolumeNode", "empty")
        labels = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLLabelMapVolumeNode", "labels")
        nothing = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLSegmentationNode", "nothing")
        before = slicer.mrmlScene.GetNumberOfNodes()
        for volume, segmentation, word in (
            (None, None, "No volume"),
            (empty, None, "no voxels"),
            (labels, None, "not a CT"),
            (self.volume, nothing, "no segments"),
        ):
            with self.subTest(word), self.assertRaisesRegex(CTDoseSegError, word):
                self.logic.analyze(volume, segmentation)
        with self.assertRaisesRegex(CTDoseSegError, "phantom_cm"):
            self.logic.analyze(self.volume, self.organs, acquisition={"phantom_cm": 20})
        self.assertEqual(slicer.mrmlScene.GetNumberOfNodes(), before)
