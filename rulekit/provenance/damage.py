"""Errors of the store's file: which of them are damage, and how they are put into words."""

from __future__ import annotations

import sqlite3


def is_damage(error: Exception) -> bool:
    if isinstance(error, UnicodeDecodeError):
        return True
    code = getattr(error, "sqlite_errorcode", None)
    if code is not None:
        return code & 0xFF in (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB) or (
            code & 0xFF == sqlite3.SQLITE_ERROR and "no such" in str(error)
        )
    return "malformed" in str(error) or "not a database" in str(error)


def damage_note(path: str, error: Exception, aside: str | None) -> str:
    kept = "is left as it is" if aside is None else f"was moved to `{aside}`"
    return (
        f"the state in `{path}` is damaged ({error}) and {kept}: what earlier runs did is"
        " forgotten, files are judged by their times until their jobs have run again"
    )


def words_of(error: Exception) -> str:
    return (getattr(error, "strerror", None) or str(error)).lower()
