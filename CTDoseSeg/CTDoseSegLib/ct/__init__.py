"""Values that the other rooms share: series, exposure, geometry, organs, attenuation."""
