"""Studies: questions that take more than one run, or a run and an analysis."""
