"""Names of files as the disk, sample tables and the net have them: the right file or a refusal.

One workflow copies every hostile name through every kind of place a name can stand in. A job may
refuse a name; then it says so and nothing has happened. It must never make a wrong file, and
nothing in a name may ever be executed.
"""

from __future__ import annotations

import os
import pathlib

import pytest
from campaign_project import Project

# Found in a directory, so of bytes; `pwned` in a name is a file that appears if it is executed.
NAMES = [
    b"plain",
    b"a b",
    b" before",
    b"behind ",
    b"it's",
    b'say "hi"',
    b"two\nlines",
    b"end\n",
    b"\ttab",
    b"carriage\rreturn",
    b"$(touch pwned)",
    b"`touch pwned`",
    b"x;touch pwned;",
    b"&touch pwned&",
    b"|touch pwned",
    b">pwned",
    b"<pwned",
    b"(touch pwned)",
    b"x\ntouch pwned\n",
    b"'; touch pwned; '",
    b'"; touch pwned; "',
    b"'$(touch pwned)'",
    b'"$(touch pwned)"',
    b"\\$(touch pwned)",
    b"'\"'$(touch pwned)'\"'",
    b"EOF\ntouch pwned\nEOF",
    b"${PATH}",
    b"$HOME",
    b"$((6*7))",
    b"$'\\x41'",
    b"*",
    b"?",
    b"[a-z]*",
    b"{x}",
    b"{a,b}",
    b"{}",
    b"{",
    b"}{",
    b"{{x}}",
    b"{input}",
    b"{wildcards.name}",
    b"~",
    b"~root",
    b"#comment",
    b"!history",
    b"back\\slash",
    b"end\\",
    b"-rf",
    b"-n",
    b"--help",
    b"..x",
    b"x..",
    b"...",
    b"%s%d%",
    b"a=b",
    b"caf\xc3\xa9",
    b"\xe6\x97\xa5\xe6\x9c\xac",
    b"latin \xe9",
    b"\xff\xfe",
    b"\x1b[31mred",
    b"\x01\x7f",
    b"\xc2\xa0",
    b"\xe2\x80\xae rtl",
]

# place → the lines of a rule. `WAY` stands for the name of the place.
PLACES = {
    "bare": 'shell:\n        "cat {input} > {output}; echo >> {log}"',
    "named": 'shell:\n        "cat < {input.one} > {output[0]}"',
    "double": 'shell:\n        \'cat "{input}" > "{output}"\'',
    "single": "shell:\n        \"cat '{input}' > '{output}'\"",
    "quoted": 'shell:\n        "cat {input:q} > {output:q}"',
    "nested": "shell:\n        'cat \"$(echo {input})\" > {output}'",
    "backquotes": "shell:\n        'cat \"`echo {input}`\" > {output}'",
    "heredoc": 'shell:\n        """cat {input} > {output}\n'
    '        cat <<EOF\n{wildcards.name}\nEOF\n        """',
    "rawdoc": 'shell:\n        """cat {input} > {output}\n'
    '        cat <<\'EOF\'\n{wildcards.name}\nEOF\n        """',
    "parameter": "shell:\n        'cat ${{none-{input}}} > {output}'",
    "comment": 'shell:\n        """cat {input} > {output} # made from {input}\n        """',
    "eval": "shell:\n        'eval \"cat {input} > {output}\"'",
    "inner": "shell:\n        \"bash -c 'cat {input} > {output}'\"",
    "innerquoted": 'shell:\n        "sh -c \'cat \\"{input}\\" > \\"{output}\\"\'"',
    "innerdouble": "shell:\n        'bash -ec \"cat {input} > {output}\"'",
    "argument": 'shell:\n        "bash -c \'cat \\"$1\\" > \\"$2\\"\' _ {input} {output}"',
    "wildcard": "shell:\n        'cat in/{wildcards.name} > out/WAY/{wildcards.name}.txt'",
    "param": 'params:\n        "in/{name}",\n    shell:\n        "cat {params} > {output}"',
    "paramfunction": "params:\n        there=lambda wildcards, input: f'cat {input} >',\n"
    '    shell:\n        "{params.there} {output}"',
    "paramquoted": "params:\n        name=lambda wildcards: wildcards.name,\n"
    '    shell:\n        "cat in/{params.name:q} > {output}"',
    "run": "run:\n        with open(input[0]) as a, open(output[0], 'w') as b:\n"
    "            b.write(a.read())",
    "runshell": 'run:\n        shell("cat {input} > {output}")',
    "python": 'script:\n        "copy.py"',
    "bash": 'script:\n        "copy.sh"',
    "message": 'message:\n        "{wildcards.name} {input}"\n'
    '    shell:\n        "cat {input} > {output}"',
    "benchmark": 'benchmark:\n        "bench/{name}.tsv"\n'
    '    shell:\n        "cat {input} > {output}"',
    "shadow": 'shadow:\n        "minimal"\n    shell:\n        "cat {input} > {output}"',
}

