"""Organ dose, of the part in the images and of the whole organ (dosimetry/)."""

FLAGS = {
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
