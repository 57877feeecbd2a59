"""The commands by family: what each takes, and what it does with it."""
