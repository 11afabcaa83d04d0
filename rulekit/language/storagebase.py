"""What all providers of stored names have in common: names become paths with flags."""

from __future__ import annotations

import os

from rulekit.errors.tree import RuleFileError
from rulekit.language.flags import flag
from rulekit.language.storagenames import FLAG, table
from rulekit.model.flags import flags_of

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any


class Provider:
    """An account, as rule files use it. Its repr shows no secret."""

    def __init__(self, key: str | None, options: Mapping[str, Any], flag_name: str = FLAG) -> None:
        self._key = key
        self._options = {
            "keep_local": bool(options.get("keep_local", False)),
            "retrieve": bool(options.get("retrieve", True))
            and not bool(options.get("stay_on_remote", False)),
        }
        self._flag = flag_name

    def __repr__(self) -> str:
        return f"<storage provider of the account {self._key or table().account()[0]}>"

    def path(self, text: str) -> str:
        """The path of one name, with or without wildcards."""
        return table().path(text, self._key)

    def shown(self, text: str) -> str:
        """A name as it may be shown."""
        return text.partition("?")[0]

    def named(self, value: Any, **options: Any) -> Any:
        """The path of a name, or the paths of a list of names."""
        if isinstance(value, os.PathLike):
            value = os.fspath(value)
        if isinstance(value, str):
            text = str(value)
            path = self.path(text)
            made = {**self._options, **options}
            flags = {
                **flags_of(value),
                self._flag: {"query": self.shown(text), **made},
                "path_modified": True,  # prefixes of modules do not apply
            }
            for name, one in flags.items():
                path = flag(path, name, one)
            return path
        if callable(value):

            def later(wildcards: Any) -> Any:
                return self.named(value(wildcards), **options)

            return later
        if value is None or not hasattr(type(value), "__iter__"):
            raise RuleFileError(
                f"a stored file is named by a text or a list of them, not {value!r}", code="RK0653"
            )
        return [self.named(one, **options) for one in value]

    def glob_wildcards(self, pattern: str, *_: Any, **__: Any) -> Any:
        """As the function of that name, over stored files."""
        from rulekit.language.filenames import glob_wildcards

        return glob_wildcards(self.path(os.fspath(pattern)))
