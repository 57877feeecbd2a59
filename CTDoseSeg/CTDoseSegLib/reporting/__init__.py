"""Pictures and text for eyes: charts, overlay, terminal."""