# Places where no quoting can be right, or the name would be read twice: many names are refused.
MAY_REFUSE = {"backquotes", "heredoc", "rawdoc", "parameter", "comment", "eval", "inner"}
MAY_REFUSE |= {"innerquoted", "innerdouble", "nested"}


def rule_text(way: str, body: str) -> str:
    return (
        f"\n\nrule {way}:\n    input:\n        one=lambda wildcards: f'in/{{wildcards.name}}',\n"
        f'    output:\n        "out/{way}/{{name}}.txt",\n'
        f'    log:\n        "log/{way}/{{name}}.log",\n    {body.replace("WAY", way)}\n'
    )


def make(project: Project, names: list[bytes], places: dict[str, str]) -> None:
    for number, name in enumerate(names):
        path = os.path.join(os.fsencode(project.path), b"in", name)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, "w") as file:
            file.write(f"content {number}\n")
    project.write(
        "copy.py", "import shutil\nshutil.copy(snakemake.input[0], snakemake.output[0])\n"
    )
    project.write("copy.sh", 'cat "${snakemake_input[0]}" > "${snakemake_output[0]}"\n')
    project.write(
        "Rulefile",
        'import os\n\nnames = sorted(os.listdir("in"))\n\n\nrule all:\n    input:\n'
        f"        lambda wildcards: [f'out/{{way}}/{{name}}.txt' for way in {list(places)}"
        " for name in names],\n" + "".join(rule_text(*item) for item in places.items()),
    )


def judge(project: Project, names: list[bytes], places: dict[str, str]) -> dict[str, list[bytes]]:
    """Which names each place refused. Everything else is checked here."""
    refused: dict[str, list[bytes]] = {way: [] for way in places}
    for way in places:
        for number, name in enumerate(names):
            path = os.path.join(os.fsencode(project.path), b"out", way.encode(), name + b".txt")
            try:
                with open(path, "rb") as file:
                    assert file.read() == b"content %d\n" % number, (way, name)
            except FileNotFoundError:
                refused[way].append(name)
    own = {"Rulefile", "copy.py", "copy.sh"}
    strange = [
        path
        for path in project.files() - own
        if path.partition("/")[0] not in ("in", "out", "log", "bench")
    ]
    assert strange == [], strange
    made = {path for path in project.files() if path.startswith("out/")}
    wanted = {f"out/{way}/{os.fsdecode(name)}.txt" for way in places for name in names}
    assert made <= wanted, made - wanted
    return refused


@pytest.mark.slow
@pytest.mark.parametrize("half", [0, 1])
def test_every_name_in_every_place(tmp_path: pathlib.Path, half: int) -> None:
    places = dict(list(PLACES.items())[half::2])
    project = Project(tmp_path / "project")
    project.path.mkdir()
    make(project, NAMES, places)
    said = project("--cores", "4", "--keep-going", "--quiet", code=None)
    refused = judge(project, NAMES, places)
    assert said.code == int(any(refused.values())), said.text[-3000:]
    for way, names in refused.items():
        assert not names or way in MAY_REFUSE, (way, names)
        assert b"plain" not in names
    # A refusal says which value and why, and no command was started for it.
    assert said.text.count("cannot be put into the command") >= min(
        1, sum(map(len, refused.values()))
    )
