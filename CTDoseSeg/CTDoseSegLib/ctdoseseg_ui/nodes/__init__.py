"""Nodes of Slicer's scene: volumes, segmentations, tables, plots."""
