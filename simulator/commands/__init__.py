"""The commands of ``stallion``, one function each; everything but typer is loaded when one needs it."""
