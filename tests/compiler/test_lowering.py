"""What lowered rule files call, and where their tracebacks point."""

from __future__ import annotations

import ast
import traceback

import pytest

from rulekit.compiler.lowering import RUN_PARAMETERS, compile_file, lower, names_used
from rulekit.errors import RuleFileError
from rulekit.model.normalise import python_code
from rulekit.syntax import parse


class Recorder:
    """Stands for the `FileScope`: writes down every call."""

    def __init__(self) -> None:
        self.calls: list[tuple] = []

    def __getattr__(self, method: str):
        return lambda *args: self.calls.append((method, *args))


def run(text: str, **names: object) -> list[tuple]:
    scope = Recorder()
    exec(compile_file(parse(text, "Rulefile")), {"__rulekit__": scope, **names})
    return scope.calls


def plain(calls: list[tuple]) -> list[tuple]:
    """Calls without places."""

    def strip(value: object) -> object:
        if isinstance(value, tuple):
            if len(value) == 4 and all(isinstance(part, int) for part in value):
                return "loc"
            return tuple(strip(part) for part in value)
        return value

    return [strip(call) for call in calls]


def test_statements() -> None:
    calls = run(
        "include: 'a', b=1\n"
        "inputflags:\n"
        "storage: x=1\n"
        "storage s3: *[1], **{'y': 2}\n"
        "ruleorder: a > b\n"
        "localrules: a, b,\n"
        "subworkflow old:\n    workdir: 'x'\n"
    )
    assert plain(calls) == [
        ("statement", "include", "loc", ("a",), {"b": 1}),
        ("statement", "inputflags", "loc", (), {}),
        ("storage", "loc", None, (), {"x": 1}),
        ("storage", "loc", "s3", (1,), {"y": 2}),
        ("ruleorder", "loc", ("a", "b")),
        ("localrules", "loc", ("a", "b")),
        ("refused", "subworkflow", "loc", "old"),
    ]


def test_rules() -> None:
    calls = run(
        "rule a:\n"
        "    'doc' 'string'\n"
        "    input: 'x', y=['z']\n"
        "    input: 'not this one'\n"
        "    threads:\n"
        "    shell: 'cmd'\n"
        "checkpoint:\n"
        "    f'no {1} constant'\n"
        "    output: (x for x in 'ab')\n"
    )
    assert plain(calls)[0] == (
        "rule",
        "rule",
        "a",
        "loc",
        "docstring",
        (
            ("input", "loc", ("x",), {"y": ["z"]}),
            ("threads", "loc", (), {}),
            ("shell", "loc", ("cmd",), {}),
        ),
        None,
    )
    method, kind, name, loc, docstring, directives, body = calls[1]
    assert (method, kind, name, loc) == ("rule", "checkpoint", None, (7, 1, 7, 11))
    assert (docstring, body) == (None, None)
    assert list(directives[0][2][0]) == ["a", "b"]
    assert directives[0][:2] == ("output", (9, 5, 9, 30))


def test_modules() -> None:
    calls = run(
        "module m:\n    'doc'\n    snakefile: 'x'\n    config: {}\n"
        "use rule * from m exclude a, b as m_*\n"
        "use rule a, b from m\n"
        "use rule a as b with:\n    params: 1, x=2\n"
        "use rule a as c with:\n"
    )
    assert plain(calls) == [
        ("module", "m", "loc", (("snakefile", "loc", ("x",), {}), ("config", "loc", ({},), {}))),
        ("use_rule", "loc", None, ("a", "b"), "m", "m_*", None),
        ("use_rule", "loc", ("a", "b"), (), "m", None, None),
        ("use_rule", "loc", ("a",), (), None, "b", (("params", "loc", (1,), {"x": 2}),)),
        ("use_rule", "loc", ("a",), (), None, "c", ()),
    ]


