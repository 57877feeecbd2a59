"""The scripted module: the only code that knows Slicer and Qt."""
