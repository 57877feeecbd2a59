"""Stand-ins for the Python that Slicer ships."""
