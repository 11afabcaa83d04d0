"""What the command line may ask of planning, and what an input function may answer."""

from __future__ import annotations

from rulekit.frozen import frozen


@frozen
class PlanOptions:
    """until, omit_from: rule names or files. batch: (rule, i, n), the i-th of n parts, from 1.

    strict: ``functions`` | ``cyclic-graph`` | ``periodic-wildcards``: these drop no candidate
    silently but are errors. also: rule names or files that are targets beside the others, as
    long as they have no wildcards (`--until`, `--forcerun` and `--prioritize` name such).
    """

    also: tuple[str, ...] = ()
    until: frozenset[str] = frozenset()
    omit_from: frozenset[str] = frozenset()
    allowed_rules: frozenset[str] = frozenset()
    allow_ambiguity: bool = False
    strict: frozenset[str] = frozenset()
    batch: tuple[str, int, int] | None = None
