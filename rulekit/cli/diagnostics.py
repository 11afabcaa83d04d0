"""Errors in writing, at the one place where they reach the user."""

from __future__ import annotations

import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

    from rulekit.errors.tree import RulekitError

INTERNAL = 70


def tell(error: RulekitError, *, nocolor: bool = False, words: Sequence[str] = ()) -> int:
    """Write an error on stderr; the exit code. `words`: the command line."""
    from rulekit.cli.parse import VERBS
    from rulekit.errors.hints import improved
    from rulekit.errors.show import show
    from rulekit.reporting.paint import painter

    improved(error, words, VERBS)
    show(error, sys.stderr, painter(sys.stderr, nocolor))
    return error.exit_code


def of_the_machine(error: BaseException) -> RulekitError | None:
    """The error as one that is no mistake of ours: a full disk, a name that the locale cannot say."""
    import errno

    from rulekit.errors.tree import InfrastructureError

    full = (errno.ENOSPC, errno.EDQUOT)
    if isinstance(error, OSError) and error.errno in full:
        where = f"`{error.filename}`" if isinstance(error.filename, str) else "its output"
        return InfrastructureError(
            f"{where} cannot be written: {error.strerror}",
            help="make room, and run again: only what is left is done",
        )
    if isinstance(error, UnicodeEncodeError) and sys.getfilesystemencoding().lower() == "ascii":
        return InfrastructureError(
            f"the name {error.object!a} cannot be said in ASCII, which the locale asks for",
            help="export LC_ALL=C.UTF-8, and do not set PYTHONUTF8=0",
        )
    return None


def tell_bug(error: BaseException, argv: list[str]) -> int:
    """An error of our own: the traceback goes into a file, a card onto stderr."""
    import os
    import platform
    import tempfile
    import time
    import traceback

    from rulekit import __version__

    text = "".join(traceback.format_exception(error))
    report = (
        f"rulekit {__version__}, Python {platform.python_version()}, {platform.platform()}\n"
        f"{time.strftime('%Y-%m-%dT%H:%M:%S%z')}\n"
        f"command: rulekit {' '.join(_without_values(argv))}\n"
        f"directory: {os.getcwd()}\n\n{text}"
    )
    path = None
    for folder in (os.path.join(".rulekit", "log") if os.path.isdir(".rulekit") else None, None):
        try:
            if folder is not None:
                os.makedirs(folder, exist_ok=True)
            handle, path = tempfile.mkstemp(prefix="rulekit-bug-", suffix=".txt", dir=folder)
            with open(handle, "w", encoding="utf-8", errors="backslashreplace") as stream:
                stream.write(report)
            break
        except OSError:
            path = None
    last = traceback.extract_tb(error.__traceback__)[-1:]
    where = f" ({os.path.basename(last[0].filename)}:{last[0].lineno})" if last else ""
    sys.stderr.write(
        f"error[RK0001]: internal error: {type(error).__name__}: {error}{where}\n"
        "  = note: this is a mistake in rulekit, not in your workflow\n"
    )
    if path is not None:
        sys.stderr.write(f"  = note: a report is in {path}\n")
    else:
        sys.stderr.write(f"  = note: no report could be written; it would have said:\n{report}\n")
    sys.stderr.write("  = help: please send that report to the makers of rulekit\n")
    return INTERNAL


def _without_values(argv: list[str]) -> list[str]:
    """The command line without what may be secret: values of --config and of long options."""
    shown: list[str] = []
    hide = False
    for word in argv:
        if word.startswith("-"):
            name, equals, _ = word.partition("=")
            hide = name in ("--config", "-C")
            shown.append(name + "=..." if equals else word)
        else:
            shown.append(word.partition("=")[0] + "=..." if hide and "=" in word else word)
    return shown
