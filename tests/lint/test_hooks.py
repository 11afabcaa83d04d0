"""The hooks for pre-commit: their manifest is sound, and they do what they say."""

from __future__ import annotations

import os
import pathlib
import subprocess
import sys

import pytest
import yaml

ROOT = pathlib.Path(__file__).parent.parent.parent
MANIFEST = ROOT / ".pre-commit-hooks.yaml"
UGLY = "rule a:\n  output: 'x'\n  log: 'l'\n  shell: 'touch {output} 2> {log}'\n"


@pytest.fixture
def project(tmp_path):
    """A repository in which git and pre-commit can be run."""
    pytest.importorskip("pre_commit")
    environment = {
        **os.environ,
        "PATH": f"{os.path.dirname(sys.executable)}:{os.environ['PATH']}",
        "PRE_COMMIT_HOME": str(tmp_path / "home"),
        "GIT_CONFIG_GLOBAL": str(tmp_path / "gitconfig"),
    }
    (tmp_path / "gitconfig").write_text("[user]\n  name = a\n  email = a@example.org\n")
    folder = tmp_path / "project"
    folder.mkdir()

    def run(*words, cwd=folder):
        return subprocess.run(
            words, cwd=cwd, env=environment, capture_output=True, text=True, timeout=900
        )

    run("git", "init", "-q")
    (folder / "Snakefile").write_text(UGLY)
    (folder / "notes.txt").write_text("rule  a :\n")
    run.folder = folder
    return run


def test_the_manifest_is_valid(project):
    done = project(sys.executable, "-m", "pre_commit", "validate-manifest", str(MANIFEST))
    assert done.returncode == 0, done.stdout + done.stderr


def check(project):
    """Both hooks, as they are configured in the project."""
    project("git", "add", "-A")
    first = project(sys.executable, "-m", "pre_commit", "run", "--all-files")
    assert first.returncode == 1
    assert "rulekit fmt" in first.stdout and "files were modified by this hook" in first.stdout
    assert "RL002" in first.stdout
    neat = (project.folder / "Snakefile").read_text()
    assert neat.startswith('rule a:\n    output:\n        "x",\n')
    assert (project.folder / "notes.txt").read_text() == "rule  a :\n"
    (project.folder / "Snakefile").write_text(neat.replace("rule a:", "rule a:  # lint: ignore"))
    project("git", "add", "-A")
    second = project(sys.executable, "-m", "pre_commit", "run", "--all-files")
    assert second.returncode == 0, second.stdout


def test_the_commands_of_the_hooks(project):
    hooks = yaml.safe_load(MANIFEST.read_text())
    local = []
    for hook in hooks:
        kept = {key: hook[key] for key in hook if key not in ("additional_dependencies",)}
        entry = f"{sys.executable} -m {hook['entry']}"
        local.append({**kept, "language": "system", "entry": entry})
    config = {"repos": [{"repo": "local", "hooks": local}]}
    (project.folder / ".pre-commit-config.yaml").write_text(yaml.safe_dump(config))
    check(project)


@pytest.mark.skipif(not os.environ.get("RULEKIT_LONG"), reason="installs rulekit anew")
def test_the_hooks_of_a_clone(project, tmp_path):
    clone = tmp_path / "clone"
    done = project("git", "clone", "-q", "--no-hardlinks", str(ROOT), str(clone), cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    rev = project("git", "rev-parse", "HEAD", cwd=clone).stdout.strip()
    hooks = [{"id": hook["id"]} for hook in yaml.safe_load(MANIFEST.read_text())]
    config = {"repos": [{"repo": str(clone), "rev": rev, "hooks": hooks}]}
    (project.folder / ".pre-commit-config.yaml").write_text(yaml.safe_dump(config))
    check(project)
