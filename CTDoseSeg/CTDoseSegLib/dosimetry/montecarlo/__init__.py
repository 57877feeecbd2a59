"""Photon Monte Carlo on the patient's own CT: materials, beams, transport, tallies."""
