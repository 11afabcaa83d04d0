"""Rule files keep their meaning when they are laid out, and a second time changes nothing."""

from __future__ import annotations

import os
import stat

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from rulekit.compiler.load import load
from rulekit.errors.tree import InfrastructureError, RuleFileError, RulekitError
from rulekit.fmt.files import read_text, rule_files, write_text
from rulekit.fmt.layout import format_text
from rulekit.syntax.keywords import PROPERTIES

UGLY = '''\
import os
configfile:'config.yaml'
include: "a.smk",
rule  all :
    input: "x",
       y = 'z'  # why
    # of the rule
rule b:
    "words"
    input:
        # first
        expand("a/{s}.txt",s=config['s']), # tail
        # "old",
    # of the rule
    params: a=lambda w: 3, cmd='a'
                         'b' # c1
       # between
         "c" # c2
    threads:   max( 4 ,5)
    shell: "echo {input} "
       "> {output}"
# before c
rule c: output: "c"
checkpoint d:
    output: directory("d")
    run:
        def f():
          """ doc{blanks}

          more"""
          return  1
        shell( "mkdir {output}" )
if config.get("x"):
  ruleorder: b>c
  localrules: b,c,all
use rule b from m exclude  x as  y_* with:
    input: "u"
use rule * from m2
rule e:
onstart: print('x')
storage az: provider='s3'
rule g:
    input: (x for x in [1,2])
    output: "a"   , "b"  # fmt: skip
    message: "a"
'''.replace("{blanks}", "  ")
NEAT = '''\
import os

configfile: "config.yaml"
include: "a.smk"


rule all:
    input:
        "x",
        y="z",  # why
    # of the rule


rule b:
    "words"
    input:
        # first
        expand("a/{s}.txt", s=config["s"]),  # tail
        # "old",
    # of the rule
    params:
        a=lambda w: 3,
        cmd="a"
        "b"  # c1
        # between
        "c",  # c2
    threads: max(4, 5)
    shell:
        "echo {input} "
        "> {output}"


# before c
rule c:
    output:
        "c",


checkpoint d:
    output:
        directory("d"),
    run:

        def f():
            """ doc{blanks}

          more"""
            return 1

        shell("mkdir {output}")


if config.get("x"):
    ruleorder: b > c
    localrules: b, c, all


use rule b from m exclude x as y_* with:
    input:
        "u",


use rule * from m2


rule e:


onstart:
    print("x")


storage az:
    provider="s3",


rule g:
    input:
        (x for x in [1, 2]),
    output: "a"   , "b"  # fmt: skip
    message:
        "a"
'''.replace("{blanks}", "  ")


def test_every_form_of_statement():
    assert format_text(UGLY, "x.smk") == NEAT
    assert format_text(NEAT, "x.smk") == NEAT


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("", ""),
        ("# only a comment", "# only a comment\n"),
        ("rule a:\n  input:\n    # none\n  output: 'x'\n", None),
        ("rule a: run: print( 1 )\n", "rule a:\n    run:\n        print(1)\n"),
        ("rule a:\n  input: x for x in 'ab'\n", None),
        ("ruleorder: a >\n  b # c\n", "ruleorder: a > b  # c\n"),
        ("rule a:\n\tthreads: 4 # four\n", "rule a:\n    threads: 4  # four\n"),
        ("# fmt: off\nx = [1,  2]\n# fmt: on\ny = [1,  2]\n", None),
        ("rule a:\n  group: 'a'\n    'b'\n", 'rule a:\n    group:\n        "a"\n        "b"\n'),
        ("rule ä:\n  message: 'ü' \n", 'rule ä:\n    message:\n        "ü"\n'),
        ("include: \\\n  'a'\n", 'include: "a"\n'),
        ("rule a:\n  shell:\n    '''\n  a\n    '''\n", None),
    ],
)
def test_small_files(text, wanted):
    new = format_text(text, "x.smk")
    assert new == wanted or wanted is None
    assert format_text(new, "x.smk") == new


