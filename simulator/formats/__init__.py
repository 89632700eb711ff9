"""Files of other tools: read as they are, checked like our own, and turned into our descriptions."""
