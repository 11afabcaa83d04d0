"""Every example is run as a user would run it, in a copy, by the command itself."""

from __future__ import annotations

import csv
import gzip
import os
import re
import shutil
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest

EXAMPLES = Path(__file__).parents[2] / "example_workflows"
NOTHING = "Nothing to be done"

needs_compiler = pytest.mark.skipif(
    shutil.which(os.environ.get("CC", "cc")) is None, reason="no C compiler"
)


class Example:
    """A copy of an example that can be run and edited."""

    def __init__(self, name: str, folder: Path) -> None:
        leftovers = shutil.ignore_patterns(
            "build", "results", ".rulekit", ".snakemake", "__pycache__"
        )
        self.folder = folder / name
        shutil.copytree(EXAMPLES / name, self.folder, ignore=leftovers)

    def command(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-m", "rulekit", *arguments],
            cwd=self.folder,
            capture_output=True,
            text=True,
            timeout=600,
            check=False,
        )

    def run(self, *arguments: str) -> dict[str, int]:
        """Runs it with two cores; which rules ran how often, in the end successfully."""
        done = self.command("--cores", "2", *arguments)
        assert done.returncode == 0, done.stdout + done.stderr
        ran = Counter(re.findall(r"^Finished jobid: \d+ \(Rule: (\w+)\)", done.stderr, re.M))
        assert (NOTHING in done.stderr) == (not ran), done.stderr
        return dict(ran)

    def plan(self, *arguments: str) -> dict[str, int]:
        """What a dry run says that a run would do."""
        done = self.command("--dry-run", *arguments)
        assert done.returncode == 0, done.stdout + done.stderr
        if NOTHING in done.stdout:
            return {}
        # The table is there twice, at the start and at the end.
        tables = re.findall(r"^job +count\n-+ +-+\n((?:\S+ +\d+\n)+)", done.stdout, re.M)
        assert tables and len(set(tables)) == 1, done.stdout
        counts = {name: int(n) for name, n in re.findall(r"(\S+) +(\d+)\n", tables[0])}
        assert counts.pop("total") == sum(counts.values())
        return counts

    def text(self, path: str) -> str:
        return (self.folder / path).read_text()

    def rows(self, path: str) -> list[dict[str, str]]:
        with (self.folder / path).open(newline="") as file:
            return list(csv.DictReader(file, delimiter="\t"))

    def edit(self, path: str, old: str, new: str) -> None:
        text = self.text(path)
        assert text.count(old) == 1, f"{path} holds {old!r} {text.count(old)} times"
        (self.folder / path).write_text(text.replace(old, new))

    def check_rerun(self, expected: dict[str, int], *arguments: str) -> None:
        """Exactly these jobs are planned, are run, and then there is nothing left."""
        assert self.plan(*arguments) == expected
        assert self.run(*arguments) == expected
        assert self.run(*arguments) == {}


@pytest.fixture
def example(request: pytest.FixtureRequest, tmp_path: Path) -> Example:
    return Example(request.param, tmp_path)


def of(name: str) -> pytest.MarkDecorator:
    return pytest.mark.parametrize("example", [name], indirect=True)


# --- c_program ---------------------------------------------------------------------------------

C_PROGRAM_JOBS = {
    "version_header": 1,
    "compile": 3,
    "link": 1,
    "manual": 1,
    "count": 1,
    "unit_test": 1,
    "test": 3,
    "tests": 1,
    "all": 1,
}


@needs_compiler
@of("c_program")
def test_c_program(example: Example) -> None:
    assert example.plan() == C_PROGRAM_JOBS
    assert not (example.folder / "build").exists()
    assert example.run() == C_PROGRAM_JOBS
    top = example.text("build/gettysburg.tsv").splitlines()
    assert top[:3] == ["13\tthat", "11\tthe", "10\twe"]
    assert len(top) == 12
    assert '"tally 1.2"' in example.text("build/tally.1")
    version = subprocess.run(
        [example.folder / "build/tally", "--version"], capture_output=True, text=True, check=True
    )
    assert version.stdout == "tally 1.2\n"
    assert example.run() == {}

    os.utime(example.folder / "src/table.c")  # newer, but the same
    assert example.run() == {}
    example.edit("Rulefile", "rule link:", "rule link:  # all objects\n    # into one program")
    assert example.run() == {}

    example.edit("src/table.h", "#include <stddef.h>", "#include <stddef.h>\n#include <stdio.h>")
    after_table_h = C_PROGRAM_JOBS | {"compile": 2}
    del after_table_h["version_header"], after_table_h["manual"]
    example.check_rerun(after_table_h)

    example.edit("VERSION", "1.2", "1.3")
    after_version = C_PROGRAM_JOBS | {"compile": 1}
    del after_version["unit_test"]
    example.check_rerun(after_version)
    assert '"tally 1.3"' in example.text("build/tally.1")

    example.edit("Rulefile", "-std=c11 -O2", "-std=c11 -O1")
    after_flags = dict(C_PROGRAM_JOBS)
    del after_flags["version_header"], after_flags["manual"]
    assert example.plan() == after_flags


