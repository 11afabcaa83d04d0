"""Bad input through the command: one clear message, a documented exit code, nothing lost.

Messages of mistakes are held in ``messages/``; ``RULEKIT_REWRITE=1`` writes them anew.
"""

from __future__ import annotations

import os
import pathlib
import subprocess
import sys

import pytest
from campaign_project import Project, picture

MESSAGES = pathlib.Path(__file__).parent / "messages"
LONG = bool(os.environ.get("RULEKIT_LONG"))
REWRITE = bool(os.environ.get("RULEKIT_REWRITE"))

GOOD = 'rule a:\n    output:\n        "x"\n    shell:\n        "echo 1 > {output}"\n'


@pytest.fixture
def project(tmp_path: pathlib.Path) -> Project:
    made = Project(tmp_path / "project")
    made.path.mkdir()
    return made


def compare(name: str, text: str, project: Project) -> None:
    """A message against the one on file; places of this run are taken out."""
    text = text.replace(str(project.path), "PROJECT")
    path = MESSAGES / f"{name}.txt"
    if REWRITE:
        path.write_text(text)
    assert text == path.read_text(), text


# --- rule files -----------------------------------------------------------------------------

# name → (content, exit code, words)
MISTAKES: dict[str, tuple[str | bytes, int, list[str]]] = {
    "binary": (bytes(range(256)) * 8, 3, ["-n"]),
    "latin1": (b'rule a:\n    output: "caf\xe9"\n', 3, ["-n"]),
    "utf16": ("\ufeff" + GOOD, 3, ["-n"]),
    "unindent": ('rule a:\n    output: "x"\n  shell: "touch x"\n', 3, ["-n"]),
    "not_indented": ('rule a:\noutput: "x"\nshell: "touch x"\n', 3, ["-n"]),
    "tabs": ('rule a:\n\toutput: "x"\n        shell: "touch x"\n', 3, ["-n"]),
    "open_string": ('rule a:\n    output: "x"\n    shell: "touch {out', 3, ["-n"]),
    "open_text": ('rule a:\n    output: "x"\n    shell: """touch\n', 3, ["-n"]),
    "open_bracket": ('rule a:\n    output: [\n        "x",\n', 3, ["-n"]),
    "no_colon": ('rule a\n    output: "x"\n', 3, ["-n"]),
    "no_command": ('rule a:\n    output: "x"\n    shell:', 3, ["-n"]),
    "no_body": ('rule a:\n    output: "x"\n    run:\n', 3, ["-n"]),
    "directives": (
        'rule a:\n    ouput: "x"\n    shel: "touch {output}"\n\n\nrule b:\n    inputs: "y"\n',
        3,
        ["-n"],
    ),
    "python": ('rule a:\n    output: "x"\n\nif True\n    pass\n', 3, ["-n"]),
    "exception": ("import nothing_like_this\n", 3, ["-n"]),
    "other_wildcards": ('rule a:\n    output: "{x}.out", "{y}.log"\n', 3, ["-n"]),
    "log_wildcards": ('rule a:\n    output: "{x}.out"\n    log: "l"\n', 3, ["-n"]),
    "input_wildcard": (
        'rule a:\n    input: "{y}.txt"\n    output: "{x}.out"\n    shell: "touch {output}"\n',
        4,
        ["-n", "q.out"],
    ),
    "constraint": ('rule a:\n    output: "{x,[}.out"\n', 3, ["-n", "q.out"]),
    "bare_wildcard": (
        'rule a:\n    output: "{x}.out"\n    shell: "touch {output} {x}"\n',
        3,
        ["-n", "-p", "q.out"],
    ),
    "wildcards_in_target": ('rule a:\n    output: "{x}.out"\n    shell: "touch"\n', 4, ["-n"]),
    "cycle_of_one": ('rule a:\n    input: "x"\n    output: "x"\n    shell: "touch"\n', 4, ["-n"]),
    "cycle_of_two": (
        'rule a:\n    input: "x"\n    output: "y"\n    shell: "touch"\n\n\n'
        'rule b:\n    input: "y"\n    output: "x"\n    shell: "touch"\n',
        4,
        ["-n"],
    ),
    "endless": (
        'rule a:\n    input: "{x}.z"\n    output: "{x}"\n    shell: "touch"\n',
        4,
        ["-n", "q"],
    ),
    "missing_input": (
        'rule all:\n    input: "b.txt"\n\n\n'
        'rule b:\n    input: "a.txt"\n    output: "b.txt"\n    shell: "cp {input} {output}"\n',
        4,
        ["-n"],
    ),
    "missing_config": ('configfile: "config.yaml"\n' + GOOD, 3, ["-n"]),
    "missing_key": ('rule a:\n    output: config["out"]\n    shell: "touch"\n', 3, ["-n"]),
    "missing_include": ('include: "rules/more.smk"\n', 3, ["-n"]),
    "unknown_target": (GOOD, 4, ["-n", "y"]),
    "unknown_flag": (GOOD, 2, ["--dryrunn"]),
    "no_cores": (GOOD, 2, []),
    "missing_envvar": ('envvars: "RULEKIT_NEVER_SET"\n' + GOOD, 3, ["-n"]),
}


