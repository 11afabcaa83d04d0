"""The job's names as bash sees them: associative arrays.

Items have their position as key and, if named, their name too; a name for several files is one
item, the files joined by blanks. ``${snakemake_input[0]}``, ``${snakemake_params[x]}``,
``${snakemake[threads]}``.
"""

from __future__ import annotations

from rulekit.runner.context import LISTS, decode_value, items_of

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

_SINGLE = ("threads", "rule", "scriptdir", "bench_iteration")


def preamble(context: Mapping[str, Any]) -> str:
    """Bash commands that declare the arrays."""
    lines = []
    for part in LISTS:
        pairs: dict[str, str] = {}
        for number, (name, value) in enumerate(items_of(context.get(part))):
            if name is not None:
                pairs[name] = _text(value)
            pairs[str(number)] = _text(value)
        lines.append(_array(f"snakemake_{part}", pairs))
    config = decode_value(context.get("config") or {})
    lines.append(
        _array("snakemake_config", {str(key): _text(value) for key, value in config.items()})
    )
    lines.append(_array("snakemake", {name: _text(context.get(name)) for name in _SINGLE}))
    return "\n".join(lines)


def _array(name: str, pairs: Mapping[str, str]) -> str:
    items = " ".join(f"[{_quote(key)}]={_quote(value)}" for key, value in pairs.items())
    return f"declare -A {name}=( {items} )"


def _text(value: Any) -> str:
    if isinstance(value, (list, tuple, set, dict)):
        return " ".join(str(item) for item in value)
    return str(value)


def _quote(text: str) -> str:
    """In single quotes: nothing in it means anything to bash."""
    return "'" + text.replace("\0", "").replace("'", "'\"'\"'") + "'"
