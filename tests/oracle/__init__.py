"""A second model of the machines: every part acts once a cycle, in plain Python, sharing no code with the engine."""
