"""Pages that need nothing else: their shell, styles, scripts and the safe way to put data in."""
