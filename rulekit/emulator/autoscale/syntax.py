"""A formula's text → instructions for a stack.

Statements are `name = expression` or an expression alone (`stop()`), separated by `;`; comments
begin with `//`. There is no tree: the parser emits postfix code with jumps for `?:`, so that
neither a long formula nor the evaluation recurses; what nests is limited.
"""

from __future__ import annotations

import re

from rulekit.emulator.autoscale.functions import known
from rulekit.emulator.autoscale.problems import SYNTAX, TOO_LONG, FormulaError, place
from rulekit.frozen import frozen

LONGEST = 8192
MOST_STATEMENTS = 100
_DEEPEST = 100

_TOKEN = re.compile(
    r"""(?P<blank>\s+|//[^\n]*)
    | (?P<number>(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?)
    | (?P<name>\$?[A-Za-z_]\w*)
    | (?P<text>"[^"\n]*"|'[^'\n]*')
    | (?P<mark>&&|\|\||[<>=!]=|[-+*/<>!?:;=(),.])
    """,
    re.VERBOSE | re.ASCII,
)
_BINDING = {"||": 1, "&&": 2, "==": 3, "!=": 3, "<": 4, "<=": 4, ">": 4, ">=": 4}
_BINDING.update({"+": 5, "-": 5, "*": 6, "/": 6})


@frozen
class Step:
    """One instruction. `position` is its place in the formula.

    number, text, name: push a value; unary, binary: apply an operator; call, method: `count`
    arguments are on the stack (before them the receiver of a method); member: a part of a value;
    unless, jump: go on at the instruction `count`, `unless` only if a number taken from the stack
    is 0; store: assign; drop: forget the value of an expression that stands alone.
    """

    action: str
    word: str
    count: int
    position: int


def parse(formula: str) -> list[Step]:
    """The instructions of a formula. Raises FormulaError."""
    if len(formula) > LONGEST:
        raise FormulaError(TOO_LONG, f"{len(formula)} characters")
    return _Parser(formula).program()


class _Parser:
    def __init__(self, text: str) -> None:
        self.text = text
        self.tokens = list(self._read())
        self.at = 0
        self.steps: list[Step] = []
        self.depth = 0

    def _read(self) -> list[tuple[str, str, int]]:
        found = []
        position = 0
        while position < len(self.text):
            match = _TOKEN.match(self.text, position)
            if match is None:
                raise self.wrong(f"unexpected character {self.text[position]!r}", position)
            if match.lastgroup != "blank":
                found.append((str(match.lastgroup), match[0], position))
            position = match.end()
        found.append(("end", "the end", len(self.text)))
        return found

    def wrong(self, what: str, position: int) -> FormulaError:
        return FormulaError(SYNTAX, f"{place(self.text, position)}: {what}")

    def unexpected(self) -> FormulaError:
        _, word, position = self.tokens[self.at]
        return self.wrong(f"unexpected {word}", position)

    def next_is(self, *marks: str) -> bool:
        kind, word, _ = self.tokens[self.at]
        return kind == "mark" and word in marks

    def takes(self, mark: str) -> bool:
        if not self.next_is(mark):
            return False
        self.at += 1
        return True

    def expect(self, mark: str) -> None:
        if not self.takes(mark):
            raise self.unexpected()

    def emit(self, action: str, word: str, count: int, position: int) -> int:
        self.steps.append(Step(action, word, count, position))
        return len(self.steps) - 1

    def program(self) -> list[Step]:
        statements = 0
        while self.tokens[self.at][0] != "end":
            if self.takes(";"):
                continue
            statements += 1
            if statements > MOST_STATEMENTS:
                what = f"more than {MOST_STATEMENTS} statements"
                raise self.wrong(what, self.tokens[self.at][2])
            self.statement()
            if self.tokens[self.at][0] != "end":
                self.expect(";")
        return self.steps

    def statement(self) -> None:
        kind, word, position = self.tokens[self.at]
        following = self.tokens[self.at + 1] if kind != "end" else ("end", "", 0)
        if kind == "name" and following[:2] == ("mark", "="):
            self.at += 2
            self.expression()
            self.emit("store", word, 0, position)
        else:
            self.expression()
            self.emit("drop", "", 0, position)

    def expression(self) -> None:
        self.depth += 1
        if self.depth > _DEEPEST:
            raise self.wrong("the expression is nested too deeply", self.tokens[self.at][2])
        self.operation(0)
        if self.next_is("?"):
            position = self.tokens[self.at][2]
            self.at += 1
            unless = self.emit("unless", "", 0, position)
            self.expression()
            jump = self.emit("jump", "", 0, position)
            self.expect(":")
            self.steps[unless] = Step("unless", "", len(self.steps), position)
            self.expression()
            self.steps[jump] = Step("jump", "", len(self.steps), position)
        self.depth -= 1

    def operation(self, least: int) -> None:
        """Operands with operators that bind at least so strongly; all group from the left."""
        self.prefixed()
        while True:
            kind, word, position = self.tokens[self.at]
            binding = _BINDING.get(word, 0) if kind == "mark" else 0
            if binding < max(least, 1):
                return
            self.at += 1
            self.operation(binding + 1)
            self.emit("binary", word, 2, position)

    def prefixed(self) -> None:
        signs = []
        while self.next_is("-", "!"):
            signs.append(self.tokens[self.at])
            self.at += 1
        self.operand()
        for _, word, position in reversed(signs):
            self.emit("unary", word, 1, position)

    def operand(self) -> None:
        kind, word, position = self.tokens[self.at]
        if kind == "number":
            self.at += 1
            self.emit("number", word, 0, position)
        elif kind == "text":
            self.at += 1
            self.emit("text", word[1:-1], 0, position)
        elif kind == "name":
            self.at += 1
            if self.takes("("):
                if not known(word):
                    raise self.wrong(f"there is no function {word}", position)
                self.emit("call", word, self.arguments(), position)
            else:
                self.emit("name", word, 0, position)
        elif self.takes("("):
            self.expression()
            self.expect(")")
        else:
            raise self.unexpected()
        while self.takes("."):
            kind, word, position = self.tokens[self.at]
            if kind != "name":
                raise self.unexpected()
            self.at += 1
            if self.takes("("):
                self.emit("method", word, self.arguments(), position)
            else:
                self.emit("member", word, 1, position)

    def arguments(self) -> int:
        if self.takes(")"):
            return 0
        count = 1
        self.expression()
        while self.takes(","):
            self.expression()
            count += 1
        self.expect(")")
        return count
