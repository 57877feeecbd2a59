"""How the networks and coefficients came to be."""