@pytest.mark.parametrize("name", MISTAKES)
def test_a_mistake_gets_one_card(project: Project, name: str) -> None:
    content, code, words = MISTAKES[name]
    if name == "utf16":
        assert isinstance(content, str)
        content = content.encode("utf-16-le")
    project.write("Rulefile", content)
    said = project(*words, code=code)
    assert said.err.startswith("error[RK"), said.text
    compare(name, said.err, project)
    assert project.files() == {"Rulefile"}


def test_no_rule_file(project: Project) -> None:
    assert "RK0201" in project("-n", code=3).err
    assert "RK0201" in project("-n", "-s", "other.smk", code=3).err
    (project.path / "folder").mkdir()
    said = project("-n", "-s", "folder", code=3)
    assert "error[RK" in said.err and "folder" in said.err
    os.symlink("nowhere", project.path / "Rulefile")
    assert "error[RK" in project("-n", code=3).err


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_rule_file_that_may_not_be_read(project: Project) -> None:
    project.write("Rulefile", GOOD).chmod(0)
    assert "error[RK0201]" in project("-n", code=3).err


def test_every_beginning_of_a_rule_file(project: Project) -> None:
    """Half-written: cut anywhere, a file is understood or refused, and never run by halves."""
    text = (
        'configfile: "c.yaml"\n\n\nrule all:\n    input:\n        expand("{s}.txt", s=["a"]),\n\n\n'
        'rule a:\n    output:\n        "{s}.txt",\n    params:\n        lambda w: w.s,\n'
        '    run:\n        with open(output[0], "w") as f:\n            f.write(params[0])\n'
    )
    project.write("c.yaml", "x: 1\n")
    program = (
        "import sys\nfrom rulekit.cli.main import main\n"
        "text = open('whole', encoding='utf-8').read()\n"
        "for end in range(len(text)):\n"
        "    open('Rulefile', 'w', encoding='utf-8').write(text[:end])\n"
        "    print('CODE', main(['-n', '-q']))\n"
    )
    project.write("whole", text)
    said = subprocess.run(
        [sys.executable, "-c", program],
        cwd=project.path,
        env=project.environment,
        capture_output=True,
        text=True,
        timeout=120,
        check=True,
    )
    codes = [int(line[5:]) for line in said.stdout.splitlines() if line.startswith("CODE ")]
    assert len(codes) == len(text) and set(codes) <= {0, 3, 4} and codes.count(3) > len(text) / 3
    assert "Traceback" not in said.stderr and "internal error" not in said.stderr


