"""Label maps and the engines that make them (segmentation/)."""

FLAGS = {
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
    "bundled_network": (
        "info",
        "The images were segmented by the bundled UNet",
        "Look at the overlay; TotalSegmentator or a label map gives the other organs",
    ),
    "outline_by_rules": (
        "info",
        "Body and couch were found by rules, not by the bundled UNet",
        "Look at the outline where a couch or a blanket touches the skin",
    ),
    "tissue_left_out": (
        "warning",
        "The UNet left out much that is solid and as dense as tissue",
        "Look at the overlay; it may never have been shown such a scan: choose classical or "
        "TotalSegmentator, or give a label map",
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
}
