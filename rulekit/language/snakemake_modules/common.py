"""`snakemake.common`."""

from __future__ import annotations

import os
from collections import namedtuple

from rulekit import SNAKEMAKE_LEVEL
from rulekit.language.compat import ON_WINDOWS, is_local_file, smart_join

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

__version__ = SNAKEMAKE_LEVEL

Uri = namedtuple("Uri", ("scheme", "uri_path"))

__all__ = [
    "ON_WINDOWS",
    "async_run",
    "get_container_image",
    "is_local_file",
    "parse_uri",
    "smart_join",
    "strip_prefix",
]


def parse_uri(path_or_uri: str) -> Uri:
    """A named tuple of `scheme` and `uri_path`."""
    scheme, sign, rest = os.fspath(path_or_uri).partition("://")
    if not sign:
        scheme, rest = "file", os.fspath(path_or_uri)
    return Uri(scheme, rest)


def async_run(coroutine: Any) -> Any:
    """Run a coroutine to its end."""
    import asyncio

    return asyncio.run(coroutine)


def strip_prefix(text: str, prefix: str) -> str:
    return text.removeprefix(prefix)


def get_container_image() -> str:
    return f"snakemake/snakemake:v{SNAKEMAKE_LEVEL}"
