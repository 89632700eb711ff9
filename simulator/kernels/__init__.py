"""Numba kernels over integer arrays, and the one module that owns the numba policy."""
