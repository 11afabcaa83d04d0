"""Files below the state directory that belong to attempts nobody watches over any more."""

from __future__ import annotations

import os

from rulekit.runner import files

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable

FOLDERS = ("tmp", "scripts", "shadow", "stage")


def sweep(state_dir: str, owners: Iterable[str]) -> None:
    """Take away helper files and shadow directories of dead attempts.

    `owners`: tokens of attempts, or names of runs, which their tokens begin with. The name of
    each such file is the token, or begins with it and a dot. What cannot be removed stays.
    """
    whole = tuple(owners)
    beginnings = tuple(f"{owner}." for owner in whole)
    if not whole:
        return
    for folder in FOLDERS:
        try:
            names = os.listdir(os.path.join(state_dir, folder))
        except OSError:
            continue
        for name in names:
            if name in whole or name.startswith(beginnings):
                try:
                    files.remove(os.path.join(state_dir, folder, name))
                except OSError:
                    pass
