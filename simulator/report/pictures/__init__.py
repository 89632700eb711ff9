"""Pictures of runs and studies; the only code that needs matplotlib, which is loaded when one is drawn."""
