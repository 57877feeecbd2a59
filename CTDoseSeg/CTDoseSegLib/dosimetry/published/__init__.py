"""The dose engine `published`: the networks of Tzanis and Damilakis."""
