"""Dose: of organs, of the examination, effective dose, each with its uncertainty."""
