"""The package of the demonstration module."""
