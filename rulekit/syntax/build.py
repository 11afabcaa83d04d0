"""Tokens of a statement → Lark tree → record of the tree; mistakes → diagnostics.

Lark decides what is legal. A token it refuses is dropped and reported, and the rest of the
statement is read on, so that one statement can show several mistakes.
"""

from __future__ import annotations

from lark import Token as LarkToken
from lark.exceptions import UnexpectedToken

from rulekit.errors.diagnostic import Diagnostic, Label
from rulekit.syntax import tree
from rulekit.syntax.keywords import ACTIONS, STATEMENTS
from rulekit.syntax.lexer import Token
from rulekit.syntax.source import Piece

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    import lark

    from rulekit.syntax.lexer import LexedStatement
    from rulekit.syntax.source import Source

_END = LarkToken("$END", "")


class Builder:
    """Makes statements of one file; collects `diagnostics` (errors and warnings)."""

    def __init__(self, parser: lark.Lark, source: Source) -> None:
        self.parser = parser
        self.source = source
        self.diagnostics: list[Diagnostic] = []

    def build(self, lexed: LexedStatement) -> tree.Statement | None:
        """The record of one statement, None if it has mistakes."""
        if lexed.broken and lexed.tokens[0].type in ("RULEORDER", "LOCALRULES", "USE"):
            return None
        found = self._parse(lexed)
        if found is None or lexed.broken:
            return None
        return getattr(self, "_" + found.data)(lexed, found.children)  # type: ignore[no-any-return]

    def _parse(self, lexed: LexedStatement) -> Any:
        state = self.parser.parse_interactive(start="statement").parser_state
        feed = state.feed_token
        try:
            for token in lexed.tokens:
                feed(token)  # type: ignore[arg-type]
            return feed(_END, True)
        except UnexpectedToken:
            pass
        self._find_mistakes(lexed)
        return None

    def _find_mistakes(self, lexed: LexedStatement) -> None:
        """Read a statement that is not legal once more; report, mend, go on."""
        state = self.parser.parse_interactive(start="statement").parser_state
        done: list[Token] = []
        skipping = False  # what belongs to a directive that was refused
        for token in [*lexed.tokens, None]:
            if skipping and token is not None and token.type in ("_COLON", "VALUE", "BODY"):
                continue
            skipping = False
            while True:
                try:
                    if token is None:
                        state.feed_token(_END, True)
                    else:
                        state.feed_token(token)  # type: ignore[arg-type]
                        done.append(token)
                    break
                except UnexpectedToken as error:
                    mend = self._refused(lexed, done, token, set(error.expected))
                if mend is None:
                    return
                if mend == "skip":
                    skipping = True
                    break
                missing = Token(mend, done[-1].end, done[-1].end)
                state.feed_token(missing)  # type: ignore[arg-type]
                done.append(missing)

    # Mistakes --------------------------------------------------------------------------------

    def _refused(
        self, lexed: LexedStatement, done: list[Token], token: Token | None, expected: set[str]
    ) -> str | None:
        """Report that `token` (None: the end) cannot stand behind `done`.

        Says how to go on: None not at all, ``skip`` without this token, else with a token of
        this type put before it.
        """
        first = lexed.tokens[0]
        last = done[-1]
        word = self._text(first)
        end = self._behind(last)
        in_directive = last.type in ("DIRECTIVE", "ACTION", "RUN")
        if "_COLON" in expected and (first.type != "USE" or last.type == "_WITH" or in_directive):
            if in_directive:
                what = f"the directive `{self._text(last)}`"
            else:
                what = (
                    "the statement `use rule ... with`"
                    if first.type == "USE"
                    else f"the statement `{word}`"
                )
            if not (lexed.broken and not in_directive):
                self._report("RK0205", f"{what} needs a colon", *end, "a colon is missing here")
            return "_COLON"
        if expected & {"VALUE", "BODY"} and last.type == "_COLON":
            keyword = done[-2] if len(done) > 1 else first
            kind = "BODY" if "BODY" in expected else "VALUE"
            if kind == "BODY":
                message = f"`{self._text(keyword)}:` has no body"
                help_: str | None = "indent the Python statements of the body below it"
            else:
                message = f"the directive `{self._text(keyword)}` has no value"
                help_ = _VALUES.get(self._text(keyword))
            self._report("RK0206", message, keyword.start, keyword.end, "", help_=help_)
            return kind
        if first.type == "USE":
            self._refused_use(done, token, expected)
        elif first.type in ("RULEORDER", "LOCALRULES"):
            listed = "a > b > c" if first.type == "RULEORDER" else "a, b, c"
            place = (token.start, token.end) if token is not None else (first.start, first.end)
            what = "needs names of rules" if token is None else "takes a list of names"
            self._report(
                "RK0205", f"`{word}` {what}", *place, "", help_=f"write `{word}: {listed}`"
            )
        elif token is None:
            self._report("RK0205", f"the statement `{word}` is not complete", *end, "")
        elif token.type in ("DIRECTIVE", "ACTION", "RUN"):
            self._late_directive(lexed, done, token)
            return "skip"
        else:
            self._report(
                "RK0205", f"this cannot stand in a `{word}` statement", token.start, token.end, ""
            )
        return None

    def _late_directive(self, lexed: LexedStatement, done: list[Token], token: Token) -> None:
        action = next((t for t in done if t.type in ("ACTION", "RUN")), None)
        if action is None:
            self._report("RK0205", "this directive cannot stand here", token.start, token.end, "")
            return
        label = Label(self.source.span(action.start, action.end), "the action")
        named = (
            f"rule `{self._text(lexed.tokens[1])}`"
            if lexed.tokens[1].type == "NAME"
            else "the rule"
        )
        if token.type == "DIRECTIVE":
            self._report(
                "RK0207",
                f"the directive `{self._text(token)}` stands behind the action of {named}",
                token.start,
                token.end,
                "",
                (label,),
                f"move it before `{self._text(action)}`: the action comes last",
            )
        else:
            self._report(
                "RK0207",
                f"{named} has a second action, `{self._text(token)}`",
                token.start,
                token.end,
                "",
                (label,),
                "a rule has one action; make two rules of it",
            )

    def _refused_use(self, done: list[Token], token: Token | None, expected: set[str]) -> None:
        start, end = (token.start, token.end) if token is not None else self._behind(done[-1])
        if "_USE_RULE" in expected:
            message = "`use` must be followed by `rule`"
        elif done[-1].type in ("_USE_RULE",):
            message = "`use rule` needs the names of rules, or `*`"
        elif done[-1].type == "_FROM":
            message = "`from` needs the name of a module"
        elif done[-1].type == "_AS":
            message = "`as` needs a name, or a pattern such as `new_*`"
        elif done[-1].type in ("_EXCLUDE", "_COMMA"):
            message = "the name of a rule is missing"
        else:
            message = "this is not a `use rule` statement"
        self._report(
            "RK0205",
            message,
            start,
            end,
            "",
            help_="write `use rule a, b from module exclude c as new_* with:` or parts of that, "
            "in this order",
        )

    def _behind(self, token: Token) -> tuple[int, int]:
        return token.end, token.end

    def _text(self, token: Token) -> str:
        return self.source.text[token.start : token.end]

    def _report(
        self,
        code: str,
        message: str,
        start: int,
        end: int,
        caret: str,
        labels: tuple[Label, ...] = (),
        help_: str | None = None,
        severity: str = "error",
    ) -> None:
        self.diagnostics.append(
            Diagnostic(
                code,
                message,
                self.source.span(start, end),
                caret,
                labels,
                help=help_,
                severity=severity,
            )
        )

    # Records ---------------------------------------------------------------------------------

    def _piece(self, token: Token) -> Piece:
        return Piece(self.source, token.start, token.end)

    def _header(self, lexed: LexedStatement) -> Piece:
        start = lexed.tokens[0].start
        text = self.source.text[start : lexed.header_end].rstrip()
        return Piece(self.source, start, start + len(text))

    def _body(
        self, items: list[Any]
    ) -> tuple[tuple[Piece, ...], tuple[tree.Directive, ...], tree.Directive | None]:
        """Docstrings, directives and action; of a repeated directive the first one counts."""
        source = self.source
        docstrings: list[Piece] = []
        directives: dict[str, tree.Directive] = {}
        action = None
        for item in items:
            children = item.children
            first = children[0]
            if item.data == "docstring":
                docstrings.append(Piece(source, first.start, first.end))
                continue
            keyword = Piece(source, first.start, first.end)
            value = None
            if len(children) > 1:
                value = Piece(source, children[1].start, children[1].end)
            directive = tree.Directive(keyword, value)
            if item.data == "action":
                action = directive
                continue
            word = source.text[first.start : first.end]
            earlier = directives.setdefault(word, directive)
            if earlier is not directive:
                self._report(
                    "RK0208",
                    f"the directive `{word}` is given again; only the first one counts",
                    first.start,
                    first.end,
                    "ignored",
                    (Label(earlier.keyword.span, "the first one"),),
                    f"merge the two `{word}` directives",
                    "warning",
                )
        return tuple(docstrings), tuple(directives.values()), action

    def _rule(self, lexed: LexedStatement, children: list[Any]) -> tree.Rule:
        name = self._piece(children[1]) if children[1:] and children[1].__class__ is Token else None
        body = children[-1]
        items = body.children if body.__class__ is not Token else []
        docstrings, directives, action = self._body(items)
        return tree.Rule(
            self._piece(children[0]),
            name,
            self._header(lexed),
            docstrings,
            directives,
            action,
            lexed.inline_run,
        )

    def _module(self, lexed: LexedStatement, children: list[Any]) -> tree.Module:
        name = self._piece(children[1]) if children[1].__class__ is Token else None
        docstrings, directives, _ = self._body(children[-1].children)
        made = tree.Module(
            self._piece(children[0]), name, self._header(lexed), docstrings, directives
        )
        if lexed.tokens[0].type == "MODULE":
            self._check_module(made)
        return made

    _subworkflow = _module

    def _check_module(self, module: tree.Module) -> None:
        header = module.header
        given = {directive.keyword.text: directive.keyword for directive in module.directives}
        if module.name is None and "name" not in given:
            self._report(
                "RK0206",
                "this module has no name",
                header.start,
                header.end,
                "",
                help_="write `module NAME:`, or give `name:` a value in its body",
            )
        elif module.name is not None and "name" in given:
            again = given["name"]
            label = Label(module.name.span, "the first name")
            self._report(
                "RK0205",
                f"module `{module.name.text}` has two names",
                again.start,
                again.end,
                "",
                (label,),
            )
        if "snakefile" not in given and "meta_wrapper" not in given:
            self._report(
                "RK0206",
                "this module has no rule file",
                header.start,
                header.end,
                "",
                help_="give `snakefile:` (or `meta_wrapper:`) a value in its body",
            )

    def _use_rule(self, lexed: LexedStatement, children: list[Any]) -> tree.UseRule:
        parts = {child.data: child.children for child in children[1:]}
        used = parts["used"]
        rules = None if used[0].type == "STAR" else tuple(self._piece(t) for t in used)
        docstrings: tuple[Piece, ...] = ()
        directives: tuple[tree.Directive, ...] | None = None
        if "with_body" in parts:
            docstrings, directives, _ = self._body(parts["with_body"])
        made = tree.UseRule(
            self._piece(children[0]),
            self._header(lexed),
            rules,
            tuple(self._piece(t) for t in parts.get("exclude", ())),
            self._piece(parts["source"][0]) if "source" in parts else None,
            self._piece(parts["rename"][0]) if "rename" in parts else None,
            docstrings,
            directives,
        )
        if rules is None:
            star = used[0]
            if made.module is None:
                self._report(
                    "RK0205",
                    "`use rule *` needs the module whose rules it takes",
                    star.start,
                    star.end,
                    "",
                    help_="write `use rule * from NAME`",
                )
            elif directives is not None:
                self._report(
                    "RK0205",
                    "`with:` cannot be given for all rules at once",
                    star.start,
                    star.end,
                    "",
                    help_="import all rules first, then use one of them again by its name with "
                    "`with:`",
                )
        return made

    def _global_statement(self, lexed: LexedStatement, children: list[Any]) -> tree.GlobalStatement:
        value = self._piece(children[1]) if len(children) > 1 else None
        keyword = self._piece(children[0])
        if value is None and keyword.text in _NEED_VALUE:
            self._report(
                "RK0206",
                f"the statement `{keyword.text}` has no value",
                keyword.start,
                keyword.end,
                "",
            )
        return tree.GlobalStatement(keyword, self._header(lexed), value)

    def _storage(self, lexed: LexedStatement, children: list[Any]) -> tree.Storage:
        tag = value = None
        for token in children[1:]:
            if token.type == "NAME":
                tag = self._piece(token)
            else:
                value = self._piece(token)
        return tree.Storage(self._piece(children[0]), self._header(lexed), tag, value)

    def _ruleorder(self, lexed: LexedStatement, children: list[Any]) -> tree.NameList:
        names = tuple(self._piece(token) for token in children[1:])
        return tree.NameList(self._piece(children[0]), self._header(lexed), names)

    _localrules = _ruleorder

    def _hook(self, lexed: LexedStatement, children: list[Any]) -> tree.Hook:
        return tree.Hook(self._piece(children[0]), self._header(lexed), self._piece(children[1]))


_VALUES = {
    **dict.fromkeys(ACTIONS, "give one string"),
    "shell": "give the command as one string",
    "script": "give the path of the script as one string",
}
_NEED_VALUE = frozenset(STATEMENTS) - {"envvars", "inputflags", "outputflags", "pathvars"}
