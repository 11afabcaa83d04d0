"""From the text of a rule file to a workflow."""

import os
import sys

import pytest

from rulekit.errors import RuleFileError
from rulekit.language.jobvalues import expand_inputs
from rulekit.model.rule import CheckpointPending


def texts(entries):
    return [item.text for entry in entries for item in entry.items]


def test_a_rule_with_everything(project):
    rule = project.rule('''
rule all_of_it:
    """ What it does. """
    input: "in/{s}.txt", named="b.txt", listed=["c", ["d"]]
    output: main=temp("out/{s}.txt"), other=protected("{s}.x")
    log: "logs/{s}.log"
    benchmark: repeat("bench/{s}.tsv", 3)
    params: "first", k=lambda wildcards: wildcards.s
    wildcard_constraints: s="[a-z]+"
    threads: 4
    resources: mem="2GB", gpu=1
    priority: 5
    message: "doing {wildcards.s}"
    retries: 2
    group: "g"
    shadow: "minimal"
    conda: "envs/a.yaml"
    container: "docker://x"
    envmodules: "a/1", "b"
    cache: True
    localrule: True
    shell: "run {input}   # a comment"
''')
    assert rule.name == "all_of_it" and rule.docstring == "What it does."
    assert [(e.name, e.is_list, [i.text for i in e.items]) for e in rule.inputs] == [
        (None, False, ["in/{s}.txt"]),
        ("named", False, ["b.txt"]),
        ("listed", True, ["c", "d"]),
    ]
    assert [(e.name, e.items[0].flags) for e in rule.outputs] == [
        ("main", {"temp": True}),
        ("other", {"protected": True}),
    ]
    assert texts(rule.logs) == ["logs/{s}.log"]
    assert rule.benchmark.text == "bench/{s}.tsv" and rule.benchmark.flags == {"repeat": 3}
    assert [(v.name, v.value) for v in rule.params[:1]] == [(None, "first")]
    assert rule.params[1].name == "k" and callable(rule.params[1].value)
    assert rule.wildcard_names == ("s",) and rule.constraints == {"s": "[a-z]+"}
    assert rule.outputs[0].items[0].pattern.match("out/abc.txt") == ("abc",)
    assert rule.outputs[0].items[0].pattern.match("out/ABC.txt") is None
    assert rule.threads == 4 and rule.resources == {"mem_mb": 2000, "gpu": 1}
    assert (rule.priority, rule.message, rule.retries) == (5, "doing {wildcards.s}", 2)
    assert (rule.group, rule.shadow, rule.conda) == ("g", "minimal", "envs/a.yaml")
    assert (rule.container, rule.envmodules, rule.cache) == ("docker://x", ("a/1", "b"), True)
    assert rule.localrule and not rule.handover
    assert rule.body.kind == "shell" and rule.body.text == "run {input}   # a comment"
    assert rule.body.code == "run {input}"
    assert rule.span.line == 2 and rule.basedir == str(project.folder)


def test_defaults_of_a_rule(project):
    rule = project.rule("rule:\n    input: 'a'\n")
    assert rule.name == "1" and rule.body.kind == "none" and rule.wildcard_names == ()
    assert (rule.threads, rule.priority, rule.retries, rule.shadow) == (1, 0, None, None)


def test_run_bodies_are_functions(project):
    rule = project.rule(
        "K = 3\nrule a:\n    output: 'x'\n    run:\n        got.append((output[0], threads, K))\n"
    )
    got = []
    rule.namespace["got"] = got
    rule.body.function(
        input=[], output=["x"], params=[], wildcards=[], threads=2, resources=[], log=[],
        rule="a", jobid=0, bench_iteration=None,
    )  # fmt: skip
    assert got == [("x", 2, 3)] and rule.body.kind == "run"


