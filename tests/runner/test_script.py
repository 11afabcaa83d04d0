from __future__ import annotations

import collections
import glob
import hashlib
import json
import os
import pathlib
import re
import subprocess
import sys

import pytest

from rulekit.model.namedlist import InputFiles, Log, OutputFiles, Params, Resources, Wildcards
from rulekit.runner import script_r
from rulekit.runner.context import decode_value, encode_context, encode_value, items_of

from .conftest import attempt


def pythons():
    """Interpreters of other versions, from 3.6 on."""
    found = {sys.version_info[:2]: sys.executable}
    for path in glob.glob(os.path.expanduser("~/.pyenv/versions/3.*/bin/python")):
        version = re.search(r"versions/3\.(\d+)", path)
        if version and int(version[1]) >= 6:
            found.setdefault((3, int(version[1])), path)
    return [pytest.param(path, id=f"3.{v[1]}") for v, path in sorted(found.items())]


EACH_PYTHON = pytest.mark.parametrize("python", pythons())


class Point:
    """A value that only pickle can carry."""

    def __init__(self, x):
        self.x = x


def names(**changes):
    made = {
        "input": InputFiles(["a.txt", "b.txt", "c.txt"], {"first": 0, "rest": (1, 3)}),
        "output": OutputFiles(["out.txt"], {"o": 0}),
        "params": Params(
            [
                5,
                "v v'x",
                {"q": [1, 2]},
                (1, "t"),
                {3},
                None,
                2.5,
                True,
                pathlib.Path("p"),
                {1: "i"},
            ],
            {"k": 1, "d": 2, "t": 3, "s": 4, "path": 8, "i": 9},
        ),
        "wildcards": Wildcards.from_dict({"y": "2", "x": "1"}),
        "log": Log(["l.log"], {"e": 0}),
        "resources": Resources.from_dict({"tmpdir": "/tmp", "mem_mb": 100}),
        "threads": 3,
        "config": {"a": {"b": [1, {"c": "é"}]}, 7: "seven"},
    }
    made.update(changes)
    return made


@pytest.fixture
def script(here, order):
    """Runs a script as the body of a job and gives what the attempt says."""

    def run(text, *, name="scripts/s.py", language="python", interpreter=None, given=None, **more):
        path = here / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
        context = encode_context(given or names(), rule="r", scriptdir=str(path.parent))
        body = {"kind": "script", "language": language, "path": str(path)}
        if language == "python":
            body["interpreter"] = [interpreter or sys.executable]
        spec = order(body=body, context=context, capture="captured", **more)
        return attempt(spec)

    return run


GOLDEN = """
from __future__ import division
import json, os
assert __name__ == "__main__"
def plain(x):
    return [type(x).__name__, str(x)]
s = snakemake
json.dump({
    "input": [plain(s.input), s.input[0], s.input.first, list(s.input.rest), s.input["rest"][1],
              len(s.input), s.input.get("no", "default"), sorted(s.input.keys())],
    "output": [s.output.o, s.output[0]],
    "params": [repr(v) for v in s.params if not isinstance(v, (set,))],
    "path": [type(s.params.path).__name__, str(s.params.path)],
    "set": sorted(s.params.s),
    "wildcards": [str(s.wildcards), s.wildcards.x, dict(s.wildcards.items())],
    "log": [str(s.log), s.log_fmt_shell(), s.log_fmt_shell(append=True),
            s.log_fmt_shell(stdout=False), s.log_fmt_shell(stderr=False)],
    "resources": [s.resources.mem_mb, s.resources.get("tmpdir")],
    "rest": [s.threads, s.rule, os.path.basename(s.scriptdir), s.bench_iteration,
             s.config["a"]["b"][1]["c"], s.config[7]],
    "file": __file__, "cwd": os.getcwd(), "division": 1 / 2,
}, open("golden.json", "w"))
"""

