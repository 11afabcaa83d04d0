"""The extension for Visual Studio Code builds, and what it contributes is sound."""

from __future__ import annotations

import json
import os
import pathlib
import re
import shutil
import subprocess
import sys
import zipfile

import pytest

sys.path.insert(0, str(pathlib.Path(__file__).parent))
from npm import modules

from rulekit.fmt.files import is_rule_file
from rulekit.syntax import parse

ROOT = pathlib.Path(__file__).parent.parent.parent
FOLDER = ROOT / "editors" / "vscode"
PACKAGE = json.loads((FOLDER / "package.json").read_text())
SNIPPETS = json.loads((FOLDER / "snippets" / "rulefile.json").read_text())


@pytest.mark.parametrize("name", sorted(SNIPPETS))
def test_a_snippet_gives_a_rule_file_without_mistakes(name):
    text = "\n".join(SNIPPETS[name]["body"])
    text = re.sub(r"\$\{\d+:((?:[^}\\]|\\.)*)\}", lambda found: found[1].replace("\\", ""), text)
    text = text.replace("$0", "")
    assert "$" not in text
    assert parse(text, name).warnings == ()


def test_it_knows_the_names_of_rule_files():
    (language,) = PACKAGE["contributes"]["languages"]
    assert all(is_rule_file(name) for name in language["filenames"])
    assert all(is_rule_file(f"x{ending}") for ending in language["extensions"])
    (grammar,) = PACKAGE["contributes"]["grammars"]
    assert grammar["scopeName"] == "source.rulefile"
    assert PACKAGE["contributes"]["configuration"]["properties"]["rulekit.command"]["default"] == [
        "rulekit",
        "lsp",
    ]


def test_it_builds(tmp_path):
    found = modules("@vscode/vsce", "esbuild", "vscode-languageclient")
    left_out = shutil.ignore_patterns("node_modules", "dist")
    shutil.copytree(FOLDER, tmp_path / "editors" / "vscode", ignore=left_out)
    shutil.copytree(ROOT / "grammar" / "textmate", tmp_path / "grammar" / "textmate")
    folder = tmp_path / "editors" / "vscode"
    (folder / "node_modules").symlink_to(found)
    done = subprocess.run(
        ["npm", "run", "package"],
        cwd=folder,
        capture_output=True,
        text=True,
        env={**os.environ, "npm_config_update_notifier": "false"},
    )
    assert done.returncode == 0, done.stdout + done.stderr
    with zipfile.ZipFile(folder / "dist" / "rulekit.vsix") as archive:
        names = set(archive.namelist())
        assert {
            "extension/package.json",
            "extension/dist/extension.js",
            "extension/dist/rulefile.tmLanguage.json",
            "extension/snippets/rulefile.json",
            "extension/language-configuration.json",
        } <= names
        assert not [name for name in names if "node_modules" in name or "/src/" in name]
        assert b"vscode" in archive.read("extension/dist/extension.js")