@pytest.mark.parametrize(
    ("action", "kind", "text"),
    [
        ("script: 'scripts/a.py'", "script", "scripts/a.py"),
        ("notebook: 'n.ipynb'", "notebook", "n.ipynb"),
        ("wrapper: 'v1/bio/x'", "wrapper", "v1/bio/x"),
        ("template_engine: 'jinja2'", "template_engine", "jinja2"),
    ],
)
def test_other_actions(project, action, kind, text):
    body = project.rule(f"rule a:\n    output: 'x'\n    {action}\n").body
    assert (body.kind, body.text, body.code) == (kind, text, text)


def test_rules_in_python_blocks(project):
    workflow = project.load(
        "for i in range(3):\n"
        "    rule:\n"
        "        name: f'r{i}'\n"
        "        output: f'{i}.txt'\n"
        "        shell: 'touch {output}'\n"
        "if False:\n    rule no:\n        output: 'x'\n"
        "def make(name):\n"
        "    rule:\n"
        "        name: name\n"
        "        output: name\n"
        "make('late')\n"
        "rule:\n    output: 'anonymous'\n"
    )
    assert [rule.name for rule in workflow.rules] == ["r0", "r1", "r2", "late", "5"]


def test_names_that_are_not_imported(project):
    workflow = project.load(
        "p = Path('a') / 'b'\n"
        "ok = bool(re.match('a', 'a')) and os.path.sep == '/' and sys.argv is not None\n"
        "d = OrderedDict(a=1)\n"
        "n = namedtuple('N', 'x')(1)\n"
        "f = partial(max, 1)\n"
        "e = expand('{x}', x=[1])\n"
        "w = issubclass(WorkflowError, Exception)\n"
        "logger.debug('quiet')\n"
        "s = srcdir('x.py')\n"
        'g = eval(\'multiext("a", ".b")\')\n'
    )
    assert [note for note in workflow.notes if "srcdir" in note]
    space = workflow.namespace
    assert str(space["p"]) == "a/b" and space["ok"] and space["e"] == ["1"] and space["w"]
    assert space["s"] == str(project.folder / "x.py") and space["g"] == ["a.b"]


def test_only_names_in_use_are_made(project):
    space = project.load("x = expand('{a}', a=1)\n").namespace
    assert "expand" in space and "Path" not in space and "lookup" not in space


def test_own_definitions_win_over_standard_names(project):
    space = project.load("def temp(x): return 'mine'\nre = 5\ny = temp('z')\n").namespace
    assert space["y"] == "mine" and space["re"] == 5


def test_default_target(project):
    project.write(
        "inc.smk",
        "rule inc:\n    output: 'i'\nrule i2:\n    output: 'j'\n    default_target: True\n",
    )
    assert (
        project.load("rule a:\n    output: 'x'\nrule b:\n    output: 'y'\n").default_target == "a"
    )
    text = "rule a:\n    output: 'x'\nrule b:\n    output: 'y'\n    default_target: True\n"
    assert project.load(text).default_target == "b"
    assert project.load("include: 'inc.smk'\nrule a:\n    output: 'x'\n").default_target == "a"
    assert project.load("include: 'inc.smk'\n").default_target is None


def test_include(project):
    project.write(
        "sub/one.smk",
        "include: 'deep/two.smk'\nORDER.append('one')\n"
        "rule one:\n    output: 'one'\n    script: 's.py'\n",
    )
    project.write("sub/deep/two.smk", "ORDER.append('two')\nimport helper_of_two\n")
    project.write("sub/deep/helper_of_two.py", "X = 1\n")
    workflow = project.load(
        "ORDER = []\ninclude: 'sub/one.smk'\ninclude: 'sub/one.smk'\nORDER.append('main')\n"
        "rule main:\n    input: rules.one.output\n    script: 's.py'\n"
    )
    assert workflow.namespace["ORDER"] == ["two", "one", "main"]
    assert workflow.basedir == str(project.folder)
    assert [os.path.relpath(rule.basedir) for rule in workflow.rules] == ["sub", "."]
    assert [os.path.relpath(file) for file in workflow.source_files] == [
        "Rulefile",
        "sub/one.smk",
        "sub/deep/two.smk",
    ]
    assert any("second `include`" in note for note in workflow.notes)
    assert workflow.rule("one").span.file.endswith("sub/one.smk")
    sys.modules.pop("helper_of_two", None)


