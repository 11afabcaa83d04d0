"""Rule files, scripts and modules that lie in git repositories or behind URLs."""

import http.server
import os
import subprocess
import threading

import pytest

from rulekit.compiler.load import load


def git(folder, *words):
    name = ["-c", "user.name=x", "-c", "user.email=x@y"]
    done = subprocess.run(
        ["git", "-C", str(folder), *name, *words], capture_output=True, text=True, check=True
    )
    return done.stdout.strip()


@pytest.fixture
def repository(project):
    folder = project.folder / "repo"
    project.write("repo/wf/Snakefile", (
        "include: 'part.smk'\nrule a:\n    output: 'a/{s}'\n    script: 's.py'\n"
    ))  # fmt: skip
    project.write("repo/wf/part.smk", "rule one:\n    output: 'one'\n")
    project.write("repo/wf/s.py", "")
    git(folder, "init", "-q", "-b", "main")
    git(folder, "add", ".")
    git(folder, "commit", "-q", "-m", "first")
    git(folder, "tag", "v1")
    project.write("repo/wf/part.smk", "rule two:\n    output: 'two'\n")
    git(folder, "commit", "-q", "-a", "-m", "second")
    return git(folder, "rev-parse", "HEAD")


def names(project, state):
    workflow = project.load(
        f"module m:\n    snakefile: gitfile('repo', path='wf/Snakefile', {state})\n"
        "use rule * from m as m_*\n"
    )
    return workflow, [rule.name for rule in workflow.rules]


def test_states_of_a_repository(project, repository):
    workflow, found = names(project, "tag='v1'")
    assert found == ["m_one", "m_a"]
    script = os.path.join(workflow.rule("m_a").basedir, "s.py")
    assert os.path.isfile(script) and not script.startswith(str(project.folder))
    assert names(project, f"commit={repository!r}")[1] == ["m_two", "m_a"]
    assert names(project, "ref='main'")[1] == ["m_two", "m_a"]
    project.write("repo/wf/part.smk", "rule three:\n    output: 'three'\n")
    git(project.folder / "repo", "commit", "-q", "-a", "-m", "third")
    assert names(project, "ref='main'")[1] == ["m_three", "m_a"]
    assert names(project, f"commit={repository!r}")[1] == ["m_two", "m_a"]


def test_a_script_in_a_repository(project, repository):
    rule = project.rule(
        "rule a:\n    output: 'x'\n    script: gitfile('repo', path='wf/s.py', tag='v1')\n"
    )
    assert os.path.isfile(rule.body.text) and rule.body.text.endswith("wf/s.py")


@pytest.mark.parametrize(
    ("words", "part"),
    [
        ("'repo', path='wf/Snakefile', tag='v9'", "v9"),
        ("'repo', path='nothing', tag='v1'", "`nothing`"),
        ("'no-repo', path='x', tag='v1'", "git"),
    ],
)
def test_what_is_not_there(project, repository, words, part):
    found = project.diagnostic(f"module m:\n    snakefile: gitfile({words})\nuse rule * from m\n")
    assert found.code == "RK0243" and part in found.message and found.span.line == 1


def test_urls(project):
    project.write("served/x.smk", "rule far:\n    output: 'far'\n")

    class Quiet(http.server.SimpleHTTPRequestHandler):
        def __init__(self, *args):
            super().__init__(*args, directory=str(project.folder / "served"))

        def log_message(self, *args):
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Quiet)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        base = f"http://127.0.0.1:{server.server_port}"
        assert [r.name for r in project.load(f"include: '{base}/x.smk'\n").rules] == ["far"]
        assert project.diagnostic(f"include: '{base}/no.smk'\n").code == "RK0243"
        # What a file behind a URL includes is relative to that URL.
        project.write("served/main.smk", "include: 'below/y.smk'\ninclude: 'x.smk'\n")
        project.write("served/below/y.smk", "include: '../x.smk'\nrule y:\n    output: 'y'\n")
        rules = load(f"{base}/main.smk").rules
        assert [r.name for r in rules] == ["far", "y"]
    finally:
        server.shutdown()
        server.server_close()


def test_meta_wrappers_below_a_local_prefix(project):
    project.write("wrap/v1.0/meta/x/meta_wrapper.smk", (
        "rule a:\n    output: 'a'\n    wrapper: 'master/bio/y'\n"
    ))  # fmt: skip
    text = "module m:\n    meta_wrapper: '{}/meta/x'\nuse rule * from m\n"
    prefix = str(project.folder / "wrap")
    rule = project.rule(text.format("v1.0"), wrapper_prefix=prefix)
    assert rule.body.text == "v1.0/bio/y"
    project.write(
        "wrap/v9.0/meta/x/test/Snakefile", "rule b:\n    output: 'b'\n    wrapper: 'master/z'\n"
    )
    assert project.rule(text.format("v9.0"), wrapper_prefix=prefix).body.text == "master/z"
