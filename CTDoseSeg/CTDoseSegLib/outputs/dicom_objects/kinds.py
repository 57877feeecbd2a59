"""Which DICOM objects there are; nothing heavy, for the command's parser."""

from __future__ import annotations

# What can be asked for, in the order in which it is made.
KINDS = ("seg", "labelmap", "sr", "rtdose", "pdf")
DEFAULT_KINDS = ("seg", "sr", "rtdose", "pdf")
FILES = {
    "seg": "dicom_seg.dcm",
    "labelmap": "dicom_seg_labelmap.dcm",
    "sr": "dicom_sr.dcm",
    "rtdose": "dicom_rtdose.dcm",
    "pdf": "dicom_report.dcm",
}


def kinds_of(text: str) -> tuple[str, ...]:
    """Return the kinds that a list such as ``seg,sr`` names, each once.

    Raises
    ------
    ValueError
        If one is none of `KINDS`; the sentence lists them.

    Examples
    --------
    >>> kinds_of("seg, sr")
    ('seg', 'sr')
    """
    named = tuple(dict.fromkeys(part.strip() for part in text.split(",") if part.strip()))
    for kind in named:
        if kind not in KINDS:
            raise ValueError(f"{kind} is no kind of DICOM object; there are {', '.join(KINDS)}")
    return named
