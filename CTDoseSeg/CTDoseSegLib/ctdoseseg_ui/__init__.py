"""The module in 3D Slicer: the only code that knows Slicer and Qt."""
