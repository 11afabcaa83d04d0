"""What a start imports, and what every code is explained by."""

from __future__ import annotations

import os
import re
import subprocess
import sys

import rulekit
from rulekit.cli.helptext import help_text
from rulekit.cli.parse import VERBS
from rulekit.errors.explain import PAGES, page

# An editable install need not have put the folder on the path.
_HOME = os.path.dirname(os.path.dirname(rulekit.__file__))

HEAVY = [
    "dataclasses",
    "typing",
    "inspect",
    "pathlib",
    "subprocess",
    "logging",
    "asyncio",
    "tempfile",
    "shutil",
    "lark",
    "networkx",
    "yaml",
    "rich",
    "ast",
    "tokenize",
    "difflib",
    "argparse",
    "json",
    "azure",
]


def loaded_by(words, cwd):
    program = (
        "import sys\n"
        "from rulekit.cli.main import main\n"
        f"code = main({words!r})\n"
        "sys.stderr.write('MODULES ' + ' '.join(sorted(sys.modules)))\n"
    )
    environment = {**os.environ, "XDG_CACHE_HOME": str(cwd / "cache")}
    done = subprocess.run(
        [sys.executable, "-S", "-c", program],
        cwd=cwd,
        capture_output=True,
        text=True,
        check=True,
        env={**environment, "PYTHONPATH": os.pathsep.join((_HOME, *(p for p in sys.path if p)))},
    )
    return set(done.stderr.partition("MODULES ")[2].split())


def test_version_imports_next_to_nothing(tmp_path):
    found = {name for name in loaded_by(["--version"], tmp_path) if name.startswith("rulekit")}
    assert found == {"rulekit", "rulekit.cli", "rulekit.cli.main"}


def test_help_imports_nothing_heavy(tmp_path):
    assert not loaded_by(["--help"], tmp_path) & set(HEAVY)


def test_every_command_has_a_help_of_its_own():
    whole = help_text()
    for verb in VERBS:
        if verb not in ("run", "azure"):  # the command itself; one with commands of its own
            text = help_text(verb)
            assert text != whole and text.startswith(f"rulekit {verb}"), verb


def test_completion_imports_nothing_heavy(tmp_path):
    (tmp_path / "Snakefile").write_text("rule a:\n    shell: 'true'\n")
    assert not loaded_by(["__complete", ""], tmp_path) & set(HEAVY)


def test_reading_a_command_line_imports_nothing_heavy(tmp_path):
    program = (
        "import sys\nfrom rulekit.cli.dispatch import read\n"
        "read('-n -p --cores 4 -k --config ab=1 cd=x --resources m=1 --until a -- t'.split())\n"
        "print(*sys.modules)"
    )
    done = subprocess.run(
        [sys.executable, "-S", "-c", program],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=True,
        env={**os.environ, "PYTHONPATH": os.pathsep.join((_HOME, *(p for p in sys.path if p)))},
    )
    assert not set(done.stdout.split()) & set(HEAVY)


def test_every_code_in_the_source_is_explained():
    used: set[str] = set()
    root = os.path.dirname(rulekit.__file__)
    for folder, _, names in os.walk(root):
        for name in names:
            if name.endswith(".py") and name != "explain.py":
                with open(os.path.join(folder, name), encoding="utf-8") as stream:
                    used.update(re.findall(r"\bRK\d{4}\b", stream.read()))
    assert used, "no code found: is the pattern right?"
    missing = sorted(used - set(PAGES))
    assert not missing, f"codes without a page in rulekit/errors/explain.py: {missing}"


def test_pages_have_a_head_and_fit_a_terminal():
    for code, text in PAGES.items():
        lines = text.split("\n")
        assert re.fullmatch(r"RK\d{4}", code) and lines[0] and not lines[0].endswith(".")
        assert all(len(line) <= 100 for line in lines), code
    assert page("rk0204") == page("204") == "RK0204: " + PAGES["RK0204"]
    assert page("nonsense") is None and page("RK9999") is None


def test_ctrl_c_before_the_command_is_there(tmp_path):
    program = (
        "import rulekit.cli.main as start\n"
        "def main():\n    raise KeyboardInterrupt\n"
        "start.main = main\nstart.entry()\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stdout, done.stderr) == (130, "", "interrupted\n")
