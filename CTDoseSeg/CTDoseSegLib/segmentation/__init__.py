"""Which voxel is what."""
