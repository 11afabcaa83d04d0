"""Ruff, as the formatter of plain Python: a program that is found, run, and fed on its stdin."""

from __future__ import annotations

import os
import sys

from rulekit.errors.tree import RulekitError, SoftwareError

_found: str | None = None


def program() -> str:
    """The path of ruff. Raises `SoftwareError` (RK0160) if it is not installed."""
    global _found
    if _found is not None:
        return _found
    try:
        from ruff.__main__ import find_ruff_bin  # type: ignore[import-untyped]

        _found = os.fspath(find_ruff_bin())
    except (ImportError, FileNotFoundError):
        import shutil

        _found = shutil.which("ruff")
    if _found is None:
        raise SoftwareError(
            "the formatter needs ruff, which is not installed",
            code="RK0160",
            help="pip install 'rulekit-workflows[fmt]'",
        )
    return _found


def format_python(text: str, line_length: int) -> str:
    """Python in the layout of ruff, which is that of black. Settings of the user are not read.

    Raises `SoftwareError` if there is no ruff, `RulekitError` (RK0161) if it refuses the text.
    """
    import subprocess

    words = [program(), "format", "--isolated", "--no-cache", "--quiet"]
    words += ["--line-length", str(line_length)]
    words += ["--target-version", f"py3{min(sys.version_info[1], 13)}"]
    words += ["--stdin-filename", "rules.py", "-"]
    done = subprocess.run(words, input=text.encode("utf-8"), capture_output=True, check=False)
    if done.returncode:
        why = done.stderr.decode("utf-8", "replace").strip()
        raise RulekitError(
            "ruff cannot lay out this file", code="RK0161", notes=tuple(why.splitlines()[:3])
        )
    return done.stdout.decode("utf-8")
