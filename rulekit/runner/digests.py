"""Digests of file contents, and what `ensure` asks of a file."""

from __future__ import annotations

import os
from stat import S_ISREG

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

# hashlib loads the OpenSSL library (10 ms); for small files Python's own code is as good.
_SMALL = 1 << 16
_CHUNK = 1 << 20

# (path, mtime in ns, size, inode) → digest. An input of one job is the output of another.
_known: dict[tuple[str, int, int, int], str] = {}
_KNOWN_AT_MOST = 200_000


def _small_sha256() -> Any:
    for name in ("_sha2", "_sha256"):
        try:
            return __import__(name).sha256
        except (ImportError, AttributeError):
            continue
    return None


_sha256_small = _small_sha256()


def sha256(path: str, stat: os.stat_result) -> str | None:
    """``sha256:<hex>`` of a regular file that looked like `stat`.

    None if it is no regular file, cannot be read, or is not (or no longer) what `stat` says.
    """
    key = (path, stat.st_mtime_ns, stat.st_size, stat.st_ino)
    digest = _known.get(key)
    if digest is not None:
        return digest
    if not S_ISREG(stat.st_mode):
        return None
    try:
        file = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
    except OSError:
        return None
    try:
        seen = os.fstat(file)
        if (seen.st_mtime_ns, seen.st_size, seen.st_ino) != key[1:]:
            return None
        if seen.st_size <= _SMALL and _sha256_small is not None:
            data = os.read(file, _SMALL + 1)
            if len(data) != seen.st_size:
                return None
            state = _sha256_small(data)
        else:
            import hashlib

            state = hashlib.sha256()
            while chunk := os.read(file, _CHUNK):
                state.update(chunk)
    except OSError:
        return None
    finally:
        os.close(file)
    digest = f"sha256:{state.hexdigest()}"
    if len(_known) >= _KNOWN_AT_MOST:
        _known.clear()
    _known[key] = digest
    return digest


def checksum(path: str, algorithm: str) -> str:
    """Hex digest of a whole file. Raises OSError."""
    import hashlib

    state = hashlib.new(algorithm, usedforsecurity=False)
    with open(path, "rb", buffering=0) as file:
        while chunk := file.read(_CHUNK):
            state.update(chunk)
    return state.hexdigest()


def broken_promise(path: str, stat: os.stat_result, promise: Mapping[str, Any]) -> str | None:
    """What a file lacks of what `ensure` promised, in words; None if nothing. Raises OSError."""
    if promise.get("non_empty") and stat.st_size == 0:
        return f"`{path}` is empty, but the rule ensures that it is not"
    for algorithm in ("sha256", "md5", "sha1"):
        wanted = promise.get(algorithm)
        if wanted is None:
            continue
        found = checksum(path, algorithm)
        if found != str(wanted).strip().lower():
            return f"`{path}` has the {algorithm} {found}, but the rule ensures {wanted}"
    return None
