"""`--config key=value` → a dict. The readings tried, and their order, are Snakemake's:

int, float, `True`/`False`, YAML in which every scalar stays text, the text itself. So ``x=007``
is 7, ``x=1e3`` is 1000.0, ``x=[1, a]`` is ``["1", "a"]``, ``x=`` is None.
"""

from __future__ import annotations

import re

from rulekit.errors.tree import UsageError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Any

_KEY = re.compile(r"[a-zA-Z_][\w-]*\w")
# Text that YAML reads as that very text; the rest is given to YAML.
_PLAIN = re.compile(r"[A-Za-z0-9_./+][A-Za-z0-9_./+-]*")


def parse_config(words: Sequence[str]) -> dict[str, Any]:
    """The config of a command line. Raises `UsageError`."""
    config: dict[str, Any] = {}
    for word in words:
        key, equals, text = word.partition("=")
        if not equals:
            raise UsageError(
                f"--config: `{word}` is not of the form KEY=VALUE",
                code="RK0103",
                help="--config takes all words up to the next option: put targets before it, or after `--`",
            )
        if not _KEY.fullmatch(key):
            raise UsageError(
                f"--config: `{key}` cannot be a key",
                code="RK0103",
                help="a key has at least two characters: a letter or `_`, then letters, digits, `_` or `-`",
            )
        merge(config, {key: parse_value(text.strip("'\""))})
    return config


def parse_value(text: str) -> Any:
    """One value, by the readings in the module's head."""
    if text == "":
        return None
    for reading in (int, float):
        try:
            return reading(text)
        except (ValueError, OverflowError):
            pass
    if text in ("True", "False"):
        return text == "True"
    if _PLAIN.fullmatch(text):
        return text
    import yaml

    try:
        found = yaml.load(text, Loader=yaml.BaseLoader)  # noqa: S506  only builds text
    except (yaml.YAMLError, ValueError):
        return text
    return text if found is None else found


def merge(into: dict[str, Any], more: dict[str, Any]) -> None:
    """Put `more` into `into`, dicts recursively."""
    for key, value in more.items():
        old = into.get(key)
        if isinstance(old, dict) and isinstance(value, dict):
            merge(old, value)
        else:
            into[key] = value
