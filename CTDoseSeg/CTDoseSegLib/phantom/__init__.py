"""An analytic CT with its exact truth and its dose report."""
