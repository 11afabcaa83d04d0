"""Command line words: arities, abbreviations, verbs, and agreement with argparse."""

from __future__ import annotations

import argparse
import contextlib
import io

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rulekit.cli.options import GROUPS, VERB_OPTIONS, all_rows
from rulekit.cli.parse import Options, names_of, read_command, read_words, split
from rulekit.errors import UsageError

NAMES = names_of(all_rows())


def options(line: str) -> Options:
    return read_command(line.split()).options


def test_targets_and_everyday_flags():
    got = options("a.txt b -c 4 -nk --config x1=1 y2=b --until r s")
    assert got.targets == ("a.txt", "b")
    assert (got.cores, got.dry_run, got.keep_going) == (4, True, True)
    assert got.config == {"x1": 1, "y2": "b"}
    assert got.until == ("r", "s")


def test_an_option_that_is_not_given_has_its_default():
    got = options("")
    assert got.cores is None and got.quiet == frozenset() and got.latency_wait == 5.0
    assert got.rerun_triggers == {"mtime", "params", "input", "software-env", "code"}


@pytest.mark.parametrize(
    ("line", "cores"),
    [
        ("-c4", 4),
        ("-c 4", 4),
        ("--cores=4", 4),
        ("--cores 4", 4),
        ("-j4", 4),
        ("-nc4", 4),
        ("-j 2 -c 3", 3),
    ],
)
def test_cores_in_all_spellings(line, cores):
    assert options(line).cores == cores


def test_cores_all_is_at_least_one():
    assert options("-c all").cores >= 1
    assert options("--cores").cores == options("-c all").cores
    assert options("-j unlimited").jobs > 10**6


def test_many_words_end_at_the_next_option_or_double_dash():
    got = options("--forcerun a b -n -- c -d")
    assert got.forcerun == ("a", "b") and got.targets == ("c", "-d") and got.dry_run
    got = options("--config=ab=1 target")
    assert got.config == {"ab": 1} and got.targets == ("target",)


def test_the_last_occurrence_counts_but_profiles_add_up():
    got = options("-T 1 --retries 2 --profile a --profile b")
    assert got.retries == 2 and got.profile == ("a", "b")


def test_targets_may_stand_between_options():
    assert options("a -n b -p c").targets == ("a", "b", "c")


@pytest.mark.parametrize("word", ["-1", "-0.5", "-"])
def test_words_that_look_like_numbers_are_values(word):
    assert options(f"-n {word}").targets == (word,)


def test_abbreviations_mean_what_snakemake_9_would_take():
    assert options("--keep-g").keep_going
    assert options("--printsh").printshellcmds
    assert options("--dry").dry_run  # fits --dry-run and --dryrun: the same option
    assert options("--forcea").forceall
    with pytest.raises(UsageError, match="may mean"):
        options("--list-")
    # 7.32's --log-service and our --log-json do not make --log ambiguous.
    assert options("--log json").logger == ("json",)


def test_flags_of_both_generations():
    assert options("--dag").dag == "dot"
    assert options("--dag mermaid-js").dag == "mermaid-js"
    got = options("--dag results/x.txt")  # 7.32: a flag; the word is a target
    assert got.dag == "dot" and got.targets == ("results/x.txt",)
    assert options("--lc").list_changes == "code"
    assert options("-r -n").dry_run


