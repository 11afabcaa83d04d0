"""What a rule file's mistakes look like: code, place, help."""

import pytest

from rulekit.compiler import LoadSettings, load
from rulekit.errors import PlanError, RuleFileError
from rulekit.language.jobvalues import expand_inputs

# Text, code, line, part of the message, part of the help or None.
MISTAKES = [
    ("x = undefned\nundefined = 1\n", "RK0231", 1, "`undefned`", None),
    ("samples = [1]\ny = smaples\n", "RK0231", 2, "`smaples`", "`samples`"),
    ("x = expnd('a')\n", "RK0231", 1, "`expnd`", "`expand`"),
    ("rule a:\n    input: wildcards.s\n    output: 'x'\n", "RK0231", 2, "`wildcards`", "lambda"),
    ("\nraise ValueError('no good')\n", "RK0230", 2, "ValueError: no good", None),
    (
        "raise WorkflowError('bad samples', 'look there')\n",
        "RK0232",
        1,
        "bad samples",
        "look there",
    ),
    ("import nothing_like_this\n", "RK0233", 1, "nothing_like_this", "install"),
    ("config['sampels']\n", "RK0230", 1, "`sampels`", "empty"),
    ("config['sampels']\n", "RK0230", 1, "`sampels`", "`samples`"),
    ("open('missing.tsv')\n", "RK0230", 1, "`missing.tsv`", None),
    ("expand('{a}{b}', a=1)\n", "RK0232", 1, "`b`", None),
    ("temp(protected('x'))\n", "RK0244", 1, "cannot be combined", None),
    ("rules.nothing\n", "RK0232", 1, "no rule `nothing`", None),
    ("rule one:\n    output: 'x'\ny = rules.oen\n", "RK0232", 3, "`oen`", "`one`"),
    ("rule one:\n    output: 'x'\ny = rules.one.output.z\n", "RK0230", 3, "`z`", None),
    (
        "rule c:\n    output: 'x'\ncheckpoints.c.get()\n",
        "RK0232",
        3,
        "no checkpoint",
        "checkpoint c",
    ),
    (
        "checkpoint c:\n    output: 'x'\ncheckpoints.c.get()\n",
        "RK0250",
        3,
        "while the file",
        "input function",
    ),
    ("rule a:\n    output: 'x'\nrule a:\n    output: 'y'\n", "RK0234", 3, "two rules", "unique"),
    ("rule a:\n    output: 'x/{s}', 'y'\n", "RK0236", 2, "same wildcards", "several jobs"),
    ("rule a:\n    output: '{s}.x'\n    log: 'a.log'\n", "RK0236", 3, "same wildcards", None),
    (
        "rule a:\n    output: '{sample}.x'\n    log: '{smaple}.log'\n",
        "RK0236",
        3,
        "same wildcards",
        "`sample`",
    ),
    ("rule a:\n    output: '{s}.x'\n    benchmark: 'a'\n", "RK0236", 3, "same wildcards", None),
    ("rule a:\n    output: '{s,[}.x'\n", "RK0238", 2, "not a regular expression", None),
    ("rule a:\n    output: '{s}.{s,a}'\n", "RK0238", 2, "first occurrence", None),
    ("wildcard_constraints: s='('\n", "RK0238", 1, "not a regular expression", None),
    ("wildcard_constraints: s=None\n", "RK0239", 1, "must be a text", None),
    ("rule a:\n    output: None\n", "RK0239", 2, "must be a text", "empty list"),
    ("rule a:\n    input: 3\n    output: 'x'\n", "RK0239", 2, "not 3", None),
    ("rule a:\n    input: get='x'\n    output: 'x'\n", "RK0239", 2, "`get`", None),
    ("rule a:\n    output: lambda w: 'x'\n", "RK0252", 2, "function", "input"),
    ("rule a:\n    output: 'x', 'x'\n", "RK0251", 2, "twice", None),
    ("rule a:\n    output: 'x'\n    threads: 'many'\n", "RK0239", 3, "`threads`", None),
    ("rule a:\n    output: 'x'\n    threads: 1, 2\n", "RK0239", 3, "one value, not 2", None),
    ("rule a:\n    output: 'x'\n    retries: -1\n", "RK0239", 3, "`retries`", None),
    ("rule a:\n    output: 'x'\n    priority: 'high'\n", "RK0239", 3, "`priority`", None),
    ("rule a:\n    output: 'x'\n    shadow: 'shalow'\n", "RK0239", 3, "`shadow`", "`shallow`"),
    ("rule a:\n    output: 'x'\n    resources: mem='lots'\n", "RK0256", 3, "`lots`", None),
    ("rule a:\n    output: 'x'\n    resources: mem=1, mem_mb=2\n", "RK0256", 3, "only one", None),
    ("rule a:\n    output: 'x'\n    resources: 4\n", "RK0239", 3, "named", None),
    ("rule a:\n    output: 'x'\n    shell: 'a', 'b'\n", "RK0239", 3, "one value, not 2", None),
    ("rule a:\n    output: 'x'\n    shell: 3\n", "RK0239", 3, "one text", None),
    ("rule a:\n    output: 'x'\n    group: [3]\n", "RK0239", 3, "`group`", None),
    ("rule a:\n    output: 'x'\n    message: 3\n", "RK0239", 3, "`message`", None),
    ("rule a:\n    output: 'x'\n    default_target: 1\n", "RK0239", 3, "`True`", None),
    ("rule a:\n    output: '<nothing>/x'\n", "RK0249", 2, "<nothing>", None),
    ("rule a:\n    output: '<result>/x'\n", "RK0249", 2, "<results>", None),
    ("pathvars: a='<b>', b='<a>'\n", "RK0249", 1, "each other", None),
    ("include: 'no.smk'\n", "RK0243", 1, "does not exist", None),
    ("include: 'helpr.smk'\n", "RK0243", 1, "does not exist", "`helper.smk`"),
    ("include: 'ftp://host/x.smk'\n", "RK0247", 1, "not supported", "http"),
    ("configfile: 'no.yaml'\n", "RK0301", 1, "`no.yaml`", "working directory"),
    ("configfile: 'confg.yaml'\n", "RK0301", 1, "`confg.yaml`", "`config.yaml`"),
    ("envvars: 'RK_NOT_SET', 'RK_NOR_THIS'\n", "RK0246", 1, "not set", "export"),
    ("use rule a as b\n", "RK0235", 1, "no rule `a`", None),
    ("use rule * from m\n", "RK0245", 1, "no module `m`", "declare"),
    ("storage s:\n    provider='s3'\n", "RK0654", 1, "not available", "azure"),
    ("subworkflow s:\n    snakefile: 'x'\n", "RK0247", 1, "gone", "module"),
    ("x = storage('s3://b/k?sig=abc')\n", "RK0654", 1, "`s3://b/k`", "aws s3 cp"),
    ("x = storage.s3('b/k')\n", "RK0654", 1, "`s3`", "rule of its own"),
    ("x = storage.azura('az://b/k')\n", "RK0656", 1, "`azura`", "declares one"),
    ("x = storage('c/k')\n", "RK0653", 1, "`c/k`", "az://c/k"),
    ("x = storage('c/k')\n", "RK0653", 1, "`c/k`", 'storage.fs("c/k")'),
    ("x = storage.fs('fs://c/k?sig=abc')\n", "RK0653", 1, "`fs://c/k` is no path", "paths"),
    ("storage fs: provider='fs', keep_locl=True\n", "RK0656", 1, "`keep_locl`", "`keep_local`"),
    ("storage: provider='fss'\n", "RK0654", 1, "`fss`", "`fs`"),
    ("x = storage('az://c')\n", "RK0653", 1, "a path", "az://container/path"),
    ("x = storage('az:///x')\n", "RK0653", 1, "no container", "az://container/path"),
    ("x = storage('az://c/../x')\n", "RK0653", 1, "leads out", None),
    ("storage: provider='azure', endpoint='x'\n", "RK0656", 1, "`endpoint`", "`endpoint_url`"),
    ("storage: provider='azure', endpoint_url='nowhere'\n", "RK0656", 1, "https", "NAME.blob"),
    ("storage: account_name='x'\n", "RK0656", 1, "provider", 'provider="azure"'),
    (
        "from snakemake.remote.S3 import RemoteProvider\nRemoteProvider().remote('b/k')\n",
        "RK0654",
        2,
        "snakemake.remote.S3",
        "AzBlob",
    ),
    ("from snakemake.remote import AUTO\nAUTO.remote('ftp://b/k')\n", "RK0654", 2, "`ftp`", "curl"),
    ("scatter.split('{x}')\n", "RK0232", 1, "`split`", "scattergather"),
    ("def f(): return f()\nf()\n", "RK0230", None, "recursion", None),
    ("from snakemake.utils import min_version\nmin_version('99.0')\n", "RK0232", 2, "99.0", "9.27"),
    ("1 / 0\n", "RK0230", 1, "division", None),
    ("workflow.basdir\n", "RK0230", 1, "basdir", "`basedir`"),
]