EXPECTED = {
    "input": [
        ["InputFiles", "a.txt b.txt c.txt"],
        "a.txt",
        "a.txt",
        ["b.txt", "c.txt"],
        "c.txt",
        3,
        "default",
        ["first", "rest"],
    ],
    "output": ["out.txt", "out.txt"],
    "params": [
        "5",
        '"v v\'x"',
        "{'q': [1, 2]}",
        "(1, 't')",
        "None",
        "2.5",
        "True",
        "PosixPath('p')",
        "{1: 'i'}",
    ],
    "path": ["PosixPath", "p"],
    "set": [3],
    "wildcards": ["2 1", "1", {"x": "1", "y": "2"}],
    "log": ["l.log", " > l.log 2>&1", " >> l.log 2>&1", " 2> l.log", " > l.log"],
    "resources": [100, "/tmp"],
    "rest": [3, "r", "scripts", None, "é", "seven"],
    "division": 0.5,
}


@EACH_PYTHON
def test_the_object_in_every_python(here, script, python):
    result = script(GOLDEN, interpreter=python)
    assert result.ok, (here / "captured").read_text()
    found = json.loads((here / "golden.json").read_text())
    expected = {**EXPECTED, "file": str(here / "scripts/s.py"), "cwd": str(here)}
    assert found == expected


@EACH_PYTHON
def test_traceback_is_that_of_the_script(here, script, python):
    result = script(
        "import sys\n\ndef f():\n    raise ValueError('oops')\n\nf()\n", interpreter=python
    )
    assert result.exit_code == 1
    text = (here / "captured").read_text()
    path = here / "scripts/s.py"
    assert f'File "{path}", line 6, in <module>\n    f()' in text
    assert f'File "{path}", line 4, in f\n    raise ValueError' in text
    assert "ValueError: oops" in text
    assert text.count('File "') == 2


def test_syntax_error_is_that_of_the_script(here, script):
    assert script("x = 1\nif x\n").exit_code == 1
    text = (here / "captured").read_text()
    assert f'File "{here}/scripts/s.py", line 2' in text and text.count('File "') == 1


def test_exit_status_of_a_script(script):
    assert script("import sys; sys.exit(7)").exit_code == 7
    assert script("raise SystemExit").ok


@EACH_PYTHON
def test_imports(here, script, python):
    (here / "scripts").mkdir()
    (here / "scripts/beside.py").write_text("VALUE = 5\n")
    (here / "scripts/json.py").write_text("raise ImportError('the wrong json')\n")
    result = script(
        "from snakemake.script import snakemake as a\n"
        "from snakemake.iocontainers import snakemake as b, Namedlist\n"
        "from snakemake.shell import shell\n"
        "from snakemake.utils import min_version\n"
        "import beside, json\n"
        "assert a is b is snakemake and beside.VALUE == 5\n"
        "assert isinstance(a.input, Namedlist)\n"
        "min_version('6.0')\n"
        "logger.info('hello from the logger'); sys.stdout.flush()\n",
        interpreter=python,
    )
    assert result.ok, (here / "captured").read_text()
    assert "hello from the logger" in (here / "captured").read_text()


@EACH_PYTHON
def test_shell_function(here, script, python):
    result = script(
        "from snakemake.shell import shell\n"
        "import subprocess\n"
        "value = 'a b'\n"
        "shell('echo {snakemake.input:q} {value:q} {x} {{}} > one', x=3)\n"
        "assert shell('echo hi', read=True) == 'hi\\n'\n"
        "assert list(shell('echo a; echo b', iterable=True)) == ['a', 'b']\n"
        "try:\n    shell('false | true')\n"
        "except subprocess.CalledProcessError as error:\n    assert error.returncode == 1\n"
        "else:\n    raise AssertionError\n",
        interpreter=python,
    )
    assert result.ok, (here / "captured").read_text()
    assert (here / "one").read_text() == "a.txt b.txt c.txt a b 3 {}\n"


