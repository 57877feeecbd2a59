"""Monte Carlo on the patient's own CT (dosimetry/montecarlo/)."""

from .entry import Entry

FLAGS = {
    "monte_carlo_child_phantom": Entry(
        "refusal",
        "The patient is under 18 and the CTDI phantom of CTDIvol is not stated",
        mends=("phantom_cm", "dose_report"),
        cause="phantom",
        consequence="no organ dose: with the 16 cm phantom it would be half of that with 32 cm",
    ),
    "monte_carlo_phantom_assumed": Entry(
        "warning",
        "The CTDI phantom is not stated",
        mends=("phantom_cm", "dose_report"),
        cause="phantom",
        consequence="with the other phantom all organ doses would change by a factor of about two",
    ),
    "monte_carlo_phantom_of_images": Entry(
        "warning",
        "A child's CTDIvol was typed without its CTDI phantom, and taken for that of the images",
        mends=("phantom_cm",),
        cause="phantom",
        consequence="if it was stated for the other phantom, all organ doses are wrong by a factor "
        "of about two",
    ),
    "monte_carlo_range_assumed": Entry(
        "warning",
        "The irradiated range is not known",
        mends=("irradiated_range_mm", "dlp_mGy_cm", "dose_report"),
        cause="irradiated_range",
        consequence="30 to 70 mm of overranging were allowed for; doses near the ends depend on it",
    ),
    "monte_carlo_range_by_dlp": Entry(
        "info",
        "The irradiated range is not stated; its length is DLP over CTDIvol",
        mends=("irradiated_range_mm", "dose_report"),
        cause="irradiated_range",
        consequence="it was centred on the images",
    ),
    "monte_carlo_dlp": Entry(
        "warning",
        "DLP differs by more than 5 % from CTDIvol times the irradiated length",
        "Check CTDIvol, its phantom and the irradiated range.",
        mends=("ctdivol_mGy", "phantom_cm", "dlp_mGy_cm", "irradiated_range_mm"),
        consequence="organ doses follow CTDIvol",
    ),
    "monte_carlo_generic_beam": Entry(
        "info",
        "The beam of this scanner is not known",
        "Its beam can be chosen by name, or measured.",
        cause="beam",
        consequence="a generic filter and bowtie stand in; the intervals allow for it",
    ),
    "monte_carlo_other_filter": Entry(
        "warning",
        "The beam that was chosen does not go with the part of the body",
        cause="beam",
        consequence="it stands in another proportion to CTDIvol, and all doses with it",
    ),
    "monte_carlo_wide_beam": Entry(
        "warning",
        "The collimation is above 40 mm",
        cause="beam",
        consequence="CTDIvol is taken as IEC 60601-2-44 edition 3.1 defines it there; scanners "
        "that follow an older edition display less",
    ),
    "monte_carlo_stopped": Entry(
        "warning",
        "The simulation ended before every organ reached the uncertainty that was asked for",
        cause="statistics",
        consequence="the intervals of these organs are wider",
    ),
    "monte_carlo_event": Entry(
        "refusal",
        "The exposure cannot be simulated",
        consequence="no organ dose of it",
    ),
    "monte_carlo_noisy": Entry(
        "refusal",
        "Too few photons reached the organ",
        cause="statistics",
        consequence="no dose",
    ),
    "monte_carlo_noisy_map": Entry(
        "info",
        "Single voxels of the dose map are noise",
        consequence="the map shows means of organs only",
    ),
    "dose_volume_noise": Entry(
        "info",
        "The number of photons makes much of the width of the organ's dose-volume histogram",
        cause="statistics",
        consequence="its ends are no doses of any part of the organ; its middle is the mean",
    ),
    "monte_carlo_not_simulated": Entry(
        "refusal",
        "The organ has no voxel of its own in the simulation",
        consequence="no dose: it is smaller than the simulation's voxels",
    ),
    "monte_carlo_unnamed": Entry(
        "refusal",
        "The label has no name",
        mends=("label_names",),
        cause="unnamed_labels",
        consequence="no dose: it may be the couch or no organ at all",
    ),
    "monte_carlo_outside_range": Entry(
        "warning",
        "Partly or wholly outside the irradiated range",
        cause="irradiated_range",
        consequence="scattered radiation alone reaches that part",
    ),
    "monte_carlo_iodine": Entry(
        "info",
        "The organ holds contrast agent",
        cause="contrast",
        consequence="iodine raises its dose",
    ),
    "monte_carlo_differs": Entry(
        "warning",
        "The dose differs from the fast law's by more than both intervals allow",
        "Compare voltage, size, filter and contrast agent; look at the segmentation.",
    ),
    "monte_carlo_beside_fast": Entry(
        "info",
        "The simulated doses beside those of the fast law",
        "The fast law was fitted to simulations by this engine: that both agree is no check of it.",
    ),
    "monte_carlo_edited": Entry(
        "info",
        "The organ was edited after the simulation",
        cause="edited",
        consequence="its dose follows from the dose map",
    ),
    "monte_carlo_drawn": Entry(
        "info",
        "Drawn after the simulation",
        cause="edited",
        consequence="its dose follows from the dose map",
    ),
    "monte_carlo_rerun": Entry(
        "warning",
        "The edit changes the material of more than 5 % of the organ's mass: a rerun is advised",
        "Simulate again.",
        cause="edited",
        consequence="the dose map is that of the materials before",
    ),
    "monte_carlo_bone": Entry(
        "info",
        "The dose is that to the bone as a whole, with its mineral",
        "Its marrow gets less; the dose to active red marrow is listed apart.",
    ),
    "monte_carlo_marrow": Entry(
        "info",
        "Dose to active red marrow in the bones of the images",
        "Where labels name the bones, each counts by its share of the body's active marrow at the "
        "patient's age.",
    ),
    "monte_carlo_marrow_part": Entry(
        "warning",
        "The dose is that of the active red marrow in the images, not of the whole body's",
        mends=("segmentation",),
        consequence="the mean of the whole body's marrow is lower where the rest was not "
        "irradiated",
    ),
    "monte_carlo_at_rest": Entry(
        "info",
        "The table did not move: the beam stood still",
        cause="irradiated_range",
        consequence="CTDIvol counts all rotations over the beam's width and is no dose of this "
        "patient's; all photons were simulated from that place",
    ),
    "peak_skin_noisy": Entry(
        "refusal",
        "Too few photons for a dose to 1 cm2 of skin",
        cause="statistics",
        consequence="no peak skin dose",
    ),
    "peak_skin_cut": Entry(
        "warning",
        "The field of view cuts the body",
        cause="truncation",
        consequence="the skin beyond it is not in the images, and the peak skin dose may lie there",
    ),
    "peak_skin_metal": Entry(
        "info",
        "There is metal in the body",
        cause="metal",
        consequence="streaks may pass for the body's surface, and skin beside metal outside the "
        "body gets what its photons scatter; the peak skin dose may be off there",
    ),
    "peak_skin_beyond": Entry(
        "warning",
        "Part of the irradiated skin is not in the images",
        mends=("series",),
        cause="irradiated_range",
        consequence="the peak skin dose is that of the skin in the images",
    ),
    "peak_skin_events": Entry(
        "warning",
        "Not every event of the dose report is in the peak skin dose",
        consequence="where the others overlap with these, it is higher",
    ),
    "peak_skin_near": Entry(
        "info",
        "The peak skin dose may reach 2 Gy",
        "From there on a transient reddening is possible (ICRP 118). Ask the medical physicist.",
        cause="peak_skin",
    ),
    "peak_skin_erythema": Entry(
        "warning",
        "The peak skin dose is above 2 Gy",
        "A transient reddening is possible within days (ICRP 85 and 118). Ask the medical "
        "physicist; note the place.",
        cause="peak_skin",
    ),
    "peak_skin_substantial": Entry(
        "warning",
        "The peak skin dose is above 3 Gy, the substantial radiation dose level of NCRP 168",
        "Hair loss and lasting reddening are possible. The medical physicist must see it, and the "
        "patient be followed up.",
        cause="peak_skin",
    ),
    "monte_carlo_anatomy": Entry(
        "warning",
        "Part of what was irradiated is not in the images",
        consequence="it was completed; the intervals allow for it",
    ),
}
