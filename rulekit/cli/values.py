"""What the words after an option mean: numbers, `key=value` pairs, sizes, rates."""

from __future__ import annotations

import os

from rulekit.errors.tree import UsageError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from typing import Any

    from rulekit.cli.options import Row

UNLIMITED = 2**31 - 1
QUIET_DEFAULT = frozenset({"progress", "rules"})
_SETS = frozenset({"rerun_triggers", "strict_dag_evaluation", "sdm"})


def bad(option: str, word: str, wanted: str, help: str | None = None) -> UsageError:  # noqa: A002
    """The error for a value that does not fit."""
    return UsageError(f"{option}: `{word}` is not {wanted}", code="RK0103", help=help)


def only_one(given: Mapping[str, bool]) -> str | None:
    """The one of several options that was given, if any. Raises `UsageError` if more were."""
    chosen = [name for name, on in given.items() if on]
    if len(chosen) > 1:
        names = " and ".join(f"--{name}" for name in chosen)
        raise UsageError(f"{names} cannot be combined", code="RK0108")
    return chosen[0] if chosen else None


def convert_one(name: str, row: Row, occurrences: list[list[str]]) -> dict[str, Any]:
    """The attributes of `Options` that one option sets. The last occurrence counts.

    `name` is how the option is called in messages. Raises `UsageError`.
    """
    dest, arity, kind = row[1], row[2], row[4]
    words = occurrences[-1]
    if arity == "0":
        return {dest: True}
    if arity == "append":
        return {dest: tuple(word for words in occurrences for word in words)}
    special = _SPECIAL.get(dest)
    if special is not None:
        return special(name, words)
    if "|" in kind:
        _check_choices(name, words, kind.split("|"))
    if arity in ("*", "+", "2"):
        return {dest: frozenset(words) if dest in _SETS else tuple(words)}
    if not words:
        return {dest: _CONSTANT.get(dest, kind.partition("|")[0])}
    return {dest: _convert_word(name, kind, words[0])}


# What an option with an optional value means without one.
_CONSTANT: dict[str, Any] = {
    "dump_workflow": "-",
    "generate_unit_tests": ".tests/unit",
    "report": "report.html",
}


def _check_choices(name: str, words: Sequence[str], choices: list[str]) -> None:
    for word in words:
        if word not in choices:
            from rulekit.errors.diagnostic import did_you_mean

            raise bad(
                name,
                word,
                "one of " + ", ".join(choices),
                did_you_mean("value", word, choices)
                or "targets stand before the options, or after `--`",
            )


def _convert_word(name: str, kind: str, word: str) -> Any:
    if kind == "int":
        return whole(name, word)
    if kind == "number":
        return number(name, word)
    if kind == "size":
        return size(name, word)
    if kind == "rate":
        return rate(name, word)
    if kind == "path":
        return os.path.expanduser(word)
    return word


def whole(name: str, word: str, least: int | None = 0) -> int:
    try:
        value = int(word)
    except ValueError:
        raise bad(name, word, "a whole number") from None
    if least is not None and value < least:
        raise bad(name, word, f"a number of {least} or more")
    return value


def number(name: str, word: str) -> float:
    try:
        value = float(word)
    except ValueError:
        value = -1.0
    if not 0 <= value < float("inf"):
        raise bad(name, word, "a number of 0 or more")
    return value


_UNITS = {"": 1, "b": 1, "byte": 1, "bytes": 1}
for _i, _letter in enumerate("kmgtp", 1):
    for _suffix in ("", "b"):
        _UNITS[_letter + _suffix] = 1000**_i
    _UNITS[_letter + "ib"] = 1024**_i


def size(name: str, word: str) -> int:
    """Bytes: ``1000000``, ``1MB``, ``1.5 GiB``."""
    text = word.strip().lower()
    digits = text.rstrip("abcdefghijklmnopqrstuvwxyz ")
    unit = text[len(digits) :].strip()
    try:
        return int(float(digits) * _UNITS[unit])
    except (ValueError, KeyError, OverflowError):
        raise bad(name, word, "a size such as 1000000, 1MB or 1.5GiB") from None


