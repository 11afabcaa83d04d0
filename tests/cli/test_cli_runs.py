"""Whole command lines: what they print, what they leave, how they end."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import time

import pytest

RULES = """
rule all:
    input:
        "out/table.txt",

rule one:
    "Make one part."
    output:
        "out/{name}.part",
    log:
        "logs/{name}.log",
    params:
        word=config.get("word", "hello"),
    shell:
        "echo {params.word} {wildcards.name} > {output} 2> {log}"

rule table:
    input:
        "out/a.part",
        "out/b.part",
    output:
        "out/table.txt",
    shell:
        "cat {input} > {output}"
"""

BROKEN = """
rule all:
    input:
        expand("out/{i}.txt", i=range(3)),

rule bad:
    output:
        "out/{i}.txt",
    log:
        "logs/{i}.log",
    shell:
        "echo it went wrong > {log}; exit 3"
"""


@pytest.fixture
def plain(project):
    project.write("Snakefile", RULES)
    return project


def test_version_and_help(project):
    assert re.fullmatch(r"rulekit \d+\.\d+\S*\n", project("--version").stdout)
    assert project("-n", "--version").stdout == project("-v").stdout
    text = project("--help").stdout
    lines = text.splitlines()
    assert len(lines) <= 60 and max(map(len, lines)) <= 100
    for part in ("--cores", "--dry-run", "--rerun-triggers", "why", "exit codes"):
        assert part in text
    everything = project("--help-all").stdout
    assert "--cleanup-metadata" in everything and "--scheduler-subsample" in everything
    assert "--set-resources RULE:NAME=VALUE ..." in everything
    assert "rulekit graph [TARGETS]" in project("graph", "--help").stdout


def test_a_dry_run_talks_on_stdout_and_writes_nothing(plain):
    before = sorted(os.walk(plain.path))
    done = plain("-n", "-p")
    assert done.stderr == ""
    text = re.sub(r"\[[A-Z][a-z]{2} [^\]]*\]", "[NOW]", done.stdout)
    assert text == (
        "Building DAG of jobs...\n"
        "Job stats:\n"
        "job      count\n"
        "-----  -------\n"
        "one          2\n"
        "table        1\n"
        "all          1\n"
        "total        4\n"
        "\n"
        "\n"
        "[NOW]\n"
        "rule one:\n"
        "    output: out/a.part\n"
        "    log: logs/a.log\n"
        "    jobid: 0\n"
        "    reason: Missing output files: out/a.part\n"
        "    wildcards: name=a\n"
        f"    resources: tmpdir={_tmpdir()}\n"
        "Shell command: echo hello a > out/a.part 2> logs/a.log\n"
        "\n"
        "[NOW]\n"
        "rule one:\n"
        "    output: out/b.part\n"
        "    log: logs/b.log\n"
        "    jobid: 1\n"
        "    reason: Missing output files: out/b.part\n"
        "    wildcards: name=b\n"
        f"    resources: tmpdir={_tmpdir()}\n"
        "Shell command: echo hello b > out/b.part 2> logs/b.log\n"
        "\n"
        "[NOW]\n"
        "rule table:\n"
        "    input: out/a.part, out/b.part\n"
        "    output: out/table.txt\n"
        "    jobid: 2\n"
        "    reason: Missing output files: out/table.txt; "
        "Input files updated by another job: out/a.part, out/b.part\n"
        f"    resources: tmpdir={_tmpdir()}\n"
        "Shell command: cat out/a.part out/b.part > out/table.txt\n"
        "\n"
        "[NOW]\n"
        "localrule all:\n"
        "    input: out/table.txt\n"
        "    jobid: 3\n"
        "    reason: Input files updated by another job: out/table.txt\n"
        f"    resources: tmpdir={_tmpdir()}\n"
        "Job stats:\n"
        "job      count\n"
        "-----  -------\n"
        "one          2\n"
        "table        1\n"
        "all          1\n"
        "total        4\n"
        "\n"
        "Reasons:\n"
        "    (check individual jobs above for details)\n"
        "    output files have to be generated:\n"
        "        one (2 jobs), table\n"
        "    input files updated by another job:\n"
        "        all, table\n"
        "This was a dry-run (flag -n). The order of jobs does not reflect the order of execution.\n"
    )
    assert sorted(os.walk(plain.path)) == before


def _tmpdir():
    import tempfile

    return tempfile.gettempdir()


def test_quiet_dry_runs(plain):
    assert "rule one:" not in plain("-n", "--quiet").stdout
    assert "total        4" in plain("-n", "--quiet").stdout
    assert "reason:" not in plain("-n", "-q", "reason").stdout
    assert "Building" not in plain("-n", "-q", "all").stdout


def test_a_real_run_talks_on_stderr_and_the_next_has_nothing_to_do(plain):
    done = plain("-c", "2")
    assert done.stdout == ""
    for phrase in (
        "Building DAG of jobs...\n",
        "Provided cores: 2\n",
        "Job stats:\n",
        "rule one:\n",
        "Finished jobid: 2 (Rule: table)\n",
        "4 of 4 steps (100%) done\n",
        "Complete log(s): ",
    ):
        assert phrase in done.stderr
    assert (plain.path / "out/table.txt").read_text() == "hello a\nhello b\n"
    log = re.search(r"Complete log\(s\): (.*)\n", done.stderr)[1]
    with open(log) as stream:
        assert "Finished jobid: 2 (Rule: table)" in stream.read()
    nothing = "Nothing to be done (all requested files are present and up to date).\n"
    assert plain("-c", "2").stderr.endswith(nothing)
    assert plain("-n").stdout.endswith(nothing)
    assert len(os.listdir(plain.path / ".rulekit/log")) == 1


def test_cores_are_needed_for_a_real_run_only(plain):
    done = plain(code=2)
    assert "error[RK0107]" in done.stderr and "--cores all" in done.stderr
    assert not (plain.path / ".rulekit").exists()
    plain("-n")
    plain("--list")
    plain("-j", "1", "out/a.part")


def test_failed_jobs(project):
    project.write("Rulefile", BROKEN)
    done = project("-c", "1", code=1)
    assert "Error in rule bad:\n" in done.stderr
    assert "    | it went wrong\n" in done.stderr
    assert "Exiting because a job execution failed. Look above for error messages\n" in done.stderr
    again = re.search(r"run it again: (rulekit .*)\n", done.stderr)[1]
    assert again.endswith(" -c 1 -- out/0.txt")
    project(*again.split()[1:], code=1)
    done = project("-c", "2", "-k", code=1)
    assert done.stderr.count("Error in rule bad:") == 3
    assert "3 failed jobs of rule bad: " in done.stderr
    logs = project("logs", "--failed").stdout
    assert logs.count("it went wrong") == 3 and "bad i=1: " in logs
    failures = json.loads(project("logs", "--failed", "--json").stdout)
    assert {one["exit_code"] for one in failures} == {3}


def test_the_json_log(plain):
    plain("-c", "1", "--log-json", "events.jsonl")
    events = [json.loads(line) for line in (plain.path / "events.jsonl").read_text().splitlines()]
    kinds = [event["event"] for event in events]
    assert kinds.count("JobFinished") == 4
    assert kinds[-1] == "RunFinished" and events[-1]["ok"] is True
    assert all(event["schema"] == 1 and event["time"] > 0 for event in events)
    done = plain("-F", "-c", "1", "--logger", "json")
    assert all(json.loads(line)["schema"] == 1 for line in done.stderr.splitlines())


def test_why_and_why_not(plain):
    text = plain("why", "out/table.txt").stdout
    assert text.startswith("out/table.txt (table) will be made, because\n")
    assert "    out/a.part (one:name=a) will be made, because\n" in text
    plain("-c", "2", "-q")
    text = plain("why", "out/table.txt").stdout
    assert text.startswith("out/table.txt (table) is up to date\n")
    assert "the same as when it was made: code, params, set of inputs, software" in text
    text = plain("--why", "one", "--config", "word=bye").stdout
    assert "- params have changed\n      word: 'hello' -> 'bye'\n" in text
    plain.write("Snakefile", RULES.replace("cat {input}", "cat -u {input}"))
    text = plain("why", "out/table.txt").stdout
    assert "    - cat {input} > {output}\n" in text and "+ cat -u {input} > {output}\n" in text
    answer = json.loads(plain("why", "table", "--json").stdout)
    assert answer[0]["run"] is True and answer[0]["reasons"][0]["kind"] == "code"
    assert plain("why", "nowhere.txt", code=4).stderr.startswith("error[RK04")
    assert "error[RK0110]" in plain("why", code=2).stderr


def test_status_and_its_exit_code(plain):
    assert "4 of 4 jobs to run" in plain("status").stdout
    plain("status", "--check", code=8)
    plain("-c", "2", "-q")
    assert plain("status", "--check").stdout.endswith("All 4 jobs are up to date.\n")
    answer = json.loads(plain("status", "--json").stdout)
    assert answer["up_to_date"] is True
    assert answer["rules"]["one"] == {"done": 2, "stale": 0, "missing": 0}


def test_lists(plain):
    assert plain("--list").stdout == "all\none (Make one part.)\ntable\n"
    assert plain("--lt").stdout == "all\ntable\n"
    assert "* all" in plain("list").stdout
    shown = plain("show", "one").stdout
    assert shown.startswith("rule one:\n") and "        out/{name}.part\n" in shown
    facts = json.loads(plain("show", "one", "--json").stdout)[0]
    assert facts["wildcards"] == ["name"] and facts["body"]["kind"] == "shell"
    assert "there is a rule with a similar name: `table`" in plain("show", "tabel", code=2).stderr


def test_summaries(plain):
    plain("-c", "2", "-q", "out/a.part")
    lines = plain("--summary").stdout.splitlines()
    assert lines[0] == "output_file\tdate\trule\tlog-file(s)\tstatus\tplan"
    rows = {line.split("\t")[0]: line.split("\t")[1:] for line in lines[1:]}
    assert rows["out/table.txt"] == ["-", "table", "-", "missing", "update pending"]
    assert rows["out/a.part"][1:] == ["one", "logs/a.log", "ok", "no update"]
    detailed = plain("-D").stdout.splitlines()
    assert detailed[0].split("\t")[4:6] == ["input-file(s)", "shellcmd"]
    row = next(line for line in detailed if line.startswith("out/a.part"))
    assert row.split("\t")[5] == "echo hello a > out/a.part 2> logs/a.log"


def test_graphs(plain):
    text = plain("--dag").stdout
    assert text.startswith("digraph") and text.count("->") == 3
    assert '[label = "one\\nname: a"' in text and "dashed" not in text
    assert plain("--rulegraph").stdout.count("->") == 2
    assert "<font" in plain("--filegraph").stdout
    mermaid = plain("--dag", "mermaid-js").stdout
    assert mermaid.startswith("---\ntitle: DAG\n---\nflowchart TB\n\tid0[all]\n\tid1[table]\n")
    assert "\tid2 --> id1\n" in mermaid
    assert "2 jobs, 2 to run" in plain("graph").stdout
    answer = json.loads(plain("graph", "--json").stdout)
    assert len(answer["jobs"]) == 4 and [2, 3] in answer["edges"]
    plain("graph", "--mermaid", "-o", "g.mmd")
    assert (plain.path / "g.mmd").read_text().startswith("---")
    assert "cannot be combined" in plain("graph", "--svg", "--json", code=2).stderr


def test_plan_as_json(plain):
    answer = json.loads(plain("plan", "--json").stdout)
    assert answer["jobs"] == {"one": 2, "table": 1, "all": 1}
    assert [job["key"] for job in answer["run"]][:2] == ["one:name=a", "one:name=b"]


def test_clean_shows_first(plain):
    plain("-c", "2", "-q")
    text = plain("clean").stdout
    assert "Would delete out/table.txt (16 B)\n" in text
    assert text.endswith("3 files, 32 B to delete\nNothing was deleted: add --yes to do it.\n")
    assert (plain.path / "out/table.txt").exists()
    assert "Would delete" in plain("--delete-all-output", "-n").stdout
    plain("clean", "--yes")
    assert not (plain.path / "out/table.txt").exists()
    plain("-c", "2", "-q")
    plain("-c", "1", "--delete-all-output")
    assert not (plain.path / "out/a.part").exists()


def test_changes_and_untracked(plain):
    plain("-c", "2", "-q")
    plain.write("note.md", "")
    assert plain("--list-untracked").stdout == "Snakefile\nnote.md\n"
    assert plain("--list-changes", "code").stdout == ""
    assert plain("--lp", "--config", "word=x").stdout == "out/a.part\nout/b.part\n"
    plain.write("Snakefile", RULES.replace("cat {input}", "cat -u {input}"))
    assert plain("--lc").stdout == "out/table.txt\n"


def test_upkeep(plain):
    plain("-c", "2", "-q")
    assert "hardly ever needed" in plain("--unlock").stderr
    plain("--cleanup-metadata", "out/table.txt")
    assert "nothing is known of out/table.txt" in plain("--cm", "out/table.txt", code=1).stderr
    assert "nothing is known of how it was made" in plain("why", "out/table.txt").stdout
    assert "is not needed" in plain("-n", "--rerun-incomplete").stderr


def test_touch(plain):
    plain("-c", "2", "-q")
    plain.write("Snakefile", RULES.replace("cat {input}", "cat -u {input}"))
    plain("--touch")
    assert "Nothing to be done" in plain("-n").stdout


def test_logs_of_a_target_and_of_the_last_run(plain):
    assert "error[RK0115]" in plain("logs", code=2).stderr
    plain("-c", "1")
    assert "Finished jobid" in plain("logs").stdout
    assert plain("logs", "one").stdout.startswith("==> logs/a.log <==\n")
    assert "no log files" in plain("logs", "table").stderr


def test_targets_named_like_commands(project):
    project.write("Snakefile", 'rule list:\n    output: "status"\n    shell: "touch {output}"\n')
    assert "rule list:" in project("run", "list", "-n").stdout
    assert "rule list:" in project("-n", "--", "status").stdout
    assert project("list", "--list").stdout == "list\n"
    assert "`status` is a command only as the first word" in project("./x", "status", code=2).stderr


def test_file_targets_in_any_spelling(plain):
    assert "out/a.part" in plain("-n", "./out//a.part").stdout


def test_another_directory(plain):
    plain("-d", "deep/er", "-c", "1", "-q", "out/a.part")
    assert (plain.path / "deep/er/out/a.part").exists()
    assert not (plain.path / "out").exists()


def test_a_missing_rule_file_says_where_it_was_looked_for(project):
    done = project("-n", code=3)
    assert "Rulefile, rulefile, workflow/Rulefile, Snakefile" in done.stderr
    assert "rulekit init" in done.stderr
    project.write("workflow/rules.smk", "")
    done = project("-n", "-s", "workflow/ruels.smk", code=3)
    assert "there is a file with a similar name: `rules.smk`" in done.stderr


def test_a_mistake_in_the_rule_file_shows_the_place(project):
    project.write("Snakefile", 'rule a:\n    ouput: "x"\n    shell: "touch x"\n')
    done = project("-n", code=3)
    assert "error[RK0204]" in done.stderr
    assert '2 |     ouput: "x"\n' in done.stderr and "`output`" in done.stderr
    assert "= more: rulekit explain RK0204" in done.stderr
    assert "\x1b" not in done.stderr


def test_explain(project):
    text = project("explain", "RK0204").stdout
    assert text.startswith("RK0204: unknown directive\n")
    assert project("explain", "204").stdout == text
    listed = project("explain").stdout
    assert "RK0107  the number of cores is not given\n" in listed
    assert "error[RK0114]" in project("explain", "RK9999", code=2).stderr


def test_init_makes_something_that_runs(project):
    done = project("init", "new")
    assert "Now run: cd new && rulekit -c 2" in done.stderr
    project("-d", "new", "-s", "new/Rulefile", "-c", "2")
    assert (project.path / "new/results/counts.tsv").read_text().startswith("text\tlines\twords\n")
    assert "are there already" in project("init", "new", code=2).stderr


def test_secrets_are_not_shown(project):
    project.environment["RK_SECRET"] = "geheim-5309"
    project.write(
        "Snakefile",
        'envvars: "RK_SECRET"\n'
        'rule a:\n    output: "x"\n    shell: "test -n \\"$RK_SECRET\\" && exit 3"\n',
    )
    done = project("-c", "1", "--config", "password=geheim-5309", "--verbose", code=1)
    assert "geheim-5309" not in done.stdout + done.stderr
    for folder, _, names in os.walk(project.path / ".rulekit"):
        for name in names:
            with open(os.path.join(folder, name), "rb") as stream:
                assert b"geheim-5309" not in stream.read(), name


def test_a_missing_environment_variable(project):
    project.environment.pop("RK_NOT_SET", None)
    project.write(
        "Snakefile", 'envvars: "RK_NOT_SET"\nrule a:\n    output: "x"\n    shell: "touch x"\n'
    )
    assert "RK_NOT_SET" in project("-n", code=3).stderr
    project.write("Snakefile", 'rule a:\n    output: "x"\n    shell: "touch x"\n')
    for words in (("-n",), ("-c", "1")):
        assert "RK0246" in project(*words, "--envvars", "RK_NOT_SET", code=2).stderr
    assert not (project.path / "x").exists()


def test_a_closed_pipe_is_no_reason_to_say_anything(plain):
    plain.write(
        "Snakefile",
        'rule all:\n    input: expand("o{i}", i=range(3000))\n'
        'rule a:\n    output: "o{i}"\n    shell: "touch {output}"\n',
    )
    command = f"{sys.executable} -m rulekit -n | head -1"
    done = subprocess.run(
        ["bash", "-c", command],
        cwd=plain.path,
        env=plain.environment,
        capture_output=True,
        text=True,
    )
    assert done.stdout == "Building DAG of jobs...\n" and done.stderr == ""


def test_an_internal_error_is_a_card_with_a_report(plain):
    plain.write(
        "breaks.py",
        "import sys\n"
        "import rulekit.cli.session\n"
        "def boom(*a, **k): raise ZeroDivisionError('by design')\n"
        "rulekit.cli.session.load = boom\n"
        "from rulekit.cli.main import main\n"
        "sys.exit(main(['-n', '--config', 'password=geheim']))\n",
    )
    done = subprocess.run(
        [sys.executable, "breaks.py"],
        cwd=plain.path,
        env=plain.environment,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 70
    assert "error[RK0001]: internal error: ZeroDivisionError: by design" in done.stderr
    assert "Traceback" not in done.stderr
    report = re.search(r"a report is in (.*)\n", done.stderr)[1]
    with open(report) as stream:
        text = stream.read()
    os.unlink(report)
    assert "Traceback" in text and "geheim" not in text


def test_interrupting_finishes_what_runs_and_says_so(project):
    project.write(
        "Snakefile",
        'rule all:\n    input: "b"\n'
        # The job ends when it is told to, so that it runs for certain when the signal comes.
        'rule a:\n    output: "a"\n    shell: "touch started; for i in $(seq 1200); do'
        ' test -e told && break; sleep 0.1; done; touch {output}"\n'
        'rule b:\n    input: "a"\n    output: "b"\n    shell: "touch {output}"\n',
    )
    process = subprocess.Popen(
        [sys.executable, "-m", "rulekit", "-c", "1"],
        cwd=project.path,
        env=project.environment,
        stderr=subprocess.PIPE,
        text=True,
    )
    deadline = time.monotonic() + 60
    while not (project.path / "started").exists() and time.monotonic() < deadline:
        time.sleep(0.02)
    process.send_signal(signal.SIGINT)
    told = ""
    for line in process.stderr:
        told += line
        if "finishing 1 running job" in told:
            project.write("told", "")
    process.wait(60)
    assert process.returncode == 130
    assert "finishing 1 running job" in told and "Traceback" not in told
    assert (project.path / "a").exists() and not (project.path / "b").exists()


def test_colour_is_forced_or_refused(plain):
    plain.environment["FORCE_COLOR"] = "1"
    assert "\x1b[" in plain("-n").stdout
    assert "\x1b[" not in plain("-n", "--nocolor").stdout
    plain.environment["NO_COLOR"] = "1"
    assert "\x1b[" not in plain("-n").stdout


def test_options_without_effect_are_said_once(plain):
    done = plain("-n", "--wms-monitor", "f", "--log-service", "x")
    assert done.stderr.count("note: ") == 2
    assert plain("-n", "-q", "all", "--stats", "f").stderr == ""


def test_names_that_are_no_text(project):
    name = b"odd-\xff.txt"
    with open(os.path.join(os.fsencode(project.path), name), "w"):
        pass
    project.write(
        "Snakefile",
        "import os\n"
        "names = [n for n in os.listdir('.') if n.startswith('odd')]\n"
        'rule all:\n    input: names\n    output: "x"\n    shell: "touch x"\n',
    )
    done = subprocess.run(
        [sys.executable, "-m", "rulekit", "-n"],
        cwd=project.path,
        env=project.environment,
        capture_output=True,
    )
    assert done.returncode == 0, done.stderr
    assert name in done.stdout


def test_unlock_clears_dead_and_foreign_locks_but_no_live_one(plain):
    import json as _json

    from rulekit.provenance.owner import this_process

    own = this_process().to_json()
    for name, owner in (
        ("dead", {**own, "pid": 2**22 - 1, "start": 1}),
        ("foreign", {**own, "host": "elsewhere"}),
    ):
        plain.write(f".rulekit/locks/{name}.lock", _json.dumps({"owner": owner}) + "\n")
    plain.write(".snakemake/locks/0.input.lock", "x")
    plain("--unlock")
    assert os.listdir(plain.path / ".rulekit/locks") == []
    assert os.listdir(plain.path / ".snakemake/locks") == []
    plain.write(".rulekit/locks/live.lock", _json.dumps({"owner": own}) + "\n")
    assert "is running" in plain("--unlock", code=7).stderr
    assert os.listdir(plain.path / ".rulekit/locks") == ["live.lock"]


def test_jobs_as_targets(plain):
    text = plain("-n", "--target-jobs", "one:name=b").stdout
    assert "out/b.part" in text and "out/a.part" not in text
    assert "needs a value for name" in plain("-n", "--target-jobs", "one:", code=2).stderr
    assert "`table`" in plain("-n", "--target-jobs", "tabel:name=b", code=2).stderr


def test_waiting_for_files(plain):
    done = plain("-c", "1", "--wait-for-files", "never", "-w", "0.2", code=6)
    assert "error[RK0608]" in done.stderr
    plain("-c", "1", "-q", "--wait-for-files", "Snakefile")


def test_files_to_be_written_are_relative_to_the_call(plain):
    plain("-d", "sub", "-c", "1", "--log-json", "events.jsonl", "-q")
    assert (plain.path / "events.jsonl").exists()
    plain("graph", "-d", "sub", "-o", "graph.dot")
    assert (plain.path / "graph.dot").exists()


def test_a_dry_run_says_which_temporary_files_would_go(plain):
    plain.write(
        "Snakefile",
        RULES.replace('"out/{name}.part",\n    log', 'temp("out/{name}.part"),\n    log'),
    )
    text = plain("-n").stdout
    table = text.index("rule table:")
    assert text.index("Would remove temporary output out/a.part\n") > table
    assert text.count("Would remove temporary output") == 2
    assert "Would remove" not in plain("-n", "--notemp").stdout
    assert "Removing temporary output out/b.part.\n" in plain("-c", "2").stderr


def test_a_command_that_cannot_be_filled_in_shows_its_place(plain):
    plain.write("Snakefile", 'rule a:\n    output: "x"\n    shell: "echo {nope} > {output}"\n')
    told = plain("-n", "-p", code=3).stderr
    assert "error[RK0240]" in told and "in the command of rule `a`" in told
    assert '3 |     shell: "echo {nope} > {output}"\n' in told
    plain("-c", "1", code=1)


QUEUE = """
import queue, threading
source, end = queue.Queue(), object()
def fill():
    for i in range(3):
        source.put(f"{i}.txt")
    source.put(end)
    source.join()
    source.get()  # for ever
