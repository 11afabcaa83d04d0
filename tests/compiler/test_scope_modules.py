"""`module` and `use rule ... from`."""

import pytest

from rulekit.language.jobvalues import expand_inputs

MODULE = """
configfile: "module.yaml"
READ = config.get("k", "none")
def double(x):
    return 2 * x
rule first:
    input: "data/in.txt", "/abs/x", local("here.txt"), lambda w: "fn/x"
    output: temp("out/{s}.txt"), directory("d/{s}")
    log: "logs/{s}.log"
    params: k=READ
    script: "scripts/a.py"
rule second:
    input: rules.first.output[0], expand(rules.first.output[0], s="q")
    output: "second/{s}"
    shell: "x {READ}"
ruleorder: second > first
localrules: second
"""


@pytest.fixture
def module(project):
    project.write("lib/Snakefile", MODULE)
    project.write("module.yaml", "k: from-file")
    return project


def texts(rule, kind="outputs"):
    return [item.text for entry in getattr(rule, kind) for item in entry.items]


def names(workflow):
    return [rule.name for rule in workflow.rules]


HEAD = 'module m:\n    snakefile: "lib/Snakefile"\n'


def test_all_rules_under_other_names(module):
    workflow = module.load(
        HEAD + "use rule * from m as m_*\nX = m.double(4)\nY = rules.m_first.output[0]\n"
    )
    assert names(workflow) == ["m_first", "m_second"]
    assert workflow.default_target == "m_first"
    assert workflow.ruleorder == (("m_second", "m_first"),)
    assert workflow.localrules == {"m_second"}
    assert workflow.namespace["X"] == 8 and workflow.namespace["Y"] == "out/{s}.txt"
    first, second = workflow.rules
    assert first.basedir == str(module.folder / "lib")
    assert second.namespace["READ"] == "from-file" and "READ" not in workflow.namespace
    item = second.inputs[0].items[0]
    assert (item.text, item.fixed_rule) == ("out/{s}.txt", "m_first")
    assert workflow.config == {}


def test_config_of_a_module(module):
    workflow = module.load(
        HEAD + "    config: {'k': 'given'}\nuse rule * from m\n", config={"k": "top"}
    )
    assert workflow.rule("second").namespace["READ"] == "given"
    assert workflow.config == {"k": "top"}


def test_config_may_be_any_object(module):
    module.write("lib/Snakefile", "configfile: 'no.yaml'\nSEEN = config[0]\n")
    workflow = module.load(HEAD + "    config: ['first']\nuse rule * from m\n")
    assert workflow.namespace["m"].SEEN == "first"


def test_a_module_sees_no_names_of_the_file(module):
    module.write("lib/Snakefile", "SEEN = 'OUTER' in globals() or bool(config)\n")
    workflow = module.load("OUTER = 1\n" + HEAD + "use rule * from m\n", config={"k": 1})
    assert workflow.namespace["m"].SEEN is False


def test_prefix(module):
    workflow = module.load(HEAD + "    prefix: 'pre'\nuse rule * from m\n")
    first, second = workflow.rules
    assert texts(first) == ["pre/out/{s}.txt", "pre/d/{s}"]
    assert [i.flags for e in first.outputs for i in e.items] == [
        {"temp": True},
        {"directory": True},
    ]
    assert texts(first, "logs") == ["pre/logs/{s}.log"]
    paths, _ = expand_inputs(first, ("q",))
    assert paths == ["pre/data/in.txt", "/abs/x", "here.txt", "pre/fn/x"]
    assert texts(second, "inputs") == ["pre/out/{s}.txt", "pre/out/q.txt"]


def test_replace_prefix(module):
    workflow = module.load(
        HEAD + "    replace_prefix: {'out/': 'o/', 'data/': ''}\nuse rule * from m\n"
    )
    first = workflow.rules[0]
    assert texts(first) == ["o/{s}.txt", "d/{s}"]
    assert expand_inputs(first, ("q",))[0] == ["in.txt", "/abs/x", "here.txt", "fn/x"]


def test_nested_modules_compose(module):
    module.write("mid/Snakefile", (
        'module inner:\n    snakefile: "../lib/Snakefile"\n    prefix: "in"\n'
        "use rule * from inner as i_*\n"
        "rule own:\n    input: rules.i_second.output\n    output: 'own/{s}'\n"
    ))  # fmt: skip
    workflow = module.load(
        'module m:\n    snakefile: "mid/Snakefile"\n    prefix: "out"\nuse rule * from m as o_*\n'
    )
    assert names(workflow) == ["o_i_first", "o_i_second", "o_own"]
    assert texts(workflow.rule("o_i_second")) == ["out/in/second/{s}"]
    assert texts(workflow.rule("o_own"), "inputs") == ["out/in/second/{s}"]
    assert workflow.rule("o_own").inputs[0].items[0].fixed_rule == "o_i_second"


def test_some_rules(module):
    assert names(module.load(HEAD + "use rule second from m as other\n")) == ["other"]
    assert names(module.load(HEAD + "use rule first, second from m as x_*\n")) == [
        "x_first",
        "x_second",
    ]
    assert names(module.load(HEAD + "use rule * from m exclude first as x_*\n")) == ["x_second"]


