"""The cache between workflows: `cache:` and `--cache`."""

from __future__ import annotations

import os
import shutil

import pytest

RULES = """
rule all:
    input: "final.txt"
rule a:
    input: "in.txt"
    output: "mid.txt"
    params: x=[1, 2.5, None], d={"b": True}
    shell: "echo run >> ../runs; cat {input} > {output}"
rule b:
    input: "mid.txt"
    output: "final.txt"
    cache: True
    shell: "echo run >> ../runs; cat {input} > {output}"
"""


@pytest.fixture
def cached(project, tmp_path):
    """Runs a workflow in a folder of its own, with the shared cache."""
    shared = tmp_path / "shared"
    shared.mkdir()
    project.environment["RULEKIT_OUTPUT_CACHE"] = str(shared)
    top = project.path

    class Cached:
        cache = shared

        def __call__(self, folder, text, *words, code=0, given="input\n"):
            path = top / folder
            path.mkdir(exist_ok=True)
            (path / "Snakefile").write_text(text)
            (path / "in.txt").write_text(given)
            project.path = path
            done = project("-c2", *words, code=code)
            self.path = path
            return done

        def runs(self):
            file = top / "runs"
            return len(file.read_text().split()) if file.exists() else 0

        def entries(self):
            return sorted(os.listdir(shared))

    made = Cached()
    made.environment = project.environment
    made.project = project
    return made


def test_another_workflow_takes_the_result(cached):
    cached("one", RULES, "--cache", "a")
    assert cached.runs() == 2 and len(cached.entries()) == 2
    said = cached("two", RULES.replace("final.txt", "other.txt"), "--cache", "a").stderr
    assert cached.runs() == 2
    assert "`a` is taken from the cache" in said and "`b` is taken from the cache" in said
    assert (cached.path / "other.txt").read_text() == "input\n"
    assert (cached.path / "other.txt").is_symlink()


def test_the_hash_is_the_documented_one(cached):
    """A directory can be shared with Snakemake 9: names observed there for this workflow."""
    text = (
        'rule all:\n    input: "mid.a.txt"\n'
        "rule src:\n"
        '    input: "in.txt", "empty.txt"\n'
        '    output: "mid.{x}.txt"\n'
        '    params: x=lambda w: w.x, l=[1,2.5,None], d={"b": True, "a": "é"}\n'
        '    threads: 2\n    shell: "cat {input} > {output}"\n'
    )
    (cached.project.path / "one").mkdir()
    (cached.project.path / "one/empty.txt").touch()
    cached("one", text, "--cache", "src", given="hi\n")
    assert cached.entries() == [SEEN]


SEEN = "01b8b238ebe3ae88703f195b6163db400a967f1035639b7aee3b1954758c7662.txt"


def test_up_to_date_afterwards(cached):
    cached("one", RULES, "--cache", "a")
    assert "Nothing to be done" in cached("one", RULES, "--cache", "-n").stdout
    shutil.rmtree(cached.path / ".rulekit")
    for name in ("mid.txt", "final.txt"):
        (cached.path / name).unlink()
    cached("one", RULES, "--cache", "a")
    assert cached.runs() == 2
    assert "Nothing to be done" in cached("one", RULES, "-n").stdout


def test_off_without_the_option(cached):
    cached("one", RULES)
    assert cached.entries() == []
    del cached.environment["RULEKIT_OUTPUT_CACHE"]
    cached("one", RULES, "-F")


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("x=[1, 2.5, None]", "x=[1, 2.5, 3]"),
        ('cat {input} > {output}"\nrule b', 'cat {input} {input} > {output}"\nrule b'),
        ('"b": True', '"b": "True"'),
    ],
)
def test_what_makes_a_difference(cached, old, new):
    assert old in RULES
    cached("one", RULES, "--cache", "a")
    cached("two", RULES.replace(old, new), "--cache", "a")
    assert cached.runs() == 4 and len(cached.entries()) == 4


def test_content_of_sources_makes_a_difference_not_their_names(cached):
    cached("one", RULES, "--cache", "a")
    cached("two", RULES, "--cache", "a", given="else\n")
    assert cached.runs() == 4
    (cached.path.parent / "three").mkdir()
    (cached.path.parent / "three/named.txt").write_text("input\n")
    cached("three", RULES.replace("in.txt", "named.txt"), "--cache", "a")
    assert cached.runs() == 4


def test_layout_and_threads_make_none(cached):
    cached("one", RULES, "--cache", "a")
    text = RULES.replace("    params: x", "    # more\n    threads: 2\n    params: x")
    cached("two", text, "--cache", "a")
    assert cached.runs() == 2


