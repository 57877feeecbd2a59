"""Label maps: the segmentation engines, and segmentations of the user's own."""