_SECONDS = {
    "": 1.0,
    "ms": 0.001,
    "s": 1.0,
    "sec": 1.0,
    "m": 60.0,
    "min": 60.0,
    "h": 3600.0,
    "d": 86400.0,
}


def rate(name: str, word: str) -> tuple[int, float]:
    """``100/1s`` → (100, 1.0): so many in so many seconds."""
    count, slash, span = word.partition("/")
    digits = span.rstrip("abcdefghijklmnopqrstuvwxyz ")
    try:
        if not slash:
            raise ValueError
        parsed = int(count), float(digits or "1") * _SECONDS[span[len(digits) :].strip()]
    except (ValueError, KeyError):
        parsed = 0, 0.0
    if parsed[0] < 1 or parsed[1] <= 0:
        raise bad(name, word, "a rate such as 100/1s")
    return parsed


def available_cores() -> int:
    """Cores that this process may use."""
    affinity = getattr(os, "sched_getaffinity", None)
    return len(affinity(0)) if affinity else os.cpu_count() or 1


def _cores(name: str, words: Sequence[str]) -> dict[str, Any]:
    word = words[0] if words else "all"
    if word == "all":
        return {"cores": available_cores()}
    if not word.lstrip("+-").isdigit():
        help_ = None
        if words:
            help_ = (
                f"--cores takes the next word: write `--cores all {word}` if `{word}` is a target"
            )
        raise bad(name, word, "a number of cores, or `all`", help_)
    return {"cores": whole(name, word, 1)}


def _jobs(name: str, words: Sequence[str]) -> dict[str, Any]:
    word = words[0] if words else "all"
    if word == "all":
        return {"jobs": available_cores()}
    if word == "unlimited":
        return {"jobs": UNLIMITED}
    if not word.lstrip("+-").isdigit():
        raise bad(name, word, "a number of jobs, or `unlimited`")
    return {"jobs": whole(name, word, 1)}


def pairs(
    name: str, words: Sequence[str], form: str, *, strip: bool = True
) -> list[tuple[str, str]]:
    """``key=value`` words. Quotes around values are taken off, as Snakemake does."""
    found: list[tuple[str, str]] = []
    for word in words:
        key, equals, value = word.partition("=")
        if not equals or not key:
            raise bad(
                name, word, f"of the form {form}", "targets stand before the options, or after `--`"
            )
        found.append((key, value.strip("'\"") if strip else value))
    return found


def _quiet(name: str, words: Sequence[str]) -> dict[str, Any]:
    _check_choices(name, words, ["progress", "rules", "reason", "host", "all"])
    return {"quiet": frozenset(words) or QUIET_DEFAULT}


def _config(name: str, words: Sequence[str]) -> dict[str, Any]:
    from rulekit.cli.configwords import parse_config

    return {"config": parse_config(words), "config_words": tuple(words)}


def _identifier(text: str) -> bool:
    return text.isascii() and text.isidentifier()


def _resources(name: str, words: Sequence[str]) -> dict[str, Any]:
    found = {}
    for key, value in pairs(name, words, "NAME=N", strip=False):
        if not _identifier(key):
            raise bad(name, key, "a name for a resource")
        found[key] = os.path.expandvars(value)
    return {"resources": found}


def _default_resources(name: str, words: Sequence[str]) -> dict[str, Any]:
    found = {}
    for key, value in pairs(name, words, "NAME=VALUE", strip=False):
        if not _identifier(key):
            raise bad(name, key, "a name for a resource")
        found[key] = os.path.expandvars(value)
    return {"default_resources": found}


def _set_threads(name: str, words: Sequence[str]) -> dict[str, Any]:
    found = {}
    for key, value in pairs(name, words, "RULE=N"):
        if value.lstrip("+-").isdigit():
            whole(name, value)
        found[key] = os.path.expandvars(value)
    return {"set_threads": found}


