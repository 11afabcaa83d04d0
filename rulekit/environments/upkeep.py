"""Listing and removing what a store and the package cache hold."""

from __future__ import annotations

import os
import string

from rulekit.environments import layout
from rulekit.environments.locks import try_hold
from rulekit.environments.values import Entry

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable

_HEX = frozenset(string.hexdigits.lower())
_ARCHIVES = (".conda", ".tar.bz2", ".tar.gz")


def entries(folder: str, *, sizes: bool = False) -> list[Entry]:
    """The environments of a store, complete or not, by time of last use."""
    found = []
    for name in _names(folder):
        prefix = os.path.join(folder, name)
        mark = layout.read_mark(prefix) or {}
        made_at = float(mark.get("made") or _time(prefix))
        used_at = _time(layout.side(folder, "used", name)) or made_at
        found.append(
            Entry(
                identity=str(mark.get("identity") or name),
                prefix=prefix,
                complete=bool(mark),
                platform=str(mark.get("platform", "")),
                sources=(str(mark["source"]),) if "source" in mark else (),
                made_at=made_at,
                used_at=used_at,
                size=own_size(prefix) if sizes else 0,
            )
        )
    return sorted(found, key=lambda one: (one.used_at, one.prefix))


def _names(folder: str) -> list[str]:
    try:
        names = os.listdir(folder)
    except OSError:
        return []
    return [n for n in names if len(n) == layout.SHORT and _HEX.issuperset(n)]


def _time(path: str) -> float:
    try:
        return os.stat(path).st_mtime
    except OSError:
        return 0.0


def own_size(folder: str) -> int:
    """The bytes that removing a folder gives free: files that are nowhere else."""
    total = 0
    for base, _, names in os.walk(folder):
        for name in names:
            try:
                about = os.lstat(os.path.join(base, name))
            except OSError:
                continue
            if about.st_nlink == 1:
                total += about.st_size
    return total


def remove(folder: str, identities: Iterable[str]) -> list[str]:
    """Remove environments, and what belongs to them, that nobody makes just now; those that were
    removed. What was solved stays known. Raises OSError."""
    removed = []
    for identity in identities:
        held = try_hold(layout.side(folder, "locks", identity))
        if held is None:
            continue
        try:
            layout.discard(folder, layout.prefix_of(folder, identity))
            for kind, ending in (("packs", ".tar.gz"), ("logs", ".log"), ("used", "")):
                try:
                    os.unlink(layout.side(folder, kind, identity, ending))
                except FileNotFoundError:
                    pass
            removed.append(identity)
        finally:
            held.release()
    return removed


def clean_packages(cache: str, what: str) -> int:
    """Remove packages from a cache: ``tarballs`` (archives), ``unused`` (those of which no
    environment has a file), ``cache`` (all). The bytes that were freed.

    An environment that is being made may lose a package it is about to link: it then says so and
    can be made again.
    """
    freed = 0
    try:
        names = sorted(os.listdir(cache))
    except OSError:
        return 0
    for name in names:
        path = os.path.join(cache, name)
        if name.endswith(_ARCHIVES) and os.path.isfile(path):
            freed += os.stat(path).st_size
            os.unlink(path)
        elif what == "tarballs":
            continue
        elif os.path.isdir(os.path.join(path, "info")) and (what == "cache" or _unused(path)):
            freed += own_size(path)
            layout.discard(cache, path)
            try:
                os.unlink(f"{path}.lock")
            except OSError:
                pass
    if what == "cache":
        layout.discard(cache, os.path.join(cache, "repodata"))
    return freed


def _unused(folder: str) -> bool:
    for base, _, names in os.walk(folder):
        for name in names:
            try:
                if os.lstat(os.path.join(base, name)).st_nlink > 1:
                    return False
            except OSError:
                return False
    return True
