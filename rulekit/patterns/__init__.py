"""Paths with wildcards: parse, match, fill. Knows nothing of rules or disks."""

from rulekit.patterns.pattern import (
    Pattern,
    PatternError,
    fill_names,
    parse,
    strip_constraints,
    wildcard_names,
)

__all__ = [
    "Pattern",
    "PatternError",
    "fill_names",
    "parse",
    "strip_constraints",
    "wildcard_names",
]