@needs_compiler
@of("c_program")
def test_c_program_gives_what_its_makefile_gives(example: Example) -> None:
    if shutil.which("make") is None:
        pytest.skip("no make")
    subprocess.run(["make"], cwd=example.folder, check=True, capture_output=True)
    made = example.folder / "made"
    (example.folder / "build").rename(made)
    example.run()
    built = example.folder / "build"
    files = sorted(p.relative_to(built) for p in built.rglob("*") if p.is_file())
    assert len(files) == 13
    for file in files:
        assert (built / file).read_bytes() == (made / file).read_bytes(), file


@needs_compiler
@of("c_program")
def test_a_failing_test_of_the_c_program_stops_the_run(example: Example) -> None:
    example.edit("tests/case.expected", "3\tthe", "4\tthe")
    done = example.command("--cores", "2")
    assert done.returncode == 1
    assert "-4\tthe\n+3\tthe" in done.stdout + done.stderr
    assert not (example.folder / "build/tests/case.passed").exists()
    assert not (example.folder / "build/tests/passed").exists()
    example.edit("tests/case.expected", "4\tthe", "3\tthe")
    assert example.run()["test"] >= 1
    assert example.run() == {}


# --- penguins ----------------------------------------------------------------------------------


@of("penguins")
def test_penguins(example: Example) -> None:
    whole = {
        "clean": 1,
        "count": 1,
        "fit": 2,
        "scatter": 2,
        "histogram": 1,
        "report": 1,
        "all": 1,
    }
    assert example.plan() == whole
    assert example.run() == whole
    assert example.text("results/logs/clean.log").endswith("342 birds kept, 2 left out\n")
    assert example.text("results/counts.tsv") == (
        "species\tisland\tbirds\nAdelie\tBiscoe\t44\nAdelie\tDream\t56\n"
        "Adelie\tTorgersen\t51\nChinstrap\tDream\t68\nGentoo\tBiscoe\t123\n"
    )
    fits = {
        row["group"]: row for row in example.rows("results/fit/bill_length_mm-bill_depth_mm.tsv")
    }
    assert {name: row["correlation"] for name, row in fits.items()} == {
        "all": "-0.2351",
        "Adelie": "0.3915",
        "Chinstrap": "0.6535",
        "Gentoo": "0.6434",
    }
    plot = example.text("results/plots/flipper_length_mm-body_mass_g.svg")
    assert plot.count('class="dot"') == 342
    report = example.text("results/report.html")
    assert report.count("<svg") == 3
    assert example.run() == {}

    example.edit("scripts/clean.py", "kept = dropped = 0", "# counters\nkept = dropped = 0\n")
    assert example.run() == {}

    example.edit("config.yaml", "bins: 16", "bins: 24")
    example.check_rerun({"histogram": 1, "report": 1, "all": 1})
    example.edit("config.yaml", "histogram:", "  - [bill_length_mm, body_mass_g]\nhistogram:")
    example.check_rerun({"fit": 1, "scatter": 1, "report": 1, "all": 1})
    example.edit("scripts/svgplot.py", 'r="3"', 'r="4"')
    example.check_rerun({"scatter": 3, "histogram": 1, "report": 1, "all": 1})
    example.edit("data/penguins-raw.csv", ",N100A2,", ",N100A3,")
    example.check_rerun(whole | {"fit": 3, "scatter": 3})


@of("penguins")
def test_penguins_config_on_the_command_line(example: Example) -> None:
    example.run()
    histogram = "results/plots/flipper_length_mm.svg"
    sixteen = example.text(histogram)
    expected = {"histogram": 1, "report": 1, "all": 1}
    assert example.run("--config", "bins=8") == expected
    assert example.text(histogram) != sixteen
    assert example.run() == expected
    assert example.text(histogram) == sixteen


# --- phage -------------------------------------------------------------------------------------

ALL_PHAGE = {
    "trim": 3,
    "index": 1,
    "align": 3,
    "sort": 3,
    "call": 3,
    "check": 3,
    "depth_plot": 3,
    "report": 1,
    "all": 1,
}