def test_what_is_switched_off_stays():
    text = "x = [1,  2]\n# fmt: off\ny = [1,  2]\n# fmt: on\nz = [1,  2]\n"
    new = format_text(text, "x.smk")
    assert new == "x = [1, 2]\n# fmt: off\ny = [1,  2]\n# fmt: on\nz = [1, 2]\n"


def test_a_long_value_goes_below_its_keyword():
    text = f"rule a:\n    threads: max({', '.join(['1000'] * 30)})\n"
    new = format_text(text, "x.smk", line_length=60)
    assert new.startswith("rule a:\n    threads:\n        max(\n")
    assert max(map(len, new.splitlines())) <= 60
    assert format_text(new, "x.smk", line_length=60) == new


def test_a_file_with_mistakes_is_refused():
    with pytest.raises(RuleFileError):
        format_text("rule a:\n    inptu: 'x'\n", "x.smk")


# Generated files ------------------------------------------------------------------------------

VALUES = [
    '"{0}"',
    "'{0}'",
    "'{0}' 'b'",
    "'{0}'\n           'b'  # of b\n           \"c\"",
    '"""{0}\n   text # no comment\n"""',
    "[ '{0}',\n   'x' ]",
    "lambda wildcards : '{0}'",
    "str( 1+2 ) + '{0}'",
    "('{0}'  # inner\n   )",
    "*['{0}', 'y']",
    "f'{0}{{1 + 1}}'",
]
COMMENTS = ["", "  # c", " #c 'x"]


@st.composite
def rule_texts(draw):
    """A rule file that compiles, in some legal layout."""
    step = draw(st.sampled_from(["  ", "    ", "\t"]))
    out = draw(st.sampled_from(["", "# head\n", "import os\n", "X=[ 1,2 ]\n\n\n\n"]))
    for number in range(draw(st.integers(1, 4))):
        out += draw(st.sampled_from(["", "\n", "\n\n\n\n", "# above\n", "    # odd\n"]))
        out += f"{draw(st.sampled_from(['rule', 'rule ', 'checkpoint']))} r{number} :"
        out += draw(st.sampled_from(COMMENTS)) + "\n"
        if draw(st.booleans()):
            out += f'{step}"doc {number}"\n'
        words = draw(st.lists(st.sampled_from(["input", "params", "log", "message"]), unique=True))
        for word in words:
            out += step + word + draw(st.sampled_from([":", " :"]))
            out += draw(st.sampled_from([" ", f"\n{step}{step}", f"  # c\n{step * 3}"]))
            count = 1 if word == "message" else draw(st.integers(1, 3))
            values = []
            for index in range(count):
                pool = VALUES[:2] if word in ("message", "log") else VALUES
                value = draw(st.sampled_from(pool)).format(f"{word}{number}{index}")
                named = index and not value.startswith("*") and word != "message"
                values.append(f"n{index}={value}" if named else value)
            values.sort(key=lambda value: value.startswith("n"))
            out += draw(st.sampled_from([", ", ",\n" + step * 2, f",  # of it\n{step * 2}"])).join(
                values
            )
            out += draw(st.sampled_from(["", ","])) if word != "message" else ""
            out += draw(st.sampled_from(COMMENTS)) + "\n"
            out += draw(st.sampled_from(["", f"{step * 2}# deep\n", f"{step}# level\n", "\n"]))
        out += f"{step}output: 'o{number}'\n"
        out += draw(
            st.sampled_from(
                [
                    "",
                    f"{step}threads :  3 # three\n{step}shell: 'echo  {{input}}'\n",
                    f"{step}shell:\n{step}{step}'a '\n{step}{step}# no\n{step}{step}'b  {{output}}'\n",
                    f"{step}run:\n{step}{step}def f( ):\n{step * 3}''' a doc  '''\n"
                    f"{step}{step}x = {{ 'a':1 }}\n{step}{step}# end\n",
                    f"{step}script: 's.py'\n",
                ]
            )
        )
    return out


