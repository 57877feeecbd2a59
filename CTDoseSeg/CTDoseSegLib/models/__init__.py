"""Files of the models that come with the package, with their model cards."""
