"""DICOM as Slicer's modules meet it: the database, and loading of series, over pydicom."""