@pytest.mark.parametrize(("text", "code", "line", "message", "help_"), MISTAKES)
def test_mistakes(project, text, code, line, message, help_):
    project.write("helper.smk", "")
    project.write("config.yaml", "a: 1")
    config = {"samples": 1} if help_ == "`samples`" and "config" in text else {}
    found = project.diagnostics(text, config=config)[0]
    assert found.code == code
    assert message in found.message
    if line is None:
        assert found.span is not None
    else:
        assert found.span.line == line
        assert found.span.file == str(project.folder / "Rulefile")
    if help_ is not None:
        assert help_ in (found.help or "")


def test_several_mistakes_at_once(project):
    found = project.diagnostics("""
rule a:
    output: "x/{s}", "y"
    threads: "many"
rule b:
    input: "{t}"
    output: "z"
    retries: -3
rule c:
    input: "{u}.txt"
    output: "{v}.txt"
""")
    codes = [(one.code, one.span.line) for one in found]
    assert ("RK0236", 3) in codes and ("RK0239", 8) in codes
    # What would only matter if the rule is used is told as well.
    assert ("RK0237", 10) in codes


def test_mistakes_before_an_exception_are_told_too(project, monkeypatch):
    monkeypatch.delenv("RK_NOT_SET", raising=False)
    found = project.diagnostics("import os\nenvvars: 'RK_NOT_SET'\nos.environ['RK_NOT_SET']\n")
    assert [(one.code, one.span.line) for one in found] == [("RK0246", 2), ("RK0230", 3)]


