"""A language server for rule files: what editors ask, answered from the text alone."""
