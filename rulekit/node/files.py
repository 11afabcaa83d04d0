"""Reading files of this machine in parts."""

from __future__ import annotations

import base64
import hashlib
import os

_CHUNK = 1 << 20


def read_at(file: int, start: int, length: int) -> bytes:
    """Exactly `length` bytes from `start`, fewer only at the end of the file. Raises OSError."""
    data = os.pread(file, length, start)
    if len(data) == length or not data:
        return data
    parts = [data]
    done = len(data)
    while done < length:
        data = os.pread(file, length - done, start + done)
        if not data:
            break
        parts.append(data)
        done += len(data)
    return b"".join(parts)


def md5_of(file: int, size: int) -> str:
    """The MD5 of the first `size` bytes, in base64. Raises OSError."""
    state = hashlib.md5(usedforsecurity=False)
    start = 0
    while start < size:
        data = os.pread(file, min(_CHUNK, size - start), start)
        if not data:
            break
        state.update(data)
        start += len(data)
    return base64.b64encode(state.digest()).decode()
