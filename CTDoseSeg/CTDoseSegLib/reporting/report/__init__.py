"""The report of a result for people: one page, the answer first, as HTML and as PDF."""
