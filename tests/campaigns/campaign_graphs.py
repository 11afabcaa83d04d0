"""Random workflows on a real disk, with jobs that tell on themselves, and what they should make.

Every job appends a line to ``side/jobs`` when it begins and one as the very last thing it does, and
writes each of its outputs in two steps with a pause between them, so that half a file can be told
from a whole one. What it writes depends on the contents of its inputs: a half file, or an old one,
that was taken for a good one shows in everything made of it.
"""

from __future__ import annotations

import hashlib
import pathlib
import random

# key, attempt from 1, pause, rest (seconds), whether the first attempt fails, outputs, --, inputs
_WORK_SH = """\
key=$1 attempt=$2 pause=$3 rest=$4 fails=$5; shift 5
outputs=()
while [ "$1" != -- ]; do outputs+=("$1"); shift; done
shift
inputs=()
for path; do
    if [ -d "$path" ]; then inputs+=("$path/one" "$path/two"); else inputs+=("$path"); fi
done
echo "begin $key $RULEKIT_ATTEMPT" >> SIDE/jobs
sum=$({ printf '%s\\n' "$key"; cat -- /dev/null "${inputs[@]}"; } | sha256sum)
sum=${sum%% *}
for path in "${outputs[@]}"; do
    case ${path##*/} in dir_*) mkdir "$path"; path+=/one; esac
    printf 'first %s %s\\n' "$path" "$sum" >> "$path"
done
sleep "$pause"
if [ "$fails" = 1 ] && [ "$attempt" = 1 ]; then exit 3; fi
for path in "${outputs[@]}"; do
    case ${path##*/} in dir_*) path+=/two; esac
    printf 'second %s %s\\n' "$path" "$sum" >> "$path"
done
sleep "$rest"
echo "end $key $RULEKIT_ATTEMPT" >> SIDE/jobs
"""

_WORK_PY = """\
import hashlib
import os
import time


def say(what, key):
    with open("SIDE/jobs", "ab", buffering=0) as file:
        file.write(f"{what} {key} {os.environ['RULEKIT_ATTEMPT']}\\n".encode())


def put(path, word, total):
    with open(path, "a") as file:
        file.write(f"{word} {path} {total}\\n")


def work(key, attempt, pause, rest, fails, outputs, inputs):
    say("begin", key)
    sums = hashlib.sha256(f"{key}\\n".encode())
    for path in inputs:
        for part in [f"{path}/one", f"{path}/two"] if os.path.isdir(path) else [path]:
            with open(part, "rb") as file:
                sums.update(file.read())
    total = sums.hexdigest()
    for path in outputs:
        if os.path.basename(path).startswith("dir_"):
            os.mkdir(path)
            path += "/one"
        put(path, "first", total)
    time.sleep(pause)
    if fails and attempt == 1:
        raise SystemExit(3)
    for path in outputs:
        if os.path.basename(path).startswith("dir_"):
            path += "/two"
        put(path, "second", total)
    time.sleep(rest)
    say("end", key)
"""

_BODIES = {
    "shell": """\
    shell:
        "bash SIDE/work.sh {params.key} {resources.turn} {params.pause} {params.rest}"
        " {params.fails} {output} -- {input}"
""",
    "run": """\
    run:
        sys.path.insert(0, "SIDE")
        import work

        work.work(
            params.key, resources.turn, params.pause, params.rest, params.fails, output, input
        )
""",
    "python": '    script:\n        "SIDE/job.py"\n',
    "bash": '    script:\n        "SIDE/job.sh"\n',
}

_JOB_PY = """\
import sys

sys.path.insert(0, "SIDE")
import work

given = snakemake.params
work.work(
    given.key,
    snakemake.resources.turn,
    given.pause,
    given.rest,
    given.fails,
    snakemake.output,
    snakemake.input,
)
"""

_JOB_SH = """\
set -eu
exec bash SIDE/work.sh "${snakemake_params[key]}" "${snakemake_resources[turn]}" \\
    "${snakemake_params[pause]}" "${snakemake_params[rest]}" "${snakemake_params[fails]}" \\
    ${snakemake_params[outputs]} -- ${snakemake_params[inputs]}
"""


