"""Words of the library that the panel shows, as literals that can be extracted for translation.

The library knows nothing of Slicer; its sentences (flags, errors, names of organs) are English.
"""

from __future__ import annotations

from slicer.i18n import tr as _


def translated(word: str) -> str:
    """Return a severity, a word of confidence or its reason in the language of the application."""
    return _table()[word]


def _table() -> dict[str, str]:
    return {
        "": "",
        "info": _("info"),
        "warning": _("warning"),
        "refusal": _("refusal"),
        "good": _("good"),
        "moderate": _("moderate"),
        "low": _("low"),
        "CTDIvol and tube current contradict each other": _(
            "CTDIvol and tube current contradict each other"
        ),
        "how well the fast law knows such organs": _("how well the fast law knows such organs"),
        "the scanner's beam is not known exactly": _("the scanner's beam is not known exactly"),
        "patients differ from the simulated bodies": _("patients differ from the simulated bodies"),
        "the displayed CTDIvol may be wrong (a scanner profile narrows this)": _(
            "the displayed CTDIvol may be wrong (a scanner profile narrows this)"
        ),
        "CTDIvol is known for the whole scan only": _("CTDIvol is known for the whole scan only"),
        "CTDIvol is not known, and mAs took its place": _(
            "CTDIvol is not known, and mAs took its place"
        ),
        "how CTDI of a wide beam was measured": _("how CTDI of a wide beam was measured"),
        "the wide beam": _("the wide beam"),
        "the unusual beam": _("the unusual beam"),
        "how the organs are drawn": _("how the organs are drawn"),
        "where the scan began and ended is not known exactly": _(
            "where the scan began and ended is not known exactly"
        ),
        "the tube current may follow the angle": _("the tube current may follow the angle"),
        "the patient may lie off the centre": _("the patient may lie off the centre"),
        "what tissues are made of": _("what tissues are made of"),
        "the field of view cuts the body": _("the field of view cuts the body"),
        "the tube voltage is not known exactly": _("the tube voltage is not known exactly"),
        "the number of simulated photons": _("the number of simulated photons"),
        "what lies beyond the images": _("what lies beyond the images"),
        "the angle at which the tube started": _("the angle at which the tube started"),
        "voxels at the organs' surfaces": _("voxels at the organs' surfaces"),
        "contrast agent may add to the dose": _("contrast agent may add to the dose"),
    }