@of("phage")
def test_phage(example: Example) -> None:
    assert example.plan() == ALL_PHAGE
    assert example.run() == ALL_PHAGE
    report = example.text("results/report.md")
    assert "| bull | 1486 of 1500 | 5 | 5 | 0 | 0 |" in report
    assert "| g97 | 1496 of 1500 | 6 | 6 | 0 | 0 |" in report
    variants = {
        sample: [
            (int(line.split("\t")[1]), line.split("\t")[4])
            for line in example.text(f"results/variants/{sample}.vcf").splitlines()
            if not line.startswith("#")
        ]
        for sample in ("bull", "g97", "neb03")
    }
    assert variants["neb03"] == [(587, "A"), (833, "A"), (2731, "G"), (2793, "T"), (2811, "T")]
    assert [place for place, _ in variants["bull"]] == [833, 1650, 2811, 4518, 4784]
    # temp: gone with their last reader; protected: made read-only.
    assert not list((example.folder / "results/trimmed").glob("*"))
    assert not list((example.folder / "results/aligned").glob("*.unsorted.sam"))
    index = example.folder / "results/index/k15.json"
    assert index.stat().st_mode & 0o222 == 0
    bench = example.rows("results/benchmarks/align/g97.tsv")
    assert len(bench) == 1 and float(bench[0]["s"]) > 0
    assert "kept\t1486\n" in example.text("results/logs/trim/bull.log")
    assert example.run() == {}
    # The command text holds {threads}; how many there are is no reason to run again.
    assert example.command("--cores", "1").returncode == 0
    assert example.run() == {}

    example.edit("workflow/rules/map.smk", "rule sort:", "# by position\nrule sort:")
    assert example.run() == {}

    reads = example.folder / "data/reads/bull.fastq.gz"
    lines = gzip.decompress(reads.read_bytes()).splitlines(keepends=True)
    reads.write_bytes(gzip.compress(b"".join(lines[:-40])))
    one = ("trim", "align", "sort", "call", "check", "depth_plot", "report", "all")
    example.check_rerun(dict.fromkeys(one, 1))
    assert "reads\t1490\n" in example.text("results/logs/trim/bull.log")

    example.edit("config/config.yaml", "min_fraction: 0.8", "min_fraction: 0.99")
    example.check_rerun({"call": 3, "check": 3, "depth_plot": 3, "report": 1, "all": 1})
    assert "| 6 | 5 | 1 | 0 |" in example.text("results/report.md")


@of("phage")
def test_phage_one_target_and_a_smaller_sample_sheet(example: Example) -> None:
    alone = {"trim": 1, "index": 1, "align": 1, "sort": 1, "call": 1}
    assert example.run("results/variants/g97.vcf") == alone
    assert not (example.folder / "results/variants/bull.vcf").exists()
    rest = ALL_PHAGE | dict.fromkeys(("trim", "align", "sort", "call"), 2)
    del rest["index"]
    assert example.run() == rest
    example.edit(
        "config/samples.csv", "neb03,data/reads/neb03.fastq.gz,resources/strains/neb03.fa\n", ""
    )
    example.check_rerun({"report": 1, "all": 1})
    assert "neb03" not in example.text("results/report.md")


@of("phage")
def test_params_of_phage_count_where_only_temporary_files_were_made(example: Example) -> None:
    """The outputs of `trim` and `align` are gone; what they were made with is still known."""
    example.run()
    everything = {name: n for name, n in ALL_PHAGE.items() if name != "index"}
    example.edit("config/config.yaml", "min_quality: 20  #", "min_quality: 25  #")
    example.check_rerun(everything)
    example.edit("config/config.yaml", "k: 15", "k: 13")
    example.check_rerun(ALL_PHAGE)
    assert (example.folder / "results/index/k15.json").exists()


@of("phage")
def test_the_reads_of_phage_are_what_their_tool_writes(example: Example) -> None:
    subprocess.run(
        [sys.executable, "tools/simulate_reads.py", "again"], cwd=example.folder, check=True
    )
    for sample in ("bull", "g97", "neb03"):
        given = gzip.decompress((example.folder / f"data/reads/{sample}.fastq.gz").read_bytes())
        again = gzip.decompress((example.folder / f"again/{sample}.fastq.gz").read_bytes())
        assert given == again
        assert given.count(b"\n") == 4 * 1500


# --- flu_sweep ---------------------------------------------------------------------------------


