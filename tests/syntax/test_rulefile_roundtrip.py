"""Rule files written in any legal layout parse to what was written."""

from __future__ import annotations

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from rulekit.compiler.lowering import compile_file
from rulekit.syntax import parse
from rulekit.syntax.keywords import ACTIONS, MODULE_DIRECTIVES, PROPERTIES, STATEMENTS

# Python text of a value, and the value.
VALUES = [
    ('"x"', "x"),
    ("'it''s'", "its"),
    ('"""a\n b # no comment\n"""', "a\n b # no comment\n"),
    ("r'\\d{2}'", "\\d{2}"),
    ("f'{1 + 1}{{y}}'", "2{y}"),
    ('"a"\\\n  "b"', "ab"),
    ('("a"\n"b")', "ab"),
    ("4", 4),
    ("None", None),
    ("[1,\n2,  # two\n]", [1, 2]),
    ("{'a': ('b',)}", {"a": ("b",)}),
    ("(lambda x: x)(3)", 3),
    ("'ü'", "ü"),
]
NAMES = st.sampled_from(["a", "b_1", "rule", "größe", "input", "with_", "X"])
ARGUMENTS = st.tuples(
    st.lists(st.sampled_from(VALUES), max_size=3),
    st.dictionaries(NAMES, st.sampled_from(VALUES), max_size=2),
)


def noise(draw: st.DrawFn) -> str:
    """Lines that mean nothing."""
    return "".join(
        draw(st.lists(st.sampled_from(["\n", "   \n", "# c: 'x\n", "      # (\n"]), max_size=2))
    )


def arguments_text(draw: st.DrawFn, given_: tuple, indent: str, required: bool) -> str:
    """What stands behind a colon, with the line's end."""
    positional, named = given_
    parts = [text for text, _ in positional]
    parts += [
        f"{name}{draw(st.sampled_from(['=', ' = ']))}{text}" for name, (text, _) in named.items()
    ]
    if not parts:
        return draw(st.sampled_from(["", " ", " # c"])) + "\n"
    deeper = indent + draw(st.sampled_from([" ", "    ", "\t"]))
    out = (
        ""
        if draw(st.booleans())
        else f"{draw(st.sampled_from(['', ' # c:']))}\n{noise(draw)}{deeper}"
    )
    for index, part in enumerate(parts):
        last = index == len(parts) - 1
        out += part
        if not last or draw(st.booleans()):
            out += draw(st.sampled_from([",", " ,"]))
        if not last:
            out += draw(st.sampled_from([" ", "", f"\n{deeper}", f"  # c\n{noise(draw)}{deeper}"]))
    return out + draw(st.sampled_from(["", "  ", " # c"])) + "\n"


def evaluated(given_: tuple) -> tuple:
    positional, named = given_
    return tuple(v for _, v in positional), {name: v for name, (_, v) in named.items()}


def body_of(draw: st.DrawFn, words: list[str], indent: str) -> tuple[str, tuple]:
    """Directives below a header, and what they should give."""
    text = ""
    expected = []
    for word in words:
        given_ = draw(ARGUMENTS)
        if word in ACTIONS and not given_[0] and not given_[1]:
            given_ = ([VALUES[0]], {})
        gap = draw(st.sampled_from(["", " "]))
        text += noise(draw)
        text += f"{indent}{word}{gap}:{arguments_text(draw, given_, indent, word in ACTIONS)}"
        expected.append((word, *evaluated(given_)))
    return text, tuple(expected)


