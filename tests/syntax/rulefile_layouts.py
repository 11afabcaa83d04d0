"""Rule files in every layout that the language allows, and what they should come to.

`files()` gives a text and the calls that the compiled file makes. Statements stand at the top and
inside `if`, `for`, `def`, `with`, `try`, `match` and the like; values inline, below, over several
lines, joined by backslashes, with comments and blank lines between.
"""

from __future__ import annotations

import sys

from hypothesis import strategies as st

from rulekit.syntax.keywords import ACTIONS, MODULE_DIRECTIVES, PROPERTIES, STATEMENTS

# Stands for a backslash and a line end, until the whole text is there.
JOINT = "\x01"
# The same in headers, where it has no blanks behind it.
HEADER_JOINT = "\x02"

# Python text of a value, and the value.
VALUES = [
    ('"x"', "x"),
    ("'it''s'", "its"),
    ('"""a\n b # no comment\n"""', "a\n b # no comment\n"),
    ('"""\nrule z:\n    input: "y"\n"""', '\nrule z:\n    input: "y"\n'),
    ("r'\\d{2}'", "\\d{2}"),
    ("f'{1 + 1}{{y}}'", "2{y}"),
    ("rf'\\{1:>2}'", "\\ 1"),
    ("f'''{\n1}\n#{2!r}'''", "1\n#2"),
    ("b'\\x00:'", b"\0:"),
    (f'"a"{JOINT}  "b"', "ab"),
    (f'"a" f"{{1}}"{JOINT}"b"', "a1b"),
    ('("a"\n"b")', "ab"),
    ("('a' # it's (\n   'b'\n\n 'c')", "abc"),
    ("4", 4),
    ("-1.5e3", -1500.0),
    ("None", None),
    ("[1,\n2,  # two\n]", [1, 2]),
    ("{'a': ('b',)}", {"a": ("b",)}),
    ("{'x'\n:\n1}", {"x": 1}),
    ("(lambda x: x)(3)", 3),
    ("(lambda: {'rule': 1})()['rule']", 1),
    ("1 if True else 2", 1),
    ("[y for y in 'ab' if y]", ["a", "b"]),
    ("(w := 5)", 5),
    ("'abc'[1:]", "bc"),
    ("'ü ß 字'", "ü ß 字"),
    ("'\\N{BULLET}\\\n'", "•"),
    ("'# no: comment'", "# no: comment"),
    ('"it\'s"', "it's"),
    (f"1 +{JOINT}{JOINT} 2", 3),
    ("sorted(v for v in 'ba')", ["a", "b"]),
]
if sys.version_info >= (3, 12):
    VALUES += [
        ("f'{'a' + f'{1}'}'", "a1"),
        ("f'{[\n1, # one\n]}:{2:{'>3'}}'", "[1]:  2"),
    ]
