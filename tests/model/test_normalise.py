"""Harmless edits must not show; everything else must."""

from __future__ import annotations

import subprocess

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rulekit.model.normalise import python_code, python_tree, shell_text

SAME_SHELL = [
    ("cp a b", "cp  a \t b"),
    ("cp a b", "  cp a b  \n"),
    ("cp a b", "cp a b # why"),
    ("cp a b", "# why\n\n    cp a b\n\n"),
    ("a\nb", "a  \n\n   # c\n  b"),
    ("a b", "a \\\n    b"),
    ("ab", "a\\\nb"),
    ("a; b", "a;  b #c"),
    ("a |b", "a  |b"),
    ("echo 'x  # y' > f", "echo  'x  # y'   > f"),
    ("(a)#c", "(a)"),
    ("awk '{{print $1}}' {input}", "awk '{{print $1}}'   {input}"),
]
OTHER_SHELL = [
    ("echo 'a  b'", "echo 'a b'"),
    ('echo "a  b"', 'echo "a b"'),
    ("echo a\\  b", "echo a\\ b"),
    ("echo a#b", "echo a"),
    ("echo a\\#b", "echo a\\"),
    ("echo ${x#a}", "echo ${x"),
    ("echo ${x#  a}", "echo ${x# a}"),
    ("echo $#", "echo $"),
    ("echo '#'", "echo '"),
    ("echo \"$(echo 'a  b')\"", "echo \"$(echo 'a b')\""),
    ('echo "$(echo "a  b")"', 'echo "$(echo "a b")"'),
    ("echo $'a\\'  b'", "echo $'a\\' b'"),
    ("cat <<E\n  a\nE", "cat <<E\na\nE"),
    ("a\nb", "a b"),
    ("a &\nb", "a & b"),
    ("cp a b", "cp a c"),
    ("echo {config[a  b]}", "echo {config[a b]}"),
    ("echo $((1 # 2))", "echo $((1"),
    ("x='a\nb  c'", "x='a\nb c'"),
]
RAW_SHELL = ["cat <<E\n  a # b\nE\n", "echo 'a  b", 'echo "a  ', "echo `a  b` # c", "  a\r\n", ""]


@pytest.mark.parametrize(("one", "two"), SAME_SHELL)
def test_shell_edits_that_do_not_count(one: str, two: str) -> None:
    assert shell_text(one) == shell_text(two)


@pytest.mark.parametrize(("one", "two"), OTHER_SHELL)
def test_shell_edits_that_count(one: str, two: str) -> None:
    assert shell_text(one) != shell_text(two)


@pytest.mark.parametrize("command", RAW_SHELL)
def test_shell_text_that_is_left_alone(command: str) -> None:
    assert shell_text(command) == command


PIECES = [
    *"ab#'\"\\${}();&|<>`!*~=",
    *("{x}", "''", '""', "'a  b'", '"a  b"', "a#b", "$#", "${x}", "\\#"),
    *(" ", "  ", "\n", "\n\n", "\t", "\\\n", "'#'", "echo", "echo ", "# c\n", "$(", "\\ "),
]


@settings(max_examples=600, deadline=None)
@given(st.lists(st.sampled_from(PIECES), max_size=12).map("".join))
def test_shell_text_is_stable(command: str) -> None:
    once = shell_text(command)
    assert shell_text(once) == once
    assert len(once) <= len(command)


@settings(max_examples=40, deadline=None)
@given(st.lists(st.sampled_from([*"ab#'\"\\{}=.", " ", "  ", "a#b", "\\\n", "'#  '", '" #"'])))
def test_bash_sees_the_same_words(parts: list[str]) -> None:
    command = "printf '<%s>' " + "".join(parts)
    outputs = [
        subprocess.run(["bash", "-c", text], capture_output=True, check=False)
        for text in (command, shell_text(command))
    ]
    assert outputs[0].returncode == outputs[1].returncode
    assert outputs[0].stdout == outputs[1].stdout


def test_quadratic_shell_text() -> None:
    for part in ("'", '"', "$'", "${", "{", "\\", "# ", " ", "(", "$(", "a#"):
        shell_text(part * 50_000)


SAME_PYTHON = [
    ("x = 1", "x  =  1  # comment"),
    ("f('a')", 'f(\n    "a"\n)'),
    ("if x:\n    y", "\n\nif x:\n\n  # c\n  y\n"),
    ("x = 'a' 'b'", "x = ('ab')"),
    ("    x = 1\n    y = '''\nz'''", "x = 1\ny = '\\nz'"),
    ("return 1", "  return 1"),
    ("x = f'{a}b'", 'x = f"{a}" "b"'),
    ("# c\n    x", "x"),
]
OTHER_PYTHON = [
    ("x = 1", "x = 1.0"),
    ("x = 1", "x = True"),
    ("x = 'a'", "x = b'a'"),
    ("x = f'{a}'", "x = f'{a!r}'"),
    ("if x:\n    y\nz", "if x:\n    y\n    z"),
    ("f(a, b)", "f(a, *b)"),
    ("x = [1, 2]", "x = [[1], 2]"),
    ("x = -0.0", "x = 0.0"),
    ("a; b", "b; a"),
    ("def f(): pass", "async def f(): pass"),
    ("f(a=b)", "f(**b)"),
    ("x = ()", "x = []"),
    ("global x", "nonlocal x"),
    ("x[1:]", "x[:1]"),
    ("lambda a, /, b: 1", "lambda a, b, /: 1"),
]


@pytest.mark.parametrize(("one", "two"), SAME_PYTHON)
def test_python_edits_that_do_not_count(one: str, two: str) -> None:
    assert python_code(one) == python_code(two)


@pytest.mark.parametrize(("one", "two"), OTHER_PYTHON)
def test_python_edits_that_count(one: str, two: str) -> None:
    assert python_code(one) != python_code(two)


def test_python_that_cannot_be_read_is_left_alone() -> None:
    for text in ("x = (", "  x\n y", "x\0", "(" * 5000):
        assert python_code(text) == text


def test_deep_python() -> None:
    text = "x = " + "+".join(["a"] * 2000)
    assert python_code(text) == python_code(text.replace("+", " + "))


def test_fields_that_say_nothing() -> None:
    assert python_tree([]) == ""
    assert python_code("f(x)") == "Expr(value=Call(func=Name(id='f',),args=[Name(id='x',),],),)\n"


@given(st.text("ab0_ ./,:=+-@%{}<>", max_size=30))
def test_the_quick_way_gives_what_the_thorough_one_gives(command: str) -> None:
    # With a comment at its end the command is read atom by atom.
    if "<<" not in command:
        assert shell_text(command) == shell_text(command + " #") == shell_text(f"{command}\n")