def test_statements_inside_python() -> None:
    calls = run(
        "def define(name):\n"
        "    def inner():\n"
        "        include: name\n"
        "    inner()\n"
        "for n in 'ab':\n"
        "    if n == 'a':\n"
        "        define(n)\n"
        "    else:\n"
        "        try:\n"
        "            1 / 0\n"
        "        except ZeroDivisionError:\n"
        "            rule:\n"
        "                name: n\n"
        "        finally:\n"
        "            with open('/dev/null'):\n"
        "                workdir: n\n"
        "match n:\n"
        "    case 'b':\n"
        "        configfile: n * 2\n"
    )
    assert plain(calls) == [
        ("statement", "include", "loc", ("a",), {}),
        ("rule", "rule", None, "loc", None, (("name", "loc", ("b",), {}),), None),
        ("statement", "workdir", "loc", ("b",), {}),
        ("statement", "configfile", "loc", ("bb",), {}),
    ]


def run_function(text: str, **names: object):
    call = next(call for call in run(text, **names) if call[0] == "rule")
    return call[-1]


def test_run_bodies() -> None:
    text = (
        "x = 1\n"
        "rule a:\n"
        "    output: 'o'\n"
        "    run:\n"
        "        # a comment\n"
        "        x = wildcards\n"
        "        def change():\n"
        "            nonlocal x\n"
        "            x += 1\n"
        "        change()\n"
        "        global y\n"
        "        y = config['k'] + '''\n"
        "at column one'''\n"
        "        output.append(x)\n"
        "        return threads\n"
    )
    space: dict[str, object] = {"__rulekit__": Recorder(), "config": {"k": "v"}}
    exec(compile_file(parse(text, "Rulefile")), space)
    function, source, loc, normalised = space["__rulekit__"].calls[0][-1]
    output: list[int] = []
    given = dict.fromkeys(RUN_PARAMETERS)
    assert function(**{**given, "wildcards": 4, "output": output, "threads": 7}) == 7
    assert output == [5]
    assert space["x"] == 1, "names of a body are its own"
    assert space["y"] == "v\nat column one"
    assert loc == (4, 5, 4, 8)
    assert source == text[text.index("        x = wild") :].rstrip("\n")
    assert normalised == python_code(source)
    assert function.__name__ == "rule a"
    assert not any("rule a" in name for name in space)


@pytest.mark.parametrize(
    "text",
    [
        "rule a:\n    run: raise KeyError(rule)\n",
        "rule a:\n    run:raise KeyError(rule)\n",
        "rule a: run: raise KeyError(rule)\n",
        "rule a:\n    input: 'x'\n    run:   # comment\n\n      raise KeyError(rule)\n    'doc'\n",
        "if True:\n\trule a:\n\t\trun:\n\t\t\traise KeyError(rule)\n",
        "class A:\n  rule a:\n    run:\n      raise KeyError(rule)\n",
        "checkpoint größe: run: raise KeyError(rule)\n",
    ],
)
def test_run_layouts(text: str) -> None:
    function, source, _, _ = run_function(text)
    assert source.strip() == "raise KeyError(rule)"
    rows = text.split("\n")
    with pytest.raises(KeyError) as caught:
        function(**dict.fromkeys(RUN_PARAMETERS))
    (frame,) = traceback.extract_tb(caught.tb)[1:]
    assert frame.filename == "Rulefile"
    row = rows[frame.lineno - 1].encode()
    assert row[frame.colno : frame.end_colno] == b"raise KeyError(rule)"


def test_hooks() -> None:
    calls = run(
        "onstart:\n    print(log)\n    seen.append(log)\nonerror: 1 / 0\n", seen=(seen := [])
    )
    assert [call[1] for call in calls] == ["onstart", "onerror"]
    calls[0][3]("the log")
    assert seen == ["the log"]
    with pytest.raises(ZeroDivisionError):
        calls[1][3]("x")


