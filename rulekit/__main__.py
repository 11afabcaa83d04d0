"""`python -m rulekit`."""

import os
import sys


def _forget_current_directory() -> None:
    """Python has put the current directory before its own library: a `copy.py` there would stand
    in for Python's. The command `rulekit` does not have it either."""
    try:
        here = os.getcwd()
    except OSError:
        return
    if not sys.flags.safe_path and sys.path[:1] == [here]:
        del sys.path[0]


if __name__ == "__main__":
    _forget_current_directory()
    from rulekit.cli.main import entry

    entry()