@of("flu_sweep")
def test_flu_sweep(example: Example) -> None:
    whole = {
        "simulate": 49,
        "compare": 1,
        "map": 1,
        "best": 1,
        "chance": 12,
        "chances": 1,
        "all": 1,
    }
    assert example.plan() == whole
    assert example.run() == whole
    fit = example.rows("results/fit.tsv")
    assert len(fit) == 49
    assert (fit[0]["beta"], fit[0]["gamma"], fit[0]["distance"]) == ("1.8", "0.45", "23.3")
    distances = [float(row["distance"]) for row in fit]
    assert distances == sorted(distances)
    assert example.text("results/fit.svg").count('class="cell"') == 49
    assert "beta 1.8, gamma 0.45" in example.text("results/fit.best.svg")
    pairs = Counter((row["beta"], row["gamma"]) for row in example.rows("results/chance.tsv"))
    assert pairs == {("0.6", "0.5"): 4, ("1.2", "0.5"): 4, ("1.8", "0.45"): 4}
    assert example.run() == {}

    example.edit("Rulefile", "with open(path) as file:", "with open(path) as file:  # one run")
    assert example.run() == {}

    example.edit("config.yaml", "2.2, 2.4]", "2.2, 2.4, 2.6]")
    wider = {"simulate": 7, "compare": 1, "map": 1, "best": 1, "all": 1}
    example.check_rerun(wider)
    example.edit("config.yaml", "2.2, 2.4, 2.6]", "2.2, 2.4]")
    del wider["simulate"]
    example.check_rerun(wider)
    assert len(example.rows("results/fit.tsv")) == 49

    example.edit("data/boarding_school_1978.tsv", "5\t298", "5\t299")
    example.check_rerun(wider)
    example.edit("config.yaml", "seeds: 4", "seeds: 5")
    example.check_rerun({"chance": 3, "chances": 1, "all": 1})
    larger = whole | {"chance": 15}
    assert example.plan("--config", "boys=800") == larger


# --- variants ----------------------------------------------------------------------------------

ALL_VARIANTS = {"trim": 3, "align": 3, "call": 3, "merge": 1, "parts": 1, "all": 1}


@of("variants")
def test_variants(example: Example) -> None:
    assert example.plan() == ALL_VARIANTS
    assert example.run() == ALL_VARIANTS
    calls = [line.split("\t")[:4] for line in example.text("results/variants.tsv").splitlines()]
    assert [call[:2] for call in calls] == [
        ["ada", "51"], ["ben", "51"], ["ada", "121"], ["ben", "121"], ["cleo", "121"],
        ["ben", "223"], ["ada", "301"], ["ben", "301"], ["cleo", "301"],
    ]  # fmt: skip
    assert not list((example.folder / "results/trimmed").glob("*"))
    assert example.run() == {}
    example.edit("config.yaml", "min_depth: 3", "min_depth: 6")
    example.check_rerun({"call": 3, "merge": 1, "parts": 1, "all": 1})


@of("variants")
def test_variants_on_an_emulated_azure_gives_what_it_gives_here(example: Example) -> None:
    if shutil.which("azurite-blob") is None and not os.environ.get("RULEKIT_AZURITE"):
        if os.environ.get("CI"):
            pytest.fail("azurite-blob is not installed, and CI is set")
        pytest.skip("azurite-blob is not installed")
    rulekit = f"{sys.executable} -m rulekit"
    prefix = "--default-remote-prefix rulekit/try"
    script = " && ".join(
        (
            f"{rulekit} azure upload {prefix} data",
            f"{rulekit} --az-batch {prefix}",
            f"{rulekit} --az-batch {prefix} -n",
            f"{rulekit} azure download {prefix} --to fetched results",
        )
    )
    done = example.command("azure", "emulate", "--run", "sh", "-c", script)
    assert done.returncode == 0, done.stdout + done.stderr
    assert NOTHING in done.stdout + done.stderr
    assert not (example.folder / "results").exists()
    assert example.run() == ALL_VARIANTS
    here, there = (_files_below(example.folder / name) for name in ("results", "fetched"))
    there.pop("parts/.rulekit_directory", None)  # each marks a directory in its own way
    here.pop("parts/.snakemake_timestamp", None)
    assert here == there and len(here) == 14


def _files_below(folder: Path) -> dict[str, bytes]:
    files = (path for path in folder.rglob("*") if path.is_file())
    return {str(path.relative_to(folder)): path.read_bytes() for path in files}


# --- all of them -------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["c_program", "penguins", "phage", "flu_sweep", "variants"])
def test_every_rule_of_an_example_is_in_the_graph_of_its_readme(name: str) -> None:
    folder = EXAMPLES / name
    rules = {
        rule
        for file in (*folder.rglob("Rulefile"), *folder.rglob("Snakefile"), *folder.rglob("*.smk"))
        for rule in re.findall(r"^rule (\w+):", file.read_text(), re.M)
    }
    readme = (folder / "README.md").read_text()
    graph = readme.split("```mermaid\n")[1].split("```")[0]
    drawn = set(re.findall(r"\w+", re.sub(r'"[^"]*"|flowchart TD|-\. \w+ \.->', " ", graph)))
    assert rules == drawn
    assert "## Where the" in readme  # says where its data is from
