"""A result for eyes: in the terminal and as charts."""
