"""Loop nests: how a layer is spread over levels, PEs and time."""