@pytest.mark.parametrize(
    ("line", "code", "words"),
    [
        ("--coers 3", "RK0101", "no option --coers"),
        ("-nZ", "RK0101", "no option -Z"),
        ("--snakefile", "RK0102", "needs a value"),
        ("--until -n", "RK0102", "at least one"),
        ("--keep-going=1", "RK0102", "takes no value"),
        ("-c four", "RK0103", "`four` is not"),
        ("-c 0", "RK0103", "1 or more"),
        ("--retries x", "RK0103", "whole number"),
        ("--batch all=3/2", "RK0103", "RULE=I/N"),
        ("--config a", "RK0103", "KEY=VALUE"),
        ("--set-resources a=1", "RK0103", "RULE:NAME=VALUE"),
        ("--rerun-triggers mtimes", "RK0103", "one of mtime"),
        ("--tes http://x", "RK0104", "not available in this version"),
        ("--overwrite-shellcmd x", "RK0104", "is gone"),
        ("doctor", "RK0112", "not available in this version"),
    ],
)
def test_wrong_lines_say_what_is_wrong(line, code, words):
    with pytest.raises(UsageError, match=words) as caught:
        options(line)
    assert caught.value.diagnostics[0].code == code
    assert caught.value.exit_code == 2


def test_an_unknown_option_names_the_near_one():
    with pytest.raises(UsageError) as caught:
        options("--coers 3")
    assert "`--cores`" in caught.value.diagnostics[0].help


def test_a_refused_option_says_what_to_do_instead():
    with pytest.raises(UsageError) as caught:
        options("--gui")
    assert "rulekit dashboard" in caught.value.diagnostics[0].help


def test_options_without_effect_are_told_in_one_line():
    got = options("--rerun-incomplete --log-service f --reason -n")
    assert len(got.notices) == 2
    assert all("\n" not in notice for notice in got.notices)


def test_verbs_are_first_words_only():
    assert read_words(["graph", "x"])[0] == "graph"
    assert read_words(["x", "graph"])[0] == "run"
    verb, _, targets = read_words(["run", "graph"])
    assert (verb, targets) == ("run", ("graph",))
    verb, _, targets = read_words(["--", "graph"])
    assert (verb, targets) == ("run", ("graph",))
    assert read_command(["plan", "x"]).options.dry_run


def test_a_verb_has_its_own_options_and_the_common_ones():
    got = read_command(
        ["graph", "--svg", "--jobs", "-o", "out.svg", "-s", "file", "--config", "ab=1"]
    ).options
    assert got.form_svg and got.by_jobs and got.output == "out.svg"
    assert got.rulefile == "file" and got.config == {"ab": 1}


def test_structured_values(monkeypatch):
    monkeypatch.setenv("RK_N", "7")
    got = options(
        "--resources mem_mb=100 gpu=$RK_N --set-threads a=3 b=input.size "
        "--set-resources a:mem_mb=5 a:runtime=2h b:x='y' --default-resources mem_mb=1 "
        "--set-scatter split=2 --batch all=2/3 --consider-ancient a=0,ref b=x "
        "--max-jobs-per-timespan 10/2m --max-checksum-file-size 2MiB --groups a=g "
        "--group-components g=3 --envvars A B --target-jobs a:x=1,y=2 b:"
    )
    assert got.resources == {"mem_mb": "100", "gpu": "7"}
    assert got.set_threads == {"a": "3", "b": "input.size"}
    assert got.set_resources == {"a": {"mem_mb": "5", "runtime": "2h"}, "b": {"x": "'y'"}}
    assert got.default_resources == {"mem_mb": "1"}
    assert got.set_scatter == {"split": 2}
    assert got.batch == ("all", 2, 3)
    assert got.consider_ancient == {"a": {0, "ref"}, "b": {"x"}}
    assert got.max_jobs_per_timespan == (10, 120.0)
    assert got.max_checksum_file_size == 2 * 1024**2
    assert got.groups == {"a": "g"} and got.group_components == {"g": 3}
    assert got.envvars == ("A", "B")
    assert got.target_jobs == (("a", {"x": "1", "y": "2"}), ("b", {}))


def test_quiet_without_words_is_progress_and_rules():
    assert options("--quiet").quiet == {"progress", "rules"}
    assert options("-q all").quiet == {"all"}
    got = options("-q reason all x.txt")  # a word that is no choice is a target
    assert got.quiet == {"reason", "all"} and got.targets == ("x.txt",)


