"""The server: requests of the editor on stdin, answers on stdout, by pygls.

A request about a text that cannot be read is answered with nothing; none ends the server.
"""

from __future__ import annotations

import asyncio
import json
import os
import sys
from urllib.parse import unquote, urlsplit

from lsprotocol import types
from pygls.lsp.server import LanguageServer
from pygls.uris import from_fs_path

from rulekit import __version__
from rulekit.errors.tree import RulekitError
from rulekit.lsp import rename as renaming
from rulekit.lsp.complete import complete
from rulekit.lsp.diagnose import Problem, problems
from rulekit.lsp.find import definition, hover
from rulekit.lsp.places import offset, position, units
from rulekit.lsp.project import Project

TYPE_CHECKING = False
if TYPE_CHECKING:
    from rulekit.lsp.outline import Outline

_SEVERITIES = {
    "error": types.DiagnosticSeverity.Error,
    "warning": types.DiagnosticSeverity.Warning,
    "hint": types.DiagnosticSeverity.Information,
}
_KINDS = {
    "rule": types.CompletionItemKind.Module,
    "keyword": types.CompletionItemKind.Keyword,
    "wildcard": types.CompletionItemKind.Variable,
    "field": types.CompletionItemKind.Field,
    "key": types.CompletionItemKind.Property,
    "file": types.CompletionItemKind.File,
}
_SYMBOLS = {
    "rule": types.SymbolKind.Module,
    "checkpoint": types.SymbolKind.Event,
    "module": types.SymbolKind.Package,
    "include": types.SymbolKind.File,
    "def": types.SymbolKind.Function,
    "class": types.SymbolKind.Class,
}
_LINT_SECONDS = 60.0  # a workflow that takes longer to be read is not linted while it is edited


class RuleServer(LanguageServer):
    """Holds the project and the answers of the linter for the workflow as a whole."""

    def __init__(self) -> None:
        super().__init__("rulekit", f"v{__version__}")
        self.project = Project(None, self.opened)
        self.lint_on_save = True
        self.linted: dict[str, list[Problem]] = {}  # by path, from the last time it was saved
        self.linter: asyncio.subprocess.Process | None = None

    def opened(self, path: str) -> str | None:
        """The text of a file that is open in the editor."""
        documents = self.workspace.text_documents
        document = documents.get(from_fs_path(path) or "")
        if document is None:
            document = next((one for uri, one in documents.items() if to_path(uri) == path), None)
        return None if document is None else document.source

    def outline(self, uri: str) -> Outline | None:
        """What is in an open file."""
        return self.project.outline(to_path(uri))


def to_path(uri: str) -> str:
    """The path that a URI of a file names; other URIs as they are."""
    parts = urlsplit(uri)
    return os.path.normpath(unquote(parts.path)) if parts.scheme == "file" else uri


