"""Hot loops over Arrow buffers, compiled by numba on first use and cached on disk."""