def test_software_flags_of_both_generations():
    assert options("--use-conda --use-singularity").sdm == {"conda", "apptainer"}
    assert options("--sdm conda --use-envmodules").sdm == {"conda", "env-modules"}


def test_the_table_is_whole():
    """Each name once, every dest that works is an attribute of `Options`, every row has help."""
    names: list[str] = []
    for _, rows in GROUPS:
        for row in rows:
            assert len(row) == 9
            names += row[0].split()
            assert row[2] in ("0", "1", "2", "?", "*", "+", "append")
            assert row[5] in ("9", "7", "r") and row[6] in ("daily", "more", "hidden")
            assert row[7] and (row[2] == "0" or row[3])
            if row[8] in ("",) or row[8].startswith("note"):
                assert row[8] or hasattr(Options, row[1]), row
    assert len(names) == len(set(names))
    for rows in VERB_OPTIONS.values():
        for row in rows:
            assert hasattr(Options, row[1]), row


def test_options_cannot_be_changed():
    got = options("-n")
    with pytest.raises(AttributeError):
        got.dry_run = False
    assert got.replace(dry_run=False).dry_run is False and got.dry_run is True


# -- against argparse ------------------------------------------------------------------------


def peer() -> argparse.ArgumentParser:
    """The same table as argparse understands it."""
    parser = argparse.ArgumentParser(add_help=False, prog="rulekit")
    seen: set[str] = set()
    for row in all_rows():
        if row[1] in seen:
            continue
        seen.add(row[1])
        names = row[0].split()
        # Every occurrence is kept, so that the tokenizer's raw lists can be compared.
        if row[2] == "0":
            parser.add_argument(*names, dest=row[1], action="append_const", const=[])
        elif row[2] in ("1", "append"):
            parser.add_argument(*names, dest=row[1], action="append", nargs=1)
        elif row[2] == "2":
            parser.add_argument(*names, dest=row[1], action="append", nargs=2)
        elif row[2] == "?":
            parser.add_argument(*names, dest=row[1], action="append", nargs="?")
        else:
            parser.add_argument(*names, dest=row[1], action="append", nargs=row[2])
    parser.add_argument("targets", nargs="*")
    return parser


PEER = peer()
WORDS = st.one_of(
    st.sampled_from(sorted(NAMES)),
    st.sampled_from(
        ["-n", "-np", "-nk", "-c", "-c4", "-nc4", "-j", "-pj2", "--config", "--until", "--", "-k"]
    ),
    st.sampled_from(
        ["--keep-g", "--printshell", "--res", "--snakefile=x", "--config=ab=1", "--cores=2", "-s=x"]
    ),
    st.sampled_from(["a", "b.txt", "k=v", "-1", "-2.5", "-", "x y", "-x y", "--no such", ""]),
    st.text(alphabet="-=anc 1.", max_size=4),
)


@settings(max_examples=600, deadline=None)
@given(st.lists(WORDS, max_size=7))
def test_the_tokenizer_agrees_with_argparse(words):
    """Whatever argparse accepts is read the same way."""
    try:
        with contextlib.redirect_stderr(io.StringIO()):
            got = PEER.parse_args(words)
    except SystemExit:
        return  # argparse refuses it; we may be more lenient
    expected = {}
    for dest, value in vars(got).items():
        if dest == "targets" or value is None:
            continue
        expected[dest] = [
            ([] if v is None else [v]) if not isinstance(v, list) else v for v in value
        ]
    if any(_leaves_word(name, given) for name, given in expected.items()):
        return  # the documented exception: `--dag WORD` where WORD is no form of a graph
    raw, targets = split(words, NAMES)
    assert raw == expected
    assert list(targets) == got.targets


def _leaves_word(dest: str, occurrences: list[list[str]]) -> bool:
    row = next(row for row in all_rows() if row[1] == dest)
    choices = row[4].split("|")
    return row[2] in "?*" and len(choices) > 1 and any(set(w) - set(choices) for w in occurrences)
