"""Fit the law of organ doses to simulated bodies, and judge it."""