@pytest.mark.parametrize(
    ("content", "code"),
    [
        ('rule a:\n    output: "x"\n    shell: "echo ' + "y" * 1_000_000 + ' > {output}"\n', 0),
        ("#" + "y" * 1_000_000 + "\n" + GOOD, 0),
        ('rule a:\n    ouput: "x"  # ' + "y" * 1_000_000 + "\n", 3),
        ("rule " + "y" * 1_000_000 + " z:\n", 3),
        ("x = " + "(" * 1_000_000 + "\n", 3),
        ("x = " + "-" * 1_000_000 + "1\n", 3),
        ("x = 1" + " + 1" * 250_000 + "\n" + GOOD, None),
        (GOOD.replace("shell", " " * 1_000_000 + "shell"), 3),
        ('rule a:\n    output: "' + "{x}" * 300_000 + '"\n    shell: "touch"\n', None),
        ('rule a:\n    output: "' + "y" * 1_000_000 + '"\n    shell: "touch {output}"\n', 1),
    ],
    ids=range(10),
)
def test_line_of_a_million_characters(project: Project, content: str, code: int | None) -> None:
    project.write("Rulefile", content)
    said = project("--cores", "1", "-q", code=code)
    assert said.code in (0, 1, 3, 4)
    assert len(said.err) < 20_000 or said.code == 1, len(said.err)
    if code == 0:
        assert (project.path / "x").exists()


def test_config_files(project: Project) -> None:
    project.write("Rulefile", 'configfile: "c.yaml"\n' + GOOD)
    for content, part in (
        ("a: [1\nb: }", "c.yaml:2"),
        (b"\xff\xfe\x00", "UTF-8"),
        ("- 1\n- 2\n", "c.yaml"),
        ("a: !!python/object/apply:os.system ['touch pwned']\n", "c.yaml"),
        ("a: *nowhere\n", "c.yaml"),
    ):
        project.write("c.yaml", content)
        said = project("-n", code=3)
        assert said.err.startswith("error[RK03") and part in said.err, said.err
    assert project.files() == {"Rulefile", "c.yaml"}
    assert "error[RK0301]" in project("-n", "--configfile", "other.yaml", code=3).err
    assert "error[RK" in project("-n", "--config", "novalue", code=2).err


# --- names ----------------------------------------------------------------------------------


def test_names_that_begin_with_a_dash(project: Project) -> None:
    """Targets and files of the working directory itself, where `-n` is an option of `cat`."""
    for name in ("-n", "-rf", "--help", "-"):
        project.write(f"{name}.in", f"content of {name}\n")
    project.write(
        "Rulefile",
        'rule a:\n    input: "{name}.in"\n    output: "{name}.out"\n'
        '    log: "{name}.log"\n    shell: "cat {input} > {output}; echo > {log}"\n\n\n'
        'rule b:\n    input: "{name}.out"\n    output: "{name}.end"\n'
        '    shell: \'cat "{input}" > "{output}"\'\n',
    )
    targets = [f"{name}.end" for name in ("-n", "-rf", "--help", "-")]
    project("--cores", "1", "-q", "--", *targets)
    for name in ("-n", "-rf", "--help", "-"):
        assert (project.path / f"{name}.end").read_text() == f"content of {name}\n"
    assert "Nothing to be done" in project("--cores", "1", "--", *targets).text


def test_values_from_a_table_do_not_lead_outside(project: Project) -> None:
    values = ["../x", "../../x", "a/../../../x", "..", "../", "a/../../b/../../x", "../project2/x"]
    for value in values:
        project.write(
            "Rulefile",
            f"rule all:\n    input: expand('out/{{s}}.txt', s=[{value!r}])\n\n\n"
            "rule a:\n    output: 'out/{s}.txt'\n    log: 'log/{s}.log'\n"
            "    shell: 'echo 1 > {output}; echo > {log}'\n",
        )
        said = project("--cores", "1", "-q", code=None)
        assert said.code in (0, 4), said.text
        around = {p.name for p in project.path.parent.iterdir()} - {"cache", "config"}
        assert around == {"project"}, (value, around)
        made = {path for path in project.files() if not path.startswith(("out/", "log/"))}
        assert made == {"Rulefile"}, (value, made)


def test_a_pattern_that_leads_outside_itself_may(project: Project) -> None:
    project.write("Rulefile", "rule a:\n    output: '../{s}.txt'\n    shell: 'echo 1 > {output}'\n")
    project("--cores", "1", "-q", "../x.txt")
    assert (project.path.parent / "x.txt").exists()
    assert project("--cores", "1", "-q", "../../x.txt", code=4).err.startswith("error[RK0401]")


