"""Compiled rule files on disk, so that a warm start neither parses nor imports a parser.

A cache file is named by the hash of path, source and versions, and sealed with a checksum. All
trouble (no home, full disk, foreign folder, damage) means: no cache.
"""

from __future__ import annotations

import gc
import marshal
import os
import sys
from _frozen_importlib_external import MAGIC_NUMBER  # `importlib.util` costs 4 ms

from rulekit import __version__
from rulekit.errors.diagnostic import Diagnostic, Label
from rulekit.model.span import Span
from rulekit.syntax.cachedir import blake2b, cache_folder, read_sealed, write_sealed
from rulekit.syntax.reading import decode, read_bytes

TYPE_CHECKING = False
if TYPE_CHECKING:
    from types import CodeType
    from typing import Any

    Compiled = tuple[CodeType, frozenset[str], tuple[Diagnostic, ...]]

MOST_FILES = 500
_PREFIX = "code-"


def _name(path: str, source: bytes) -> str:
    seal = blake2b(digest_size=32)
    versions = f"{__version__}\0{sys.implementation.cache_tag}\0{sys.flags.optimize}\0"
    seal.update(versions.encode() + MAGIC_NUMBER)
    name = path.encode("utf-8", "surrogateescape")
    seal.update(b"%d\0%b" % (len(name), name))
    seal.update(source)
    return _PREFIX + seal.hexdigest()


def load_code(path: str, source: bytes) -> Compiled | None:
    """What `store` kept for this path and content: code, names used, warnings; or None."""
    folder = cache_folder()
    if folder is None:
        return None
    body = read_sealed(folder, _name(path, source))
    if body is None:
        return None
    try:
        code, names, warnings = marshal.loads(body)  # noqa: S302  ours, and sealed
        return code, frozenset(names), tuple(_diagnostic(plain) for plain in warnings)
    except (EOFError, ValueError, TypeError):
        return None


def store(
    path: str,
    source: bytes,
    code: CodeType,
    names: frozenset[str],
    warnings: tuple[Diagnostic, ...],
) -> None:
    """Keep the compiled form of a rule file for later starts, if that is possible."""
    folder = cache_folder()
    if folder is None:
        return
    try:
        body = marshal.dumps((code, tuple(sorted(names)), tuple(map(_plain, warnings))))
    except ValueError:
        return
    write_sealed(folder, _name(path, source), body)
    _drop_oldest(folder)


def compiled(path: str) -> Compiled:
    """The code of the rule file at `path`, the names it uses, and warnings about it.

    From the cache if this text was compiled before. `path` is the name in tracebacks as well.
    Raises `RuleFileError`.
    """
    source = read_bytes(path)
    found = load_code(path, source)
    if found is not None:
        return found
    text = decode(source, path)
    # A syntax tree is many small objects and no cycles: collecting garbage meanwhile would
    # double the time.
    collecting = gc.isenabled()
    gc.disable()
    try:
        code, names, warnings = _compile(text, path)
    finally:
        if collecting:
            gc.enable()
    store(path, source, code, names, warnings)
    return code, names, warnings


def _compile(text: str, path: str) -> Compiled:
    from rulekit.compiler.lowering import compile_file, names_used
    from rulekit.syntax.parser import parse

    rulefile = parse(text, path)
    code = compile_file(rulefile)
    return code, names_used(code), rulefile.warnings


def _drop_oldest(folder: str) -> None:
    """Keep the number of files bounded; half-written ones of killed processes go as well."""
    try:
        names = os.listdir(folder)
        if len(names) <= MOST_FILES:
            return
        aged = sorted((os.stat(os.path.join(folder, name)).st_mtime_ns, name) for name in names)
        for _, name in aged[: len(names) - MOST_FILES * 9 // 10]:
            os.unlink(os.path.join(folder, name))
    except OSError:
        pass  # another process is at it


def _plain(diagnostic: Diagnostic) -> tuple[Any, ...]:
    """A diagnostic as marshal can hold it."""
    return (
        diagnostic.code,
        diagnostic.message,
        _plain_span(diagnostic.span),
        diagnostic.caret,
        tuple((_plain_span(label.span), label.text) for label in diagnostic.labels),
        diagnostic.notes,
        diagnostic.help,
        diagnostic.severity,
    )


def _plain_span(span: Span | None) -> tuple[Any, ...] | None:
    if span is None:
        return None
    return (span.file, span.line, span.column, span.end_line, span.end_column)


def _diagnostic(plain: tuple[Any, ...]) -> Diagnostic:
    code, message, span, caret, labels, notes, help_, severity = plain
    return Diagnostic(
        code,
        message,
        None if span is None else Span(*span),
        caret,
        tuple(Label(Span(*place), text) for place, text in labels),
        notes,
        help_,
        severity,
    )
