"""Makefiles read, and Rulefiles written that make the same files."""