def test_braces_in_a_static_target(project: Project) -> None:
    """`{x}` in a text is a wildcard; one mistake does not become another file."""
    project.write("in/{x}", "1")
    project.write(
        "Rulefile",
        "rule all:\n    input: 'out/{x}'\n\n\n"
        "rule a:\n    input: 'in/{x}'\n    output: 'out/{x}'\n    shell: 'cp {input} {output}'\n",
    )
    said = project("--cores", "1", code=None)
    assert said.code in (3, 4) and "error[RK" in said.err
    assert project.files() == {"Rulefile", "in/{x}"}


# --- disks ----------------------------------------------------------------------------------


class Small:
    """A file system of a few kilobytes, mounted in a project."""

    def __init__(self, project: Project, kilobytes: int) -> None:
        self.path = project.path
        done = subprocess.run(
            ["mount", "-t", "tmpfs", "-o", f"size={kilobytes}k", "tmpfs", str(self.path)],
            capture_output=True,
            check=False,
        )
        if done.returncode != 0:
            pytest.skip("no file system can be mounted: " + done.stderr.decode().strip())

    def remount(self, how: str) -> None:
        subprocess.run(["mount", "-o", f"remount,{how}", str(self.path)], check=True)

    def __enter__(self) -> Small:
        return self

    def __exit__(self, *_: object) -> None:
        subprocess.run(["umount", "-l", str(self.path)], check=False)


MANY = (
    "rule all:\n    input: expand('o{i}.txt', i=range(8)), 'sum.txt'\n\n\n"
    "rule a:\n    output: 'o{i}.txt'\n"
    "    shell: 'echo {wildcards.i} >> runs; (head -c 30000 /dev/zero; echo {wildcards.i}) > {output}'\n\n\n"
    "rule b:\n    input: expand('o{i}.txt', i=range(8))\n    output: 'sum.txt'\n"
    "    shell: 'cat {input} | cksum > {output}'\n"
)


@pytest.mark.slow
@pytest.mark.skipif(os.geteuid() != 0, reason="only root may mount a small file system")
@pytest.mark.parametrize("kilobytes", [8, 44, 48, 64, 88, 280] if not LONG else range(8, 304, 4))
def test_full_disk(project: Project, kilobytes: int) -> None:
    """Whatever does not fit, the message is clear; with more room the next run completes it, and
    does nothing again that was done."""
    with Small(project, kilobytes) as small:
        project.write("Rulefile", MANY)
        said = project("--cores", "1", "-q", "-k", code=None)
        assert said.code in (1, 6), said.text
        if said.code == 6:
            assert "error[RK06" in said.err, said.err
        assert "space" in said.text or "full" in said.text, said.text
        before = (project.path / "runs").read_text().split() if said.code == 1 else []
        whole = [i for i in range(8) if _whole(project, i)]
        again = project("--cores", "1", "-q", "-k", code=None)
        assert again.code in (1, 6), again.text
        assert set(whole) <= {i for i in range(8) if _whole(project, i)}
        small.remount("size=8m")
        project("--cores", "1", "-q")
        assert all(_whole(project, i) for i in range(8))
        runs = (project.path / "runs").read_text().split()
        if before:
            assert all(runs.count(str(i)) == 1 for i in whole), (whole, runs)
        assert "Nothing to be done" in project("--cores", "1").text
        assert os.listdir(project.path / ".rulekit/journal") == []


def _whole(project: Project, i: int) -> bool:
    path = project.path / f"o{i}.txt"
    return path.exists() and path.read_text() == "\0" * 30000 + f"{i}\n"


