"""Folders: walking through them, and output that appears whole or not at all."""