BOOM = {
    "plain Python": ("x = 1\n\nboom()\n", 3, "boom()"),
    "a value": ("rule a:\n    input:\n        'x',\n        boom(),\n", 4, "boom()"),
    "a named value": ("include: x=1, y=[boom()]\n", 1, "boom()"),
    "behind a string of lines": ("rule a:\n    shell: '''\n  a\n''' + boom(1)\n", 4, "boom(1)"),
    "one-line rule": ("if 1:\n    rule abc: output: boom()\n", 2, "boom()"),
    "after non-ASCII": ("rule größe: output: 'ä', boom()\n", 1, "boom()"),
    "use rule": ("use rule a as b with:\n    input: 'x'\n    params: boom()\n", 3, "boom()"),
    "module": ("module a:\n    snakefile:\n        boom()\n", 3, "boom()"),
    "storage": ("storage a:\n    # comment\n    x=boom()\n", 3, "boom()"),
    "after a removed statement": ("ruleorder: a > b \\\n  > c\nboom()\n", 3, "boom()"),
    "tabs": ("rule a:\n\tinput:\n\t\tboom()\n", 3, "boom()"),
}


@pytest.mark.parametrize("name", BOOM)
def test_places_of_exceptions(name: str) -> None:
    text, line, code = BOOM[name]
    with pytest.raises(NameError) as caught:
        run(text)
    frame = traceback.extract_tb(caught.tb)[-1]
    assert (frame.filename, frame.lineno) == ("Rulefile", line)
    row = text.split("\n")[line - 1].encode()
    assert row[frame.colno : frame.end_colno].decode() == code.partition("(")[0]


def test_places_of_functions() -> None:
    text = "rule a:\n    input:\n        lambda wildcards: (\n            wildcards.x)\n    output: 'x'\n"
    function = run(text)[0][5][0][2][0]
    assert function.__code__.co_firstlineno == 3
    with pytest.raises(AttributeError) as caught:
        function(None)
    frame = traceback.extract_tb(caught.tb)[-1]
    assert (frame.lineno, frame.colno, frame.name) == (4, 12, "<lambda>")


def test_place_of_a_refusal() -> None:
    class Refusing:
        def rule(self, *args: object) -> None:
            raise ValueError

    code = compile_file(parse("x = 1\nif x:\n    rule a:\n        input: 'x'\n", "Rulefile"))
    with pytest.raises(ValueError) as caught:
        exec(code, {"__rulekit__": Refusing()})
    frame = traceback.extract_tb(caught.tb)[1]
    assert (frame.filename, frame.lineno) == ("Rulefile", 3)


def test_module_docstring_and_future() -> None:
    space: dict[str, object] = {"__rulekit__": Recorder()}
    text = '"""Doc."""\nfrom __future__ import annotations\nx: undefined = 1\ninclude: "a"\n'
    exec(compile_file(parse(text, "f")), space)
    assert space["__doc__"] == "Doc."
    # This file's own future imports must not leak into rule files.
    with pytest.raises(NameError):
        run("x: undefined = 1\n")


def test_lowering_leaves_the_rule_file_alone() -> None:
    rulefile = parse("if 1:\n    rule a:\n        run:x = 1\n    include: 'x'\n", "f")
    before = ast.dump(rulefile.python, include_attributes=True)
    first = ast.dump(lower(rulefile), include_attributes=True)
    assert ast.dump(lower(rulefile), include_attributes=True) == first
    assert ast.dump(rulefile.python, include_attributes=True) == before


def refusal(text: str) -> list[tuple[str, int, int]]:
    with pytest.raises(RuleFileError) as caught:
        compile_file(parse(text, "f"))
    return [(found.code, found.span.line, found.span.column) for found in caught.value.diagnostics]


def test_what_only_the_compiler_sees() -> None:
    assert refusal("rule a:\n    input: x=1, é=2, x=3\n") == [("RK0212", 2, 22)]
    assert refusal("x = 1\nreturn x\n")[0][:2] == ("RK0203", 2)
    assert refusal("rule a:\n    run:\n        break\n")[0][:2] == ("RK0203", 3)
    assert refusal("rule a:\n    run:\n        global input\n")[0][:2] == ("RK0203", 3)


def test_names_used() -> None:
    code = compile_file(
        parse(
            "rule a:\n    input: lambda wc: expand(wc.x)\n    run:\n        [Path(p) for p in q]\n",
            "f",
        )
    )
    assert {"expand", "Path", "q", "__rulekit__"} <= names_used(code)
    assert "wc" not in names_used(code)
