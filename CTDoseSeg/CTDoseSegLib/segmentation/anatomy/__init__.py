"""Whether a label map can be a person's anatomy; what cannot be is taken away or flagged."""
