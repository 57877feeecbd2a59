"""The fit of the dose model, and its score."""
