"""The names a script or a `run:` body sees (`input`, `params`, ...), as data that travels.

`encode_context` turns them into what JSON can hold. Values that JSON has no word for are marked
by a dict with one key: ``{"$tuple": [...]}``, ``{"$set": [...]}``, ``{"$dict": [[key, value]]}``
(keys that are no strings), ``{"$path": text}``, ``{"$complex": [real, imag]}``,
``{"$list": {...}}`` (a list with names), ``{"$row": [type's name, fields, values]}`` (a namedtuple)
and, as the last resort, ``{"$pickle": base64}``.
"""

from __future__ import annotations

from rulekit.model.namedlist import Namedlist, names_of

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

LISTS = ("input", "output", "params", "wildcards", "log", "resources")

_MARKS = ("$tuple", "$set", "$dict", "$path", "$complex", "$list", "$row", "$pickle")


def encode_context(
    names: Mapping[str, Any],
    *,
    rule: str,
    scriptdir: str,
    jobid: int = 0,
    bench_iteration: int | None = None,
    config_encoded: bool = False,
    foreign: bool = False,
    lenient: bool = False,
) -> dict[str, Any]:
    """The context of a `JobSpec`.

    `names` holds `input`, `output`, `params`, `wildcards`, `log`, `resources` (lists with
    names), `threads` and `config`; the latter may be the result of `encode_value`
    (`config_encoded`), as it is the same for many jobs. `foreign`: for a language that cannot
    read Python's objects; arrays and numbers of numpy and the like become plain ones. `lenient`:
    params that cannot be handed on become their text, as nobody will read them from here. Raises
    TypeError naming the item that cannot be handed to another process.
    """
    context: dict[str, Any] = {
        part: encode_list(names[part], part, foreign, lenient) for part in LISTS
    }
    config = names.get("config", {})
    if foreign and not config_encoded:
        config = _without_python(config)
    context["threads"] = int(names.get("threads", 1))
    context["config"] = config if config_encoded else encode_value(config)
    context["rule"] = rule
    context["scriptdir"] = scriptdir
    context["jobid"] = jobid
    context["bench_iteration"] = bench_iteration
    return context


def encode_list(
    values: Namedlist, what: str = "input", foreign: bool = False, lenient: bool = False
) -> dict[str, Any]:
    """``{"items": [...], "names": {name: index | [start, stop]}}``."""
    items = []
    for number, value in enumerate(values):
        try:
            items.append(encode_value(_without_python(value) if foreign else value))
        except Exception as error:
            if lenient:
                items.append(str(value))
                continue
            found = [name for name, where in names_of(values).items() if where == number]
            name = found[0] if found else str(number)
            raise TypeError(
                f"`{what}` item `{name}` of type `{type(value).__name__}` cannot be handed to"
                f" another {'language' if foreign else 'process'}: {error}"
            ) from error
    names = {
        name: list(where) if isinstance(where, tuple) else where
        for name, where in names_of(values).items()
    }
    return {"items": items, "names": names}


def encode_value(value: Any) -> Any:
    """One value in the form described above. What pickle raises for it, it raises."""
    kind = type(value)
    if kind in (str, int, float, bool) or value is None:
        return value
    if isinstance(value, str):
        return str.__str__(value)
    if kind is list:
        return [encode_value(item) for item in value]
    if kind is complex:
        return {"$complex": [value.real, value.imag]}
    if kind is dict:
        if all(type(key) is str for key in value) and not (len(value) == 1 and _is_mark(value)):
            return {key: encode_value(item) for key, item in value.items()}
        return {"$dict": [[encode_value(k), encode_value(v)] for k, v in value.items()]}
    if kind is tuple:
        return {"$tuple": [encode_value(item) for item in value]}
    if isinstance(value, tuple) and hasattr(kind, "_fields"):
        return {"$row": [kind.__name__, list(kind._fields), [encode_value(item) for item in value]]}
    if kind in (set, frozenset):
        return {"$set": [encode_value(item) for item in value]}
    if isinstance(value, Namedlist):
        if not names_of(value):
            return [encode_value(item) for item in value]
        return {"$list": encode_list(value)}
    if _is_path(value):
        # Pickled paths of new Pythons cannot be read by old ones.
        return {"$path": str(value)}
    if hasattr(value, "items") and kind.__module__ in ("collections", "types"):
        return encode_value(dict(value))
    import base64
    import pickle

    return {"$pickle": base64.b64encode(pickle.dumps(value, protocol=4)).decode("ascii")}


def _without_python(value: Any) -> Any:
    """A value made of texts, numbers, lists and dicts only. Raises TypeError if it cannot be."""
    if value is None or isinstance(value, (str, bool, complex)):
        return value
    if hasattr(value, "tolist"):  # numbers, arrays and columns of numpy and its kin
        value = value.tolist()
    if isinstance(value, int):
        return int(value)
    if isinstance(value, float):
        return float(value)
    if isinstance(value, str):
        return value
    if isinstance(value, bytes):
        return value.decode("utf-8", "surrogateescape")
    if _is_path(value):
        return str(value)
    if hasattr(value, "items") and hasattr(value, "keys") and not isinstance(value, list):
        return {_without_python(key): _without_python(item) for key, item in value.items()}
    if hasattr(value, "__iter__"):
        return [_without_python(item) for item in value]
    raise TypeError("it is neither text nor number nor a list or dictionary of such")


def _is_mark(value: Mapping[str, Any]) -> bool:
    return next(iter(value)) in _MARKS


def _is_path(value: Any) -> bool:
    return type(value).__module__.split(".")[0] == "pathlib" and hasattr(value, "__fspath__")


def decode_value(value: Any) -> Any:
    """The reverse of `encode_value`. A value that was pickled comes back as its type's name."""
    if isinstance(value, list):
        return [decode_value(item) for item in value]
    if isinstance(value, dict):
        if len(value) == 1:
            ((mark, body),) = value.items()
            if mark == "$tuple":
                return tuple(decode_value(item) for item in body)
            if mark == "$set":
                return {decode_value(item) for item in body}
            if mark == "$dict":
                return {decode_value(k): decode_value(v) for k, v in body}
            if mark == "$path":
                return body
            if mark == "$complex":
                return complex(*body)
            if mark == "$list":
                return [decode_value(item) for item in body["items"]]
            if mark == "$row":
                return [decode_value(item) for item in body[2]]
            if mark == "$pickle":
                return f"<pickle of {len(body) * 3 // 4} bytes>"
        return {key: decode_value(item) for key, item in value.items()}
    return value


def items_of(part: Mapping[str, Any] | None) -> list[tuple[str | None, Any]]:
    """The items of an encoded list with their names; a name for several stands for a list."""
    if not part:
        return []
    items = [decode_value(item) for item in part["items"]]
    spans = sorted(
        (tuple(where), name) if isinstance(where, (list, tuple)) else ((where, -1), name)
        for name, where in part["names"].items()
    )
    found: list[tuple[str | None, Any]] = []
    at = 0
    for (start, stop), name in spans:
        found += [(None, item) for item in items[at:start]]
        if stop < 0:
            found.append((name, items[start]))
            at = start + 1
        else:
            found.append((name, items[start:stop]))
            at = max(at, stop)
    found += [(None, item) for item in items[at:]]
    return found


def named_values(part: Mapping[str, Any] | None) -> dict[str, Any]:
    """The named items of an encoded list."""
    return {name: value for name, value in items_of(part) if name is not None}
