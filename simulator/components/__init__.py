"""Pure descriptions of hardware parts: one file per kind, discovered by being there."""