@pytest.mark.skipif(os.geteuid() != 0, reason="only root may mount a file system read-only")
def test_read_only_project(project: Project) -> None:
    with Small(project, 900) as small:
        project.write("Rulefile", GOOD)
        small.remount("ro")
        said = project("--cores", "1", code=6)
        assert "error[RK0602]" in said.err and "read-only" in said.err and "= help:" in said.err
        assert "Missing output files: x" in project("-n").out
        small.remount("rw")
        project("--cores", "1", "-q")
        small.remount("ro")
        for words in (["--cores", "1"], ["-n"], ["--cores", "1", "--touch"]):
            assert "Nothing to be done" in project(*words).text
        project("status")
        project("--summary")
        project("why", "x")
        assert "error[RK06" in project("--cores", "1", "-F", code=6).err
        assert (project.path / "x").read_text() == "1\n"


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_directory_that_may_not_be_written(project: Project) -> None:
    project.write("Rulefile", GOOD)
    project.path.chmod(0o555)
    try:
        said = project("--cores", "1", code=6)
        assert "error[RK0602]" in said.err and "permission denied" in said.err
        project("-n")
    finally:
        project.path.chmod(0o755)
    project("--cores", "1")


def test_state_that_is_damaged(project: Project) -> None:
    project.write("Rulefile", GOOD)
    project("--cores", "1", "-q")
    store = project.path / ".rulekit/provenance.sqlite"
    store.write_bytes(b"not a database at all" * 100)
    before = picture(project.path)
    assert "damaged" in project("-n").text
    assert picture(project.path) == before
    said = project("--cores", "1")
    assert "damaged" in said.text and "Nothing to be done" in said.text
    kept = [
        p.name for p in store.parent.iterdir() if "damaged" in p.name and p.name[-7:] != "journal"
    ]
    assert len(kept) == 1


# --- what only looks changes nothing ----------------------------------------------------------

LOOKING = [
    ["-n"],
    ["-n", "-F", "-p"],
    ["-n", "-q", "--json"],
    ["--summary"],
    ["--detailed-summary"],
    ["--list-rules"],
    ["--list-target-rules"],
    ["--dag"],
    ["--rulegraph"],
    ["--filegraph"],
    ["--dag", "mermaid-js"],
    ["--list-changes", "code"],
    ["--list-untracked"],
    ["why", "b.txt"],
    ["status"],
    ["graph"],
    ["list"],
    ["show", "b"],
    ["logs", "--failed"],
    ["plan"],
    ["-n", "--touch"],
    ["-n", "--delete-all-output"],
    ["-n", "--delete-temp-output"],
    ["-n", "--unlock"],
    ["-n", "--cleanup-metadata", "b.txt"],
    ["explain", "RK0402"],
    ["--version"],
    ["--help"],
    ["lint"],
]

LOOKED_AT = (
    'configfile: "c.yaml"\n\n\nrule all:\n    input: "b.txt"\n\n\n'
    'rule a:\n    output: temp("a.txt"), directory("d")\n    log: "a.log"\n'
    '    shell: "echo 1 > {output[0]}; mkdir d; echo 2 > d/x; echo log > {log}"\n\n\n'
    'rule b:\n    input: "a.txt", "s.txt"\n    output: "b.txt"\n    params: config["x"]\n'
    '    shell: "cat {input} > {output}"\n'
)


@pytest.mark.parametrize("state", ["fresh", "done", "stale", "failed", "killed"])
def test_looking_changes_no_byte(project: Project, state: str) -> None:
    project.write("Rulefile", LOOKED_AT)
    project.write("c.yaml", "x: 1\n")
    project.write("s.txt", "source\n")
    if state != "fresh":
        project("--cores", "1", "-q")
    if state == "stale":
        project.write("s.txt", "another source\n")
        project.write("c.yaml", "x: 2\n")
    elif state == "failed":
        project.write("Rulefile", LOOKED_AT.replace("cat {input}", "false {input}"))
        project("--cores", "1", "-q", code=1)
    elif state == "killed":
        project.write(
            "Rulefile", LOOKED_AT.replace("cat {input} >", "echo half > {output}; kill -9 0; cat")
        )
        program = (
            "import os\nfrom rulekit.cli.main import main\n"
            "from rulekit.provenance.journal import Journal\n"
            "Journal.close = lambda *_: os._exit(9)\nmain(['--cores', '1', '-q', '-F'])\n"
        )
        subprocess.run(
            [sys.executable, "-c", program],
            cwd=project.path,
            env=project.environment,
            capture_output=True,
            check=False,
        )
        assert os.listdir(project.path / ".rulekit/journal")
    before = picture(project.path)
    said = look(project, LOOKING)
    assert "Traceback" not in said and "RK0001" not in said, said
    if picture(project.path) == before:
        return
    for words in LOOKING:  # which one was it?
        before = picture(project.path)
        look(project, [words])
        after = picture(project.path)
        changed = {path for path in before.keys() | after if before.get(path) != after.get(path)}
        assert not changed, (words, changed)
    raise AssertionError("something was changed")


