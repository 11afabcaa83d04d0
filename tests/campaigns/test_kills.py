"""Runs of the command are killed at random moments on random workflows; the next run sees to it.

What may be lost, exactly. Let R be the jobs of which a successful result is on file (in the store
or in a journal) at the moment of a kill, and B the attempts that had begun.

- No job of R begins again, whatever was killed.
- If only the engine was killed, its runner process lives on: no job of B begins again either (but
  for those whose attempt fails, which is what some are made to do).
- If the runner process was killed too, jobs of B that are not in R run again; what they left is
  never taken for a result.

CI kills some 20 times. ``RULEKIT_LONG=1`` kills some 200 times (``RULEKIT_KILLS=N``: N times) and
writes figures to the file that ``RULEKIT_FIGURES`` names.
"""

from __future__ import annotations

import collections
import json
import os
import pathlib
import random
import re
import signal
import subprocess
import sys
import time

import pytest
from campaign_graphs import Graph
from campaign_processes import MARK, alive, kill, kill_all, wait_until_gone

from rulekit.provenance import journal
from rulekit.provenance.owner import is_running
from rulekit.provenance.store import Store

ROOT = pathlib.Path(__file__).parents[2]
LONG = bool(os.environ.get("RULEKIT_LONG"))
KILLS = int(os.environ.get("RULEKIT_KILLS") or (200 if LONG else 20))
FIRST_SEED = int(os.environ.get("RULEKIT_SEED") or 1)
KINDS = ("engine", "engine+runner", "all", "runner", "INT", "TERM")
WEIGHTS = (8, 4, 6, 2, 2, 2)
_ASIDE = re.compile(r"(\d+) unfinished output files? (?:was|were) set aside")

figures: collections.Counter[str] = collections.Counter()


