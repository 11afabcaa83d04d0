"""What existing files import from `snakemake`."""

import subprocess
import sys

import pytest

from rulekit import SNAKEMAKE_LEVEL
from rulekit.errors import RuleFileError
from rulekit.language.exceptions import WorkflowError
from rulekit.language.paramspace import Paramspace
from rulekit.language.snakemake_modules import io, utils
from rulekit.language.validation import validate_data
from rulekit.model.namedlist import Wildcards

IMPORTS = """
import snakemake
import snakemake.utils
import snakemake.io as sio
from snakemake.utils import (min_version, validate, update_config, Paramspace, report, format,
    listfiles, logger, makedirs, linecount, simplify_path, read_job_properties, R, available_cpu_count,
    argvquote)
from snakemake.io import (expand, glob_wildcards, temp, protected, ancient, directory, touch, unpack,
    multiext, pipe, local, strip_wildcard_constraints, apply_wildcards, regex_from_filepattern,
    load_configfile, Wildcards, Namedlist, InputFiles, OutputFiles, Params, Log, Resources, limit)
from snakemake.iocontainers import Namedlist as N
from snakemake.shell import shell
from snakemake.script import get_source, Snakemake
from snakemake.exceptions import (WorkflowError, MissingInputException,
    IncompleteCheckpointException, WildcardError, RuleException, AmbiguousRuleException,
    MissingOutputException, LockException, InputFunctionException)
from snakemake.logging import logger, setup_logger
from snakemake.common import ON_WINDOWS, parse_uri, async_run
from snakemake.remote.HTTP import RemoteProvider, HTTPRemoteProvider
from snakemake.remote import FTP
from snakemake.workflow import srcdir
from snakemake.storage import StorageProviderProxy
assert snakemake.storage.StorageProviderProxy is StorageProviderProxy
assert snakemake.__version__ == LEVEL
assert sio.expand is expand and snakemake.utils.min_version is min_version and N is Namedlist
from rulekit.language.filenames import expand as ours
assert ours is expand
"""


def in_python(code):
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_the_names_that_files_import():
    in_python(
        "from rulekit.language import shim; shim.install(); shim.install()\n"
        f"LEVEL = {SNAKEMAKE_LEVEL!r}\n" + IMPORTS
    )


def test_imports_cost_nothing_before_they_are_used():
    out = in_python(
        "import sys\nfrom rulekit.language import shim; shim.install()\n"
        "print([n for n in sys.modules if 'snakemake' in n])"
    )
    assert out.strip() == "[]"


def test_an_unknown_part_is_an_import_error():
    in_python(
        "from rulekit.language import shim; shim.install()\n"
        "try:\n    import snakemake.nothing\nexcept ModuleNotFoundError: pass\nelse: raise SystemExit(1)"
    )


@pytest.mark.parametrize("version", ["5.1", "7.32.4", SNAKEMAKE_LEVEL, "9.27.1rc1", "v8.0"])
def test_versions_that_are_met(version):
    utils.min_version(version)


@pytest.mark.parametrize("version", ["9.27.2", "10", "9.28.0b1", "x"])
def test_versions_that_are_not(version):
    with pytest.raises(WorkflowError):
        utils.min_version(version)


def test_update_config():
    config = {"a": {"x": 1, "l": [1, 2]}, "b": 1, "c": {"y": 1}}
    utils.update_config(config, {"a": {"l": [3], "z": {"k": 1}}, "b": {"n": 1}, "c": 5})
    assert config == {"a": {"x": 1, "l": [3], "z": {"k": 1}}, "b": {"n": 1}, "c": 5}


def test_format_looks_at_the_caller():
    local = [1, 2]  # noqa: F841
    assert utils.format("{local} {x} {0}", "p", x="y") == "1 2 y p"


