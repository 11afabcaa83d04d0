"""`snakemake.rules`, `.jobs`, `.checkpoints`, `.parser`: classes that are only named."""

from __future__ import annotations


class Rule:
    """Only a name, for annotations."""


class RuleProxy:
    """Only a name, for annotations."""


class Job:
    """Only a name, for annotations."""


class Checkpoints:
    """Only a name, for annotations."""
