"""The reference pages of the Guide, made from the code.

A page is written by hand, but for its blocks between ``<!-- generated: NAME -->`` and
``<!-- end -->``: those come from the parser of the command, the catalogue of flags, the columns of
the tables and the docstrings. ``make guide`` writes them; `test_guide.py` compares.
"""