def test_rules_of_a_function_from_an_included_file_know_their_file(project):
    project.write("inc.smk", "def make(n):\n    rule:\n        name: n\n        output: n\n")
    rule = project.rule("include: 'inc.smk'\nmake('x')\n", "x")
    assert rule.span.file.endswith("inc.smk") and rule.span.line == 2


def test_rules_object(project):
    workflow = project.load("""
wildcard_constraints: n="[0-9]+"
rule a:
    input: "src/{s}.txt"
    output: first=temp("{s,[a-z]+}.{n}.a"), rest=["{s}.{n}.b", "{s}.{n}.c"]
    log: "{s}.{n}.log"
    benchmark: "{s}.{n}.tsv"
    params: 3, k="v"
    shell: "x"
OUT = rules.a.output
IN = rules.a.input[0]
LOG, BENCH, K = rules.a.log[0], rules.a.benchmark, rules.a.params.k
NAMES = [rule.name for rule in rules]
rule b:
    input: rules.a.output.first, rules.a.output.rest[1], expand(rules.a.output.first, s="q", n=1)
    output: "{s}/{n}"
rule c:
    input: rules.b.output[0].format(s=1, n=2)
""")
    space = workflow.namespace
    assert space["OUT"] == ["{s}.{n}.a", "{s}.{n}.b", "{s}.{n}.c"]
    assert space["OUT"].rest == ["{s}.{n}.b", "{s}.{n}.c"]
    assert (space["IN"], space["LOG"]) == ("src/{s}.txt", "{s}.{n}.log")
    assert (space["BENCH"], space["K"], space["NAMES"]) == ("{s}.{n}.tsv", "v", ["a"])
    items = [item for entry in workflow.rule("b").inputs for item in entry.items]
    assert [(i.text, i.fixed_rule, dict(i.flags)) for i in items] == [
        ("{s}.{n}.a", "a", {}),
        ("{s}.{n}.c", "a", {}),
        ("q.1.a", None, {}),
    ]
    assert texts(workflow.rule("c").inputs) == ["1/2"]
    # Constraints of the statement hold for rules before it as well.
    pattern = workflow.rule("a").outputs[0].items[0].pattern
    assert pattern.match("a.1.a") == ("a", "1") and pattern.match("a.x.a") is None


def test_input_functions(project):
    workflow = project.load("""
def files(wildcards):
    return [wildcards.s + ".x", temp("t")]
rule a:
    input: files, ancient(lambda w: "old"), unpack(lambda w: {"k": w.s}), more=files
    output: "{s}.out"
""")
    paths, names = expand_inputs(workflow.rules[0], ("q",))
    assert paths == ["q.x", "t", "old", "q", "q.x", "t"]
    assert names == {"k": 3, "more": (4, 6)}
    assert paths[2].flags == {"ancient": True}


def test_multiext_with_names(project):
    rule = project.rule("rule a:\n    output: multiext('x', a='.1', b='.2')\n")
    assert [(entry.name, entry.items[0].text) for entry in rule.outputs] == [
        ("a", "x.1"),
        ("b", "x.2"),
    ]