class Job:
    """A job as it should come out: `outputs` maps a path to the flag it has, or to None."""

    def __init__(self, rule: str, name: str | None) -> None:
        self.rule = rule
        self.name = name
        self.inputs: list[str] = []
        self.outputs: dict[str, str | None] = {}
        self.pause = 0.0
        self.rest = 0.0
        self.fails = 0

    @property
    def key(self) -> str:
        return self.rule if self.name is None else f"{self.rule}:{self.name}"


class Graph:
    """A random workflow of `size` jobs. `slow` is the longest a job sleeps, in seconds.

    `protected`: whether there may be protected outputs, which cannot be made a second time.
    """

    def __init__(self, seed: int, size: int, slow: float, *, protected: bool) -> None:
        chance = self.chance = random.Random(seed)
        self._kinds: list[str | None] = [None, None, None, None, "temp", "temp", "directory"]
        self._kinds += ["protected" if protected else "directory"]
        self.jobs: list[Job] = []
        self.sources = {f"src/{i}.txt": f"source {i}\n" * chance.randint(1, 4) for i in range(3)}
        self.rules: list[str] = []
        self.targets: list[str] = []
        self._flags: dict[str, str | None] = {}
        makers: dict[str, str] = {}  # output → the rule that makes it
        number = 0
        while len(self.jobs) < size:
            self._rule(f"r{number}", min(size - len(self.jobs), 8), slow, makers)
            number += 1
        used = {path for job in self.jobs for path in job.inputs}
        ends = [path for path in makers if path not in used]
        more = [path for path in makers if path in used and self._flags[path] != "temp"]
        self.targets = ends + chance.sample(more, min(len(more), chance.randint(0, 3)))
        for path in ends:
            if self._flags[path] == "temp":
                self._flags[path] = None  # a target is kept
        chance.shuffle(self.targets)

    def _rule(self, rule: str, most: int, slow: float, makers: dict[str, str]) -> None:
        chance = self.chance
        names: list[str | None] = [None]
        if most > 1 and chance.random() < 0.6:
            names = [f"n{i}" for i in range(chance.randint(2, min(most, 6)))]
        many = names[0] is not None
        kind = chance.choices(["shell", "run", "python", "bash"], [20, 1, 1, 2])[0]
        patterns: list[tuple[str, str | None]] = []
        for i in range(chance.choice([1, 1, 1, 2, 3])):
            flag = chance.choice(self._kinds)
            # The name of a directory tells the jobs that it is one.
            stem = f"dir_{i}" if flag == "directory" else f"out{i}"
            if not many:
                text = f"{rule}/{stem}"
            elif flag == "directory" or chance.random() < 0.5:
                text = f"{rule}/{{n}}/{stem}"
            else:
                text = f"{rule}/{{n}}.{stem}"
            patterns.append((text, flag))
        shadow = kind == "shell" and chance.random() < 0.08
        benchmark = kind == "shell" and chance.random() < 0.1
        retries = chance.random() < 0.15
        before = list(makers)
        for name in names:
            job = Job(rule, name)
            pool = before if before and chance.random() < 0.85 else list(self.sources)
            job.inputs = chance.sample(pool, min(len(pool), chance.choice([1, 1, 1, 2, 2, 3])))
            for text, flag in patterns:
                path = text if name is None else text.replace("{n}", name)
                job.outputs[path] = flag
                makers[path] = rule
                self._flags[path] = flag
            if chance.random() < 0.5:
                job.pause = round(chance.uniform(0.02, slow), 2)
            if chance.random() < 0.4:
                job.rest = round(chance.uniform(0.02, slow), 2)
            job.fails = int(retries and chance.random() < 0.6)
            self.jobs.append(job)
        self.rules.append(
            _rule_text(rule, many, kind, patterns, shadow, benchmark, retries, f"logs/{rule}")
        )

    def write(self, folder: pathlib.Path) -> None:
        """Put the project into a folder."""
        side = folder / "side"
        side.mkdir()
        for name, text in (
            ("work.sh", _WORK_SH),
            ("work.py", _WORK_PY),
            ("job.py", _JOB_PY),
            ("job.sh", _JOB_SH),
        ):
            (side / name).write_text(text.replace("SIDE", str(side)))
        (folder / "src").mkdir()
        for path, text in self.sources.items():
            (folder / path).write_text(text)
        table = {
            job.key: (job.inputs, job.pause, job.rest, job.fails, list(job.outputs))
            for job in self.jobs
        }
        lines = [
            "import sys\n\n",
            f"JOBS = {table!r}\n\n\n",
            "def key(rule, wildcards):\n",
            "    return f'{rule}:{wildcards.n}' if 'n' in wildcards.keys() else rule\n\n\n",
            f"rule all:\n    input:\n        {self.targets!r}\n",
            *[text.replace("SIDE", str(side)) for text in self.rules],
        ]
        (folder / "Rulefile").write_text("".join(lines))

    def edit(self, folder: pathlib.Path) -> None:
        """Change some sources; what is made of them has to be made anew."""
        for path in self.chance.sample(sorted(self.sources), self.chance.randint(1, 2)):
            self.sources[path] += f"line {len(self.sources[path])}\n"
            (folder / path).write_text(self.sources[path])

    # --- what should come out ---------------------------------------------------------------

    def contents(self) -> dict[str, str]:
        """The text of every file that any job makes, temporary ones too; of directories, of the
        files in them."""
        texts = dict(self.sources)
        for job in self.jobs:
            sums = hashlib.sha256(f"{job.key}\n".encode())
            for path in job.inputs:
                for part in (f"{path}/one", f"{path}/two") if path not in texts else (path,):
                    sums.update(texts[part].encode())
            total = sums.hexdigest()
            for path, flag in job.outputs.items():
                if flag == "directory":
                    texts[f"{path}/one"] = f"first {path}/one {total}\n"
                    texts[f"{path}/two"] = f"second {path}/two {total}\n"
                else:
                    texts[path] = f"first {path} {total}\nsecond {path} {total}\n"
        return texts

    def temporary(self) -> set[str]:
        """Files that are gone when all is done."""
        return {
            path
            for job in self.jobs
            for path, flag in job.outputs.items()
            if flag == "temp" and path not in self.targets
        }

    def needed(self) -> set[str]:
        """Keys of the jobs that have to run for the targets."""
        maker = {path: job for job in self.jobs for path in job.outputs}
        keys: set[str] = set()
        wanted = list(self.targets)
        while wanted:
            job = maker.get(wanted.pop())
            if job is not None and job.key not in keys:
                keys.add(job.key)
                wanted += job.inputs
        return keys


