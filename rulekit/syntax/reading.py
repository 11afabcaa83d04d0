"""Reading a rule file from disk, or saying clearly why not."""

from __future__ import annotations

import os

from rulekit.errors.tree import RuleFileError
from rulekit.model.span import Span


def read_bytes(path: str) -> bytes:
    """The content of a rule file. Raises `RuleFileError` (RK0201) if it cannot be read."""
    try:
        with open(path, "rb") as file:
            return file.read()
    except FileNotFoundError:
        raise RuleFileError(f"there is no rule file `{path}`", code="RK0201") from None
    except IsADirectoryError:
        raise RuleFileError(
            f"the rule file `{path}` is a directory",
            code="RK0201",
            help="name a file inside it",
        ) from None
    except (OSError, ValueError) as error:
        why = os.strerror(error.errno) if isinstance(error, OSError) and error.errno else error
        raise RuleFileError(
            f"the rule file `{path}` cannot be read: {str(why).lower()}", code="RK0201"
        ) from None


def decode(data: bytes, path: str) -> str:
    """The text of a rule file with ``\\n`` line ends and no byte order mark.

    Raises `RuleFileError` (RK0202) with the line for bytes that are not UTF-8 text.
    """
    if data.startswith(b"\xef\xbb\xbf"):
        data = data[3:]
    zero = data.find(b"\0")
    if zero >= 0:
        raise RuleFileError(
            f"`{path}` is not a text file: it holds a zero byte",
            code="RK0202",
            span=Span(path, data.count(b"\n", 0, zero) + 1, 1),
            help="a rule file is UTF-8 text",
        )
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError as error:
        before = data[: error.start].decode("utf-8")
        line = before.count("\n") + 1
        column = len(before) - (before.rfind("\n") + 1) + 1
        raise RuleFileError(
            f"`{path}` is not UTF-8 text: byte 0x{data[error.start]:02x} in line {line}",
            code="RK0202",
            span=Span(path, line, column),
            help="save the file as UTF-8",
        ) from None
    if "\r" in text:
        text = text.replace("\r\n", "\n").replace("\r", "\n")
    return text


def read(path: str) -> str:
    """The text of the rule file at `path`. Raises `RuleFileError` if it cannot be had."""
    return decode(read_bytes(path), path)