class Campaign:
    """One project, killed some times and then brought to its end."""

    def __init__(self, folder: pathlib.Path, seed: int) -> None:
        self.chance = random.Random(seed)
        size, slow = self.chance.randint(5, 60 if LONG else 14), 0.3 if LONG else 0.15
        self.edited = self.chance.random() < 0.5
        self.graph = Graph(seed, size, slow, protected=not self.edited)
        self.folder = folder / "project"
        self.folder.mkdir()
        self.graph.write(self.folder)
        self.log = folder / "output"
        self.mark = f"{os.getpid()}-{seed}"
        self.environment = {
            **os.environ,
            "PYTHONPATH": str(ROOT),
            "XDG_CACHE_HOME": str(folder / "cache"),
            "XDG_CONFIG_HOME": str(folder / "config"),
            "PYTHONDONTWRITEBYTECODE": "1",
            MARK: self.mark,
        }
        self.settled: set[str] = set()  # R: keys that may not begin again
        self.adoptable: dict[str, str] = {}  # B: tokens to keys, as long as their runner lives
        self.kills = 0
        self.story: list[str] = []  # what was done, for whoever has to find out what went wrong
        self.since = 0  # lines of `side/jobs` before the last edit

    # --- what the project tells -------------------------------------------------------------

    def lines(self) -> list[tuple[str, str, str]]:
        """(``begin`` or ``end``, key, token), in the order of writing."""
        try:
            text = (self.folder / "side/jobs").read_text()
        except FileNotFoundError:
            return []
        return [tuple(line.split(" ")) for line in text.splitlines()]  # type: ignore[misc]

    def journals(self) -> list[journal.Past]:
        return [journal.read(path) for path in journal.left_behind(str(self.folder / ".rulekit"))]

    def on_file(self) -> set[str]:
        """Keys of the jobs of which a success is in the store or in a journal."""
        keys = {token: key for _, key, token in self.lines()[self.since :]}
        store = Store.open(str(self.folder / ".rulekit"), readonly=True)
        tokens = {row.token for row in store.attempts(limit=100_000) if row.ok}
        store.close()
        for past in self.journals():
            tokens |= {token for token, result in past.results.items() if result.ok}
        return {keys[token] for token in tokens if token in keys}

    # --- running and killing ----------------------------------------------------------------

    def start(self) -> subprocess.Popen[bytes]:
        return subprocess.Popen(
            [sys.executable, "-m", "rulekit", "--cores", "3"],
            cwd=self.folder,
            env=self.environment,
            stdin=subprocess.DEVNULL,
            stdout=self.log.open("ab"),
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )

    def output_since(self, size: int) -> str:
        with self.log.open("rb") as file:
            file.seek(size)
            return file.read().decode("utf-8", "replace")

    def log_size(self) -> int:
        return self.log.stat().st_size if self.log.exists() else 0

    def run(self, *, wanted: int | None = 0) -> str:
        """One run to its end; its output. Nothing that is settled begins again."""
        size, seen, settled = self.log_size(), len(self.lines()), set(self.settled)
        aside = self.set_aside()
        process = self.start()
        try:
            process.wait(120)
        except subprocess.TimeoutExpired:
            kill_all(self.mark)
            raise AssertionError("the run hangs:\n" + self.output_since(size)) from None
        said = self.output_since(size)
        assert wanted is None or process.returncode == wanted, said
        self.look(said, seen, settled, aside, killed=False)
        return said

    def look(
        self, said: str, seen: int, settled: set[str], aside: set[str], *, killed: bool
    ) -> None:
        """What holds after every run, killed or not."""
        assert "Traceback" not in said and "internal error" not in said, said
        begun = {key for what, key, _ in self.lines()[seen:] if what == "begin"}
        assert not begun & settled, f"run again: {sorted(begun & settled)}\n{said}"
        reported = sum(int(number) for number in _ASIDE.findall(said))
        new = self.set_aside() - aside
        assert len(new) == reported or killed, (new, said)
        figures["files set aside"] += len(new)
        figures["runs that waited for live jobs"] += "but its jobs still run" in said

    def set_aside(self) -> set[str]:
        """Outputs below ``.rulekit/aside``."""
        top = self.folder / ".rulekit/aside"
        found = set()
        for folder, folders, files in os.walk(top):
            for name in list(folders):
                if name.startswith("dir_"):
                    found.add(os.path.join(folder, name))
                    folders.remove(name)
            found.update(os.path.join(folder, name) for name in files)
        return found

    def interrupt(self, kind: str) -> None:
        """Start a run and end it before its time; if it is faster, it ends well."""
        chance = self.chance
        size, seen, settled = self.log_size(), len(self.lines()), set(self.settled)
        aside = self.set_aside()
        process = self.start()
        self.wait_for_the_moment(process, seen)
        if kind == "INT":
            # Before the command says a word, Python itself may still be starting: it answers by
            # a traceback of its own.
            end = time.monotonic() + 60
            while self.log_size() == size and process.poll() is None and time.monotonic() < end:
                time.sleep(0.005)
        if process.poll() is not None:
            assert process.returncode == 0, self.output_since(size)
            figures["ended before the kill"] += 1
            return
        self.kills += 1
        figures[f"kill: {kind}"] += 1
        self.story.append(f"{kind} at line {len(self.lines())}: {alive(self.mark)}")
        if kind in ("INT", "TERM"):
            kill(process.pid, getattr(signal, f"SIG{kind}"))
            if kind == "INT" and chance.random() < 0.3:
                time.sleep(chance.uniform(0, 0.1))
                kill(process.pid, signal.SIGINT)
            process.wait(60)
            said = self.output_since(size)
            code = {"INT": 130, "TERM": 143}[kind]
            # The signal may come before there is a handler, or after the last job.
            assert process.returncode in (code, -getattr(signal, f"SIG{kind}"), 0), said
            left = wait_until_gone(self.mark, 60)
            assert not left, f"{left} live on after SIG{kind}\n{said}"
            if process.returncode == code and kind == "TERM":
                assert not self.journals(), said
        else:
            self.kill(process, kind)
            said = self.output_since(size)
        self.note(kind)
        self.story.append(f"left {alive(self.mark)}, settled {len(self.settled)}")
        self.look(said, seen, settled, aside, killed=kind not in ("INT", "TERM", "runner"))

    def wait_for_the_moment(self, process: subprocess.Popen[bytes], seen: int) -> None:
        """Until some more jobs have begun or ended, or just some time (then anything may be
        going on: start, recovery, planning)."""
        chance = self.chance
        if chance.random() < 0.25:
            end = time.monotonic() + chance.uniform(0.02, 0.5)
            while time.monotonic() < end and process.poll() is None:
                time.sleep(0.005)
            return
        left = 2 * len(self.graph.needed()) - (seen - self.since)
        lines = seen + chance.randint(1, max(1, left - 1))
        while len(self.lines()) < lines and process.poll() is None:
            time.sleep(0.004)
        time.sleep(chance.choice([0.0, chance.uniform(0, 0.03)]))

    def kill(self, process: subprocess.Popen[bytes], kind: str) -> None:
        if kind == "engine":
            process.kill()
        elif kind == "all":
            kill_all(self.mark)
        else:
            runners = [
                pid
                for pid, what in alive(self.mark).items()
                if what == "driver" and pid != process.pid
            ]
            if kind == "engine+runner":
                process.kill()
            for pid in runners:
                kill(pid)
        if kind == "runner":
            # The engine lives, and has to notice.
            process.wait(60)
            assert process.returncode in (0, 1), process.returncode
            return
        process.wait()

    def note(self, kind: str) -> None:
        """Who may not begin again from now on."""
        if kind == "engine":
            for past in self.journals():
                if past.host is None or not is_running(*past.host):
                    continue  # an earlier run, whose runner process was killed
                for token in past.started:
                    keys = [key for _, key, known in self.lines() if known == token]
                    if keys and token not in past.results:
                        self.adoptable[token] = keys[0]
        elif kind in ("all", "engine+runner", "runner"):
            self.adoptable.clear()
        self.settled |= self.on_file()

    def edit(self) -> None:
        """Change sources while nothing runs: from now on jobs may begin again."""
        time.sleep(0.02)  # the clock of the file system ticks every 4 to 10 ms
        self.graph.edit(self.folder)
        self.since = len(self.lines())
        self.settled.clear()
        self.adoptable.clear()

    # --- at the end -------------------------------------------------------------------------

    def check(self) -> None:
        """All is there, all is right, nothing was done twice, nothing is left."""
        folder, graph = self.folder, self.graph
        lines = self.lines()
        texts, temporary = graph.contents(), graph.temporary()
        for job in graph.jobs:
            if job.key not in graph.needed():
                continue
            for path, flag in job.outputs.items():
                parts = [f"{path}/one", f"{path}/two"] if flag == "directory" else [path]
                for part in parts:
                    if path in temporary:
                        # Killed between the last reader's end and the removal, it may be left.
                        if (folder / part).exists():
                            figures["temporary files left"] += 1
                            assert (folder / part).read_text() == texts[part]
                        continue
                    assert (folder / part).read_text() == texts[part], part
        ended = collections.Counter(key for what, key, _ in lines if what == "end")
        assert set(ended) == graph.needed()
        for token, key in self.adoptable.items():
            job = next(job for job in graph.jobs if job.key == key)
            if not job.fails:
                mine = [(what, known) for what, name, known in lines if name == key]
                assert mine[-2:] == [("begin", token), ("end", token)], (key, mine)
                figures["jobs that outlived their engine"] += 1
        now = collections.Counter(key for what, key, _ in lines[self.since :] if what == "end")
        figures["jobs"] += len(now)
        figures["jobs run again"] += sum(now.values()) - len(now)
        state = folder / ".rulekit"
        assert os.listdir(state / "journal") == []
        assert [name for name in os.listdir(state / "locks") if name != "gate"] == []
        for name in ("tmp", "scripts", "shadow"):
            # `lib` serves the scripts of every run.
            left = os.listdir(state / name) if (state / name).exists() else []
            assert [one for one in left if one != "lib"] == []
        assert not alive(self.mark)
        store = Store.open(str(state), readonly=True)
        assert store.notes == () and store.incomplete() == frozenset()
        store.close()


