"""What a rule file says, statement by statement, before anything is executed.

Everything is frozen. A `Piece` is a stretch of the text and knows its span; values and bodies
are pieces of Python text, the Python of the whole file stands in `RuleFile.python`.
"""

from __future__ import annotations

from rulekit.frozen import frozen

TYPE_CHECKING = False
if TYPE_CHECKING:
    import ast
    from collections.abc import Mapping

    from rulekit.errors.diagnostic import Diagnostic
    from rulekit.syntax.source import Piece, Source


@frozen
class Directive:
    """``keyword: value`` inside a statement's body; an action is one too.

    `value` is what stands behind the colon, without comments around it; None if there is
    nothing. For ``run`` it is the body.
    """

    keyword: Piece
    value: Piece | None


@frozen
class Rule:
    """``rule NAME:`` or ``checkpoint NAME:``; `keyword` says which.

    `inline_run` is set when ``run:`` stands on the header's line.
    """

    keyword: Piece
    name: Piece | None
    header: Piece
    docstrings: tuple[Piece, ...]
    directives: tuple[Directive, ...]
    action: Directive | None
    inline_run: bool


@frozen
class GlobalStatement:
    """``keyword: value``, for example ``include: "a.smk"``."""

    keyword: Piece
    header: Piece
    value: Piece | None


@frozen
class Storage:
    """``storage [TAG]: value``."""

    keyword: Piece
    header: Piece
    tag: Piece | None
    value: Piece | None


@frozen
class NameList:
    """``ruleorder: a > b`` or ``localrules: a, b``."""

    keyword: Piece
    header: Piece
    names: tuple[Piece, ...]


@frozen
class Hook:
    """``onstart:``, ``onsuccess:``, ``onerror:`` with a Python body."""

    keyword: Piece
    header: Piece
    body: Piece


@frozen
class Module:
    """``module [NAME]:``, or ``subworkflow NAME:`` of old files."""

    keyword: Piece
    name: Piece | None
    header: Piece
    docstrings: tuple[Piece, ...]
    directives: tuple[Directive, ...]


@frozen
class UseRule:
    """``use rule RULES [from MODULE] [exclude ...] [as PATTERN] [with: ...]``.

    `rules` None stands for ``*``; `directives` None for no ``with:``.
    """

    keyword: Piece
    header: Piece
    rules: tuple[Piece, ...] | None
    exclude: tuple[Piece, ...]
    module: Piece | None
    pattern: Piece | None
    docstrings: tuple[Piece, ...]
    directives: tuple[Directive, ...] | None


Statement = Rule | GlobalStatement | Storage | NameList | Hook | Module | UseRule


@frozen
class RuleFile:
    """A parsed rule file.

    `statements` are those of the language in the order of the file, at any indentation.
    `python` is the syntax tree of the text in which every statement of the language has been
    replaced, in place, by Python that holds its values (see `rulekit.syntax.holes`);
    `holes` maps the line on which such a statement begins to its index in `statements`.
    """

    source: Source
    statements: tuple[Statement, ...]
    warnings: tuple[Diagnostic, ...]
    python: ast.Module
    holes: Mapping[int, int]

    @property
    def path(self) -> str:
        """The path that was given to `parse`."""
        return self.source.path

    @property
    def text(self) -> str:
        """The text that was parsed, with ``\\n`` line ends."""
        return self.source.text
