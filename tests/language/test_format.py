"""The `{}` mini-language of commands."""

import shlex
import string

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rulekit.errors import RuleFileError
from rulekit.language.format import Template, compile_template, format_text, quote
from rulekit.model.namedlist import InputFiles, Log, OutputFiles, Params, Wildcards

NAMES = {
    "input": InputFiles(["a.txt", "b.txt", "c d.txt"], {"first": 0, "rest": (1, 3)}),
    "output": OutputFiles(["o.txt"]),
    "params": Params(
        [{"k": {"n": 5}}, None, ["x", "y"], 1.5], {"d": 0, "none": 1, "list": 2, "f": 3}
    ),
    "wildcards": Wildcards(["tumor", "r1"], {"sample": 0, "read": 1}),
    "log": Log([]),
    "threads": 4,
    "rule": "r",
}
NAMESPACE = {"config": {"a": {"b": "deep"}}, "CONSTANT": "c", "numbers": (1, 2)}


def fill(text, **options):
    return compile_template(text, **options).render(NAMES, NAMESPACE)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("cp {input[0]} {output}", "cp a.txt o.txt"),
        ("{input}", "a.txt b.txt c d.txt"),
        ("{input.first}|{input.rest}", "a.txt|b.txt c d.txt"),
        ("{input:q}", "a.txt b.txt 'c d.txt'"),
        ("{input.rest:u}", "b.txt c d.txt"),
        ("{params.d[k][n]:03d}", "005"),
        ("{params.d}", "{'k': {'n': 5}}"),
        ("{params.none} {params.list} {params.f:.2f}", "None x y 1.50"),
        ("{params.list:>3}", "  x   y"),
        ("{config[a][b]} {CONSTANT} {numbers}", "deep c 1 2"),
        ("{wildcards.sample}", "tumor"),
        ("{wildcards}", "read=r1,sample=tumor"),
        ("{log}|", "|"),
        ("{threads:>3}", "  4"),
        ("{rule!r:>5}", "  'r'"),
        ("awk '{{print $1}}' {{{rule}}}", "awk '{print $1}' {r}"),
        ("\n  two\nlines {rule}\n", "\n  two\nlines r\n"),
        ("{threads:{params.d[k][n]}}", "    4"),
        ("plain", "plain"),
        ("", ""),
    ],
)
def test_filling(text, expected):
    assert fill(text) == expected


def test_empty_text_is_not_quoted():
    assert Template("{x:q}|{y:q}").render({"x": "", "y": ["", "a b"]}, {}) == "| 'a b'"


@pytest.mark.parametrize(
    ("text", "code", "part"),
    [
        ("{sample}", "RK0240", "wildcards.sample"),
        ("{imput}", "RK0240", "`input`"),
        ("{input.fist}", "RK0240", "`first`"),
        ("{config[a][c]}", "RK0240", "`b`"),
        ("{config['a']}", "RK0240", "without quotes"),
        ("{input[7]}", "RK0240", None),
        ("{print $1}", "RK0240", "{{print $1}}"),
        ("{}", "RK0240", "doubled"),
        ("{0}", "RK0240", "doubled"),
        ("{unclosed", "RK0241", "doubled"),
        ("lone }", "RK0241", "doubled"),
        ("{rule:d}", "RK0241", None),
        ("{rule!x}", "RK0241", None),
        ("{threads.nothing}", "RK0240", None),
    ],
)
def test_errors_say_what_is_meant(text, code, part):
    with pytest.raises(RuleFileError) as caught:
        fill(text)
    diagnostic = caught.value.diagnostics[0]
    assert diagnostic.code == code
    if part is not None:
        assert part in (diagnostic.help or "")


def test_names_that_files_use_without_import_are_found():
    assert Template("{os.sep}").render({}, {}) == "/"


def test_own_names_win_over_the_files():
    assert Template("{rule}").render({"rule": "job"}, {"rule": "global"}) == "job"


PLAIN_VALUES = st.one_of(st.text(max_size=5), st.integers(), st.none(), st.floats(allow_nan=False))
PIECES = st.one_of(
    st.text(alphabet=string.printable.replace("{", "").replace("}", ""), max_size=5),
    st.sampled_from(["{a}", "{b}", "{a!r}", "{b!s:>4}", "{{", "}}", "{c[k]}", "{{{a}}}"]),
)


@given(st.lists(PIECES, max_size=6), PLAIN_VALUES, PLAIN_VALUES, PLAIN_VALUES)
def test_as_python_formats(pieces, a, b, c):
    text = "".join(pieces)
    values = {"a": a, "b": b, "c": {"k": c}}
    assert Template(text).render(values, {}) == text.format(**values)


@given(st.text(max_size=8))
def test_quote_is_what_the_shell_reads_back(text):
    assert quote(text) == shlex.quote(text)


def test_values_are_never_read_as_templates():
    names = {"input": InputFiles(["{output}", "{{x}}"]), "output": "o"}
    assert Template("{input}").render(names, {}) == "{output} {{x}}"


def test_format_for_user_code():
    assert format_text("{} {1} {x}", {"0": "a", "1": "b", "x": "c"}, {}) == "a b c"
    assert format_text("{x}", {"x": "a b"}, {}, quote_all=True) == "'a b'"
    with pytest.raises(NameError, match=r"wildcards\.s"):
        format_text("{s}", {"wildcards": Wildcards(["1"], {"s": 0})}, {})
    with pytest.raises(ValueError):
        format_text("{", {}, {})


def test_equal_texts_share_a_template():
    assert compile_template("x {a}") is compile_template("x {a}")
    assert compile_template("x {a}") is not compile_template("x {a}", shell=True)
    assert compile_template("x").is_plain and not compile_template("{x}").is_plain
