"""A result as DICOM objects of the CT's study: SEG, SR, RTDOSE, PDF."""
