"""Inputs behind http(s) addresses: `storage.http(...)`, `snakemake.remote.HTTP` of versions 5 to 7.

A name becomes the plain path of a copy on this disk (`model.places.WEB` and the address), wildcards
and all. `rulekit.storage.http` fetches the copy before a job that reads it.
"""

from __future__ import annotations

import os

from rulekit.errors.diagnostic import did_you_mean
from rulekit.errors.tree import RuleFileError
from rulekit.language.storagebase import Provider
from rulekit.language.storagenames import FLAG, FLAG_7
from rulekit.language.storagestate import State
from rulekit.model.places import WEB

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

SCHEMES = ("http", "https")
_SETTINGS = frozenset(
    ("provider", "keep_local", "retrieve", "stay_on_remote", "static", "allow_redirects",
     "supports_head", "max_requests_per_second", "retries", "is_default", "enable_cache",
     "immutable", "local_prefix")
)  # fmt: skip
_SECRET = frozenset(("auth", "username", "password", "token", "headers", "user"))


class WebProvider(Provider):
    """Files of web servers, to be read only. `scheme` is put before names that have none."""

    def __init__(
        self, options: Mapping[str, Any], flag_name: str = FLAG, scheme: str = "https"
    ) -> None:
        _check(options)
        super().__init__(None, options, flag_name)
        State.web = True
        self._scheme = scheme

    def __repr__(self) -> str:
        return "<storage provider of web servers>"

    def path(self, text: str) -> str:
        """The path of the copy. Raises `RuleFileError` for what is no plain http(s) address."""
        scheme, separator, rest = text.partition("://")
        if not separator:
            scheme, rest = self._scheme, text
        rest = rest.partition("#")[0].lstrip("/")
        host, _, name = rest.partition("/")
        if scheme not in SCHEMES or not host or not name or name.endswith("/"):
            raise RuleFileError(
                f"`{self.shown(text)}` is no address of a file on a web server",
                code="RK0653",
                help="it is written `https://HOST/path/file`",
            )
        if "@" in host:
            raise RuleFileError(
                f"the address of `{name.partition('?')[0]}` holds a user's name or password",
                code="RK0654",
                help="fetch the file in a rule of its own, with the password from the environment",
            )
        if any(part in (".", "..", "") for part in name.partition("?")[0].split("/")):
            raise RuleFileError(
                f"the address `{self.shown(text)}` has an empty part, or one of dots",
                code="RK0653",
            )
        return f"{WEB}{scheme}/{rest}"

    def glob_wildcards(self, pattern: str, *_: Any, **__: Any) -> Any:
        raise RuleFileError(
            "web servers do not list their files: `glob_wildcards` cannot be asked of them",
            code="RK0654",
        )


def _check(options: Mapping[str, Any]) -> None:
    for name, value in options.items():
        if name in _SECRET and value is not None:
            raise RuleFileError(
                f"`{name}`: files of web servers that ask for a password are not available",
                code="RK0654",
                help="fetch the file in a rule of its own, with the password from the environment",
            )
        if name not in _SETTINGS and name not in _SECRET:
            raise RuleFileError(
                f"the storage setting `{name}` is not known for web servers",
                code="RK0656",
                help=did_you_mean("setting", name, sorted(_SETTINGS)),
            )


class HttpProvider7:
    """`snakemake.remote.HTTP.RemoteProvider`, as version 7 has it."""

    def __init__(self, *args: Any, **options: Any) -> None:
        names = ("keep_local", "stay_on_remote", "is_default")
        self._options = {**dict(zip(names, args, strict=False)), **options}
        _check(self._options)
        State.web = True

    def __repr__(self) -> str:
        return "<storage provider of web servers>"

    def remote(
        self,
        value: Any,
        *args: Any,
        insecure: bool = False,
        additional_request_string: str = "",
        **options: Any,
    ) -> Any:
        """The path of ``HOST/file`` (https, or http if `insecure`), or of each in a list."""
        provider = WebProvider(
            {**self._options, **options}, FLAG_7, "http" if insecure else "https"
        )
        if additional_request_string:
            more = additional_request_string
            if isinstance(value, (list, tuple)):
                value = [f"{one}{more}" for one in value]
            else:
                value = f"{os.fspath(value)}{more}"
        return provider.named(value)

    def glob_wildcards(self, pattern: str, *_: Any, **__: Any) -> Any:
        return WebProvider({}).glob_wildcards(pattern)

    @property
    def default_protocol(self) -> str:
        return "https://"

    @property
    def available_protocols(self) -> list[str]:
        return ["http://", "https://"]