@st.composite
def files(draw: st.DrawFn) -> tuple[str, list[tuple]]:
    text = noise(draw)
    expected: list[tuple] = []
    outer = ""
    if draw(st.booleans()):
        text += draw(st.sampled_from(["if True:\n", "for _ in [1]:\n", "with CM:\n", "try:\n"]))
        outer = draw(st.sampled_from(["  ", "    ", "\t"]))
        closing = "finally: pass\n" if "try:" in text else ""
    else:
        closing = ""
    for _ in range(draw(st.integers(1, 4))):
        inner = outer + draw(st.sampled_from(["  ", "    ", "\t"]))
        comment = draw(st.sampled_from(["", "  # c: x"]))
        kind = draw(st.integers(0, 5))
        if kind <= 1:
            word = draw(st.sampled_from(["rule", "checkpoint"]))
            name = draw(st.none() | NAMES)
            docstring = draw(st.booleans())
            words = draw(st.lists(st.sampled_from(PROPERTIES), unique=True, max_size=5))
            action = draw(st.none() | st.sampled_from(ACTIONS))
            if action is not None:
                words.append(action)
            text += f"{outer}{word}{'' if name is None else ' ' + name}:{comment}\n"
            if docstring:
                text += f"{inner}'''doc\nstring'''\n"
            body, directives = body_of(draw, words, inner)
            text += body
            doc = "doc\nstring" if docstring else None
            expected.append(("rule", word, name, doc, directives, None))
        elif kind == 2:
            word = draw(st.sampled_from(STATEMENTS))
            given_ = draw(ARGUMENTS)
            if not given_[0] and not given_[1]:
                given_ = ([VALUES[0]], {})
            text += f"{outer}{word}:{arguments_text(draw, given_, outer, True)}"
            expected.append(("statement", word, *evaluated(given_)))
        elif kind == 3:
            rules = draw(st.none() | st.lists(NAMES, min_size=1, max_size=3))
            module = draw(NAMES) if rules is None else draw(st.none() | NAMES)
            exclude = draw(st.lists(NAMES, max_size=2)) if module is not None else []
            pattern = draw(st.none() | st.sampled_from(["x", "x_*", "*_y", "a_*_b"]))
            text += f"{outer}use rule {'*' if rules is None else ', '.join(rules)}"
            text += "" if module is None else f" from {module}"
            text += "" if not exclude else f" exclude {' , '.join(exclude)}"
            text += "" if pattern is None else f" as {pattern}"
            directives = None
            if rules is not None and draw(st.booleans()):
                words = draw(st.lists(st.sampled_from(PROPERTIES), unique=True, max_size=3))
                body, directives = body_of(draw, words, inner)
                text += f" with:{comment}\n{body}"
            else:
                text += f"{comment}\n"
            names = None if rules is None else tuple(rules)
            expected.append(("use_rule", names, tuple(exclude), module, pattern, directives))
        elif kind == 4:
            words = draw(st.lists(st.sampled_from(list(MODULE_DIRECTIVES)), unique=True))
            words = [word for word in words if word not in ("name", "snakefile")] + ["snakefile"]
            body, directives = body_of(draw, words, inner)
            text += f"{outer}module m:{comment}\n{body}"
            expected.append(("module", "m", directives))
        else:
            names = draw(st.lists(NAMES, min_size=1, max_size=3))
            word, sign = draw(st.sampled_from([("ruleorder", ">"), ("localrules", ",")]))
            between = draw(
                st.sampled_from([f" {sign} ", sign, f" {sign}\n{inner}", f"{sign} # c\n{inner}"])
            )
            text += f"{outer}{word}: {between.join(names)}{comment}\n"
            expected.append((word, tuple(names)))
        text += noise(draw)
    return text + closing, expected


class Recorder:
    def __init__(self) -> None:
        self.calls: list[tuple] = []

    def __getattr__(self, method: str):
        def record(*args: object) -> None:
            # Places are another test's business.
            plain = [arg for arg in args if not _is_loc(arg)]
            self.calls.append((method, *(_without_loc(arg) for arg in plain)))

        return record


def _is_loc(value: object) -> bool:
    return isinstance(value, tuple) and len(value) == 4 and all(type(x) is int for x in value)


def _without_loc(value: object) -> object:
    if (
        isinstance(value, tuple)
        and value
        and all(isinstance(x, tuple) and len(x) == 4 for x in value)
    ):
        return tuple((word, args, kwargs) for word, _, args, kwargs in value)
    return value


class Manager:
    def __enter__(self) -> None: ...

    def __exit__(self, *_: object) -> None: ...


@settings(max_examples=250, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(files())
def test_round_trip(made: tuple[str, list[tuple]]) -> None:
    text, expected = made
    scope = Recorder()
    exec(compile_file(parse(text, "f")), {"__rulekit__": scope, "CM": Manager()})
    assert scope.calls == expected
