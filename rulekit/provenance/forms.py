"""The forms that values have in the store's file."""

from __future__ import annotations

import struct
from binascii import crc32

from rulekit.model.record import FileFact

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from rulekit.model.spec import FileResult

_STAMP = struct.Struct("<qqB")
_AS_TEXT = 128  # added to the length of a digest that is not SHA-256 in bytes


def decode(data: bytes) -> str:
    return data.decode("utf-8", "surrogateescape")


def sql_text(text: str | None) -> str | bytes | None:
    """A text as SQLite takes it: names that are no UTF-8 as their bytes."""
    if text is None or text.isascii():
        return text
    try:
        text.encode()
    except UnicodeEncodeError:
        return text.encode("utf-8", "surrogateescape")
    return text


def checksum(text: str) -> int:
    return crc32(text.encode("utf-8", "surrogateescape"))


def split_texts(text: str | None) -> tuple[str, ...]:
    return tuple(text.split("\0")) if text else ()


def join_params(params: Sequence[str], names: Sequence[str]) -> str:
    """The texts of params, then, after an empty one, their names."""
    return "\0".join((*params, "", *names)) if params and names else "\0".join(params)


def split_params(text: str) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """What `join_params` joined; without names from old versions."""
    params, _, names = text.partition("\0\0")
    return split_texts(params), split_texts(names)


def pack_pairs(values: Mapping[str, str]) -> str:
    return "\0".join(f"{name}={value}" for name, value in values.items())


def unpack_pairs(text: str) -> dict[str, str]:
    pairs: dict[str, str] = {}
    for pair in split_texts(text):
        name, _, value = pair.partition("=")
        pairs[name] = value
    return pairs


def pack_usage(usage: Mapping[str, float]) -> str | None:
    return " ".join(f"{name}={value:.6g}" for name, value in usage.items()) or None


def unpack_usage(text: str | None) -> dict[str, float]:
    usage: dict[str, float] = {}
    for pair in (text or "").split():
        name, _, value = pair.partition("=")
        usage[name] = float(value)
    return usage


def pack_inputs(inputs: Sequence[FileResult]) -> bytes | None:
    """Names joined by NUL, an empty one, then for each time, size, and digest if there is one."""
    if not inputs:
        return None
    parts = ["\0".join([fact.path for fact in inputs]).encode("utf-8", "surrogateescape"), b"\0\0"]
    for fact in inputs:
        digest = b""
        mark = 0
        if fact.digest is not None:
            algorithm, _, text = fact.digest.partition(":")
            if algorithm == "sha256":
                digest = bytes.fromhex(text)
            elif len(fact.digest) < _AS_TEXT:  # of a stored file
                digest = fact.digest.encode()
                mark = _AS_TEXT
        parts.append(_STAMP.pack(fact.mtime_ns, fact.size, len(digest) + mark))
        parts.append(digest)
    return b"".join(parts)


def unpack_inputs(data: bytes | None) -> tuple[FileFact, ...]:
    if not data:
        return ()
    names, _, rest = data.partition(b"\0\0")
    facts = []
    at = 0
    for name in names.split(b"\0"):
        mtime, size, length = _STAMP.unpack_from(rest, at)
        at += _STAMP.size
        digest = None
        if length >= _AS_TEXT:
            length -= _AS_TEXT
            digest = decode(rest[at : at + length])
        elif length:
            digest = "sha256:" + rest[at : at + length].hex()
        at += length
        facts.append(FileFact(decode(name), mtime, size, digest))
    return tuple(facts)
