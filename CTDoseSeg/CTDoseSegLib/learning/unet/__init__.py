"""The training of UNets, and their evaluation."""
