"""Organ doses, effective dose, the dose of an examination; the dose engines."""
