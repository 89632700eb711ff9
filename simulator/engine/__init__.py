"""The simulated machine: SimPy processes around the array kernel, and the accounting that comes out."""
