"""What came out of the scanner."""
