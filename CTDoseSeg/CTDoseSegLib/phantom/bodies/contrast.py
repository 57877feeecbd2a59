def iodine_mg_ml(phase, tissue, rng=None):
    return 0.0
