"""The joint problem on plain arrays: no catalogs, no frames, numpy and scipy alone."""
