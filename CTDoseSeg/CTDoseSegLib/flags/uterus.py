"""Dose of the uterus region where pregnancy is stated (dosimetry/uterus_dose.py)."""

from .entry import Entry

FLAGS = {
    "uterus_judge": Entry(
        "warning",
        "The dose of the uterus region is an estimate",
        "A medical physicist must judge it, with the week of pregnancy and all exposures; it is no "
        "ground for a decision by itself.",
        cause="pregnancy",
        consequence="it stands for the dose to the unborn child within +-30 % at best",
    ),
    "uterus_by_position": Entry(
        "warning",
        "No label shows where the uterus is: a sphere of 5 cm was taken",
        mends=("segmentation", "pregnancy_week", "uterus_z_mm"),
        cause="pregnancy",
        consequence="the interval of the dose of the uterus region allows for where it may lie",
    ),
    "uterus_bound": Entry(
        "warning",
        "The uterus region has an upper bound and no dose",
        mends=("irradiated_range_mm", "pregnancy_week", "uterus_z_mm"),
        cause="pregnancy",
        consequence="its dose may be far lower: the bound is for the nearest plausible place",
    ),
    "uterus_methods_differ": Entry(
        "warning",
        "The two methods for the uterus region differ by more than 30 %",
        cause="pregnancy",
        consequence="the dose of the uterus region is more doubtful than its interval",
    ),
    "uterus_position_unknown": Entry(
        "refusal",
        "Where the uterus lies is not known",
        "Neither a label nor the pelvis nor the lungs tell it.",
        mends=("segmentation", "uterus_z_mm"),
        cause="pregnancy",
        consequence="no dose of the uterus region",
    ),
    "uterus_no_dose": Entry(
        "refusal",
        "The dose of the uterus region cannot be computed",
        cause="pregnancy",
        consequence="no dose of the uterus region",
    ),
}