def look(project: Project, commands: list[list[str]]) -> str:
    """Do some commands, each in a fork of one process; what they said."""
    program = (
        "import os\nfrom rulekit.cli.main import main\n"
        "import rulekit.cli.commands.run, rulekit.compiler.load, rulekit.engine.session\n"
        "import rulekit.provenance.store, rulekit.reporting.dryrun\n"
        f"for words in {commands!r}:\n"
        "    pid = os.fork()\n"
        "    if not pid:\n"
        "        try:\n            code = main(words)\n"
        "        except SystemExit as leave:\n            code = leave.code\n"
        "        os._exit(code or 0)\n"
        "    os.waitpid(pid, 0)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program],
        cwd=project.path,
        env=project.environment,
        capture_output=True,
        text=True,
        timeout=120,
        check=True,
    )
    return done.stdout + done.stderr


# --- secrets --------------------------------------------------------------------------------


@pytest.mark.parametrize("secret", ["canary-zq4711", "ca'na\"ry $zq4711\\", "canary ü zq4711"])
def test_secrets_are_written_nowhere(project: Project, secret: str) -> None:
    project.write(
        "Rulefile",
        'import os\n\n\nenvvars:\n    "CANARY",\n\n\nrule all:\n    input: "x", "y", "z", "w"\n\n\n'
        'rule a:\n    output: "x"\n    params: key=os.environ["CANARY"]\n    log: "a.log"\n'
        '    message: "with {params.key}"\n'
        '    shell: "test -n \\"$CANARY\\"; echo {params.key:q} > {log}; exit 3"\n\n\n'
        'rule b:\n    output: "y"\n    params: token=lambda wildcards: os.environ["CANARY"]\n'
        '    shell: "test -n \\"$CANARY\\" -a -n {params.token:q}; echo 1 > {output}"\n\n\n'
        'rule c:\n    output: "z"\n    params: token=os.environ["CANARY"]\n'
        "    run:\n        assert params.token\n        open(output[0], 'w').close()\n\n\n"
        'rule d:\n    output: "w"\n    params: token=os.environ["CANARY"]\n    script: "d.py"\n',
    )
    project.write(
        "d.py", "open(snakemake.output[0], 'w').write(str(len(snakemake.params.token)))\n"
    )
    with_it = {"environment": {"CANARY": secret}}
    run = ["--cores", "2", "-k", "-p", "--verbose", "--show-failed-logs", "--log-json", "events"]
    told = [project(*run, code=1, **with_it).text]
    assert project.files() >= {"y", "z", "w", "events"}
    told.append((project.path / "events").read_text())
    for words in (["-n", "-p", "-F"], ["-n", "--json"], ["why", "x"], ["status"]):
        told.append(project(*words, code=None, **with_it).text)
    told.append(project("show", "a", code=None, **with_it).text)
    pieces = {secret, "zq4711"}  # no piece that a time or a number could hold by chance
    for text in told:
        assert not any(piece in text for piece in pieces), text
    for folder, _, names in os.walk(project.path / ".rulekit"):
        for name in names:
            content = pathlib.Path(folder, name).read_bytes()
            assert b"zq4711" not in content, name
    # Another value is no change of the jobs.
    said = project("-n", "y", "z", "w", environment={"CANARY": "canary-0815 "})
    assert "Nothing to be done" in said.out, said.out