threading.Thread(target=fill, daemon=DAEMON).start()
rule all:
    input: from_queue(source, finish_sentinel=end)
    output: "all"
    shell: "cat {input} > {output}"
rule one:
    output: "{i}.txt"
    shell: "echo {wildcards.i} > {output}"
"""


def test_a_queue_is_read_to_its_end_and_a_dry_run_does_not_wait_for_it(project):
    project.write("Snakefile", QUEUE.replace("DAEMON", "False"))
    assert "all" in project("-n").stdout
    project.write("Snakefile", QUEUE.replace("DAEMON", "True"))
    project("-c", "1")
    assert (project.path / "all").read_text() == "0\n1\n2\n"


def test_rule_files_know_the_cores_before_a_run(project):
    project.write("Snakefile", 'rule all:\n    threads: workflow.cores * 0.5\n    shell: "true"\n')
    assert project("--list").stdout.split() == ["all"]
    project.write("Snakefile", 'print("cores:", workflow.cores)\nrule all:\n    shell: "true"\n')
    assert "cores: 1\n" in project("-n").stdout
    assert "cores: 3\n" in project("-n", "-j", "3").stdout


def test_a_folder_is_the_same_with_a_slash_at_its_end(project):
    project.write(
        "Snakefile",
        """
rule all:
    input:
        "made/x.txt",
        lambda wildcards: "parts/y/",

rule list:
    input:
        "parts/{name}",
    output:
        "made/{name}.txt",
    shell:
        "ls {input} > {output}"

rule parts:
    output:
        parts=directory("parts/{name}/"),
    shell:
        "mkdir -p {output.parts}; echo {output} > {output.parts}/file"
""",
    )
    done = project("-c1")
    assert done.returncode == 0, done.stderr
    assert (project.path / "made/x.txt").read_text() == "file\n"
    assert (project.path / "parts/y/file").read_text() == "parts/y\n"


def test_a_rule_without_any_files_is_a_job(project):
    project.write("Snakefile", 'rule all:\n    input:\n        expand("{n}.txt", n=[]),\n')
    done = project("-n")
    assert done.returncode == 0
    assert re.search(r"^total +1$", done.stdout, re.MULTILINE)
    assert project("-c1").returncode == 0