def test_global_statements(project, monkeypatch):
    monkeypatch.setenv("SOME_VARIABLE", "1")
    workflow = project.load(
        """
localrules: a, b
ruleorder: a > b
ruleorder: b > a
envvars: "SOME_VARIABLE"
container: "docker://global"
scattergather: split=3
resource_scopes: gpu="local"
report: "report/all.rst"
rule a:
    output: scatter.split("{scatteritem}.x")
rule b:
    output: "y"
    container: None
onstart:
    STARTED.append(log)
onsuccess: print(log)
STARTED = []
""",
        set_scatter={"split": 2},
    )
    assert workflow.localrules == {"a", "b"}
    assert workflow.ruleorder == (("a", "b"), ("b", "a"))
    assert workflow.envvars == ("SOME_VARIABLE",)
    assert [rule.container for rule in workflow.rules] == ["docker://global", None]
    assert texts(workflow.rule("a").outputs) == ["1-of-2.x", "2-of-2.x"]
    assert workflow.scattergather == {"split": 2}
    assert workflow.constraints["scatteritem"] == r"\d+-of-\d+"
    assert workflow.resource_scopes == {"gpu": "local"}
    assert workflow.report == str(project.folder / "report/all.rst")
    workflow.onstart.function("the.log")
    [log] = workflow.namespace["STARTED"]  # a list of files, and a path
    assert list(log) == ["the.log"] and log[0] == f"{log}" == os.fspath(log) == "" + log
    assert "see " + log + "!" == "see the.log!" and log.__add__(["x"]) == ["the.log", "x"]
    assert workflow.onsuccess is not None and workflow.onerror is None


def test_input_and_output_flags(project):
    workflow = project.load("""
inputflags: ancient
outputflags: temp
rule a:
    input: "x", lambda w: "y"
    output: "a", protected("b"), touch("c")
    log: "l"
""")
    rule = workflow.rules[0]
    assert [i.flags for e in rule.inputs for i in e.items] == [{"ancient": True}] * 2
    assert [e.items[0].flags for e in rule.outputs] == [
        {"temp": True},
        {"protected": True},
        {"touch": True, "temp": True},
    ]
    assert rule.logs[0].items[0].flags == {}


def test_settings_about_flags(project):
    text = "rule a:\n    input: 'x', k='y'\n    output: touch('a')\n"
    rule = project.rule(text, all_temp=True, consider_ancient={"a": frozenset(("k",))})
    assert [e.items[0].flags for e in rule.inputs] == [{}, {"ancient": True}]
    assert rule.outputs[0].items[0].flags == {"touch": True, "temp": True}
    assert project.rule(text, omit_flags=("touch",)).outputs[0].items[0].flags == {}


def test_pathvars(project):
    workflow = project.load('''
configfile: "c.yaml"
pathvars: per="{s}", base="from-statement"
rule a:
    input: "<base>/<per>.in", lambda w: "<base>/late"
    output: "<results>/<per>.out"
    log: "<logs>/<per>.log"
rule b:
    output: "<base>/<own>"
    pathvars: own="mine", base="rule"
''' if project.write("c.yaml", "pathvars: {base: from-config}") else "")  # fmt: skip
    a, b = workflow.rules
    assert texts(a.inputs)[0] == "from-config/{s}.in"
    assert texts(a.outputs) == ["results/{s}.out"] and texts(a.logs) == ["logs/{s}.log"]
    assert expand_inputs(a, ("q",))[0][1] == "from-config/late"
    assert texts(b.outputs) == ["rule/mine"]


def test_checkpoints(project):
    workflow = project.load("""
checkpoint c:
    output: directory("parts/{s}"), k="x/{s}"
def parts(wildcards):
    got = checkpoints.c.get(s=wildcards.s)
    return [got.output[0] + "/1", got.output.k, got.rule.name]
rule a:
    input: parts
    output: "{s}.out"
""")
    a = workflow.rule("a")
    assert workflow.rule("c").kind == "checkpoint"
    with pytest.raises(CheckpointPending) as caught:
        expand_inputs(a, ("q",))
    pending = caught.value
    assert (pending.rule, pending.wildcards, pending.outputs) == ("c", ("q",), ("parts/q", "x/q"))
    workflow.checkpoints.done.add(("c", ("q",)))
    assert expand_inputs(a, ("q",))[0] == ["parts/q/1", "x/q", "c"]
    project.write("parts/q", "made")
    with workflow.namespace["checkpoints"].c.get(s="q").output[0].open() as file:
        assert file.read() == "made"


