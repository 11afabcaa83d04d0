"""Rules with `wrapper:` and with `template_engine:`; `cwl:` is refused."""

from __future__ import annotations

import functools
import http.server
import os
import subprocess
import threading

import pytest

WRAPPER = """\
from snakemake.shell import shell
log = snakemake.log_fmt_shell(stdout=False)
extra = snakemake.params.get("extra", "none")
shell("(echo {extra} {snakemake.wildcards.x}; cat {snakemake.input.a}) > {snakemake.output[0]} {log}")
"""
RULE = """
rule use:
    input: a="{{x}}.in"
    output: "{{x}}.out"
    log: "{{x}}.log"
    params: extra="E"
    wrapper: "{name}"
"""


@pytest.fixture
def wrappers(project):
    project.write("rules/Snakefile", "")
    project.write("s.in", "text\n")

    def use(name, *words, code=0):
        project.write("Snakefile", RULE.format(name=name))
        return project("-c1", "-F", "s.out", *words, code=code)

    return use


def made(project):
    return (project.path / "s.out").read_text()


def collection(project, folder):
    project.write(f"{folder}/wrapper.py", WRAPPER)
    project.write(f"{folder}/environment.yaml", "dependencies: [bwa =0.7]\n")


@pytest.mark.parametrize("name", ["file:mine/x", "file://mine/x", "file://mine/x/wrapper.py"])
def test_wrapper_by_path(project, wrappers, name):
    collection(project, "mine/x")
    wrappers(name)
    assert made(project) == "E s\ntext\n"


def test_wrapper_by_absolute_path(project, wrappers):
    collection(project, "mine/x")
    wrappers(f"file://{project.path}/mine/x")
    assert made(project) == "E s\ntext\n"


def test_path_relative_to_the_rule_file(project):
    collection(project, "rules/mine/x")
    project.write("s.in", "text\n")
    project.write("rules/Snakefile", RULE.format(name="file:mine/x"))
    project("-c1", "-s", "rules/Snakefile", "s.out")
    assert made(project) == "E s\ntext\n"


@pytest.mark.parametrize("prefix", ["copy/", "copy", "file://copy/", "{path}/copy"])
def test_prefix_with_versions(project, wrappers, prefix):
    collection(project, "copy/v1.2/bio/x")
    wrappers("v1.2/bio/x", "--wrapper-prefix", prefix.format(path=project.path))
    assert made(project) == "E s\ntext\n"


def test_prefix_that_is_a_plain_copy_of_one_version(project, wrappers):
    collection(project, "copy/bio/x")
    wrappers("v1.2/bio/x", "--wrapper-prefix", "copy")
    assert made(project) == "E s\ntext\n"


def test_prefix_that_is_a_git_repository(project, wrappers):
    """The version is a tag; what the work tree holds does not count."""

    def git(*words):
        subprocess.run(
            ["git", "-c", "user.name=x", "-c", "user.email=x@y", *words],
            cwd=project.path / "repository",
            check=True,
            capture_output=True,
        )

    collection(project, "repository/bio/x")
    git("init", "--quiet")
    git("add", ".")
    git("commit", "--quiet", "-m", "x")
    git("tag", "v1.2")
    project.write("repository/bio/x/wrapper.py", "raise SystemExit(3)\n")
    git("commit", "--quiet", "-a", "-m", "y")
    for prefix in (f"git+file://{project.path}/repository", "repository"):
        wrappers("v1.2/bio/x", "--wrapper-prefix", prefix)
        assert made(project) == "E s\ntext\n"
    wrappers(f"git+file://{project.path}/repository/bio/x@v1.2")
    assert made(project) == "E s\ntext\n"
    wrappers("v9.9/bio/x", "--wrapper-prefix", "repository", code=1)


def test_wrapper_in_r_and_bash(project, wrappers):
    project.write("mine/wrapper.sh", 'echo sh > "${snakemake_output[0]}"\n')
    wrappers("file:mine")
    assert made(project) == "sh\n"


def test_no_wrapper_there(project, wrappers):
    done = wrappers("file:nowhere/x", code=1)
    assert "error[RK0284]" in done.stderr and "`file:nowhere/x`" in done.stderr
    (project.path / "empty").mkdir()
    assert "holds no `wrapper.py`" in wrappers("file:empty", code=1).stderr


def test_address_that_does_not_answer(wrappers):
    done = wrappers("v1/x", "--wrapper-prefix", "http://127.0.0.1:9/", code=1)
    assert "error[RK0285]" in done.stderr and "--wrapper-prefix" in done.stderr


