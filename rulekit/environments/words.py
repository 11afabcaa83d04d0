"""Match specs as text: enough to compare them and to name their package. The solver reads them
itself; the form is conda's (https://docs.conda.io, "package match specifications")."""

from __future__ import annotations

import os
import re

_NAME = re.compile(r"[A-Za-z0-9_.*-]+")
_OPERATOR = re.compile(r"(===|[<>!=~]=|[<>=]) +")
_AROUND = re.compile(r" *([,|]) *")


def tidy(text: str) -> str:
    """With single blanks."""
    return " ".join(text.split())


def split_channel(text: str) -> tuple[str, str]:
    """``channel::rest`` in two; the channel is "" if there is none."""
    head, sign, rest = text.partition("::")
    if sign and "[" not in head and " " not in head.strip():
        return head.strip(), rest.strip()
    return "", text.strip()


def name_of(text: str) -> str:
    """The package's name, in lower case; "" if the text begins with none."""
    _, rest = split_channel(text)
    if "://" in rest or rest.startswith(("/", "./", "../", "~")):
        return _name_of_file(rest)
    found = _NAME.match(rest)
    return found.group().lower() if found else ""


def _name_of_file(text: str) -> str:
    """``numpy`` of ``https://…/numpy-1.26.0-py311_0.conda``."""
    base = text.rpartition("/")[2].partition("#")[0]
    for ending in (".conda", ".tar.bz2"):
        if base.endswith(ending):
            parts = base[: -len(ending)].rsplit("-", 2)
            return parts[0].lower() if len(parts) == 3 else ""
    return ""


def normal(text: str) -> str:
    """A form in which specs that say the same in other blanks or case of the name are equal."""
    channel, rest = split_channel(tidy(text))
    if "[" in rest or "://" in rest:
        return f"{channel}::{rest}" if channel else rest
    found = _NAME.match(rest)
    if found is None:
        return tidy(text)
    version = _AROUND.sub(r"\1", rest[found.end() :].strip())
    version = _OPERATOR.sub(r"\1", version)
    name = found.group().lower()
    whole = f"{name} {version}" if version else name
    return f"{channel}::{whole}" if channel else whole


def shown(path: str) -> str:
    """A path as a user would type it: from the working directory, if it is below it."""
    inside = os.path.relpath(path)
    return path if inside.startswith("..") else inside