def make_server() -> RuleServer:
    """A server with all its features; nothing runs yet."""
    server = RuleServer()

    @server.feature(types.INITIALIZED)
    def _initialized(ls: RuleServer, _params: types.InitializedParams) -> None:
        root = ls.workspace.root_path
        ls.project.root = os.path.normpath(root) if root else None

    @server.feature(types.INITIALIZE)
    def _initialize(ls: RuleServer, params: types.InitializeParams) -> None:
        given = params.initialization_options
        if isinstance(given, dict) and given.get("lintOnSave") is False:
            ls.lint_on_save = False

    @server.feature(types.TEXT_DOCUMENT_DID_OPEN)
    def _opened(ls: RuleServer, params: types.DidOpenTextDocumentParams) -> None:
        publish(ls, params.text_document.uri)

    @server.feature(types.TEXT_DOCUMENT_DID_CHANGE)
    def _changed(ls: RuleServer, params: types.DidChangeTextDocumentParams) -> None:
        ls.linted.pop(to_path(params.text_document.uri), None)  # its lines have moved
        publish(ls, params.text_document.uri)

    @server.feature(types.TEXT_DOCUMENT_DID_SAVE)
    async def _saved(ls: RuleServer, params: types.DidSaveTextDocumentParams) -> None:
        if ls.lint_on_save:
            await lint_workflow(ls, to_path(params.text_document.uri))

    @server.feature(types.TEXT_DOCUMENT_DID_CLOSE)
    def _closed(ls: RuleServer, params: types.DidCloseTextDocumentParams) -> None:
        send(ls, params.text_document.uri, [])

    @server.feature(types.TEXT_DOCUMENT_DEFINITION)
    def _definition(ls: RuleServer, params: types.DefinitionParams) -> list[types.Location] | None:
        made = ls.outline(params.text_document.uri)
        if made is None:
            return None
        found = []
        for place in definition(ls.project, made, _at(made, params.position)):
            where = _NOWHERE if place.made is None else _range(place.made, place.start, place.end)
            found.append(types.Location(from_fs_path(place.path) or "", where))
        return found or None

    @server.feature(types.TEXT_DOCUMENT_HOVER)
    def _hover(ls: RuleServer, params: types.HoverParams) -> types.Hover | None:
        made = ls.outline(params.text_document.uri)
        if made is None:
            return None
        found = hover(ls.project, made, _at(made, params.position))
        if found is None:
            return None
        text = types.MarkupContent(types.MarkupKind.Markdown, found[0])
        return types.Hover(text, _range(made, found[1], found[2]))

    @server.feature(
        types.TEXT_DOCUMENT_COMPLETION,
        types.CompletionOptions(trigger_characters=[".", "{", '"', "'", "[", "/"]),
    )
    def _completion(
        ls: RuleServer, params: types.CompletionParams
    ) -> list[types.CompletionItem] | None:
        made = ls.outline(params.text_document.uri)
        if made is None:
            return None
        return [
            types.CompletionItem(
                choice.label,
                kind=_KINDS[choice.kind],
                documentation=types.MarkupContent(types.MarkupKind.Markdown, choice.help)
                if choice.help
                else None,
                insert_text=choice.insert,
            )
            for choice in complete(ls.project, made, _at(made, params.position))
        ]

    @server.feature(types.TEXT_DOCUMENT_PREPARE_RENAME)
    def _prepare(
        ls: RuleServer, params: types.PrepareRenameParams
    ) -> types.PrepareRenamePlaceholder | None:
        made = ls.outline(params.text_document.uri)
        found = None if made is None else renaming.what(made, _at(made, params.position))
        if made is None or found is None:
            return None
        return types.PrepareRenamePlaceholder(_range(made, found[2], found[3]), found[1])

    @server.feature(types.TEXT_DOCUMENT_RENAME, types.RenameOptions(prepare_provider=True))
    def _rename(ls: RuleServer, params: types.RenameParams) -> types.WorkspaceEdit | None:
        made = ls.outline(params.text_document.uri)
        if made is None:
            return None
        place = _at(made, params.position)
        reason = renaming.refusal(ls.project, made, place, params.new_name)
        if reason is not None:
            kind = types.MessageType.Warning
            ls.window_show_message(types.ShowMessageParams(kind, f"not renamed: {reason}"))
            return None
        edits: dict[str, list[types.TextEdit]] = {}
        for one in renaming.places(ls.project, made, place):
            edit = types.TextEdit(_range(one.made, one.start, one.end), params.new_name)
            edits.setdefault(from_fs_path(one.made.path) or "", []).append(edit)
        return types.WorkspaceEdit(changes=edits) if edits else None

    @server.feature(types.TEXT_DOCUMENT_REFERENCES)
    def _references(ls: RuleServer, params: types.ReferenceParams) -> list[types.Location] | None:
        made = ls.outline(params.text_document.uri)
        if made is None:
            return None
        return [
            types.Location(from_fs_path(one.made.path) or "", _range(one.made, one.start, one.end))
            for one in renaming.places(ls.project, made, _at(made, params.position))
        ]

    @server.feature(types.TEXT_DOCUMENT_DOCUMENT_SYMBOL)
    def _symbols(
        ls: RuleServer, params: types.DocumentSymbolParams
    ) -> list[types.DocumentSymbol] | None:
        made = ls.outline(params.text_document.uri)
        return None if made is None else symbols(made)

    @server.feature(types.TEXT_DOCUMENT_FORMATTING)
    def _formatting(
        ls: RuleServer, params: types.DocumentFormattingParams
    ) -> list[types.TextEdit] | None:
        from rulekit.fmt.layout import format_text

        made = ls.outline(params.text_document.uri)
        if made is None:
            return None
        try:
            new = format_text(made.text, made.path)
        except RulekitError as error:
            message = error.diagnostics[0].message
            kind = types.MessageType.Warning
            ls.window_show_message(types.ShowMessageParams(kind, f"not laid out: {message}"))
            return None
        if new == made.text:
            return []
        return [types.TextEdit(_range(made, 0, len(made.text)), new)]

    @server.feature(types.TEXT_DOCUMENT_CODE_ACTION)
    def _actions(ls: RuleServer, params: types.CodeActionParams) -> list[types.CodeAction] | None:
        made = ls.outline(params.text_document.uri)
        return None if made is None else actions(made, params)

    return server


_NOWHERE = types.Range(types.Position(0, 0), types.Position(0, 0))


def _at(made: Outline, where: types.Position) -> int:
    return offset(made.source, where.line, where.character)


def _range(made: Outline, start: int, end: int) -> types.Range:
    return types.Range(
        types.Position(*position(made.source, start)), types.Position(*position(made.source, end))
    )


def symbols(made: Outline) -> list[types.DocumentSymbol]:
    """The outline of a file: rules, modules, includes, functions."""
    found = []
    for one in made.statements:
        kind = _SYMBOLS.get(one.kind)
        if kind is None:
            continue
        name = one.name or one.kind
        if one.kind == "include" and one.parts[0].texts:
            name = one.parts[0].texts[0].content
        start, end = (one.names[0][1:]) if one.names else (one.start, one.start + len(one.kind))
        found.append(
            types.DocumentSymbol(
                name or one.kind,
                kind,
                _range(made, one.start, max(one.end, end)),
                _range(made, start, end),
                detail=one.kind,
            )
        )
    for what, name, start, end in made.defined:
        where = _range(made, start, end)
        found.append(types.DocumentSymbol(name, _SYMBOLS[what], where, where, detail=what))
    return sorted(found, key=lambda one: (one.range.start.line, one.range.start.character))


