"""Which run a word means: its name, the start of it, ``last``, or ``-2`` for the one before."""

from __future__ import annotations

from rulekit.errors.tree import UsageError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

    from rulekit.history.runs import RunInfo


def choose_run(runs: Sequence[RunInfo], word: str | None) -> RunInfo:
    """The run that is meant; `runs` are the newest first. Raises `UsageError`."""
    if not runs:
        raise UsageError(
            "nothing was run here yet",
            code="RK0170",
            help="`rulekit -c N` runs the workflow; -d DIR looks in another folder",
        )
    if word is None or word == "last":
        return runs[0]
    if word[:1] == "-" and word[1:].isdigit() and 0 < int(word[1:]) <= len(runs):
        return runs[int(word[1:]) - 1]
    found = [run for run in runs if run.name.startswith(word)]
    if len(found) == 1 or (found and found[0].name == word):
        return found[0]
    raise UsageError(
        f"there is no run `{word}`" if not found else f"`{word}` may mean {len(found)} runs",
        code="RK0170",
        notes=tuple(f"run {run.name}" for run in (found or runs)[:5]),
        help="`last`, `-2` for the one before it, or the start of a name",
    )
