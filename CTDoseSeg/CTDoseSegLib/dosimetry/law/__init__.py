"""The dose engine `law`: a law fitted to simulations, for trunks and heads of any age."""
