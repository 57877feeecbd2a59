"""The half of Slicer that is real: slicer-core's scene and logics, and widgets that show them."""
