"""The dose engine `fast`: a fitted law, with the intervals of its doses."""
