"""CTDoseSeg: from a CT examination to organ doses. Research software, not for clinical use."""

__version__ = "0.1.0"
# Shown with every result.
NOTICE = "Research software, not for clinical use."
