"""Measurements per slice: HU statistics, body size (WED), truncation, CTDIvol, SSDE."""
