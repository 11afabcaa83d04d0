"""`onstart`, `onsuccess`, `onerror`, and the functions of scatter processes."""

from __future__ import annotations

from rulekit.compiler.problems import place
from rulekit.model.namedlist import Namedlist
from rulekit.model.rule import Hook

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from rulekit.compiler.drafts import Loc
    from rulekit.compiler.loader import Loader
    from rulekit.compiler.scope import FileScope


class RunLog(Namedlist):
    """`log` in hooks. Version 9 has a list of files there, version 7 a path: this serves as both."""

    def __fspath__(self) -> str:
        return str(self)

    def __add__(self, other: Any) -> Any:
        return str(self) + other if isinstance(other, str) else list(self) + other

    def __radd__(self, other: Any) -> Any:
        return other + (str(self) if isinstance(other, str) else list(self))


def take_hook(
    scope: FileScope, kind: str, loc: Loc, function: Callable[[Any], Any], file: str
) -> None:
    """Keep a hook of the main workflow, and let the file call it by its name."""
    if not scope.space.is_module:

        def run(log: str) -> Any:
            return function(RunLog((log,)))

        scope.loader.hooks[kind] = Hook(run, place(file, loc))

    def called(log: Any = None) -> Any:
        return function(log)

    scope.space.namespace[kind] = called


def scatter_function(loader: Loader, name: str) -> Callable[..., Any]:
    """`scatter.NAME` and `gather.NAME`: `expand` over the items of a scatter process."""

    def scattered(*patterns: Any, **wildcards: Any) -> Any:
        from rulekit.language.filenames import expand

        count = loader.scatter[name]
        items = [f"{i}-of-{count}" for i in range(1, count + 1)]
        return expand(*patterns, scatteritem=items, **wildcards)

    return scattered
