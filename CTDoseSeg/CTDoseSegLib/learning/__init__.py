"""How the dose model and the UNets came to be, and how good they are."""
