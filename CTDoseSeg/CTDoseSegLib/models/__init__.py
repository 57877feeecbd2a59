"""Package data: weights and coefficients with their model cards."""
