"""Label maps and the engines that make them (segmentation/)."""

from .entry import Entry

# One sentence for both: an organ may be corrected and still be in doubt.
_AS_DRAWN = "volume, HU and dose are those of what is drawn now"

FLAGS = {
    "several_bodies": Entry(
        "warning",
        "There is more than one large body in the images",
        "They may be two people, legs without a pelvis, or a phantom.",
        mends=("segmentation",),
        consequence="size and dose describe all of them together",
    ),
    "unknown_labels": Entry(
        "warning",
        "The label map has values without a name, or with a number for one",
        "Without a name they are called label_<value>.",
        mends=("label_names",),
        consequence="no dose for these labels",
    ),
    "labels_scaled": Entry(
        "warning",
        "The header of the label map scales its values",
        "Labels are whole numbers as they are stored; write the file again without scaling.",
        mends=("segmentation",),
        consequence="labels may be those of other organs",
    ),
    "labels_resampled": Entry(
        "warning",
        "The segmentation has another grid than the CT and was put onto it",
        "Each voxel of the CT has the nearest label; look at the organs' edges.",
        mends=("segmentation",),
        consequence="volumes and doses of small organs are less exact",
    ),
    "contours_left_out": Entry(
        "warning",
        "Contours of the structure set lie in no slice of the CT and were left out",
        "They lie beyond its first or last slice, or across its slices; look at the organs' ends.",
        mends=("segmentation",),
        consequence="an organ may be shorter than it was drawn",
    ),
    "unnamed_labels": Entry(
        "warning",
        "The label map has no names for its values, and none are presumed",
        "They are measured as label_<value>.",
        mends=("label_names",),
        consequence="no dose for these labels",
    ),
    "covered_by_unnamed": Entry(
        "warning",
        "Labels without a name cover more than 10 % of an organ",
        mends=("label_names",),
        cause="unnamed_labels",
        consequence="what they cover is no part of the organ any more, so it gets no dose",
    ),
    "not_this_organ": Entry(
        "warning",
        "What is labelled cannot be this organ of an adult",
        "Look at it on the slices: a wrong name, a label map of another scan, sides exchanged, "
        "situs inversus or a very large lesion.",
        mends=("label_names", "segmentation"),
        consequence="its size and dose are those of whatever was labelled",
    ),
    "organ_corrected": Entry(
        "info",
        "What the segmentation drew was corrected by anatomy",
        "Look at the overlay.",
        cause="anatomy",
        consequence=_AS_DRAWN,
    ),
    "organ_doubtful": Entry(
        "warning",
        "What is drawn contradicts anatomy",
        "Look at the slices: another organ, a lesion, an operation or a large vessel.",
        mends=("segmentation", "engine"),
        cause="anatomy",
        consequence=_AS_DRAWN,
    ),
    "organ_left_out": Entry(
        "warning",
        "What can only be this organ was not drawn as it",
        "Look at the overlay; correct the organ or give a segmentation of your own.",
        mends=("segmentation", "engine"),
        cause="anatomy",
        consequence="it has no volume or dose there, and what was drawn in its place has wrong "
        "ones",
    ),
    "metal": Entry(
        "warning",
        "There is metal in the body",
        "Look at the overlay in the slices with streaks.",
        mends=("segmentation",),
        consequence="in its streaks HU, organs and water-equivalent diameters are uncertain",
    ),
    "organ_unsure": Entry(
        "warning",
        "The network is not sure of what it drew",
        "Look at the overlay; correct the organ or give a segmentation of your own.",
        mends=("segmentation", "engine"),
        consequence="its volume, mean HU and dose may be those of something else",
    ),
    "organ_by_thresholds": Entry(
        "warning",
        "Drawn by thresholds, as the network was far too unsure of it",
        "Look at the overlay; correct the organ or give a segmentation of your own.",
        mends=("segmentation", "engine"),
        consequence="its volume, mean HU and dose are those of what thresholds drew",
    ),
    "bone_by_thresholds": Entry(
        "info",
        "Thresholds drew bone in a scan with contrast agent, which can be as dense",
        "Look at the overlay where vessels, heart and kidneys lie beside bone.",
        mends=("engine", "segmentation"),
        consequence="its volume and mean HU may include parts of enhanced vessels, heart or "
        "kidneys",
    ),
    "drawn_by_chance": Entry(
        "info",
        "The network drew something that it did not draw again when the image was varied a little",
        "It was taken away. Look at the images: an organ that is there is for you to draw.",
        mends=("segmentation", "engine"),
        consequence="no dose for the organs that are missing",
    ),
    "organ_cut_by_field": Entry(
        "warning",
        "Cut by the edge of the field of view",
        cause="truncation",
        consequence="the dose is that of the part in the images",
    ),
    "mirrored": Entry(
        "warning",
        "Left and right are exchanged",
        "First look for an L or R marker and at other images of the person: with situs inversus "
        "heart, stomach and spleen are on the right in images that lie correctly, and nothing is "
        "to be mended. Else the volume is mirrored.",
        mends=("series",),
        consequence="doses of left and right organs belong to the other side; of a mirrored volume "
        "nothing else changes",
    ),
    "upside_down": Entry(
        "warning",
        "The order of the organs from head to foot is inverted",
        "The positions of the slices were lost or reversed.",
        mends=("series",),
        consequence="tube current, CTDIvol and the irradiated range may belong to other slices, "
        "and the body part may be wrong",
    ),
    "no_person": Entry(
        "warning",
        "What was scanned cannot be a person",
        "It may be a phantom, an animal or another object. If it is a person, the values are no "
        "HU, and the original series is needed.",
        consequence="organs and their doses mean nothing; size is that of the object",
    ),
    "labels_in_air": Entry(
        "warning",
        "The label map marks voxels outside the body that was found in the images",
        "Check that it belongs to this series.",
        mends=("segmentation",),
    ),
    "extras_left_out": Entry(
        "warning",
        "What was asked for besides was not segmented, because TotalSegmentator did not run",
        mends=("totalsegmentator",),
        consequence="no dose for these organs",
    ),
    "no_network": Entry(
        "info",
        "The images were segmented without a network",
        mends=("totalsegmentator", "segmentation"),
        cause="missing_organs",
        consequence="no dose for the organs that are missing",
    ),
    "bundled_network": Entry(
        "info",
        "The images were segmented by the bundled UNet",
        "Look at the overlay.",
        mends=("totalsegmentator", "segmentation"),
        cause="missing_organs",
        consequence="no dose for the organs that are missing",
    ),
    "outline_by_rules": Entry(
        "info",
        "Body and couch were found by thresholds, not by the bundled UNet",
        "Look at the body contour where a couch or a blanket touches the skin.",
    ),
    "tissue_left_out": Entry(
        "warning",
        "The UNet left out much that is solid and as dense as tissue",
        "Look at the overlay; it may never have been shown such a scan.",
        mends=("engine", "segmentation"),
        consequence="where tissue is missing, WED is too small and doses are too high",
    ),
    "network_found_nothing": Entry(
        "warning",
        "TotalSegmentator found none of the organs in the images",
        "Look at the overlay; check that the values are HU and that the scan shows the organs.",
        mends=("segmentation",),
        consequence="no dose for the organs that are missing",
    ),
    "contrast_phase": Entry(
        "info",
        "TotalSegmentator's classifier puts the scan in a phase of the contrast medium",
        "It is an estimate from HU that this project has not checked; no dose depends on it.",
    ),
    "contrast_phase_missing": Entry(
        "info",
        "TotalSegmentator's classifier gave no phase of the contrast medium",
        "The organs are as without it; the log has the reason.",
    ),
    "less_memory": Entry(
        "warning",
        "TotalSegmentator ran out of memory and ran with a coarser network",
        "Its contours are rougher; close other programs, or crop the scan to the organs.",
    ),
    "slices_not_regular": Entry(
        "warning",
        "The slices are not equally spaced or are sheared",
        "Labels were found slice by slice; look at the overlay before using them.",
        cause="irregular_slices",
    ),
}