def test_places_are_exact(project):
    found = project.diagnostic("rule a:\n    output:\n        'x/{s}.a',\n        'y/{s,[}.b'\n")
    assert (found.span.line, found.span.column, found.span.end_column) == (4, 10, 19)
    found = project.diagnostic("x = 1\né = [x, smaple]\n")
    assert (found.span.line, found.span.column, found.span.end_column) == (2, 9, 15)


def test_both_places_of_a_name_used_twice(project):
    project.write("inc.smk", "\nrule a:\n    output: 'x'\n")
    found = project.diagnostic("include: 'inc.smk'\nrule a:\n    output: 'y'\n")
    assert found.span.line == 2
    label = found.labels[0]
    assert label.span.file == str(project.folder / "inc.smk") and label.span.line == 2


def test_calls_that_led_to_a_mistake(project):
    project.write("lib.py", "def inside(x):\n    return x.missing\n")
    found = project.diagnostic(
        "import lib\n\ndef outer(x):\n    return lib.inside(x)\n\nouter(3)\n"
    )
    assert found.span.line == 4
    assert [label.span.line for label in found.labels] == [6]
    assert any("lib.py:2" in note and "inside" in note for note in found.notes)
    import sys

    sys.modules.pop("lib", None)


def test_mistakes_in_included_files(project):
    project.write("sub/inc.smk", "x = 1\ny = undefined_name\n")
    found = project.diagnostic("\ninclude: 'sub/inc.smk'\n")
    assert found.span.file.endswith("sub/inc.smk") and found.span.line == 2
    assert found.labels[0].span.line == 2 and found.labels[0].span.file.endswith("Rulefile")
    project.write("bad.smk", "rule a\n    output: 'x'\n")
    found = project.diagnostics("include: 'bad.smk'\n")
    assert found[0].span.file.endswith("bad.smk")


def test_an_unused_rule_may_have_an_input_that_cannot_be(project):
    workflow = project.load(
        "rule ok:\n    output: 'x'\nrule odd:\n    input: 'a/{smaple}'\n    output: 'b/{sample}'\n"
    )
    with pytest.raises(PlanError) as caught:
        expand_inputs(workflow.rule("odd"), ("q",))
    found = caught.value.diagnostics[0]
    assert found.code == "RK0237" and "`smaple`" in found.message and "`sample`" in found.help
    assert (found.span.line, found.span.column) == (4, 13)


def test_errors_of_ours_are_no_mistakes_of_the_user(project, monkeypatch):
    import rulekit.compiler.cache

    def broken(path):
        raise ZeroDivisionError("ours")

    monkeypatch.setattr(rulekit.compiler.cache, "compiled", broken)
    with pytest.raises(ZeroDivisionError):
        project.load("x = 1\n")


def test_a_working_directory_that_cannot_be(project):
    project.write("file", "")
    found = project.diagnostic("workdir: 'file/x'\n")
    assert found.code == "RK0243"
    path = project.write("Rulefile", "x = 1\n")
    with pytest.raises(RuleFileError, match="working directory"):
        load(path, LoadSettings(directory="file/x"))


def test_include_of_itself_ends(project):
    workflow = project.load("include: 'Rulefile'\nrule a:\n    output: 'x'\n")
    assert [rule.name for rule in workflow.rules] == ["a"]
