"""Profiles: where they are found, what they may hold, what wins."""

from __future__ import annotations

import pytest

from rulekit.cli.dispatch import read
from rulekit.errors import RuleFileError, UsageError


@pytest.fixture
def place(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "conf"))
    monkeypatch.setenv("XDG_CONFIG_DIRS", str(tmp_path / "xdg"))
    monkeypatch.delenv("SNAKEMAKE_PROFILE", raising=False)
    monkeypatch.delenv("RULEKIT_PROFILE", raising=False)
    (tmp_path / "Snakefile").write_text("")
    return tmp_path


def write(path, text):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)


def options(line):
    return read(line.split()).options


def test_all_kinds_of_values(place, monkeypatch):
    monkeypatch.setenv("THREE", "3")
    write(
        place / "p/config.yaml",
        """
cores: $THREE
keep-going: true
printshellcmds: false
config: [ab=1, cd=x]
set-resources:
  a:
    mem_mb: 8
    tag: "9"
  b: {runtime: 2h}
default-resources: {mem_mb: 10}
set-threads:
  a: 2
rerun-triggers: mtime
until: [x, y]
use-conda: true
quiet: true
retries:
""",
    )
    got = options("--profile p")
    assert got.cores == 3 and got.keep_going and not got.printshellcmds
    assert got.config == {"ab": 1, "cd": "x"}
    assert got.set_resources == {"a": {"mem_mb": "8", "tag": "'9'"}, "b": {"runtime": "2h"}}
    assert got.default_resources == {"mem_mb": "10"}
    assert got.set_threads == {"a": "2"}
    assert got.rerun_triggers == {"mtime"} and got.until == ("x", "y")
    assert got.sdm == {"conda"} and got.quiet == {"progress", "rules"}
    assert got.retries == 0


def test_keys_with_dashes_before_or_underscores_within(place):
    write(place / "p.yaml", "--cores: 2\nkeep_going: true\n")
    got = options("--profile p.yaml")
    assert got.cores == 2 and got.keep_going


def test_config_as_a_mapping(place):
    write(place / "p.yaml", "config:\n  ab: 1\n  cd: text\n")
    assert options("--profile p.yaml").config == {"ab": 1, "cd": "text"}


@pytest.mark.parametrize(
    "folder", [".", "conf/snakemake", "conf/rulekit", "xdg/snakemake", "xdg/rulekit"]
)
def test_folders_that_are_searched(place, folder):
    write(place / folder / "mine/config.yaml", "cores: 5\n")
    assert options("--profile mine").cores == 5


def test_versioned_file_names(place):
    write(place / "p/config.yaml", "cores: 1\n")
    write(place / "p/config.v8+.yaml", "cores: 8\n")
    write(place / "p/profile.v9+.yaml", "cores: 9\n")
    write(place / "p/config.v99+.yaml", "cores: 99\n")
    assert options("--profile p").cores == 9


def test_whole_keys_win_command_line_workflow_later_earlier(place):
    write(place / "a.yaml", "cores: 1\nretries: 1\nset-threads: {x: 1}\nlatency-wait: 1\n")
    write(place / "b.yaml", "retries: 2\nset-threads: {y: 2}\nlatency-wait: 2\n")
    write(place / "profiles/default/config.yaml", "latency-wait: 3\nset-scatter: {s: 3}\n")
    got = options("--profile a.yaml --profile b.yaml --set-scatter t=4")
    assert got.cores == 1 and got.retries == 2
    assert got.set_threads == {"y": "2"}
    assert got.latency_wait == 3.0
    assert got.set_scatter == {"t": 4}
    assert got.profiles_used == ("a.yaml", "b.yaml", "profiles/default/config.yaml")


def test_the_workflow_profile_is_found_beside_the_rule_file(place):
    (place / "Snakefile").unlink()
    write(place / "workflow/Snakefile", "")
    write(place / "workflow/profiles/default/config.yaml", "cores: 6\n")
    assert options("").cores == 6
    write(place / "profiles/default/profile.yaml", "cores: 7\n")
    assert options("").cores == 7
    assert options("--workflow-profile none").cores is None


def test_a_named_workflow_profile(place):
    write(place / "profiles/big/config.yaml", "cores: 50\n")
    write(place / "elsewhere/config.yaml", "cores: 60\n")
    assert options("--workflow-profile big").cores == 50
    assert options("--workflow-profile elsewhere").cores == 60
    with pytest.raises(UsageError, match="no workflow profile `small`"):
        options("--workflow-profile small")


def test_profile_from_the_environment_and_none(place, monkeypatch):
    write(place / "p.yaml", "cores: 4\n")
    write(place / "q.yaml", "cores: 5\n")
    monkeypatch.setenv("SNAKEMAKE_PROFILE", "p.yaml")
    assert options("").cores == 4
    monkeypatch.setenv("RULEKIT_PROFILE", "q.yaml")
    assert options("").cores == 5
    assert options("--profile p.yaml").cores == 4
    assert options("--profile none").cores is None
    with pytest.raises(UsageError, match="cannot be combined"):
        options("--profile none --profile p.yaml")


def test_a_file_beside_the_profile_is_meant(place):
    write(place / "p/config.yaml", "configfile: extra.yaml\nsnakefile: other.smk\n")
    write(place / "p/extra.yaml", "")
    got = options("--profile p")
    assert got.configfile == ("p/extra.yaml",)
    assert got.rulefile == "other.smk"


def test_an_unknown_key_shows_its_line_and_the_near_name(place):
    write(place / "p.yaml", "cores: 1\nkeepgoing: true\n")
    with pytest.raises(RuleFileError) as caught:
        options("--profile p.yaml")
    found = caught.value.diagnostics[0]
    assert (found.span.file, found.span.line, found.span.column) == ("p.yaml", 2, 1)
    assert "`keep-going`" in found.help and caught.value.exit_code == 3


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("cores: [1\n", "not valid YAML"),
        ("- cores\n", "not a mapping"),
        ("keep-going: maybe\n", "true or false"),
        ("cores: {a: 1}\n", "no mapping"),
        ("retries: [1, 2]\n", "a single value"),
        ("set-resources: {a: 1}\n", "mappings of resources"),
        ("profile: x\n", "cannot be set in a profile"),
    ],
)
def test_wrong_profiles(place, text, words):
    write(place / "p.yaml", text)
    with pytest.raises(RuleFileError, match=words):
        options("--profile p.yaml")


def test_a_profile_that_is_not_there_lists_where_it_was_looked_for(place):
    with pytest.raises(UsageError) as caught:
        options("--profile nowhere")
    assert "conf/snakemake/nowhere" in caught.value.diagnostics[0].notes[0]


def test_a_binary_profile(place):
    (place / "p.yaml").write_bytes(b"cores: \xff\xfe\n")
    with pytest.raises(RuleFileError, match="not UTF-8"):
        options("--profile p.yaml")


def test_an_empty_profile_gives_nothing(place):
    write(place / "p.yaml", "# nothing yet\n")
    assert options("--profile p.yaml").cores is None
