"""DICOM files: tags, pixels, multi-frame images, structured reports, identity."""