def test_changing_one_rule(module):
    workflow = module.load(
        HEAD + "    prefix: 'pre'\n"
        "use rule * from m as m_*\n"
        "use rule first from m as m_first with:\n"
        "    output: 'mine/{s}'\n"
        "    params: extra=1\n"
        "rule last:\n    output: 'last'\n"
    )
    assert names(workflow) == ["m_first", "m_second", "last"]
    first = workflow.rules[0]
    assert texts(first) == ["mine/{s}"] and texts(first, "logs") == ["pre/logs/{s}.log"]
    assert [(v.name, v.value) for v in first.params] == [("k", "from-file"), ("extra", 1)]
    assert first.basedir == str(module.folder / "lib")
    assert (
        module.load(HEAD + "use rule first from m as solo with:\n    threads: 7\n")
        .rule("solo")
        .threads
        == 7
    )


def test_deriving_from_an_imported_rule(module):
    workflow = module.load(
        HEAD + "use rule * from m as m_*\nuse rule m_second as mine with:\n    output: 'mine/{s}'\n"
    )
    assert texts(workflow.rule("mine")) == ["mine/{s}"]
    assert workflow.rule("mine").body.text == "x {READ}"
    assert workflow.rule("mine").namespace["READ"] == "from-file"


def test_dynamic_names(module):
    workflow = module.load(
        "for NAME in ['p', 'q']:\n"
        "    module:\n"
        "        name: NAME\n"
        '        snakefile: "lib/Snakefile"\n'
        "    use rule * from NAME as NAME*\n"
    )
    assert names(workflow) == ["pfirst", "psecond", "qfirst", "qsecond"]


def test_checkpoints_of_modules(module):
    module.write("lib/Snakefile", (
        "checkpoint c:\n    output: 'parts/{s}'\n"
        "rule use:\n    input: lambda w: checkpoints.c.get(s=w.s).output\n    output: 'o/{s}'\n"
    ))  # fmt: skip
    workflow = module.load(
        HEAD + "use rule * from m as m_*\n"
        "rule top:\n    input: lambda w: checkpoints.m_c.get(s=w.s).output\n    output: 't/{s}'\n"
    )
    workflow.checkpoints.done.add(("m_c", ("q",)))
    assert expand_inputs(workflow.rule("m_use"), ("q",))[0] == ["parts/q"]
    assert expand_inputs(workflow.rule("top"), ("q",))[0] == ["parts/q"]


def test_hooks_of_modules_do_not_fire_by_themselves(module):
    module.write("lib/Snakefile", "onstart:\n    CALLED.append(1)\nCALLED = []\n")
    workflow = module.load(HEAD + "use rule * from m\n")
    assert workflow.onstart is None
    workflow.namespace["m"].onstart()
    assert workflow.namespace["m"].CALLED == [1]


def test_skip_validation(module):
    module.write("lib/s.yaml", "type: object\nrequired: [nothing]\n")
    module.write(
        "lib/Snakefile", "from snakemake.utils import validate\nvalidate(config, 's.yaml')\n"
    )
    assert module.load(HEAD + "    skip_validation: True\nuse rule * from m\n").rules == ()
    found = module.diagnostic(HEAD + "use rule * from m\n")
    assert "nothing" in found.message and found.span.file.endswith("lib/Snakefile")


@pytest.mark.parametrize(
    ("text", "code", "part"),
    [
        ("module m:\n    config: {}\nuse rule * from m\n", None, "has no"),
        (HEAD + "    prefx: 'x'\n", None, "prefx"),
        (HEAD + "    prefix: 'a'\n    replace_prefix: {}\n", "RK0245", "both"),
        (HEAD + "use rule nothing from m\n", "RK0235", "`nothing`"),
        (HEAD + "use rule * from m as fixed\n", "RK0245", "several"),
        (HEAD + "use rule * from m\nuse rule * from m\n", "RK0234", "two rules"),
        (HEAD + "use rule * from m\nrule first:\n    output: 'x'\n", "RK0234", "two rules"),
        (
            HEAD + "use rule * from m\n" + "use rule first from m with:\n    threads: 2\n" * 2,
            "RK0245",
            "twice",
        ),
        ("module m:\n    snakefile: 'no.smk'\nuse rule * from m\n", "RK0243", "does not exist"),
        (
            "module m:\n    snakefile: gitfile('a/b', path='c', tag='1')\nuse rule * from m\n",
            "RK0243",
            "git",
        ),
        (
            "module m:\n    snakefile: github('a/b', path='c')\nuse rule * from m\n",
            "RK0232",
            "`commit`",
        ),
        ("rule a:\n    output: 'x'\nuse rule a as b with:\n    shell: 'x'\n", None, "`shell`"),
    ],
)
def test_mistakes(module, text, code, part):
    found = module.diagnostics(text)[0]
    if code is not None:
        assert found.code == code
    assert part in found.message and found.span is not None
