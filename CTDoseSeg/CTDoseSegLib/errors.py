"""What can be wrong with an input: errors that end a task, and flags that go with a result.

An error is raised where no honest result is possible. A flag stands beside a result that is
still valid in part. Both are sentences for the person who can act: what was found, where, and
what to do.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Severity = Literal["info", "warning", "refusal"]


class CTDoseSegError(Exception):
    """Base of all errors raised on purpose; the text is one sentence for the user."""

    exit_code = 3


class InputError(CTDoseSegError):
    """The input cannot be read or used: the sentence names the file or tag and what to do."""


class SeveralPatientsError(InputError):
    """The folder holds more than one patient; the sentence lists the series to choose from."""


class GeometryError(InputError):
    """Slices or grids do not fit together (shape, spacing, orientation, affine)."""


class PixelDataError(InputError):
    """Pixels are missing, truncated, or in a compression that no installed decoder reads."""


class SegmentationError(InputError):
    """A label map cannot be used, or an engine could not make one."""


class AcquisitionError(InputError):
    """A value about the exposure, read or typed, is impossible."""


class DoseReportError(InputError):
    """A dose report cannot be read, or the file is none."""


class ModelError(CTDoseSegError):
    """Model files are missing, damaged, or not of the expected form."""


class DependencyError(CTDoseSegError):
    """An optional package is missing; the sentence names the feature and the package."""


class OutputError(CTDoseSegError):
    """A result cannot be written (permission, disk full, folder in use)."""


class SchedulerError(CTDoseSegError):
    """A cluster cannot be used or is gone; the sentence says which part of it and what to do."""


class Cancelled(CTDoseSegError):
    """The user ended the task."""

    exit_code = 130


@dataclass(frozen=True)
class Flag:
    """A remark that travels with a result.

    Attributes
    ----------
    code
        Stable name for programs, one of `FLAGS`.
    severity
        ``info`` (good to know), ``warning`` (the value may be off) or ``refusal`` (the value is
        not given, for this reason).
    message
        What was found and what to do about it; no patient identity.
    """

    code: str
    severity: Severity
    message: str


# code: (severity, what was found, what to do). The detail given to `flag` stands between them.
FLAGS: dict[str, tuple[Severity, str, str]] = {
    # segmentation
    "several_bodies": (
        "warning",
        "There is more than one large body in the images",
        "Two people, legs without a pelvis, or a phantom: size and dose describe all of them",
    ),
    "unknown_labels": (
        "warning",
        "The label map has values that its table does not name",
        "They are called label_<value>; put a labels.csv with value and name beside the file",
    ),
    "labels_in_air": (
        "warning",
        "The label map marks voxels outside the body that was found in the images",
        "Check that it belongs to this series",
    ),
    "no_network": (
        "info",
        "The images were segmented without a network",
        "Give a label map to get the other organs",
    ),
    "outline_by_rules": (
        "info",
        "Body and couch were found by rules, not by the bundled UNet",
        "Look at the outline where a couch or a blanket touches the skin",
    ),
    "network_found_nothing": (
        "warning",
        "TotalSegmentator found none of the organs in the images",
        "Look at the overlay; check that the values are HU and that the scan shows them, or give a "
        "label map",
    ),
    "less_memory": (
        "warning",
        "TotalSegmentator ran out of memory and ran with a coarser network",
        "Its outlines are rougher; close other programs, or crop the scan to the organs",
    ),
    "slices_not_regular": (
        "warning",
        "The slices are not equally spaced or are sheared",
        "Body and lungs were found slice by slice; look at the overlay before using them",
    ),
    # organ dose
    "child": (
        "refusal",
        "The patient is under 18",
        "The dose models are for adults; no organ dose is given",
    ),
    "pregnancy": (
        "refusal",
        "Pregnancy is stated",
        "Fetal dose is not modelled; ask a medical physicist for an individual calculation",
    ),
    "not_trunk": (
        "refusal",
        "The body part is not of the trunk",
        "The dose models are for chest and abdomen; correct body_part in --acquisition if it is "
        "wrong",
    ),
    "no_exposure": (
        "refusal",
        "Neither CTDIvol nor effective mAs can be used",
        "Type ctdivol_mGy (32 cm phantom), or tube current, rotation_time_s and pitch, in "
        "--acquisition",
    ),
    "no_dose_model": (
        "refusal",
        "This organ has no dose model",
        "Its size and HU are given, its dose is not",
    ),
    "size_outside_training": (
        "refusal",
        "The patient's size at this organ is outside the training range",
        "No dose is given; SSDE holds over a wider range",
    ),
    "organ_not_measurable": (
        "refusal",
        "No slice of this organ has both a water equivalent diameter and a mean HU",
        "Check the body outline in the overlay",
    ),
    "age_unknown": (
        "info",
        "The patient's age is not known",
        "An adult is assumed; the dose models do not hold for children",
    ),
    "ctdivol_unknown": (
        "info",
        "CTDIvol is not known",
        "Type ctdivol_mGy of the 32 cm phantom in --acquisition",
    ),
    "ctdivol_small_phantom": (
        "warning",
        "CTDIvol is given for the 16 cm phantom and is not used for organ doses",
        "There is no fixed factor to 32 cm; type ctdivol_mGy of the 32 cm phantom in --acquisition",
    ),
    "ctdivol_phantom_unknown": (
        "warning",
        "The phantom of CTDIvol is not stated",
        "The 32 cm body phantom is assumed, as is usual for adult trunks; type phantom_cm in "
        "--acquisition",
    ),
    "ctdivol_distributed": (
        "info",
        "One CTDIvol is given for all slices while the tube current varies",
        "It was distributed in proportion to the tube current, its mean kept",
    ),
    "ctdivol_flat": (
        "info",
        "One CTDIvol is given and the tube current of the slices is not known",
        "It was taken as the same on every slice; with tube-current modulation it was not",
    ),
    "ctdivol_filled": (
        "warning",
        "CTDIvol is missing on some slices",
        "It was taken from their tube current and the CTDIvol per mA of the others",
    ),
    "mas_unusable": (
        "info",
        "Effective mAs cannot be used for organ doses",
        "CTDIvol, where it is known, is used alone",
    ),
    "routes_disagree": (
        "warning",
        "The doses by CTDIvol and by effective mAs differ by more than 20 %",
        "Check CTDIvol, its phantom, rotation time and pitch; the dose by CTDIvol is the headline",
    ),
    "mas_only": (
        "warning",
        "The dose was scaled with effective mAs alone",
        "Scanners differ by about 30 % in dose per mAs; type ctdivol_mGy in --acquisition",
    ),
    "tube_voltage": (
        "warning",
        "The tube voltage is not 120 kV",
        "The dose models were trained at 120 kV; the total interval is widened",
    ),
    "tube_voltage_unknown": (
        "warning",
        "The tube voltage is not known",
        "The dose models were trained at 120 kV; type kvp_kV in --acquisition",
    ),
    "contrast": (
        "warning",
        "Contrast agent was given",
        "Iodine raises the dose of enhanced organs; the model follows it only within the HU that "
        "it was trained on",
    ),
    "dose_range_unknown": (
        "warning",
        "Organ doses take every slice as lying inside the irradiated range, which is not known",
        "Near the ends they may be too high; type irradiated_range_mm in --acquisition",
    ),
    "irradiated_range_elsewhere": (
        "warning",
        "The irradiated range does not overlap the images",
        "It was not used, and every slice was taken as inside; check irradiated_range_mm",
    ),
    "irradiated_range_widened": (
        "info",
        "The irradiated range was widened by the usual overranging",
        "Type irradiated_range_mm in --acquisition, where the tube was on, and it is taken as it "
        "is",
    ),
    "organ_outside_range": (
        "warning",
        "The organ lies partly or wholly outside the irradiated range",
        "It gets scatter there, which the model knows roughly; the total interval is widened",
    ),
    "contrast_by_hu": (
        "warning",
        "Blood is enhanced, although no contrast agent is stated",
        "Iodine raises the dose of enhanced organs; the model follows it only within the HU that "
        "it was trained on",
    ),
    "edge_of_trunk": (
        "warning",
        "The body part lies at the edge of the trunk",
        "The dose models are for chest and abdomen and may not hold there",
    ),
    "air_label": (
        "info",
        "The training labels of this organ fall with the air in it, the dose given does not",
        "Dose to tissue does not fall with density; the intervals reach down to the label",
    ),
    "organ_cut": (
        "warning",
        "The organ touches the first or last slice",
        "Part of it may be missing; the dose is that of the part in the images",
    ),
    "organ_truncated": (
        "warning",
        "The body is cut by the field of view at this organ",
        "Its size is corrected for the missing part as far as that can be done (see the slices' "
        "flags); where it is not, the size is too small and the dose too high",
    ),
    "outside_training": (
        "warning",
        "Some features lie outside the training range (first to 99th percentile)",
        "The model's interval may be too narrow here",
    ),
    "slices_without_features": (
        "warning",
        "Some slices of the organ were left out of its dose",
        "Their water equivalent diameter or mean HU is not known",
    ),
    "suspect_training": (
        "warning",
        "The training data of this organ are suspect",
        "Take its dose as a rough value; see the model card",
    ),
}

# Reading (ct/).
FLAGS.update(
    {
        "files_unreadable": (
            "warning",
            "Some DICOM files could not be read",
            "Slices may be missing; export the series again.",
        ),
        "mixed_series": (
            "warning",
            "The series mixes kinds of images, sizes or spacings",
            "Only the largest consistent part was read.",
        ),
        "duplicates_dropped": (
            "info",
            "Identical slices occur more than once",
            "The copies were dropped.",
        ),
        "phases_left_out": (
            "warning",
            "The series holds several images at each position",
            "Each phase was an exposure of its own: give the phase that you want as a series.",
        ),
        "several_events": (
            "info",
            "The series was exposed in more than one irradiation event",
            "Doses are those of the slices' own tube current.",
        ),
        "single_slice": (
            "warning",
            "The series has a single slice",
            "Size is given for it; organ volumes and three-dimensional results are not meaningful.",
        ),
        "tilted": (
            "warning",
            "The gantry was tilted, so the slices are not stacked at right angles",
            "Results per slice are valid; volumes and segmentation in three dimensions are not.",
        ),
        "tilt_resampled": (
            "info",
            "The gantry was tilted, but the images were resampled to upright slices",
            "Tube current per slice belongs to the tilted ones.",
        ),
        "oblique": (
            "warning",
            "The slices are inclined to the body's axis",
            "Areas and water-equivalent diameters are those of inclined cuts.",
        ),
        "not_axial": (
            "refusal",
            "The slices are not axial",
            "Size and dose need axial slices; give the axial series.",
        ),
        "uneven_spacing": (
            "warning",
            "The distance between slices changes",
            "Results per slice are valid; volumes and resampling are not.",
        ),
        "missing_slices": (
            "warning",
            "Slices are missing",
            "Results per slice are valid; volumes and resampling are not. Copy the series again.",
        ),
        "shifted_slices": (
            "warning",
            "Slices are shifted against each other",
            "Results per slice are valid; volumes and resampling are not.",
        ),
        "thickness_varies": (
            "info",
            "The slice thickness changes within the series",
            "Noise and dose may change with it.",
        ),
        "derived": (
            "warning",
            "The images are derived from others (0008,0008)",
            "Their values and exposure may differ from the original's; prefer the original series.",
        ),
        "reformat": (
            "warning",
            "The images are a reformat or projection (0008,0008)",
            "Prefer the original axial series.",
        ),
        "lossy": (
            "warning",
            "The pixels went through a lossy compression",
            "HU may be off by some units; prefer the original series.",
        ),
        "not_hu": (
            "warning",
            "The values may not be Hounsfield units",
            "Water-equivalent diameters and doses hold for Hounsfield units only.",
        ),
        "rescale_missing": (
            "warning",
            "RescaleSlope and RescaleIntercept (0028,1052-1053) are missing",
            "The stored values were taken as HU.",
        ),
        "rescale_varies": (
            "info",
            "The rescaling to HU changes from slice to slice",
            "Each slice was read with its own.",
        ),
        "padding_ignored": (
            "warning",
            "PixelPaddingValue (0028,0120) names a value that occurs within the image",
            "It was read as an ordinary value.",
        ),
        "tags_unreadable": (
            "warning",
            "Tags have values that cannot be read",
            "They count as not known.",
        ),
        "kvp_unknown": (
            "warning",
            "The tube voltage is not known",
            "Type it, or doses are given with a wider interval.",
        ),
        "tube_current_missing": (
            "warning",
            "The tube current (0018,1151) is missing or 0",
            "Type it, or give CTDIvol.",
        ),
        "effective_mas_unknown": (
            "info",
            "Effective mAs is not known: tube current, rotation time or pitch is missing",
            "Type rotation_time_s and pitch.",
        ),
        "exposure_disagrees": (
            "info",
            "Exposure (0018,1152) differs from tube current x rotation time / pitch",
            "The latter is used; makers write different things into Exposure.",
        ),
        "ctdivol_missing": (
            "warning",
            "CTDIvol (0018,9345) is missing or 0",
            "SSDE needs it: type it from the dose page or dose report.",
        ),
        "phantom_unknown": (
            "warning",
            "The CTDI phantom (0018,9346) is not stated",
            "Type phantom_cm, 32 for body and 16 for head.",
        ),
        "irradiated_range_unknown": (
            "info",
            "The irradiated range is not known",
            "Every slice is taken as inside it; a dose report or a typed range tells.",
        ),
        "dual_energy": (
            "warning",
            "The scan used more than one photon energy",
            "Results made for one tube voltage may be off.",
        ),
    }
)


# Size, SSDE and the published models (dosimetry/).
FLAGS.update(
    {
        "slice_without_body": (
            "info",
            "No body was found in a slice",
            "Size is not given there.",
        ),
        "no_body": (
            "refusal",
            "No body was found in any slice",
            "Check that this is a CT in Hounsfield units and look at the segmentation.",
        ),
        "body_lighter_than_air": (
            "refusal",
            "The mean value of the body is below that of a vacuum",
            "The images are not in Hounsfield units; export the series again.",
        ),
        "body_truncated": (
            "warning",
            "The field of view cuts the body",
            "The diameter as measured is too small; the corrected one stands beside it.",
        ),
        "truncation_not_corrected": (
            "warning",
            "The field of view cuts a fifth or more of the body's outline",
            "The diameter as measured is too small, and no correction is valid; "
            "reconstruct with a larger field of view.",
        ),
        "ssde_without_ctdivol": (
            "refusal",
            "SSDE needs CTDIvol, which is not known",
            "Type it from the dose page or dose report.",
        ),
        "ssde_scan_ctdivol": (
            "info",
            "CTDIvol is known for the scan only, not for each slice",
            "SSDE per slice takes it in proportion to the tube current where that is known, else "
            "the scan's mean on every slice.",
        ),
        "ssde_outside_fit": (
            "warning",
            "The water-equivalent diameter is outside 8-45 cm, where SSDE's factors were fitted",
            "SSDE is extrapolated there.",
        ),
        "ssde_phantom_assumed": (
            "warning",
            "SSDE assumes a CTDI phantom, which is not stated",
            "Type phantom_cm: with the other phantom SSDE differs by about a factor of two.",
        ),
        "ssde_in_doubt": (
            "warning",
            "Anatomy and phantom leave two tables for SSDE",
            "Both results are given; type body_part and phantom_cm in --acquisition.",
        ),
        "ssde_head_unverified": (
            "info",
            "The head's SSDE factors were read in one public implementation only",
            "Compare with AAPM Report 293 before you rely on them.",
        ),
        "ssde_head_body_phantom": (
            "refusal",
            "CTDIvol of a head is stated for the 32 cm phantom, for which there are no factors",
            "Check phantom_cm; type body_part in --acquisition if this is not a head.",
        ),
        "published_no_interval": (
            "warning",
            "The published models come without an uncertainty",
            "No interval is given; their authors' median errors were 4-13 % on other patients.",
        ),
        "published_slice_mean": (
            "info",
            "The published dose is the unweighted mean over slices",
            "It is not energy over mass.",
        ),
        "published_exposure": (
            "refusal",
            "The published models know the current of one tube with its usual filter",
            "Use the bundled model, with CTDIvol.",
        ),
        "published_protocol": (
            "warning",
            "The published models presume 0.5 s per rotation, a pitch near 1 and one scanner",
            "Their dose is not rescaled; compare with the bundled model.",
        ),
        "published_no_scaler": (
            "refusal",
            "The published folder has a model for this organ, but no array to scale its input",
            "No dose is given for it.",
        ),
        "published_no_tube_current": (
            "refusal",
            "The published models need the tube current of every slice",
            "Use a series with X-Ray Tube Current (0018,1151), or type it.",
        ),
        "published_no_slice_location": (
            "refusal",
            "The published models need Slice Location (0020,1041) of every slice",
            "Use the original DICOM series, or the bundled model.",
        ),
        "published_no_size": (
            "refusal",
            "The published models need the water-equivalent diameter of every slice",
            "No body was found on a slice that has the organ; look at the segmentation.",
        ),
        "published_negative": (
            "refusal",
            "The published network's dose is not above zero",
            "Its input lies outside what it was trained on; the dose is not given.",
        ),
        "published_outside_training": (
            "warning",
            "Input is more than 3 SD from what the published model was trained on",
            "Its answer is an extrapolation.",
        ),
    }
)


# Dose reports and the examination's total (ct/dose_report.py, dosimetry/examination.py).
FLAGS.update(
    {
        "rdsr_unit": (
            "warning",
            "A value of the dose report has a unit that is not known",
            "It was left out; compare with the scanner's dose page.",
        ),
        "rdsr_not_a_number": (
            "warning",
            "A value of the dose report is no number",
            "It was left out; export the report again.",
        ),
        "rdsr_several_values": (
            "warning",
            "The dose report states several values where there is one",
            "None was taken; compare with the scanner's dose page.",
        ),
        "rdsr_impossible": (
            "warning",
            "The dose report states an impossible value",
            "It was left out; compare with the scanner's dose page.",
        ),
        "rdsr_no_ctdivol": (
            "warning",
            "The dose report gives no CTDIvol above zero for an event",
            "It does not count in the examination's total; look it up on the dose page.",
        ),
        "rdsr_no_phantom": (
            "warning",
            "The dose report gives CTDIvol without its phantom",
            "Look it up on the dose page.",
        ),
        "rdsr_events_missing": (
            "warning",
            "The dose report holds fewer events than it states",
            "The examination's total is too low; export the report again.",
        ),
        "rdsr_total_differs": (
            "info",
            "The DLP total of the dose report is not the sum of its events",
            "Both are kept; the total may include events of other reports.",
        ),
        "other_exposures": (
            "info",
            "The folder holds other exposures than that of the series measured",
            "Their dose is not in this result; give the dose report for the examination's total.",
        ),
        "rdsr_unreadable": (
            "warning",
            "A dose report in the folder cannot be read",
            "Export it again; nothing was taken from it.",
        ),
        "rdsr_no_match": (
            "warning",
            "No event of the dose report is that of these images",
            "Nothing was taken from it; check that it belongs to this series.",
        ),
        "rdsr_by_values": (
            "info",
            "The images do not name their event in the dose report",
            "It was found by what both state; check that it is the right one.",
        ),
        "rdsr_only_event": (
            "warning",
            "The images say nothing that tells their event in the dose report",
            "Its only tomographic event was taken, because you gave the report with them.",
        ),
        "rdsr_disagrees": (
            "warning",
            "Images and dose report disagree",
            "The images' values were used; type the right ones in --acquisition.",
        ),
        "rdsr_range_elsewhere": (
            "warning",
            "The z range in the dose report does not hold the images",
            "It was not used, and no other event of the report was placed by its z range.",
        ),
        "rdsr_current_mean": (
            "info",
            "The tube current of every slice is the dose report's mean",
            "With tube-current modulation it was not the same everywhere.",
        ),
        "examination_incomplete": (
            "warning",
            "The examination's total lacks events",
            "It is too low by their dose; the list of events says why each was left out.",
        ),
        "examination_without_localizers": (
            "info",
            "The examination's total is without the localizers",
            "Their dose is small against that of the scans, and CTDIvol does not describe it.",
        ),
        "examination_not_given": (
            "info",
            "No total of the examination is given",
            "The series' own doses stand as they are.",
        ),
    }
)


# Volumes and segmentations of a Slicer scene (ctdoseseg_ui/).
FLAGS.update(
    {
        "nonlinear_transform": (
            "warning",
            "The volume is under a nonlinear transform",
            "Results per slice are valid; volumes and three-dimensional results are not.",
        ),
        "dicom_not_found": (
            "warning",
            "The DICOM files of the volume are not in Slicer's database any more",
            "Its exposure is not known; import the files again or type the values.",
        ),
        "segments_overlap": (
            "warning",
            "Segments overlap",
            "Each voxel counts for the smallest segment that holds it.",
        ),
        "segments_resampled": (
            "warning",
            "The segmentation is not on the grid of the volume",
            "It was resampled to the nearest voxel; look at it on the slices.",
        ),
        "segments_outside": (
            "warning",
            "Segments reach beyond the volume",
            "Only what lies inside is measured.",
        ),
    }
)


# Scanner profile, effective dose and whole organs (ct/scanner_profile.py, dosimetry/).
FLAGS.update(
    {
        "scanner_profile_not_used": (
            "warning",
            "The scanner profile was not used, because the images do not state make and model",
            "Type manufacturer and model in --acquisition if you know that it is this scanner.",
        ),
        "scanner_device_unknown": (
            "warning",
            "The scanner profile names a device that the images do not state",
            "It was taken by make and model alone; check that it is this scanner.",
        ),
        "scanner_profile_small_phantom": (
            "warning",
            "The scanner profile's CTDIvol check was not used",
            "It holds for the 32 cm phantom, and this CTDIvol is for the 16 cm phantom.",
        ),
        "ctdivol_corrected": (
            "info",
            "CTDIvol and DLP were corrected by the scanner profile",
            "Results show the corrected values; divide them by the ratio for those displayed.",
        ),
        "scanner_check_old": (
            "warning",
            "The scanner profile's CTDIvol check is more than 18 months away",
            "Its ratio was used, but the interval was not narrowed; enter a newer check.",
        ),
        "mas_by_profile": (
            "info",
            "The dose was scaled with effective mAs and the scanner profile's CTDI per mAs",
            "CTDIvol, where it is known, is better still; type ctdivol_mGy in --acquisition.",
        ),
        "dlp_computed": (
            "info",
            "DLP is not stated and was computed from CTDIvol",
            "Type dlp_mGy_cm in --acquisition, or give the dose report.",
        ),
        "dlp_lower_bound": (
            "warning",
            "The computed DLP is a lower bound",
            "Overranging and whatever was scanned beyond the images are not in it.",
        ),
        "dlp_disagrees": (
            "warning",
            "The stated DLP does not fit CTDIvol and length",
            "It may be of several exposures, of a longer range, or of another phantom; check it.",
        ),
        "effective_dose_no_dlp": (
            "refusal",
            "Effective dose needs DLP, or CTDIvol of every slice, which is not known",
            "Type dlp_mGy_cm or ctdivol_mGy in --acquisition.",
        ),
        "effective_dose_child": (
            "refusal",
            "Effective dose is not given for a patient under 18",
            "The k factors here are for adults; use those for the patient's age.",
        ),
        "effective_dose_pregnancy": (
            "refusal",
            "Effective dose is not given where pregnancy is stated",
            "It says nothing of the fetus; ask a medical physicist for an individual calculation.",
        ),
        "effective_dose_region": (
            "refusal",
            "The scanned range is not one that a k factor is for",
            "Give a label map with more organs, or correct body_part in --acquisition; a range of "
            "several parts has no k of its own.",
        ),
        "effective_dose_body_part": (
            "warning",
            "The k factor was chosen by the body part that the scanner states",
            "Too little of the range is known by its organs; give a label map with more of them.",
        ),
        "effective_dose_short": (
            "warning",
            "The scanned range is short for a k factor, which is that of a whole part of the body",
            "Effective dose depends on which organs lie in it; take it as an order of magnitude.",
        ),
        "effective_dose_phantom": (
            "refusal",
            "The CTDI phantom of the DLP is not the one that the k factor is for",
            "Type phantom_cm in --acquisition: 16 for head and neck, 32 for the rest.",
        ),
        "whole_organ_estimated": (
            "info",
            "A part of the organ is not in the images, and the whole organ's dose is an estimate",
            "It assumes a reference adult's organ mass (ICRP 89); mind its interval.",
        ),
        "whole_organ_above_reference": (
            "info",
            "The organ is cut by the images, yet heavier there than a reference adult's",
            "No missing mass was added; the whole organ's interval allows for some.",
        ),
        "whole_organ_range_unknown": (
            "info",
            "No dose to the whole organ is given: it is cut and the irradiated range is not known",
            "Type irradiated_range_mm in --acquisition.",
        ),
        "whole_organ_undefined": (
            "info",
            "No dose to the whole organ is given: it is not known how much of it is missing",
            "The dose is that of the part in the images.",
        ),
        "whole_organ_too_little": (
            "info",
            "No dose to the whole organ is given: less than a tenth of it is in the images",
            "The dose is that of the part in the images.",
        ),
    }
)


def flag(code: str, detail: str = "") -> Flag:
    """Make the flag `code`, with `detail` (what exactly, with units) after its first sentence.

    Raises
    ------
    KeyError
        If `code` is not in `FLAGS`: a programming error.
    """
    severity, found, advice = FLAGS[code]
    found = f"{found}: {detail}" if detail else found
    return Flag(code, severity, f"{found}. {advice.rstrip('.')}.")
