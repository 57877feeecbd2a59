"""Bodies of any age, sex and size: who they are, and what their organs weigh."""