def _rule_text(
    rule: str,
    many: bool,
    kind: str,
    patterns: list[tuple[str, str | None]],
    shadow: bool,
    benchmark: bool,
    retries: bool,
    log: str,
) -> str:
    named = "_{n}" if many else ""
    lines = [f"\n\nrule {rule}:\n", "    input:\n"]
    lines.append(f"        lambda wildcards: JOBS[key({rule!r}, wildcards)][0]\n")
    lines.append("    output:\n")
    for text, flag in patterns:
        lines.append(f"        {text!r},\n" if flag is None else f"        {flag}({text!r}),\n")
    lines.append("    params:\n")
    lines.append(f"        key=lambda wildcards: key({rule!r}, wildcards),\n")
    for name, at in (("pause", 1), ("rest", 2), ("fails", 3)):
        lines.append(f"        {name}=lambda wildcards: JOBS[key({rule!r}, wildcards)][{at}],\n")
    if kind == "bash":
        lines.append(f"        inputs=lambda wildcards: JOBS[key({rule!r}, wildcards)][0],\n")
        lines.append(f"        outputs=lambda wildcards: JOBS[key({rule!r}, wildcards)][4],\n")
    lines.append("    resources:\n        turn=lambda wildcards, attempt: attempt\n")
    lines.append(f'    log:\n        "{log}{named}.log"\n')
    if benchmark:
        lines.append(f'    benchmark:\n        "benchmarks/{rule}{named}.tsv"\n')
    if shadow:
        lines.append('    shadow:\n        "minimal"\n')
    if retries:
        lines.append("    retries: 1\n")
    lines.append(_BODIES[kind])
    return "".join(lines)
