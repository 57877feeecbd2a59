"""The dose engine `montecarlo`: photons followed through the patient's own CT."""
