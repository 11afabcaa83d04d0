"""The job's names as Julia sees them: the struct `snakemake`.

``snakemake.input[1]``, ``snakemake.params["x"]``: dictionaries that hold every item by its
position, counted from 1, and those with names by name as well. A name for several files is a
vector. `threads`, `rule`, `scriptdir`, `bench_iteration` and `config` are fields too.
"""

from __future__ import annotations

from rulekit.runner.context import LISTS, decode_value, named_values

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

_STRUCT = """\
struct Snakemake
    input::Dict
    output::Dict
    params::Dict
    wildcards::Dict
    log::Dict
    resources::Dict
    threads::Int64
    config::Dict
    rule::String
    bench_iteration
    scriptdir::String
end"""


def preamble(context: Mapping[str, Any]) -> str:
    """Julia text that makes the object. Raises TypeError for a value that Julia has no word for."""
    fields = [_items(context.get(part)) for part in LISTS]
    turn = context.get("bench_iteration")
    fields += [
        encode(int(context.get("threads", 1))),
        encode(decode_value(context.get("config") or {})),
        encode(str(context.get("rule", ""))),
        encode(turn if turn is None else int(turn)),
        encode(str(context.get("scriptdir", ""))),
    ]
    body = ",\n    ".join(fields)
    return f"{_STRUCT}\nsnakemake = Snakemake(\n    {body}\n)"


def _items(part: Mapping[str, Any] | None) -> str:
    items = [decode_value(item) for item in (part or {"items": ()})["items"]]
    words = [f"{number} => {encode(item)}" for number, item in enumerate(items, 1)]
    words += [f"{_text(name)} => {encode(value)}" for name, value in named_values(part).items()]
    return f"Dict{{Any, Any}}({', '.join(words)})"


def encode(value: Any) -> str:
    """A value as a Julia expression. Raises TypeError if there is none for it."""
    if value is None:
        return "nothing"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int):
        return str(value)
    if isinstance(value, float):
        if value != value:
            return "NaN"
        if value in (float("inf"), float("-inf")):
            return "Inf" if value > 0 else "-Inf"
        return repr(value)
    if isinstance(value, complex):
        return f"complex({encode(value.real)}, {encode(value.imag)})"
    if isinstance(value, str):
        return _text(value)
    if isinstance(value, dict):
        pairs = (f"{encode(key)} => {encode(item)}" for key, item in value.items())
        return f"Dict{{Any, Any}}({', '.join(pairs)})"
    if isinstance(value, (list, tuple, set, frozenset)):
        return f"[{', '.join(encode(item) for item in value)}]"
    raise TypeError(f"a value of type `{type(value).__name__}` cannot be handed to Julia")


_ESCAPES = {"\\": "\\\\", '"': '\\"', "$": "\\$", "\n": "\\n", "\r": "\\r", "\t": "\\t"}


def _text(text: str) -> str:
    """A string literal; `$` would fill something in. Bytes that are no UTF-8 are written so."""
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
