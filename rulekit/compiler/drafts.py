"""Rules as they are collected while a file runs; they become `Rule`s when all is read."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from typing import Any

    from rulekit.compiler.scope import FileScope
    from rulekit.model.rule import Rule

Loc = tuple[int, int, int, int]


class Directive:
    """One directive as written, and where: `scope` is the file it stands in."""

    __slots__ = ("args", "file", "kwargs", "loc", "scope")

    def __init__(
        self,
        loc: Loc,
        file: str,
        args: tuple[Any, ...],
        kwargs: Mapping[str, Any],
        scope: FileScope,
    ) -> None:
        self.loc = loc
        self.file = file
        self.args = args
        self.kwargs = kwargs
        self.scope = scope


class Run:
    """A `run:` body."""

    __slots__ = ("code", "file", "function", "loc", "scope", "source")

    def __init__(
        self,
        function: Callable[..., Any],
        source: str,
        loc: Loc,
        code: str,
        file: str,
        scope: FileScope,
    ) -> None:
        self.function = function
        self.source = source
        self.loc = loc
        self.code = code
        self.file = file
        self.scope = scope


# One argument of a file directive: its name, its items (text, flagged text or function), and
# whether it was a list.
RawEntry = tuple["str | None", "list[Any]", bool]


class Draft:
    """One rule. `name` is its public name; the file it comes from may know it as `own_name`."""

    __slots__ = (
        "benchmark", "container", "directives", "docstring", "file", "inputs", "kind", "loc", "logs", "name",
        "outputs", "own_name", "params", "registered", "rule", "run", "scope",
    )  # fmt: skip

    def __init__(
        self,
        name: str,
        own_name: str,
        kind: str,
        loc: Loc,
        file: str,
        docstring: str | None,
        directives: dict[str, Directive],
        run: Run | None,
        scope: FileScope,
    ) -> None:
        self.name = name
        self.own_name = own_name
        self.kind = kind
        self.loc = loc
        self.file = file
        self.docstring = docstring
        self.directives = directives
        self.run = run
        self.scope = scope
        self.registered = True
        self.inputs: list[RawEntry] = []
        self.outputs: list[RawEntry] = []
        self.logs: list[RawEntry] = []
        self.benchmark: Any = None
        self.params: list[tuple[str | None, Any]] = []
        self.container: Any = None
        self.rule: Rule | None = None
