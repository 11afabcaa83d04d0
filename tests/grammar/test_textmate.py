"""The TextMate grammar, in the engine that editors use: it marks what our parser finds."""

from __future__ import annotations

import json
import pathlib
import re
import subprocess
import sys

import pytest

sys.path.insert(0, str(pathlib.Path(__file__).parent))
from npm import modules

from rulekit.syntax import keywords, parse, tree

ROOT = pathlib.Path(__file__).parent.parent.parent
GRAMMAR = ROOT / "grammar" / "textmate" / "rulefile.tmLanguage.json"
EXAMPLE = """\
configfile: "config.yaml"
rule all: input: "x"
rule sort:
    "Sorts."
    input:
        "a/{sample}.txt",
        more=rules.other.output,
    threads: 4
    shell: "sort {input} {wildcards.sample} {{no}} {params.x[0]:q} > {output}"
if x:
    checkpoint inner:
        run:
            threads = 3
use rule a, b from m exclude c as n_* with:
    output: "y"
module m:
    snakefile: "m.smk"
storage az: provider="azure"
onsuccess: print("done")
ruleorder: a > b
input = 3
report(x)
"""


def tokens_of(paths):
    """For each file, its lines as lists of (start, end, scopes)."""
    found = modules("vscode-textmate", "vscode-oniguruma", "tm-grammars")
    done = subprocess.run(
        ["node", str(pathlib.Path(__file__).parent / "tokenise.cjs"), found, str(GRAMMAR)],
        input="\n".join(map(str, paths)),
        capture_output=True,
        text=True,
        check=True,
    )
    return [json.loads(line) for line in done.stdout.splitlines()]


def scopes_at(lines, line, column):
    """The scopes of the character at a place (from 1)."""
    for start, end, scopes in lines[line - 1]:
        if start < column <= end:
            return scopes
    return []


def words_of(rulefile):
    """All keywords of a rule file."""
    for statement in rulefile.statements:
        yield statement.keyword
        if isinstance(statement, tree.Rule | tree.UseRule | tree.Module):
            for directive in statement.directives or ():
                yield directive.keyword
        if isinstance(statement, tree.Rule) and statement.action is not None:
            yield statement.action.keyword


def unmarked(paths):
    """How many keywords there are in files, and those that are not marked."""
    count, missed = 0, []
    for path, lines in zip(paths, tokens_of(paths), strict=True):
        rulefile = parse(path.read_text(encoding="utf-8"), str(path))
        for word in words_of(rulefile):
            line, column, _, _ = word.loc
            row = rulefile.source.line_text(line)
            column = len(row[: column - 1].encode("utf-16-le")) // 2 + 1
            count += 1
            scopes = scopes_at(lines, line, column)
            if not any(re.fullmatch(r"keyword\..*\.rulefile", scope) for scope in scopes):
                missed.append((str(path), line, word.text, scopes))
    return count, missed


def test_keywords_of_real_files_are_marked():
    paths = sorted(ROOT.glob("example_workflows/**/Rulefile"))
    paths += sorted(ROOT.glob("example_workflows/**/*.smk"))
    paths += sorted((ROOT / "tests" / "syntax" / "cases" / "tree").glob("*.smk"))
    count, missed = unmarked(paths)
    assert count > 150
    # A statement that is joined to the next line by a backslash is marked in part only.
    assert len(missed) <= count // 50, missed


@pytest.fixture(scope="module")
def example(tmp_path_factory):
    path = tmp_path_factory.mktemp("tm") / "Rulefile"
    path.write_text(EXAMPLE)
    return tokens_of([path])[0]


@pytest.mark.parametrize(
    ("mark", "scope"),
    [
        ("rule |sort", "entity.name.function.rule.rulefile"),
        ("rule all: |input", "keyword.other.directive.rulefile"),
        ("{|sample}", "variable.parameter.wildcard.rulefile"),
        ("wildcards|.sample}", "variable.other.member.rulefile"),
        ("{|params.x[0]:q}", "variable.parameter.wildcard.rulefile"),
        ("rules.|other", "entity.name.function.rule.rulefile"),
        ("|run:", "keyword.control.action.rulefile"),
        ("|from m", "keyword.control.import.rulefile"),
        ("module |m", "entity.name.namespace.module.rulefile"),
        ("|onsuccess", "keyword.control.hook.rulefile"),
        ('|"config.yaml"', "string.quoted.single.python"),
    ],
)
def test_parts(example, mark, scope):
    before, _, _ = mark.partition("|")
    offset = EXAMPLE.index(mark.replace("|", "")) + len(before)
    line = EXAMPLE.count("\n", 0, offset) + 1
    column = offset - (EXAMPLE.rfind("\n", 0, offset) + 1) + 1
    assert scope in scopes_at(example, line, column)


@pytest.mark.parametrize("mark", ["{|{no}}", "|input = 3", "|report(x)", "|threads = 3"])
def test_what_is_not_marked(example, mark):
    before, _, _ = mark.partition("|")
    offset = EXAMPLE.index(mark.replace("|", "")) + len(before)
    line = EXAMPLE.count("\n", 0, offset) + 1
    column = offset - (EXAMPLE.rfind("\n", 0, offset) + 1) + 1
    assert not [s for s in scopes_at(example, line, column)[1:] if s.endswith(".rulefile")]


def test_it_knows_all_words_of_the_language():
    """Words that the language gets later must not be forgotten here."""
    text = GRAMMAR.read_text()
    rules = json.loads(text)["repository"]
    actions = set(re.findall(r"\w+", rules["action"]["match"].partition("(")[2].partition(")")[0]))
    assert actions == {*keywords.ACTIONS, "run"}
    directives = set(re.findall(r"\w+", rules["directive"]["match"].split("(")[1].split(")")[0]))
    others = {*keywords.MODULE_DIRECTIVES, *keywords.SUBWORKFLOW_DIRECTIVES}
    assert directives == {*keywords.PROPERTIES, *others}
    statements = set(re.findall(r"\w+", rules["statement"]["match"].split("(")[2].split(")")[0]))
    assert statements == set(keywords.STATEMENTS)
    assert all(re.search(rf"\b{word}\b", text) for word in keywords.STATEMENT_TOKENS)
