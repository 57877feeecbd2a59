"""The module's panel, a file for each of its sections."""
