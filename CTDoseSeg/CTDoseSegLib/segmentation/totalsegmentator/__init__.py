"""The segmentation engine TotalSegmentator, and its weights."""
