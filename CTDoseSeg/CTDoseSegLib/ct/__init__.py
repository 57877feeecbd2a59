"""Values that the other rooms share: series, exposure, geometry, dose report, table of organs."""
