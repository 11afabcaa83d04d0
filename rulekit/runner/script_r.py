"""The job's names as R sees them: the S4 object `snakemake`.

``snakemake@input[[1]]``, ``snakemake@params[["x"]]``: lists that hold every item by position
first, then those with names once more. A list of values of one kind becomes a vector.
"""

from __future__ import annotations

from rulekit.runner.context import LISTS, decode_value, named_values

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from typing import Any

# Rscript before R 3.5 does not attach the package by itself.
_CLASS = """\
library(methods)
Snakemake <- setClass(
    "Snakemake",
    slots = c(
        input = "list", output = "list", params = "list", wildcards = "list", log = "list",
        resources = "list", threads = "numeric", config = "list", rule = "character",
        bench_iteration = "numeric", scriptdir = "character", source = "function"
    )
)"""

# Scripts beside this one are named relative to it.
_SOURCE = """\
function(...) {
        before <- getwd()
        on.exit(setwd(before), add = TRUE)
        setwd(snakemake@scriptdir)
        source(...)
    }"""

_LARGEST_INTEGER = 2**31 - 1


def preamble(context: Mapping[str, Any]) -> str:
    """R text that makes the object. Raises TypeError for a value that R has no word for."""
    slots = [f"{part} = {_named(context.get(part))}" for part in LISTS]
    turn = context.get("bench_iteration")
    slots += [
        f"threads = {int(context.get('threads', 1))}",
        f"config = {encode(decode_value(context.get('config') or {}))}",
        f"rule = {encode(str(context.get('rule', '')))}",
        f"bench_iteration = {'as.numeric(NA)' if turn is None else int(turn)}",
        f"scriptdir = {encode(str(context.get('scriptdir', '')))}",
        f"source = {_SOURCE}",
    ]
    body = ",\n    ".join(slots)
    return f"{_CLASS}\nsnakemake <- Snakemake(\n    {body}\n)"


def _named(part: Mapping[str, Any] | None) -> str:
    words = [encode(decode_value(item)) for item in (part or {"items": ()})["items"]]
    words += [f"{literal(name)} = {encode(value)}" for name, value in named_values(part).items()]
    return f"list({', '.join(words)})"


def encode(value: Any) -> str:
    """A value as an R expression. Raises TypeError if there is none for it."""
    if value is None:
        return "NULL"
    if isinstance(value, bool):
        return "TRUE" if value else "FALSE"
    if isinstance(value, int):
        return f"{value}L" if abs(value) <= _LARGEST_INTEGER else repr(float(value))
    if isinstance(value, float):
        if value != value:
            return "NaN"
        if value in (float("inf"), float("-inf")):
            return "Inf" if value > 0 else "-Inf"
        return repr(value)
    if isinstance(value, complex):
        return f"complex(real = {encode(value.real)}, imaginary = {encode(value.imag)})"
    if isinstance(value, str):
        return literal(value)
    if isinstance(value, dict):
        pairs = (f"{literal(str(key))} = {encode(item)}" for key, item in value.items())
        return f"list({', '.join(pairs)})"
    if isinstance(value, (list, tuple, set, frozenset)):
        call = "c" if _is_uniform(value) else "list"
        return f"{call}({', '.join(encode(item) for item in value)})"
    raise TypeError(f"a value of type `{type(value).__name__}` cannot be handed to R")


def _is_uniform(values: Iterable[Any]) -> bool:
    kinds = {
        "number"
        if isinstance(value, (int, float, complex)) and not isinstance(value, bool)
        else type(value)
        for value in values
    }
    return not kinds or (len(kinds) == 1 and kinds <= {"number", bool, str})


_ESCAPES = {"\\": "\\\\", '"': '\\"', "\n": "\\n", "\r": "\\r", "\t": "\\t", "\0": ""}


def literal(text: str) -> str:
    """A string literal. Bytes that are no UTF-8 are written as such."""
    parts = []
    for char in text:
        if char in _ESCAPES:
            parts.append(_ESCAPES[char])
        elif "\udc80" <= char <= "\udcff":
            parts.append(f"\\x{ord(char) - 0xDC00:02x}")
        elif char < " ":
            parts.append(f"\\x{ord(char):02x}")
        else:
            parts.append(char)
    return f'"{"".join(parts)}"'