def campaign(folder: pathlib.Path, seed: int, most: int) -> int:
    """One campaign with up to `most` kills; how many there were."""
    one = Campaign(folder, seed)
    try:
        for turn in range(1 + one.edited):
            if turn:
                one.edit()
                figures["workflows edited"] += 1
            for _ in range(one.chance.randint(1, min(3, most))):
                one.interrupt(one.chance.choices(KINDS, WEIGHTS)[0])
                if one.chance.random() < 0.3:
                    time.sleep(one.chance.uniform(0, 0.3))
            one.run()
            one.check()
            seen = len(one.lines())
            said = one.run()
            assert "Nothing to be done" in said, said
            assert len(one.lines()) == seen
        return one.kills
    except BaseException:
        print(*one.story, sep="\n")
        raise
    finally:
        kill_all(one.mark)


@pytest.mark.slow
def test_killed_runs_are_completed_by_the_next_one(tmp_path: pathlib.Path) -> None:
    kills, seed = 0, FIRST_SEED
    while kills < KILLS:
        folder = tmp_path / str(seed)
        folder.mkdir()
        try:
            kills += campaign(folder, seed, KILLS - kills)
        except BaseException:
            print(f"seed {seed} (RULEKIT_SEED={seed} runs it first); project in {folder}")
            raise
        figures["workflows"] += 1
        seed += 1
    assert kills >= KILLS
    figures["kills"] = kills
    if place := os.environ.get("RULEKIT_FIGURES"):
        pathlib.Path(place).write_text(json.dumps(dict(sorted(figures.items())), indent=1) + "\n")
