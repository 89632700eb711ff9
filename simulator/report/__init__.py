"""What a run found: results, tables, files, comparisons and plots."""
