"""Putting file names and wildcard values into a shell command so that they stay data.

A command is read once from left to right by a small model of the shell's quoting: words, single
and double quotes, ``$'...'``, ``$(...)``, backquotes, ``${...}``, ``$((...))``, comments and
here-documents, nested in each other. Where a value comes, the innermost context says how it must
be written. After that the written value is read as well, and the context must be the same as
before it; otherwise, and wherever the model is not sure, the value is refused.

Only commands with a value that is not harmless come here, so clarity counts more than speed.
"""

from __future__ import annotations

from rulekit.errors.tree import PlanError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Never

# Contexts. COMMAND covers the whole text, `$(...)`, `(...)` and backquotes (by `closer`).
COMMAND, DOUBLE, SINGLE, ANSI, PARAMETER, ARITHMETIC, COMMENT, HEREDOC = range(8)

_SHOWN = {
    PARAMETER: "inside `${...}`",
    ARITHMETIC: "inside `((...))`",
    COMMENT: "in a comment",
    HEREDOC: "in a here-document",
}
_BLANKS = " \t\n"
_ENDS_COMMAND = ";&|\n"
_SHELLS = frozenset(("sh", "bash", "dash", "zsh", "ksh", "ash", "su"))
_READ_AGAIN = frozenset(("eval", "ssh", "rsh"))
# What the words of a command so far say about the next one.
_OPTION, _CODE, _ALL_CODE, _NO_CODE = "option", "code", "all", "none"
_ENDS_WORD = " \t\n;&|()<>"


class _Frame:
    """One level of nesting."""

    __slots__ = (
        "cases",
        "closer",
        "delimiter",
        "depth",
        "inner",
        "kind",
        "line",
        "line_has_value",
        "quoted",
        "strip",
        "then",
        "word",
    )

    def __init__(self, kind: int, closer: str = "") -> None:
        self.kind = kind
        self.closer = closer
        self.word = ""  # COMMAND: the word so far, to see `case`; "" at the start of a word
        self.then = ""  # COMMAND: whether another shell reads the words that follow
        self.inner: ShellText | None = None  # SINGLE: what the other shell reads
        self.cases = 0  # COMMAND: open `case` statements, whose patterns end with `)`
        self.depth = 0  # ARITHMETIC: open brackets
        self.delimiter = ""  # HEREDOC
        self.quoted = False
        self.strip = False
        self.line = ""  # HEREDOC: the line so far
        self.line_has_value = False