NAMES = st.sampled_from(["a", "b_1", "rule", "größe", "input", "with_", "X", "from_", "match"])
ARGUMENTS = st.tuples(
    st.lists(st.sampled_from(VALUES), max_size=3),
    st.dictionaries(NAMES, st.sampled_from(VALUES), max_size=2),
    st.sampled_from(["", "", "", "", "*", "**"]),
)
DOCSTRINGS = [
    ("'''doc\nstring'''", "doc\nstring"),
    ('"short"', "short"),
    ("r'raw\\d'", "raw\\d"),
    ("'two' \"parts\"", "twoparts"),
    (f"'joined'{JOINT} '''parts\nrule x:\n'''", "joinedparts\nrule x:\n"),
]
# Lines of a body, indented from its column, and what they add to OUT.
BODIES = [
    (["OUT.append(1)"], [1]),
    (["# c", "if True: # c", "    OUT.append(2)", "", "else: pass", "OUT.append(3)"], [2, 3]),
    (
        ["def f(input: int = 3):", "\tfor rule in [input]:", "\t\treturn rule", "OUT.append(f())"],
        [3],
    ),
    (["rule = 1; input: int = 4", "OUT.append(rule + input)"], [5]),
    ([f"OUT.append({JOINT}   6)", "pass"], [6]),
    (["try:", "  OUT.append(7)", "finally:", "  pass", "  # end"], [7]),
    (["with CM: OUT.append(8)"], [8]),
]
PLAIN = [
    (["OUT.append('rule a: x')"], ["rule a: x"]),
    (["report = 2; OUT.append(report)"], [2]),
    (["storage = 3"], []),
    (["class K:", "    input: int = 1", "    rule: str = 'a'", "OUT.append(K.rule)"], ["a"]),
    (["s = '''", "rule q:", "    input: 'x'", "'''"], []),
    (["@DECO", "def g(rule: int, *, input=None) -> None:", "    return None"], []),
    (["if True: OUT.append(1); OUT.append(2)"], [1, 2]),
    (["d = dict(", "rule=1,", "# c", "input=2)", "OUT.append(d['rule'])"], [1]),
    ([f"x = 1 +{JOINT}  2 # c", "OUT.append(x)"], [3]),
    (
        [
            "def input_(wildcards):",
            "    include = 1",
            "    return include",
            "OUT.append(input_(0))",
        ],
        [1],
    ),
    (["f = lambda wc: (", "'a')", "OUT.append(f(1))"], ["a"]),
]
# A line that opens a block, lines behind the block, and how often the block is run.
NESTS: list[tuple[list[str], list[str], int]] = [
    (["if True:"], [], 1),
    (["if False: pass", "elif True:"], ["else: pass"], 1),
    (["if False:", "    pass", "else:"], [], 1),
    (["for _ in (0, 1):"], [], 2),
    (["while True:"], ["    break"], 1),
    (["with CM, CM:  # c: x"], [], 1),
    (["try:"], ["finally: pass"], 1),
    (["try:"], ["except KeyError:", "    pass"], 1),
    (["try: {}[1]", "except KeyError:"], [], 1),
    (["def made(a: int = 1) -> None:"], ["made()"], 1),
    (["match 1:", "    case 0: pass", "if 1:"], [], 1),
]
NOISE = ["\n", "   \n", "\t\n", "# c: 'x\n", "      # (\n", "\t# rule a:\n", "\f\n"]


