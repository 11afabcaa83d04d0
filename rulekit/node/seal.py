"""A bundle of secrets that is of no use without its key, which goes another way.

Encrypt-then-MAC with keyed SHA-2 from the standard library: the key stream is HMAC-SHA-512 of a
random nonce and a counter, the tag HMAC-SHA-256 of everything before it; each has a key of its
own, derived from the given one. A nonce is random and long enough never to come twice.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import os

_MAGIC = b"RKS1"
_NONCE = 24
_TAG = 32
_BLOCK = 64
KEY_BYTES = 32


def new_key() -> str:
    """A fresh key as text (base64 for URLs)."""
    return base64.urlsafe_b64encode(os.urandom(KEY_BYTES)).decode()


def key_of(text: str) -> bytes:
    """The key that `new_key` wrote. Raises ValueError, which does not hold it."""
    try:
        key = base64.b64decode(text.encode("ascii"), altchars=b"-_", validate=True)
    except ValueError:
        key = b""
    if len(key) != KEY_BYTES:
        raise ValueError("the key of the sealed bundle is not one") from None
    return key


def seal(data: bytes, key: bytes) -> bytes:
    """`data` under seal: nothing about it shows but its length."""
    nonce = os.urandom(_NONCE)
    body = _MAGIC + nonce + _mix(data, _derived(key, b"encrypt"), nonce)
    return body + _tag(body, key)


def unseal(sealed: bytes, key: bytes) -> bytes:
    """The reverse. Raises ValueError for another key, or if a single bit was changed."""
    start = len(_MAGIC) + _NONCE
    if len(sealed) < start + _TAG or sealed[: len(_MAGIC)] != _MAGIC:
        raise ValueError("this is no sealed bundle")
    body, tag = sealed[:-_TAG], sealed[-_TAG:]
    if not hmac.compare_digest(tag, _tag(body, key)):
        raise ValueError("the sealed bundle was changed, or the key is another one's")
    return _mix(body[start:], _derived(key, b"encrypt"), body[len(_MAGIC) : start])


def take_key(name: str) -> str | None:
    """The value of a variable that nobody shall see after this, in the environment of this
    process neither: not its children, not others that look into it."""
    value = os.environ.get(name)
    if value is None:
        return None
    try:
        import ctypes

        library = ctypes.CDLL(None)
        library.getenv.restype = ctypes.c_void_p
        place = library.getenv(os.fsencode(name))
        if place:
            ctypes.memset(place, ord("-"), len(os.fsencode(value)))
        library.prctl(4, 0, 0, 0, 0)  # PR_SET_DUMPABLE: /proc/<pid>/environ and mem are closed
    except (ImportError, OSError, AttributeError):
        pass  # what is left: children do not get it
    del os.environ[name]
    return value


def _derived(key: bytes, use: bytes) -> bytes:
    if len(key) != KEY_BYTES:
        raise ValueError(f"a key has {KEY_BYTES} bytes")
    return hmac.digest(key, b"rulekit sealed bundle 1: " + use, "sha256")


def _tag(body: bytes, key: bytes) -> bytes:
    return hmac.digest(_derived(key, b"authenticate"), body, "sha256")


def _mix(data: bytes, key: bytes, nonce: bytes) -> bytes:
    """With the key stream; to do it twice gives `data` back."""
    count = -(-len(data) // _BLOCK)
    first = hmac.new(key, nonce, hashlib.sha512)
    parts = []
    for number in range(count):
        state = first.copy()
        state.update(number.to_bytes(8, "big"))
        parts.append(state.digest())
    stream = b"".join(parts)[: len(data)]
    mixed = int.from_bytes(data, "big") ^ int.from_bytes(stream, "big")
    return mixed.to_bytes(len(data), "big")
