"""Bodies of any age, sex and build, from head to pelvis, with organs of known mass."""