def test_python_of_run_bodies_makes_a_difference(cached):
    text = 'rule r:\n    output: "x.txt"\n    cache: True\n    run:\n        open(output[0], "w").write("1")\n'
    cached("one", text, "--cache")
    cached("two", text.replace('"1"', '"2"'), "--cache")
    assert (cached.path / "x.txt").read_text() == "2" and len(cached.entries()) == 2
    (cached.path / "x.txt").unlink()
    cached("two", text, "--cache", "-F")
    assert (cached.path / "x.txt").read_text() == "1" and len(cached.entries()) == 2


def test_entries_cannot_be_written_through_their_links(cached):
    cached("one", RULES, "--cache", "a")
    for name in cached.entries():
        assert os.stat(cached.cache / name).st_mode & 0o777 == 0o444
    # The job that makes it anew replaces the link, not the entry.
    cached("one", RULES.replace("cat {input} > {output}", "echo new > {output}"), "-F")
    assert (cached.path / "final.txt").read_text() == "new\n"
    assert {(cached.cache / name).read_text() for name in cached.entries()} == {"input\n"}


def test_directories_and_named_outputs(cached):
    text = (
        'rule d:\n    output: directory("d")\n    cache: True\n'
        '    shell: "mkdir {output}; echo 1 > {output}/a; mkdir {output}/sub; echo 2 > {output}/sub/b"\n'
        'rule n:\n    output: x="p/x.txt", y="p/y"\n    cache: True\n'
        '    shell: "echo x > {output.x}; echo y > {output.y}"\n'
        'rule m:\n    output: multiext("q/{w}", ".one", "_two")\n    cache: True\n'
        '    shell: "echo m1 > {output[0]}; echo m2 > {output[1]}"\n'
    )
    wanted = ("d", "p/y", "q/z_two")
    cached("one", text, "--cache", "--", *wanted)
    said = cached("two", text, "--cache", "--", *wanted).stderr
    assert said.count("is taken from the cache") == 3
    for name, content in [
        ("d/a", "1"), ("d/sub/b", "2"), ("p/x.txt", "x"), ("p/y", "y"), ("q/z.one", "m1"),
        ("q/z_two", "m2"),
    ]:  # fmt: skip
        assert (cached.path / name).read_text() == f"{content}\n"
    assert "Nothing to be done" in cached("two", text, "--cache", "-n", "--", *wanted).stdout


def test_a_half_entry_is_none(cached):
    text = 'rule n:\n    output: x="x", y="y"\n    cache: True\n    shell: "touch {output}"\n'
    cached("one", text, "--cache")
    first, _ = cached.entries()
    (cached.cache / first).unlink()
    assert "is taken" not in cached("two", text, "--cache").stderr
    assert len(cached.entries()) == 2


@pytest.mark.parametrize(
    ("cache", "directives", "code"),
    [
        ('"sometimes"', 'output: "x"', "RK0293"),
        ("True", 'output: "x", "y"', "RK0294"),
        ("True", 'input: "in.txt"', "RK0294"),
        ("True", 'output: "x"\n    benchmark: "b"', "RK0294"),
    ],
)
def test_rules_that_cannot_be_cached(cached, cache, directives, code):
    text = f'rule r:\n    {directives}\n    cache: {cache}\n    shell: "touch {{output}}"\n'
    assert f"error[{code}]" in cached("one", text, "--cache", code=3).stderr


def test_params_without_a_form_in_json(cached):
    text = 'rule r:\n    output: "x"\n    params: {1, 2}\n    cache: True\n    shell: "touch {output}"\n'
    assert "error[RK0294]" in cached("one", text, "--cache", code=1).stderr


def test_no_directory(cached):
    cached.environment["RULEKIT_OUTPUT_CACHE"] = "/no/such"
    assert "error[RK0517]" in cached("one", RULES, "--cache", code=6).stderr
    del cached.environment["RULEKIT_OUTPUT_CACHE"]
    assert "error[RK0516]" in cached("one", RULES, "--cache", code=2).stderr
    cached.environment["SNAKEMAKE_OUTPUT_CACHE"] = str(cached.cache)
    assert "error[RK0111]" in cached("one", RULES, "--cache", "nope", code=2).stderr
    cached("one", RULES, "--cache")
    assert len(cached.entries()) == 1


@pytest.mark.skipif(os.geteuid() == 0, reason="nothing is closed to root")
def test_a_cache_that_cannot_be_written_is_told(cached):
    os.chmod(cached.cache, 0o555)
    assert "not put into the cache" in cached("one", RULES, "--cache").stderr
    assert (cached.path / "final.txt").read_text() == "input\n"