def test_a_changed_wrapper_of_ones_own_makes_stale(project, wrappers):
    collection(project, "mine/x")
    wrappers("file:mine/x")
    assert "Nothing to be done" in project("-n", "s.out").stdout
    project.write("mine/x/wrapper.py", "# comment\n" + WRAPPER)
    assert "Nothing to be done" in project("-n", "s.out").stdout
    project.write("mine/x/wrapper.py", WRAPPER + "print(1)\n")
    assert "Code has changed" in project("-n", "s.out").stdout


@pytest.fixture
def server(project):
    """A server of the project's files."""
    handler = functools.partial(http.server.SimpleHTTPRequestHandler, directory=str(project.path))
    handler.log_message = lambda *_: None
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as httpd:
        thread = threading.Thread(target=httpd.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{httpd.server_port}"
        httpd.shutdown()
        thread.join()


def test_wrapper_and_script_behind_an_address(project, wrappers, server):
    collection(project, "served/v1/x")
    wrappers(f"{server}/served/v1/x")
    assert made(project) == "E s\ntext\n"
    wrappers("v1/x", "--wrapper-prefix", f"{server}/served/")
    assert made(project) == "E s\ntext\n"
    project.write("served/s.py", "open(snakemake.output[0], 'w').write('fetched')\n")
    project.write("Snakefile", f'rule a:\n    output: "x"\n    script: "{server}/served/s.py"\n')
    project("-c1")
    assert (project.path / "x").read_text() == "fetched"
    project.write("Snakefile", f'rule a:\n    output: "y"\n    script: "{server}/no.py"\n')
    assert "error[RK0291]" in project("-c1", code=1).stderr


# -- templates -----------------------------------------------------------------------------------

TEMPLATE = """
rule t:
    input: {input}
    output: "made.txt"
    params: xs=[1, 2], name="n"
    template_engine: "{engine}"
"""


def test_jinja2(project):
    pytest.importorskip("jinja2")
    text = "{% include 'part.txt' %} {{ params.name }} {{ output[0] }} {{ config.k }}"
    text += "{% for x in params.xs %} {{ x }}{% endfor %} {{ input.other }}"
    project.write("templates/t.txt", text)
    project.write("templates/part.txt", "part")
    project.write("o.txt", "")
    given = 'template="templates/t.txt", other="o.txt"'
    project.write(
        "Snakefile", 'config["k"] = "K"\n' + TEMPLATE.format(input=given, engine="jinja2")
    )
    project("-c1")
    assert (project.path / "made.txt").read_text() == "part n made.txt K 1 2 o.txt"


def test_yte(project):
    pytest.importorskip("yte")
    project.write("t.yaml", '?for x in params.xs:\n  ?f"k{x}": ?params.name\n')
    project.write("Snakefile", TEMPLATE.format(input='"t.yaml"', engine="yte"))
    project("-c1")
    assert (project.path / "made.txt").read_text() == "k1: n\nk2: n\n"


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("a\n{{ nope", "t.txt:2: TemplateSyntaxError"),
        ("a\nb\n{{ params.xs.nope.nope }}", "t.txt:3: UndefinedError"),
    ],
)
def test_mistake_in_a_template(project, text, words):
    pytest.importorskip("jinja2")
    project.write("t.txt", text)
    project.write("Snakefile", TEMPLATE.format(input='"t.txt"', engine="jinja2"))
    said = project("-c1", code=1).stderr
    assert "error[RK0511]" in said and words in said


@pytest.mark.parametrize(
    ("given", "engine", "code"),
    [('"a", "b"', "jinja2", "RK0282"), ('"a"', "mako", "RK0281")],
)
def test_template_rules_that_cannot_be(project, given, engine, code):
    project.write("a", "")
    project.write("b", "")
    project.write("Snakefile", TEMPLATE.format(input=given, engine=engine))
    assert f"error[{code}]" in project("-c1", code=1).stderr


def test_template_engine_that_is_not_installed(project):
    project.write("hide/jinja2.py", "raise ImportError('hidden')\n")
    project.environment["PYTHONPATH"] = os.path.join(project.path, "hide")
    project.write("t.txt", "")
    project.write("Snakefile", TEMPLATE.format(input='"t.txt"', engine="jinja2"))
    said = project("-c1", code=1).stderr
    assert "error[RK0510]" in said and "rulekit-workflows[templates]" in said


def test_cwl_is_refused_when_read(project):
    project.write("Snakefile", 'rule c:\n    output: "x"\n    cwl: "https://example.org/t.cwl"\n')
    said = project("-n", code=3).stderr
    assert "error[RK0286]" in said and "Snakefile:3" in said
