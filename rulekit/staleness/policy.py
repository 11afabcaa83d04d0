"""What counts: the triggers and what was forced on the command line."""

from __future__ import annotations

from rulekit.frozen import frozen

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

# `output` is ours: an output that is not what its job left there. The others are Snakemake's.
TRIGGERS = ("mtime", "output", "code", "input", "params", "software-env")


@frozen
class Policy:
    """triggers: a subset of `TRIGGERS`.

    force_targets: the target jobs run (`-f`); force_all: every job (`-F`); force: rule names and
    files (`-R`). exempt: jobs, by key, that force does not touch (they ran already in this run).
    keep_incomplete: `--ignore-incomplete`. ancient: rule name to names or files of inputs that
    never count as newer (`--consider-ancient`).
    """

    triggers: frozenset[str] = frozenset(TRIGGERS)
    force_targets: bool = False
    force_all: bool = False
    force: frozenset[str] = frozenset()
    exempt: frozenset[str] = frozenset()
    ignore_incomplete: bool = False
    ancient: Mapping[str, frozenset[str]] | None = None
