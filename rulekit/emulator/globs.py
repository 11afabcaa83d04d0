"""Patterns of output files: `*`, `**`, `?`, `[…]`, relative to a task's working directory.

Dot files match only where the pattern names the dot. Source: the reference of OutputFile.
"""

from __future__ import annotations

import os
import re

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

_MAGIC = re.compile(r"[*?\[]")


def has_wildcards(pattern: str) -> bool:
    """Whether the pattern may name several files."""
    return _MAGIC.search(pattern) is not None


def _segment(part: str) -> re.Pattern[str]:
    out = [] if part.startswith(".") else [r"(?!\.)"]
    at = 0
    while at < len(part):
        c = part[at]
        at += 1
        if c == "*":
            out.append(".*")
        elif c == "?":
            out.append(".")
        elif c == "[":
            end = part.find("]", at + 1)
            if end < 0:
                out.append(r"\[")
            else:
                inner = part[at:end].replace("\\", "\\\\")
                at = end + 1
                out.append("[" + ("^" + inner[1:] if inner[0] in "!^" else inner) + "]")
        else:
            out.append(re.escape(c))
    return re.compile("".join(out) + r"\Z", re.DOTALL)


def _walk(base: str, inner: str, parts: list[str]) -> Iterator[tuple[str, str]]:
    if not parts:
        return
    part, rest = parts[0], parts[1:]
    if part == "..":
        yield from _walk(os.path.join(base, ".."), "", rest)
        return
    try:
        entries = sorted(os.scandir(base), key=lambda e: e.name)
    except OSError:
        return
    if part == "**":
        if rest:
            yield from _walk(base, inner, rest)
        for entry in entries:
            if entry.name.startswith("."):
                continue
            name = f"{inner}/{entry.name}" if inner else entry.name
            if entry.is_dir(follow_symlinks=False):
                yield from _walk(entry.path, name, parts)
            elif not rest and entry.is_file():
                yield entry.path, name
        return
    matches = _segment(part).match
    for entry in entries:
        if not matches(entry.name):
            continue
        name = f"{inner}/{entry.name}" if inner else entry.name
        if rest:
            if entry.is_dir():
                yield from _walk(entry.path, name, rest)
        elif entry.is_file():
            yield entry.path, name


def find(workdir: str, pattern: str) -> list[tuple[str, str]]:
    """The files that match, as (path on this machine, name below the pattern's fixed part)."""
    parts = [p for p in pattern.replace("\\", "/").split("/") if p not in ("", ".")]
    base = workdir
    while len(parts) > 1 and not has_wildcards(parts[0]):
        base = os.path.join(base, parts.pop(0))
    seen: dict[str, str] = {}
    for path, name in _walk(base, "", parts):
        seen.setdefault(os.path.normpath(path), name)
    return list(seen.items())