class Writer:
    """Text and expectations of one file."""

    def __init__(self, draw: st.DrawFn) -> None:
        self.draw = draw
        # A backslash may have blanks behind it; they are then read as if they stood before it.
        self.joint = draw(st.sampled_from(["\\\n"] * 3 + ["\\ \n", "\\\t \n"]))

    def one(self, *choices: str) -> str:
        return self.draw(st.sampled_from(choices))

    def noise(self) -> str:
        """Lines that mean nothing."""
        return "".join(self.draw(st.lists(st.sampled_from(NOISE), max_size=2)))

    def gap(self) -> str:
        """What may stand between two words of a header."""
        return self.one("", "", " ", "  ", "\t", f" {HEADER_JOINT}  ", HEADER_JOINT)

    def space(self) -> str:
        return self.gap() or " "

    def line_end(self) -> str:
        return self.one("", "", "  ", " # c", "# c: 'x", "\t# ü")

    def arguments(self, given: tuple, indent: str, required: bool) -> tuple[str, tuple, dict]:
        """What stands behind a colon, with the line's end; positional and named values."""
        positional, named, star = given
        if required and not positional and not named and not star:
            positional = [VALUES[0]]
        args = [value for _, value in positional]
        kwargs = {name: value for name, (_, value) in named.items()}
        parts = [text for text, _ in positional]
        if star == "*":
            parts.append("*['s', 't']")
            args += ["s", "t"]
        parts += [
            f"{name}{self.one('=', ' = ', f'{JOINT}={JOINT} ')}{text}"
            for name, (text, _) in named.items()
        ]
        if star == "**":
            parts.append("**{'k-w': 1}")
            kwargs["k-w"] = 1
        if not parts:
            return self.line_end() + "\n", (), {}
        deeper = indent + self.one(" ", "    ", "\t", "  \t")
        if self.draw(st.booleans()):
            out = self.gap()
        else:
            out = f"{self.line_end()}\n{self.noise()}{deeper}"
        for index, part in enumerate(parts):
            out += part
            last = index == len(parts) - 1
            if not last or self.draw(st.booleans()):
                out += self.one(",", " ,", f"{JOINT},")
            if not last:
                out += self.one(" ", "", f"\n{deeper}", f"  # c\n{self.noise()}{deeper}", JOINT)
        return out + self.line_end() + "\n", tuple(args), kwargs

    def body(self, words: list[str], indent: str) -> tuple[str, tuple]:
        """Directives below a header, and what they should give."""
        text = ""
        expected = []
        for word in words:
            behind, args, kwargs = self.arguments(self.draw(ARGUMENTS), indent, word in ACTIONS)
            text += f"{self.noise()}{indent}{word}{self.gap()}:{behind}"
            expected.append((word, args, kwargs))
        return text, tuple(expected)

    def block_of(self, lines: list[str], indent: str) -> str:
        return "".join(f"{indent}{line}\n" for line in lines)

    def python_body(self, indent: str) -> tuple[str, str, list]:
        """What stands behind `run:` or a hook's colon; the body as it is kept; what it does."""
        lines, effect = self.draw(st.sampled_from(BODIES))
        if len(lines) == 1 and not lines[0].startswith("with") and self.draw(st.booleans()):
            return f" {lines[0]}{self.line_end()}\n", self.straight(lines[0]), effect
        deeper = indent + self.one(" ", "    ", "\t")
        written = self.block_of(lines, deeper)
        first = next(index for index, line in enumerate(lines) if not line.startswith("#"))
        last = max(index for index, line in enumerate(lines) if not line.strip().startswith("#"))
        kept = "\n".join(f"{deeper}{line}" for line in lines[first : last + 1])
        return f"{self.line_end()}\n{self.noise()}{written}", self.straight(kept), effect

    def straight(self, text: str) -> str:
        return text.replace(JOINT, " " * (len(self.joint) - 2) + "\\\n")

    def rule(self, outer: str, inner: str) -> tuple[str, list]:
        word = self.one("rule", "checkpoint")
        name = self.draw(st.none() | NAMES)
        words = self.draw(st.lists(st.sampled_from(PROPERTIES), unique=True, max_size=6))
        action = self.draw(st.none() | st.just("run") | st.sampled_from(ACTIONS))
        if action in ACTIONS:
            words.append(action)
        text = f"{outer}{word}"
        text += "" if name is None else f"{self.space()}{name}"
        text += f"{self.gap()}:"
        run = None
        if not words and action == "run" and self.draw(st.booleans()):
            written, kept, effect = self.python_body(outer)
            text += f"{self.gap()}run{self.gap()}:{written}"
            return text, [("rule", word, name, None, (), (kept, effect))]
        if len(words) == 1 and action != "run" and self.draw(st.booleans()):
            behind, args, kwargs = self.arguments(self.draw(ARGUMENTS), outer, words[0] in ACTIONS)
            text += f"{self.gap()}{words[0]}{self.gap()}:{behind}"
            return text, [("rule", word, name, None, ((words[0], args, kwargs),), None)]
        doc_text, doc = self.draw(st.just(("", None)) | st.sampled_from(DOCSTRINGS))
        body, directives = self.body(words, inner)
        if doc_text and self.draw(st.booleans()):
            text += f"{self.gap()}{doc_text}{self.line_end()}\n{body}"
        else:
            text += f"{self.line_end()}\n{self.noise()}"
            doc_text = f"{inner}{doc_text}{self.line_end()}\n" if doc_text else ""
            text += body + doc_text if self.draw(st.booleans()) else doc_text + body
        if action == "run":
            written, kept, effect = self.python_body(inner)
            text += f"{inner}run{self.gap()}:{written}"
            run = (kept, effect)
        return text, [("rule", word, name, doc, directives, run)]

    def use(self, outer: str, inner: str) -> tuple[str, list]:
        draw = self.draw
        plain = NAMES.filter(lambda name: name != "rule")
        rules = draw(st.none() | st.lists(plain, min_size=1, max_size=3))
        module = draw(plain) if rules is None else draw(st.none() | plain)
        exclude = draw(st.lists(plain, max_size=2)) if module is not None else []
        pattern = draw(st.none() | st.sampled_from(["x", "x_*", "*_y", "a_*_b", "*"]))
        comma = f"{self.gap()},{self.gap()}"
        text = f"{outer}use{self.space()}rule{self.space()}"
        text += "*" if rules is None else comma.join(rules)
        text += "" if module is None else f"{self.space()}from{self.space()}{module}"
        if exclude:
            text += f"{self.space()}exclude{self.space()}{comma.join(exclude)}"
        text += "" if pattern is None else f"{self.space()}as{self.space()}{pattern}"
        directives = None
        if rules is not None and draw(st.booleans()):
            words = draw(st.lists(st.sampled_from(PROPERTIES), unique=True, max_size=3))
            body, directives = self.body(words, inner)
            text += f"{self.space()}with{self.gap()}:{self.line_end()}\n{body}"
        else:
            text += f"{self.line_end()}\n"
        names = None if rules is None else tuple(rules)
        return text, [("use_rule", names, tuple(exclude), module, pattern, directives)]

    def statement(self, outer: str) -> tuple[str, list]:
        """One statement of the language or some Python; what it calls or does."""
        draw = self.draw
        inner = outer + self.one("  ", "    ", "\t")
        kind = draw(st.integers(0, 10))
        if kind <= 2:
            return self.rule(outer, inner)
        if kind == 3:
            word = draw(st.sampled_from(STATEMENTS))
            behind, args, kwargs = self.arguments(draw(ARGUMENTS), outer, True)
            return f"{outer}{word}{self.gap()}:{behind}", [("statement", word, args, kwargs)]
        if kind == 4:
            return self.use(outer, inner)
        if kind == 5:
            words = draw(st.lists(st.sampled_from(list(MODULE_DIRECTIVES)), unique=True))
            name = draw(st.none() | NAMES)
            words = [word for word in words if word not in ("name", "snakefile")]
            words += ["snakefile"] + ["name"] * (name is None)
            body, directives = self.body(words, inner)
            name_text = "" if name is None else f"{self.space()}{name}"
            text = f"{outer}module{name_text}{self.gap()}:{self.line_end()}\n{body}"
            return text, [("module", name, directives)]
        if kind == 6:
            names = draw(st.lists(NAMES, min_size=1, max_size=3))
            word, sign = draw(st.sampled_from([("ruleorder", ">"), ("localrules", ",")]))
            between = self.one(
                f" {sign} ", sign, f" {sign}\n{inner}", f"{sign} # c\n{inner}", f"{JOINT}{sign}"
            )
            start = self.one(" ", f"\n{inner}", f" # c\n\n{inner}", "")
            text = f"{outer}{word}{self.gap()}:{start}{between.join(names)}{self.line_end()}\n"
            return text, [(word, tuple(names))]
        if kind == 7:
            word = self.one("onstart", "onsuccess", "onerror")
            written, _, effect = self.python_body(outer)
            return f"{outer}{word}{self.gap()}:{written}", [("hook", word, effect)]
        if kind == 8:
            tag = draw(st.none() | NAMES)
            tag_text = "" if tag is None else f"{self.space()}{tag}"
            behind, args, kwargs = self.arguments(draw(ARGUMENTS), outer, True)
            text = f"{outer}storage{tag_text}{self.gap()}:{behind}"
            return text, [("storage", tag, args, kwargs)]
        if kind == 9:
            body, _ = self.body(["workdir", "snakefile"], inner)
            return f"{outer}subworkflow old{self.gap()}:\n{body}", [
                ("refused", "subworkflow", "old")
            ]
        lines, effect = draw(st.sampled_from(PLAIN))
        return self.block_of(lines, outer), [("did", effect)]

    def block(self, outer: str, depth: int) -> tuple[str, list]:
        text = ""
        expected: list = []
        for _ in range(self.draw(st.integers(1, 3))):
            if depth < 3 and self.draw(st.integers(0, 3)) == 0:
                opening, closing, times = self.draw(st.sampled_from(NESTS))
                inner = outer + self.one(" ", "  ", "    ", "\t")
                body, calls = self.block(inner, depth + 1)
                closing = [line.replace("    ", inner[len(outer) :]) for line in closing]
                text += self.block_of(opening, outer) + body + self.block_of(closing, outer)
                expected += calls * times
            else:
                made, calls = self.statement(outer)
                text += made
                expected += calls
            text += self.noise()
        return text, expected

    def finished(self, text: str) -> bytes:
        """The bytes of the file: joints, line ends, byte order mark, the last line's end."""
        text = text.replace(JOINT, self.joint).replace(HEADER_JOINT, "\\\n")
        if self.draw(st.booleans()):
            text = text.rstrip("\n")
            if text.endswith("\\"):
                text += "\n"
        data = text.encode()
        data = data.replace(b"\n", self.draw(st.sampled_from([b"\n", b"\n", b"\r\n", b"\r"])))
        return self.draw(st.sampled_from([b"", b"", b"\xef\xbb\xbf"])) + data


@st.composite
def files(draw: st.DrawFn) -> tuple[bytes, list]:
    """A file's bytes, and what the compiled file does, in order."""
    writer = Writer(draw)
    text, expected = writer.block("", 0)
    return writer.finished(writer.noise() + text), expected