def test_pickled_values(here, script, monkeypatch):
    (here / "scripts").mkdir()
    (here / "scripts/shapes.py").write_text("class Point:\n    x = 1\n")
    monkeypatch.syspath_prepend(str(here / "scripts"))
    import shapes

    made = shapes.Point()
    made.x = 9
    given = names(params=Params([made, collections.OrderedDict(b=1, a=2), 1j]))
    text = "p = snakemake.params\nassert (p[0].x, list(p[1]), p[2]) == (9, ['b', 'a'], 1j)\n"
    assert script(text, given=given).ok, (here / "captured").read_text()


def test_value_that_cannot_travel_is_named():
    with pytest.raises(TypeError, match="`params` item `f` of type `function`"):
        encode_context(names(params=Params([lambda: 1], {"f": 0})), rule="r", scriptdir="/")


def test_helper_files_are_removed(here, script):
    assert script("open('out.txt', 'w')").ok
    assert [name for name in os.listdir(".rulekit/scripts") if name != "lib"] == []
    assert script("", keep_scripts=True, token="k-1-1").ok
    assert sorted(os.listdir(".rulekit/scripts")) == ["k-1-1.json", "k-1-1.s.py", "lib"]


def test_script_that_is_not_there(here, order):
    body = {
        "kind": "script",
        "language": "python",
        "path": "/no/such.py",
        "interpreter": ["python3"],
    }
    result = attempt(order(body=body, context={}))
    assert result.problem == "access" and "/no/such.py" in result.detail


def test_unknown_language(order):
    body = {"kind": "script", "language": "cobol", "path": "x.cob", "source": ""}
    result = attempt(order(body=body))
    assert result.problem == "spawn" and "cobol" in result.detail


BASH = """#!/bin/bash
[ "${snakemake_input[0]}" = a.txt ]
[ "${snakemake_input[first]}" = a.txt ]
[ "${snakemake_input[rest]}" = "b.txt c.txt" ]
[ "${snakemake_input[1]}" = "b.txt c.txt" ]
[ "${snakemake_params[k]}" = "v v'x" ]
[ "${snakemake_params[0]}" = 5 ]
[ "${snakemake_wildcards[x]}" = 1 ]
[ "${snakemake_log[e]}" = l.log ]
[ "${snakemake_resources[mem_mb]}" = 100 ]
[ "${snakemake[threads]}" = 3 ]
[ "${snakemake[rule]}" = r ]
[ "${snakemake_config[7]}" = seven ]
echo yes > "${snakemake_output[o]}"
"""


def test_bash_arrays(here, script):
    result = script(BASH, name="s.sh", language="bash")
    assert result.ok, (here / "captured").read_text()
    assert (here / "out.txt").read_text() == "yes\n"


def test_bash_scripts_are_strict(script):
    assert script("false\ntrue\n", name="s.sh", language="bash").exit_code == 1
    assert not script("echo $unset\n", name="s.sh", language="bash").ok
    assert not script("false | true\n", name="s.sh", language="bash").ok


@pytest.mark.parametrize(
    "text", ["$(touch pwned)", "`touch pwned`", "'; touch pwned; '", "a\nb", '"']
)
def test_bash_values_are_never_interpreted(here, script, text):
    given = names(params=Params([text], {"x": 0}), config={text: text})
    assert script(
        'printf %s "${snakemake_params[x]}" > got\n', name="s.sh", language="bash", given=given
    ).ok
    assert (here / "got").read_text() == text
    assert not (here / "pwned").exists()


@pytest.mark.parametrize(
    "value",
    [1, "a", [1, [2]], {"a": None}, (1, (2, "x")), {1, 2}, {1: 2, (3, 4): 5}, {"$tuple": [1]}, 2.5],
)
def test_values_come_back(value):
    text = json.dumps(encode_value(value))
    assert decode_value(json.loads(text)) == value


def test_items_of_named_parts():
    part = {"items": ["a", "b", "c", "d"], "names": {"x": 0, "rest": [1, 3], "none": [3, 3]}}
    assert items_of(part) == [("x", "a"), ("rest", ["b", "c"]), ("none", []), (None, "d")]