def actions(made: Outline, params: types.CodeActionParams) -> list[types.CodeAction]:
    """What the linter can mend in the lines that are asked about."""
    from rulekit.lint.catalogue import CHECKS
    from rulekit.lint.files import check_file
    from rulekit.lint.fixes import edits_for
    from rulekit.syntax.parser import parse

    try:
        rulefile = parse(made.text, made.path)
    except RulekitError:
        return []
    found = []
    first, last = params.range.start.line + 1, params.range.end.line + 1
    for one in check_file(rulefile, alone=True, envvars=()):
        if not CHECKS[one.code].mended or not first <= one.line <= last:
            continue
        edits = [
            types.TextEdit(_range(made, start, end), new)
            for start, end, new in edits_for(one, rulefile)
        ]
        if edits:
            change = types.WorkspaceEdit(changes={params.text_document.uri: edits})
            title = f"{one.code}: {CHECKS[one.code].fix}"
            kind = types.CodeActionKind.QuickFix
            found.append(types.CodeAction(title, kind=kind, edit=change))
    return found


# Diagnostics ----------------------------------------------------------------------------------


def publish(ls: RuleServer, uri: str) -> None:
    """Look at an open file and send what was found."""
    path = to_path(uri)
    document = ls.workspace.get_text_document(uri)
    text = document.source
    main = ls.project.main_file()
    found = problems(text, path, alone=main is None or main == path)
    if not any(one.severity == "error" for one in found):
        seen = {(one.code, one.place[0]) for one in found}
        later = ls.linted.get(path, [])
        found += [one for one in later if (one.code, one.place[0]) not in seen]
    send(ls, uri, found, text)


def send(ls: RuleServer, uri: str, found: list[Problem], text: str = "") -> None:
    """Send diagnostics of a file; none clears those that were there."""
    rows = text.replace("\r\n", "\n").replace("\r", "\n").split("\n") if found else []
    ls.text_document_publish_diagnostics(
        types.PublishDiagnosticsParams(uri, [_diagnostic(one, uri, rows) for one in found])
    )


def _diagnostic(one: Problem, uri: str, rows: list[str]) -> types.Diagnostic:
    related = [
        types.DiagnosticRelatedInformation(types.Location(uri, _where(place, rows)), text)
        for _, place, text in one.related
    ]
    return types.Diagnostic(
        _where(one.place, rows),
        one.message,
        severity=_SEVERITIES.get(one.severity, types.DiagnosticSeverity.Warning),
        code=one.code,
        source="rulekit",
        related_information=related or None,
    )


def _where(place: tuple[int, int, int, int], rows: list[str]) -> types.Range:
    line, column, last, last_column = place

    def at(number: int, char: int) -> types.Position:
        row = rows[number - 1] if 0 < number <= len(rows) else ""
        return types.Position(max(number - 1, 0), units(row[: max(char - 1, 0)]))

    return types.Range(at(line, column), at(last, last_column))


async def lint_workflow(ls: RuleServer, path: str) -> None:
    """Lint the workflow of a saved file in a process of its own: this runs the rule file's Python,
    which may be slow, or wrong."""
    main = ls.project.main_file() or path
    if ls.linter is not None and ls.linter.returncode is None:
        ls.linter.kill()
    words = [sys.executable, "-m", "rulekit", "lint", "--json", "--snakefile", main]
    try:
        ls.linter = process = await asyncio.create_subprocess_exec(
            *words,
            cwd=ls.project.root or os.path.dirname(path),
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.DEVNULL,
        )
        try:
            out, _ = await asyncio.wait_for(process.communicate(), _LINT_SECONDS)
        except TimeoutError:
            process.kill()
            await process.wait()
            return
        answer = json.loads(out)
        assert isinstance(answer, dict)
    except (OSError, ValueError, AssertionError):
        return  # it does not compile: the diagnostics of the text say why
    ls.linted = _linted(answer)
    for uri in list(ls.workspace.text_documents):
        if to_path(uri) in ls.linted or to_path(uri) == path:
            publish(ls, uri)


def _linted(answer: dict[str, list[dict[str, object]]]) -> dict[str, list[Problem]]:
    found: dict[str, list[Problem]] = {}
    for group in (*answer.get("snakefiles", ()), *answer.get("rules", ())):
        about, lints = group["for"], group["lints"]
        assert isinstance(about, dict) and isinstance(lints, list)
        for one in lints:
            line = one["line"]
            help_ = one["body"].partition("What to do: ")[2]
            message = f"{one['title']}\n{help_}"
            problem = Problem(one["code"], message, (line, 1, line, 1000), "hint")
            found.setdefault(about["snakefile"], []).append(problem)
    return found
