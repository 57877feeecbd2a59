"""What another exposure would give (dosimetry/what_if/); never part of a result."""

from .entry import Entry

FLAGS = {
    "hypothetical": Entry(
        "warning",
        "HYPOTHETICAL: these numbers are not of the exposure that was made",
        cause="hypothetical",
    ),
    "hypothetical_voltage": Entry(
        "info",
        "CTDIvol at the other tube voltage was computed, for the same mAs",
        "The console or the manual of the scanner states its own.",
        cause="hypothetical_voltage",
    ),
    "hypothetical_modulation": Entry(
        "info",
        "The tube current keeps its shape along the body",
        "A scanner that modulates it would plan it anew.",
        cause="hypothetical_modulation",
    ),
    "hypothetical_by_law": Entry(
        "info",
        "The simulated doses were multiplied by the ratio that the fast law gives for another tube "
        "voltage or irradiated range",
        "A simulation with these values gives the doses themselves.",
        cause="hypothetical_by_law",
        consequence="intervals allow for the law's own error",
    ),
}