def test_object_file_needs_only_the_standard_library():
    path = pathlib.Path(__file__).parents[2] / "rulekit/runner/script_object.py"
    text = f"import sys; sys.path = [p for p in sys.path if 'site-packages' not in p]; exec({path.read_text()!r})"
    subprocess.run([sys.executable, "-I", "-c", text], check=True, cwd="/")


def test_r_object(here, script):
    """What R would get to see: there need not be an R here."""
    given = names(params=Params([5, 'a\n"b"', [1, 2.5], ["x", 1], {"k": [True]}], {"n": 0, "l": 2}))
    result = script(
        "cat('hi')\n",
        name="s.R",
        language="r",
        interpreter=None,
        given=given,
        keep_scripts=True,
        token="k-1-1",
        environment={"PATH": "/nowhere"},
    )
    assert result.problem == "spawn" and "`Rscript`" in result.detail
    context = encode_context(given, rule="r", scriptdir=str(here / "scripts"))
    text = script_r.preamble(context)
    assert (
        'input = list("a.txt", "b.txt", "c.txt", "first" = "a.txt", "rest" = c("b.txt", "c.txt"))'
        in text
    )
    assert (
        'params = list(5L, "a\\n\\"b\\"", c(1L, 2.5), list("x", 1L), list("k" = c(TRUE)), '
        '"n" = 5L, "l" = c(1L, 2.5))'
    ) in text
    assert 'wildcards = list("2", "1", "y" = "2", "x" = "1")' in text
    assert "threads = 3,\n" in text and "bench_iteration = as.numeric(NA)" in text
    assert 'config = list("a" = list("b" = list(1L, list("c" = "é"))), "7" = "seven")' in text


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (None, "NULL"),
        (True, "TRUE"),
        (2**40, "1099511627776.0"),
        (float("nan"), "NaN"),
        (float("-inf"), "-Inf"),
        ([], "c()"),
        ([True, 1], "list(TRUE, 1L)"),
        ("\\x\t\udcff", '"\\\\x\\t\\xff"'),
    ],
)
def test_values_for_r(value, text):
    assert script_r.encode(value) == text


def test_items_may_be_called_like_methods(here, script):
    called = InputFiles(["a", "b", "c", "d"], {"named": 0, "values": 1, "index": 2, "sort": 3})
    text = "i = snakemake.input\nassert [i.named, i.values, i.index, i.sort] == list('abcd')\n"
    assert script(text, given=names(input=called)).ok, (here / "captured").read_text()


def test_addresses_within_a_report(here, script):
    """A result has a folder named after the digest of its path."""
    page = hashlib.sha256(b"a/test.html").hexdigest()[:16]
    folder = hashlib.sha256(b"sub").hexdigest()[:16]
    text = (
        "href = snakemake.report_href\n"
        "one = href('a/test.html').url_args(foo='4 5').anchor('b')\n"
        f"assert str(one) == '../{page}/test.html?foo=4%205#b', str(one)\n"
        f"assert str(href('sub').child_path('x/y.html')) == '../{folder}/x/y.html'\n"
    )
    assert script(text).ok, (here / "captured").read_text()


def test_parts_of_lists_and_names_that_are_not_there(here, script):
    given = names(params=Params([InputFiles(["a", "b"]), OutputFiles(["c"], {"x": 0})]))
    text = (
        "s = snakemake\n"
        "assert type(s.input[1:]) is list and type(s.params[0]) is list\n"
        "assert s.params[1].x == 'c'\n"
        "for error in (KeyError, AttributeError):\n"
        "    try:\n        s.input['nope']\n"
        "    except error:\n        pass\n"
    )
    assert script(text, given=given).ok, (here / "captured").read_text()


@EACH_PYTHON
def test_imports_where_rulekit_can_be_found(here, script, python, monkeypatch):
    """By an interpreter that need not be able to run it."""
    root = pathlib.Path(__file__).parents[2]
    monkeypatch.setenv("PYTHONPATH", str(root))
    text = "from snakemake.utils import makedirs, linecount\nfrom snakemake.io import Namedlist\n"
    assert script(text, interpreter=python).ok, (here / "captured").read_text()