def _set_resources(name: str, words: Sequence[str]) -> dict[str, Any]:
    found: dict[str, dict[str, str]] = {}
    for word in words:
        rule, colon, rest = word.partition(":")
        key, equals, value = rest.partition("=")
        if not (rule and colon and equals and _identifier(key)):
            raise bad(
                name,
                word,
                "of the form RULE:NAME=VALUE",
                "targets stand before the options, or after `--`",
            )
        found.setdefault(rule, {})[key] = os.path.expandvars(value)
    return {"set_resources": found}


def _counts(dest: str, form: str, least: int) -> Callable[[str, Sequence[str]], dict[str, Any]]:
    def convert(name: str, words: Sequence[str]) -> dict[str, Any]:
        return {dest: {key: whole(name, value, least) for key, value in pairs(name, words, form)}}

    return convert


def _azure(name: str, words: Sequence[str]) -> dict[str, Any]:
    return {"azure": dict(pairs(name, words, "NAME=VALUE"))}


def _groups(name: str, words: Sequence[str]) -> dict[str, Any]:
    return {"groups": dict(pairs(name, words, "RULE=GROUP"))}


def _scopes(name: str, words: Sequence[str]) -> dict[str, Any]:
    found = dict(pairs(name, words, "NAME=SCOPE"))
    for value in found.values():
        if value not in ("local", "global", "excluded"):
            raise bad(name, value, "local, global or excluded")
    return {"set_resource_scopes": found}


def _batch(name: str, words: Sequence[str]) -> dict[str, Any]:
    form = "of the form RULE=I/N, with I from 1 to N"
    rule, _, part = words[0].partition("=")
    first, slash, total = part.strip("'\"").partition("/")
    if not (rule and slash and first.isdigit() and total.isdigit()):
        raise bad(name, words[0], form)
    if not 1 <= int(first) <= int(total):
        raise bad(name, words[0], form)
    return {"batch": (rule, int(first), int(total))}


def _consider_ancient(name: str, words: Sequence[str]) -> dict[str, Any]:
    found: dict[str, frozenset[str | int]] = {}
    for rule, items in pairs(name, words, "RULE=ITEMS"):
        parsed: set[str | int] = set()
        for item in items.split(","):
            if item.isdigit():
                parsed.add(int(item))
            elif item.isidentifier():
                parsed.add(item)
            else:
                raise bad(name, item, "the name or number of an input item")
        found[rule] = frozenset(parsed)
    return {"consider_ancient": found}


def _target_jobs(name: str, words: Sequence[str]) -> dict[str, Any]:
    found: list[tuple[str, Mapping[str, str]]] = []
    for word in words:
        rule, colon, rest = word.partition(":")
        if not colon or not rule:
            raise bad(name, word, "of the form RULE:WILDCARD=VALUE,...")
        found.append((rule, dict(pairs(name, rest.split(",") if rest else (), "WILDCARD=VALUE"))))
    return {"target_jobs": tuple(found)}


def _envvars(name: str, words: Sequence[str]) -> dict[str, Any]:
    for word in words:
        if not _identifier(word):
            hint = "a target stands before the options, or behind `--`"
            raise bad(name, word, "the name of an environment variable", hint)
    return {"envvars": tuple(words)}


def _paths(dest: str) -> Callable[[str, Sequence[str]], dict[str, Any]]:
    def convert(_name: str, words: Sequence[str]) -> dict[str, Any]:
        return {dest: tuple(os.path.expanduser(os.path.expandvars(word)) for word in words)}

    return convert


_SPECIAL: dict[str, Callable[[str, Sequence[str]], dict[str, Any]]] = {
    "cores": _cores,
    "jobs": _jobs,
    "quiet": _quiet,
    "config": _config,
    "configfile": _paths("configfile"),
    "resources": _resources,
    "default_resources": _default_resources,
    "set_threads": _set_threads,
    "set_resources": _set_resources,
    "set_scatter": _counts("set_scatter", "NAME=N", 0),
    "group_components": _counts("group_components", "GROUP=N", 1),
    "groups": _groups,
    "azure": _azure,
    "set_resource_scopes": _scopes,
    "batch": _batch,
    "consider_ancient": _consider_ancient,
    "target_jobs": _target_jobs,
    "envvars": _envvars,
}