class ShellText:
    """A command that is put together from shell code and from values.

    Raises `PlanError` (RK0460) from `add_value` and `result` for a value that cannot be written
    where it stands.
    """

    def __init__(self, template: str) -> None:
        self._template = template
        self._out: list[str] = []
        self._stack = [_Frame(COMMAND)]
        self._escaped = False
        self._dollar = False
        self._opened = False  # the last character opened a bracket: another one makes it `((`
        self._less = 0
        self._waiting: list[_Frame] = []  # here-documents that begin on the next line
        self._heading: _Frame | None = None  # the here-document whose delimiter is being read
        self._heading_quote = ""
        self._heading_blank = False
        self._inside_value = False
        self._field = ""
        self._last = ""  # the last character that was read

    def add(self, code: str) -> None:
        """Shell code: the text of the rule, or a value that may be code."""
        for character in code:
            self._read(character)
        self._out.append(code)

    def add_harmless(self, text: str, field: str) -> None:
        """A value without any character that means something to a shell."""
        self._field = field
        self._inside_value = True
        for character in text:
            self._read(character)
        self._inside_value = False
        self._out.append(text)

    def add_value(self, text: str, field: str, *, quoted: bool) -> None:
        """A value that must stay data. `quoted`: it is quoted as one word already (``:q``)."""
        self._field = field
        if "\0" in text:
            self._refuse(text, "it holds a NUL character, which no command can", final=True)
        if not text:
            return
        frame = self._stack[-1]
        if frame.inner is not None and not any(one.kind == HEREDOC for one in self._stack):
            frame.inner.add_value(text, field, quoted=quoted)
            self._out.append(frame.inner._out[-1].replace("'", "'\\''"))
            return
        if any(one.then in (_CODE, _ALL_CODE) for one in self._stack):
            self._refuse(text, "another shell would read it again", nested=True)
        written = self._write(text, quoted)
        before = [(frame.kind, frame.closer, frame.depth) for frame in self._stack]
        self._inside_value = True
        for character in written:
            self._read(character)
        self._inside_value = False
        after = [(frame.kind, frame.closer, frame.depth) for frame in self._stack]
        if before != after or self._escaped or self._dollar or self._less or self._heading:
            self._refuse(text, "it would change how the rest of the command is read")
        self._out.append(written)

    def result(self) -> str:
        """The whole command."""
        frame = self._stack[-1]
        if frame.kind == HEREDOC:
            self._end_line(frame)
        return "".join(self._out)

    def at_word_start(self) -> bool:
        """Whether what comes next begins a word, in quotes or not."""
        frame = self._stack[-1]
        if frame.inner is not None:
            return frame.inner.at_word_start()
        if frame.kind in (SINGLE, DOUBLE, ANSI):
            outer = self._stack[-2]
            just_opened = self._last in ("'", '"') and outer.word in (self._last, "$")
            return outer.kind == COMMAND and just_opened
        return frame.kind == COMMAND and not frame.word and not self._escaped

    def _refuse(self, text: str, why: str, final: bool = False, nested: bool = False) -> Never:
        shown = repr(text)
        if len(shown) > 120:
            shown = shown[:117] + "..."
        raise PlanError(
            f"the value {shown} of `{self._field}` cannot be put into the command: {why}",
            code="RK0460",
            help=None
            if final
            else "hand it over as an argument: `bash -c 'cat \"$1\"' _ "
            f"{self._field[:-1].split(':')[0]}}}`"
            if nested
            else f"give it to the command as an argument, outside of such constructs: "
            f"`{self._field[:-1].split(':')[0]}:q}}`, or in double quotes",
        )

    def _write(self, text: str, quoted: bool) -> str:
        """The value as it must be written here."""
        frame = self._stack[-1]
        kind = frame.kind
        if self._escaped or self._dollar:
            sign = "\\" if self._escaped else "$"
            self._refuse(text, f"it follows a `{sign}`, which would change its first character")
        if self._heading is not None or self._less > 1:
            self._refuse(text, "it is the delimiter of a here-document")
        backquotes = [i for i, one in enumerate(self._stack) if one.closer == "`"]
        if any(one.kind in (PARAMETER, ARITHMETIC) for one in self._stack):
            where = PARAMETER if any(o.kind == PARAMETER for o in self._stack) else ARITHMETIC
            self._refuse(text, f"it stands {_SHOWN[where]}, where it cannot be quoted")
        if backquotes and (
            len(backquotes) > 1 or any(one.kind != COMMAND for one in self._stack[: backquotes[0]])
        ):
            self._refuse(text, "it stands in backquotes inside of quotes; use `$(...)`")
        if kind == COMMAND:
            written = text if quoted else "'" + text.replace("'", "'\"'\"'") + "'"
        elif kind == DOUBLE:
            written = _escape(text, '\\$`"')
        elif kind == SINGLE:
            written = text.replace("'", "'\\''")
        elif kind == ANSI:
            written = _escape(text, "\\'")
        elif kind == COMMENT:
            if "\n" in text or backquotes:
                self._refuse(text, "it stands in a comment and would end it")
            written = text
        else:
            if frame.strip and ("\n" + frame.line.lstrip("\t") + text).find("\n\t") >= 0:
                self._refuse(text, "a here-document with `<<-` would take its tabs away")
            written = text if frame.quoted else _escape(text, "\\$`")
        if backquotes:
            written = _escape(written, "\\$`")
        return written

    # The model of the shell's quoting, one character at a time.

    def _read(self, c: str) -> None:
        for frame in self._stack:
            if frame.kind == HEREDOC and c != "\n":
                frame.line += c
                frame.line_has_value |= self._inside_value
        frame = self._stack[-1]
        kind = frame.kind
        self._last = c
        if kind == COMMAND:
            self._read_command(frame, c)
        elif kind == SINGLE:
            if c == "'":
                self._stack.pop()
            elif frame.inner is not None:
                frame.inner._read(c)
        elif kind == COMMENT:
            if c == "\n":
                self._stack.pop()
                self._read_command(self._stack[-1], c)
            elif c == "`" and self._stack[-2].closer == "`":
                del self._stack[-2:]
        elif kind == ANSI:
            if self._escaped:
                self._escaped = False
            elif c == "\\":
                self._escaped = True
            elif c == "'":
                self._stack.pop()
        elif kind == HEREDOC:
            self._read_heredoc(frame, c)
        else:
            self._read_inner(frame, c)

    def _after_dollar(self, c: str, quotes: bool) -> bool:
        """Handle the character after a `$`; True if it is done with."""
        self._dollar = False
        if c == "(":
            self._stack.append(_Frame(COMMAND, ")"))
            self._opened = True
        elif c == "{":
            self._stack.append(_Frame(PARAMETER))
        elif c == "'" and quotes:
            self._stack.append(_Frame(ANSI))
        elif c == '"' and quotes:
            self._stack.append(_Frame(DOUBLE))
        else:
            return c in "#?!*@-_$" or c.isalnum()
        return True

    def _read_command(self, frame: _Frame, c: str) -> None:
        opened, self._opened = self._opened, False
        if self._heading is not None:
            self._read_heading(frame, c)
            return
        if self._less and c != "<":
            if self._less == 2:
                self._less = 0
                self._heading = _Frame(HEREDOC)
                self._heading_quote = ""
                self._heading_blank = True
                self._read_heading(frame, c)
                return
            self._less = 0
        if self._escaped:
            self._escaped = False
            frame.word += "\\"
            return
        if self._dollar:
            frame.word += "$"
            if self._after_dollar(c, quotes=True):
                return
        if c == "\\":
            self._escaped = True
        elif c == "'":
            single = _Frame(SINGLE)
            if frame.then == _CODE and not frame.word:
                single.inner = ShellText("")
            frame.word += c
            self._stack.append(single)
        elif c == '"':
            frame.word += c
            self._stack.append(_Frame(DOUBLE))
        elif c == "$":
            self._dollar = True
        elif c == "`":
            if frame.closer == "`":
                self._stack.pop()
            else:
                frame.word += c
                self._stack.append(_Frame(COMMAND, "`"))
        elif c == "#" and not frame.word:
            self._stack.append(_Frame(COMMENT))
        elif c == "(":
            if opened:
                # `((` opens arithmetic: one level with both brackets.
                frame.kind, frame.closer, frame.depth = ARITHMETIC, "", 2
            else:
                at_start = not frame.word
                self._end_word(frame)
                self._stack.append(_Frame(COMMAND, ")"))
                self._opened = at_start
        elif c == ")":
            self._end_word(frame)
            if frame.cases == 0 and frame.closer == ")":
                self._stack.pop()
        elif c == "<":
            self._end_word(frame)
            self._less = self._less + 1 if self._less < 3 else 1
            if self._less == 3:  # a here-string
                self._less = 0
        elif c in _ENDS_WORD:
            self._end_word(frame)
            if c in _ENDS_COMMAND:
                frame.then = ""
            if c == "\n" and self._waiting:
                self._stack.append(self._waiting.pop(0))
        else:
            frame.word += c

    def _end_word(self, frame: _Frame) -> None:
        word = frame.word
        if not word:
            return
        if word == "case":
            frame.cases += 1
        elif word == "esac":
            frame.cases = max(0, frame.cases - 1)
        if frame.then == _OPTION:
            if word[0] == "-":
                if "c" in word and not word.startswith("--"):
                    frame.then = _CODE
            elif word[0] != "+":
                frame.then = _NO_CODE  # a script; what follows are its arguments
        elif frame.then == _CODE:
            frame.then = _NO_CODE
        elif not frame.then:
            name = word.rpartition("/")[2]
            if name in _SHELLS:
                frame.then = _OPTION
            elif name in _READ_AGAIN:
                frame.then = _ALL_CODE
        frame.word = ""

    def _read_inner(self, frame: _Frame, c: str) -> None:
        """In double quotes, `${...}` or arithmetic."""
        kind = frame.kind
        if self._escaped:
            self._escaped = False
            return
        if self._dollar and self._after_dollar(c, quotes=kind == PARAMETER):
            return
        if c == "\\":
            self._escaped = True
        elif c == "$":
            self._dollar = True
        elif c == "`":
            self._stack.append(_Frame(COMMAND, "`"))
        elif kind == DOUBLE:
            if c == '"':
                self._stack.pop()
        elif c == '"':
            self._stack.append(_Frame(DOUBLE))
        elif kind == PARAMETER:
            if c == "}":
                self._stack.pop()
            elif c == "'" and not any(one.kind in (DOUBLE, HEREDOC) for one in self._stack):
                self._stack.append(_Frame(SINGLE))
        elif c == "'":
            self._stack.append(_Frame(SINGLE))
        elif c == "(":
            frame.depth += 1
        elif c == ")":
            frame.depth -= 1
            if frame.depth == 0:
                self._stack.pop()

    def _read_heading(self, frame: _Frame, c: str) -> None:
        """The delimiter of a here-document, after ``<<``."""
        heading = self._heading
        assert heading is not None
        if self._heading_blank:
            if c in " \t":
                return
            if c == "-" and not heading.strip:
                heading.strip = True
                return
            self._heading_blank = False
        if self._heading_quote:
            if c == self._heading_quote:
                self._heading_quote = ""
            else:
                heading.delimiter += c
                if self._heading_quote == "\\":
                    self._heading_quote = ""
        elif c in "'\"\\":
            heading.quoted = True
            self._heading_quote = c
        elif c in _ENDS_WORD:
            self._heading = None
            self._waiting.append(heading)
            self._read_command(frame, c)
        else:
            heading.delimiter += c

    def _read_heredoc(self, frame: _Frame, c: str) -> None:
        if c == "\n":
            self._escaped = self._dollar = False
            if self._end_line(frame):
                self._stack.pop()
                if self._waiting:
                    self._stack.append(self._waiting.pop(0))
            return
        if frame.quoted:
            return
        if self._escaped:
            self._escaped = False
        elif self._dollar and self._after_dollar(c, quotes=False):
            pass
        elif c == "\\":
            self._escaped = True
        elif c == "$":
            self._dollar = True
        elif c == "`":
            self._stack.append(_Frame(COMMAND, "`"))

    def _end_line(self, frame: _Frame) -> bool:
        """Whether the line that is complete now ends the here-document."""
        line = frame.line.lstrip("\t") if frame.strip else frame.line
        frame.line = ""
        has_value, frame.line_has_value = frame.line_has_value, False
        if line != frame.delimiter:
            return False
        if has_value:
            self._refuse(line, "it would end the here-document it stands in")
        return True


def _escape(text: str, special: str) -> str:
    for character in special:  # the backslash comes first
        text = text.replace(character, "\\" + character)
    return text
