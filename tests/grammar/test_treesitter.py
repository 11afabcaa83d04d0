"""The tree-sitter grammar: generated, compiled, and tried on rule files that we can read."""

from __future__ import annotations

import ctypes
import os
import pathlib
import re
import shutil
import subprocess
import sys

import pytest

sys.path.insert(0, str(pathlib.Path(__file__).parent))

from rulekit.errors.tree import RulekitError
from rulekit.syntax import keywords, parse

ROOT = pathlib.Path(__file__).parent.parent.parent
FOLDER = ROOT / "grammar" / "tree-sitter"
EXAMPLE = b"""\
configfile: "config.yaml"
rule = 1
report(input, name="x")
rule all: input: "x"
rule sort:
    "Sorts."
    input:
        "a/{sample}.txt",
        more=rules.other.output
        + ["x"],
    threads: 4
    params:
        # nothing
    shell:
        "sort {input} "
        "> {output}"
if x:
    checkpoint inner:
        run:
            threads = 3
use rule a, b from m exclude c as n_* with:
    output: "y"
use rule * from m
module m:
    snakefile: "m.smk"
storage az: provider="azure"
onsuccess: print("done")
ruleorder: a > b
localrules: a, b
"""


def program():
    """The generator: downloaded by npm or installed; not everywhere to be had, so not asked for."""
    named = os.environ.get("RULEKIT_TREE_SITTER", "tree-sitter")
    found = shutil.which(named)
    if found is None:
        pytest.skip("the tree-sitter command is not installed (RULEKIT_TREE_SITTER)")
    return found


def python_grammar():
    folder = pathlib.Path(os.environ.get("RULEKIT_NPM", FOLDER)) / "node_modules"
    if not (folder / "tree-sitter-python" / "grammar.js").exists() or not shutil.which("node"):
        pytest.skip("tree-sitter-python of npm is not installed (RULEKIT_NPM)")
    return folder


@pytest.fixture(scope="module")
def parser(tmp_path_factory):
    tree_sitter = pytest.importorskip("tree_sitter")
    command, modules, compiler = program(), python_grammar(), shutil.which("cc")
    if compiler is None:
        pytest.skip("there is no C compiler")
    folder = tmp_path_factory.mktemp("grammar")
    kept = shutil.ignore_patterns("node_modules", "parser.c", "tree_sitter", "bindings")
    shutil.copytree(FOLDER, folder, dirs_exist_ok=True, ignore=kept)
    (folder / "node_modules").symlink_to(modules)
    subprocess.run([command, "generate"], cwd=folder, check=True, capture_output=True)
    words = [compiler, "-O0", "-fPIC", "-shared", "-Isrc", "-o", "rulefile.so"]
    subprocess.run([*words, "src/parser.c", "src/scanner.c"], cwd=folder, check=True)
    made = ctypes.CDLL(str(folder / "rulefile.so")).tree_sitter_rulefile
    made.restype = ctypes.c_void_p
    capsule = ctypes.pythonapi.PyCapsule_New
    capsule.restype = ctypes.py_object
    capsule.argtypes = [ctypes.c_void_p, ctypes.c_char_p, ctypes.c_void_p]
    language = tree_sitter.Language(capsule(made(), b"tree_sitter.Language", None))
    return tree_sitter.Parser(language)


def test_rule_files_give_a_tree_without_errors(parser):
    paths = [*ROOT.glob("example_workflows/**/Rulefile"), *ROOT.glob("example_workflows/**/*.smk")]
    assert len(paths) > 5
    for path in paths:
        assert not parser.parse(path.read_bytes()).root_node.has_error, path


def test_every_statement_is_seen(parser):
    root = parser.parse(EXAMPLE).root_node
    assert not root.has_error, str(root)
    assert parse(EXAMPLE.decode(), "x").warnings == ()
    kinds = [node.type for node in root.children]
    assert kinds == [
        "setting_statement",
        "expression_statement",
        "expression_statement",
        "rule_definition",
        "rule_definition",
        "if_statement",
        "use_rule",
        "use_rule",
        "module_definition",
        "setting_statement",
        "hook",
        "name_list",
        "name_list",
    ]
    rule = root.children[4]
    assert rule.child_by_field_name("name").text == b"sort"
    body = rule.child_by_field_name("body")
    found = [
        node.child_by_field_name("keyword") for node in body.children if node.type == "directive"
    ]
    assert [node.text for node in found] == [b"input", b"threads", b"params", b"shell"]


@pytest.mark.skipif(not os.environ.get("RULEKIT_CORPUS"), reason="needs a folder of rule files")
def test_a_corpus(parser):
    """Of the files in `RULEKIT_CORPUS` that we read, 99 % give a tree without errors."""
    count, good = 0, 0
    for path in sorted(pathlib.Path(os.environ["RULEKIT_CORPUS"]).rglob("*")):
        if not path.is_file():
            continue
        try:
            parse(path.read_text(encoding="utf-8"), str(path))
        except (RulekitError, ValueError):
            continue
        count += 1
        good += not parser.parse(path.read_bytes()).root_node.has_error
    print(f"{good} of {count} files")
    assert good >= 0.99 * count


def test_it_knows_all_words_of_the_language():
    """Runs everywhere: words that the language gets later must not be forgotten here."""
    text = (FOLDER / "grammar.js").read_text()

    def words(name):
        listed = re.search(rf"const {name} = \[(.*?)\];", text, re.DOTALL)
        return set(re.findall(r'"(\w+)"', listed[1]))

    assert words("GLOBALS") == set(keywords.STATEMENTS)
    assert words("PROPERTIES") == set(keywords.PROPERTIES)
    assert words("ACTIONS") == set(keywords.ACTIONS)
    others = {*keywords.MODULE_DIRECTIVES, *keywords.SUBWORKFLOW_DIRECTIVES}
    assert words("MODULE_PROPERTIES") == others
    known = words("WORDS") | words("GLOBALS") | words("HOOKS")
    assert known == set(keywords.STATEMENT_TOKENS)
