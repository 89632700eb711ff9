"""Published comparisons."""