def test_files_helpers(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    utils.makedirs(["a/b", "a"])
    (tmp_path / "a" / "x.1.txt").write_text("1\n2\n")
    (tmp_path / "a" / "y.2.txt").write_text("")
    assert utils.linecount("a/x.1.txt") == 2
    found = sorted((path, dict(w.items())) for path, w in utils.listfiles("a/{n}.{i}.txt"))
    assert found == [("a/x.1.txt", {"n": "x", "i": "1"}), ("a/y.2.txt", {"n": "y", "i": "2"})]
    only = [p for p, _ in utils.listfiles("a/{n}.{i}.txt", restriction={"n": "y"}, omit_value="*")]
    assert only == ["a/y.2.txt"]
    script = tmp_path / "job.sh"
    script.write_text('#!/bin/sh\n# properties = {"rule": "a", "threads": 2}\n')
    assert utils.read_job_properties(str(script)) == {"rule": "a", "threads": 2}
    assert utils.available_cpu_count() >= 1


def test_argvquote():
    assert utils.argvquote("a b") == '"a b"'
    assert utils.argvquote('a"b\\') == '"a\\"b\\\\"'
    assert utils.argvquote("plain", force=False) == "plain"


def test_io_helpers():
    import re

    assert io.strip_wildcard_constraints("{a,x+}/{b}") == "{a}/{b}"
    assert io.apply_wildcards("{a}/{a}", Wildcards(["1"], {"a": 0})) == "1/1"
    with pytest.raises(io.WildcardError):
        io.apply_wildcards("{b}", {})
    found = re.match(io.regex_from_filepattern(r"{s}.{n,\d+}/{s}"), "ab.12/ab")
    assert found.groupdict() == {"s": "ab", "n": "12"}
    assert io.get_wildcard_names("{a}{b}{a}") == {"a", "b"}
    assert io.is_flagged(io.temp("x"), "temp")


def test_paramspace():
    pandas = pytest.importorskip("pandas")
    frame = pandas.DataFrame({"alpha": [1.0, 2.5], "name": ["x", None], "on": [True, False]})
    space = Paramspace(frame)
    assert space.wildcard_pattern == "alpha~{alpha}/name~{name}/on~{on}"
    assert list(space.instance_patterns) == [
        "alpha~1.0/name~x/on~True", "alpha~2.5/name~NA/on~False",
    ]  # fmt: skip
    found = space.instance(Wildcards(["2.5", "False", "x"], {"alpha": 0, "on": 1, "name": 2}))
    assert found["alpha"] == 2.5 and found["on"] is False and found["name"] == "x"
    last = Paramspace(frame, filename_params=["on", "alpha"], param_sep=":", filename_sep="+")
    assert last.wildcard_pattern == "name:{name}/on:{on}+alpha:{alpha}"
    one = Paramspace(frame, filename_params="*", single_wildcard="params")
    assert one.wildcard_pattern == "{params}"
    values = one.instance(Wildcards(["alpha~1.0_name~x_on~True"], {"params": 0}))
    assert values["alpha"] == 1.0 and values["on"]
    with pytest.raises(WorkflowError, match="does not fit"):
        one.instance(Wildcards(["odd"], {"params": 0}))
    assert isinstance(space.loc[[0]], Paramspace) and isinstance(space[["alpha"]], Paramspace)
    assert list(space.on) == [True, False]
    with pytest.raises(KeyError):
        Paramspace(frame, filename_params=["nothing"])


SCHEMA = """
$schema: "https://json-schema.org/draft-06/schema#"
type: object
properties:
  samples:
    type: string
  threads: {type: integer, default: 4}
  deep:
    type: object
    default: {}
    properties:
      k: {default: v}
  other: {$ref: other.yaml}
required: [samples]
"""


def test_validate(tmp_path):
    (tmp_path / "s.yaml").write_text(SCHEMA)
    (tmp_path / "other.yaml").write_text("type: integer")
    config = {"samples": "x.tsv"}
    validate_data(config, str(tmp_path / "s.yaml"))
    assert config == {"samples": "x.tsv", "threads": 4, "deep": {"k": "v"}}
    plain = {"samples": "x.tsv"}
    validate_data(plain, str(tmp_path / "s.yaml"), set_default=False)
    assert plain == {"samples": "x.tsv"}
    with pytest.raises(WorkflowError, match="samples"):
        validate_data({}, str(tmp_path / "s.yaml"))
    with pytest.raises(WorkflowError, match="at `threads`"):
        validate_data({"samples": "x", "threads": "4"}, str(tmp_path / "s.yaml"))
    with pytest.raises(WorkflowError, match="at `other`"):
        validate_data({"samples": "x", "other": "4"}, str(tmp_path / "s.yaml"))
    with pytest.raises(RuleFileError, match="does not exist"):
        validate_data({}, str(tmp_path / "nothing.yaml"))


def test_validate_data_frames(tmp_path):
    pandas = pytest.importorskip("pandas")
    (tmp_path / "s.json").write_text(
        '{"type": "object", "properties": {"n": {"type": "number"}, "k": {"default": "d"},'
        ' "t": {"default": "u"}}, "required": ["n"]}'
    )
    frame = pandas.DataFrame({"n": [1, 2], "k": ["a", None]})
    validate_data(frame, str(tmp_path / "s.json"))
    assert list(frame["k"]) == ["a", "d"] and list(frame["t"]) == ["u", "u"]
    with pytest.raises(WorkflowError, match="row 1"):
        validate_data(pandas.DataFrame({"n": [1, "x"]}), str(tmp_path / "s.json"))


def test_validate_polars(tmp_path):
    polars = pytest.importorskip("polars")
    (tmp_path / "s.json").write_text(
        '{"type": "object", "properties": {"n": {"type": "number"}, "k": {"default": "d"},'
        ' "t": {"default": "u"}}, "required": ["n"]}'
    )
    frame = polars.DataFrame({"n": [1, 2], "k": ["a", None]})
    validate_data(frame, str(tmp_path / "s.json"))
    assert frame["k"].to_list() == ["a", "d"] and frame["t"].to_list() == ["u", "u"]


def test_report_without_docutils(tmp_path):
    title = "T<i>tle"  # noqa: F841
    utils.report("Hello {title}", str(tmp_path / "r.html"))
    assert "tle" in (tmp_path / "r.html").read_text()


def test_a_schema_with_a_wrong_part_is_used_as_far_as_it_goes(tmp_path, capsys):
    path = tmp_path / "units.yaml"
    path.write_text(
        "properties:\n  sample: {type: string}\n  fq:\n    anyOf: text\nitems:\n  - [no, schema]\n"
    )
    validate_data({"sample": "a"}, str(path))
    assert "is not valid" in capsys.readouterr().err
    with pytest.raises(WorkflowError, match="sample"):
        validate_data({"sample": 3}, str(path))
    with pytest.raises(WorkflowError, match="is not valid"):
        validate_data({"sample": "a", "fq": 1}, str(path))