def test_workflow_object(project):
    project.write(
        "sub/inc.smk",
        """
HERE = workflow.current_basedir
FILE = workflow.snakefile
PATH = workflow.source_path("data/x.txt")
JOINED = workflow.current_basedir.join("../y")
""",
    )
    workflow = project.load(
        """
BASE = workflow.basedir
include: "sub/inc.smk"
CORES = workflow.cores
MAIN = workflow.main_snakefile
CONFIGS = workflow.configfiles, workflow.overwrite_configfiles
MEM = workflow.global_resources["mem_mb"]
rule a:
    output: "x"
R = workflow.get_rule("a").output[0]
ALL = [rule.name for rule in workflow.rules]
CONDA = workflow.use_conda
""",
        cores=8,
        resources={"mem_mb": 100},
        software=frozenset(["conda"]),
    )
    space = workflow.namespace
    folder = str(project.folder)
    assert space["BASE"] == folder and space["BASE"] + "/x" == folder + "/x"
    assert space["HERE"] == folder + "/sub" and space["FILE"] == folder + "/sub/inc.smk"
    assert space["PATH"] == folder + "/sub/data/x.txt" and space["JOINED"] == folder + "/y"
    assert (space["CORES"], space["MAIN"]) == (8, folder + "/Rulefile")
    assert space["CONFIGS"] == ([], []) and space["MEM"] == 100
    assert (space["R"], space["ALL"], space["CONDA"]) == ("x", ["a"], True)


def test_workdir_and_directory(project):
    workflow = project.load("workdir: 'here'\nopen('made', 'w').close()\n")
    assert workflow.workdir == str(project.folder / "here")
    assert (project.folder / "here" / "made").exists()
    os.chdir(project.folder)
    path = project.write("Other", "workdir: 'ignored'\nopen('made', 'w').close()\n")
    from rulekit.compiler import LoadSettings, load

    assert load(os.path.relpath(path), LoadSettings(directory="there")).workdir is None
    assert (project.folder / "there" / "made").exists() and os.getcwd().endswith("there")


def test_shell_settings_belong_to_one_load(project):
    assert project.load("shell.prefix('p; ')\nshell.executable('/bin/sh')\n").shell.prefix == "p; "
    assert project.load("x = 1\n").shell.prefix is None


def test_use_rule_inside_a_file(project):
    workflow = project.load("""
rule a:
    "doc"
    input: "in"
    output: "{s}.a"
    params: 1, k="v", other="o"
    threads: 3
    shell: "run {params.k}"
use rule a as b with:
    output: "{s}.b"
    params: k="new"
use rule b as c with:
    output: "{s}.c"
    threads: 5
use rule a as d with:
    output: "x/{s}"
""")
    a, b, c, d = workflow.rules
    assert [rule.name for rule in workflow.rules] == ["a", "b", "c", "d"]
    assert texts(b.inputs) == ["in"] and texts(b.outputs) == ["{s}.b"]
    assert [(v.name, v.value) for v in b.params] == [(None, 1), ("k", "new"), ("other", "o")]
    assert (b.threads, c.threads, d.threads) == (3, 5, 3)
    assert b.body.text == a.body.text and b.docstring == "doc"
    assert [(v.name, v.value) for v in a.params] == [(None, 1), ("k", "v"), ("other", "o")]


def test_exit_statuses_go_through(project):
    with pytest.raises(SystemExit) as caught:
        project.load("import sys\nsys.exit(3)\n")
    assert caught.value.code == 3


def test_warnings(project):
    workflow = project.load("""
ruleorder: a > bb
localrules: aa
rule a:
    input: "./x", temp("y"), "a//b", "http://host/x"
    output: "z"
    threads: 1
    threads: 2
rule b:
    output: "q/{a-b}"
""")
    found = {(d.code, d.span.line) for d in workflow.warnings}
    assert found == {
        ("RK0254", 2), ("RK0254", 3), ("RK0255", 5), ("RK0257", 5), ("RK0208", 8), ("RK0255", 10),
    }  # fmt: skip
    assert workflow.rule("a").threads == 1
    assert all(d.severity == "warning" for d in workflow.warnings)


def test_a_missing_file():
    from rulekit.compiler import load

    with pytest.raises(RuleFileError, match="does not exist"):
        load("no/such/Rulefile")
