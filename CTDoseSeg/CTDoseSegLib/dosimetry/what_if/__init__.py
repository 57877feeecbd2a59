"""What another exposure of the same patient would give; HYPOTHETICAL, and no part of a result.

Nothing is measured again: organs and sizes are those of the scan. CTDIvol, DLP and SSDE follow
`change`; organ doses follow CTDIvol, and for another tube voltage or irradiated range the fast law
is asked anew with them, in milliseconds (`organs`). The tube current keeps its shape along the
body. Overranging stays as it was, though it grows with the pitch.
"""
