"""Jobs of runs that were killed while their jobs were on a cluster.

Before the journal of such a run is recovered: what was not begun is withdrawn, what runs is waited
for, and the results that were found are added to the journal, as if the run had seen them.
"""

from __future__ import annotations

import json
import os

from rulekit.executors.cluster.submission import remove_tree, wait_until_over, withdraw
from rulekit.runner import wire

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

LOST_S = 300.0  # without a sign of life


def settle(
    state_dir: str,
    say: Callable[[str], None],
    is_abandoned: Callable[[str], bool],
    lost_s: float = LOST_S,
) -> int:
    """Brings abandoned submissions to their end; how many results were added to journals.

    `is_abandoned(journal path)`: whether the run it belongs to is dead. Raises OSError if a
    journal cannot be written.
    """
    found = 0
    for run, folder, journal in _runs(state_dir):
        if not os.path.exists(journal):
            remove_tree(folder)  # of a run that has ended
        elif is_abandoned(journal):
            found += _settle_run(run, folder, journal, say, lost_s)
    return found


def sweep(state_dir: str) -> None:
    """Takes away what failed jobs of runs that have ended left for a look."""
    for _, folder, journal in _runs(state_dir):
        if not os.path.exists(journal):
            remove_tree(folder)


def _runs(state_dir: str) -> Iterator[tuple[str, str, str]]:
    place = os.path.join(state_dir, "cluster")
    try:
        names = sorted(os.listdir(place))
    except OSError:
        return
    for run in names:
        journal = os.path.join(state_dir, "journal", f"{run}.jsonl")
        yield run, os.path.join(place, run), journal


def _settle_run(
    run: str, folder: str, journal: str, say: Callable[[str], None], lost_s: float
) -> int:
    jobs = os.path.join(folder, "jobs")
    done = os.path.join(folder, "done")
    told = False
    try:
        numbers = sorted(os.listdir(jobs), key=lambda name: (len(name), name))
    except OSError:
        numbers = []
    for number in numbers:
        place = os.path.join(jobs, number)
        if withdraw(place) or os.path.exists(os.path.join(done, f"{number}.ended")):
            continue
        if not told:
            told = True
            say(f"jobs of the run `{run}`, which was killed, are still on the cluster: waiting")
        wait_until_over(place, lost_s)
    return _add_results(done, journal)


def _add_results(done: str, journal: str) -> int:
    lines = []
    try:
        names = sorted(os.listdir(done))
    except OSError:
        names = []
    for name in names:
        if not name.endswith(".json"):
            continue
        try:
            with open(os.path.join(done, name), encoding="utf-8") as file:
                result = wire.result_from_json(json.load(file))
        except (OSError, ValueError):
            continue  # it counts as not ended
        lines.append(f'\n{{"r": {json.dumps(wire.result_to_tuple(result))}}}\n')
    if lines:
        file_number = os.open(journal, os.O_WRONLY | os.O_APPEND | os.O_CLOEXEC)
        try:
            os.write(file_number, "".join(lines).encode())
        finally:
            os.close(file_number)
    return len(lines)
