"""Files that only spare work: kept where nobody else can write, checked when read.

Every function here fails in silence: without a cache all is done anew.
"""

from __future__ import annotations

import os

try:
    from _blake2 import blake2b as blake2b  # `hashlib` loads OpenSSL, 4 ms
except ImportError:
    from hashlib import blake2b as blake2b

_SUM = 32  # bytes of the checksum before the content


def cache_folder() -> str | None:
    """The folder for parse caches, made if needed; None if there is no safe place.

    ``$XDG_CACHE_HOME/rulekit/parse``, by default below ``~/.cache``. It must be ours and
    closed to others.
    """
    home = os.environ.get("XDG_CACHE_HOME")
    if not home or not os.path.isabs(home):
        home = os.path.join(os.path.expanduser("~"), ".cache")
    folder = os.path.join(home, "rulekit", "parse")
    try:
        found = os.lstat(folder)
    except FileNotFoundError:
        try:
            os.makedirs(os.path.dirname(folder), mode=0o700, exist_ok=True)
            os.mkdir(folder, 0o700)
            found = os.lstat(folder)
        except OSError:
            return None
    except (OSError, ValueError):
        return None
    is_folder = found.st_mode & 0o170000 == 0o040000
    if not is_folder or found.st_uid != os.getuid() or found.st_mode & 0o077:
        return None
    return folder


def read_sealed(folder: str, name: str) -> bytes | None:
    """The content of a cache file; None if it is missing or damaged."""
    try:
        with open(os.path.join(folder, name), "rb") as file:
            data = file.read()
    except (OSError, ValueError):
        return None
    body = data[_SUM:]
    if blake2b(body, digest_size=_SUM).digest() != data[:_SUM]:
        return None
    return body


def write_sealed(folder: str, name: str, body: bytes) -> None:
    """Write a cache file whole or not at all."""
    path = os.path.join(folder, name)
    part = f"{path}.{os.getpid()}.part"
    try:
        handle = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except (OSError, ValueError):
        return
    try:
        with open(handle, "wb") as file:
            file.write(blake2b(body, digest_size=_SUM).digest())
            file.write(body)
        os.replace(part, path)
    except OSError:
        try:
            os.unlink(part)
        except OSError:
            pass