def plain(value):
    """A comparable form of what a rule holds; functions by what they return."""
    if callable(value) and not isinstance(value, str):
        return ("function", value(None)) if value.__name__ == "<lambda>" else value.__name__
    if isinstance(value, list | tuple):
        return [plain(one) for one in value]
    return repr(value)


def said(path):
    """All that a workflow says, without the places where it says so."""
    workflow = load(path)
    return [
        (
            rule.name,
            rule.kind,
            rule.docstring,
            [
                (e.name, e.is_list, [item.text or plain(item.function) for item in e.items])
                for entries in (rule.inputs, rule.outputs, rule.logs)
                for e in entries
            ],
            [(value.name, plain(value.value)) for value in rule.params],
            rule.threads,
            rule.message,
            rule.body.kind,
            rule.body.code,
            rule.body.text if rule.body.kind != "run" else "",
        )
        for rule in workflow.rules
    ]


LONG = bool(os.environ.get("RULEKIT_LONG"))


@settings(
    max_examples=600 if LONG else 60,
    derandomize=not LONG,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(text=rule_texts())
def test_the_compiled_workflow_is_the_same(text, tmp_path):
    path = tmp_path / "Snakefile"
    path.write_text(text)
    before = said(str(path))
    new = format_text(text, str(path))
    assert format_text(new, str(path)) == new
    path.write_text(new)
    assert said(str(path)) == before
    assert new.count("#") >= text.count("#")


@settings(max_examples=300 if LONG else 30, derandomize=not LONG, deadline=None)
@given(
    words=st.lists(st.sampled_from(PROPERTIES), unique=True, min_size=1),
    value=st.sampled_from(["1", "'a'", "'a', 'b'", "a=1", "", "[1]  # c", "x\n     # deep"]),
)
def test_any_directive_has_one_layout(words, value):
    text = "rule a:\n" + "".join(f"  {word}: {value}\n" for word in words)
    new = format_text(text, "x.smk")
    assert format_text(new, "x.smk") == new


# Files on disk --------------------------------------------------------------------------------


def test_mode_encoding_and_line_ends_stay(tmp_path):
    path = tmp_path / "a.smk"
    path.write_bytes(b"\xef\xbb\xbfx = [ 1 ]\r\ny = '\xc3\xbc'\r\n")
    path.chmod(0o640)
    link = tmp_path / "b.smk"
    link.symlink_to(path)
    old = read_text(str(link))
    write_text(old, format_text(old.text, str(link)))
    assert path.read_bytes() == b'\xef\xbb\xbfx = [1]\r\ny = "\xc3\xbc"\r\n'
    assert stat.S_IMODE(path.stat().st_mode) == 0o640
    assert link.is_symlink()
    assert sorted(os.listdir(tmp_path)) == ["a.smk", "b.smk"]


def test_a_file_that_somebody_else_changed_is_left(tmp_path):
    path = tmp_path / "a.smk"
    path.write_text("x = [ 1 ]\n")
    old = read_text(str(path))
    path.write_text("y = 2\n")
    with pytest.raises(InfrastructureError) as caught:
        write_text(old, "x = [1]\n")
    assert caught.value.diagnostics[0].code == "RK0162"
    assert path.read_text() == "y = 2\n"


def test_folders_give_their_rule_files(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for name in ("Snakefile", "rules/a.smk", ".hidden/b.smk", "c.py", "rules/Rulefile"):
        os.makedirs(os.path.dirname(name) or ".", exist_ok=True)
        with open(name, "w") as file:
            file.write("")
    assert rule_files((".",)) == ["Snakefile", "rules/Rulefile", "rules/a.smk"]
    assert rule_files(("c.py", "rules")) == ["c.py", "rules/Rulefile", "rules/a.smk"]
    with pytest.raises(RulekitError):
        rule_files(("missing",))
