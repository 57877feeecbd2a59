"""The segmentation engine without a network (`classical`)."""
