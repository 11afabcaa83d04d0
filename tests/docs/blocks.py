"""Reads the fenced blocks of the documentation and runs them.

A page is a story: its blocks are done from top to bottom in one fresh folder. What is to be done
with a block stands in comments right above it, which a reader of the built page does not see:

    <!-- file: PATH -->        write the block to PATH
    <!-- append: PATH -->      add it to the end of PATH
    <!-- from: PATH -->        the block must be, line for line, in this file of the repository
    <!-- fresh -->             begin a new folder
    <!-- copy: FOLDER -->      begin a new folder with a copy of this folder of the repository
    <!-- exit: N -->           the last command of the block ends with this code
    <!-- skip: REASON -->      not run
    <!-- needs: PROGRAM -->    the page is not played where this is not installed

A `console` block is always run: a line that begins with `$ ` is a command (lines with `> ` go on
with it), what follows is all that it prints. `cd FOLDER` and `source FILE` hold for the commands after
them; what a command leaves running is ended with the page. In the expected text a line `...` stands for any
number of lines, the sign `…` for any text within a line.

`python tests/docs/blocks.py PAGE...` runs pages and writes what the commands print into them,
keeping what already fits; read the difference before you commit it.
"""

from __future__ import annotations

import dataclasses
import os
import re
import shutil
import signal
import stat
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"

_COMMENT = re.compile(r"<!-- (?P<word>[a-z]+)(?:: (?P<value>.*?))? -->")
_WORDS = {"file", "append", "from", "fresh", "copy", "exit", "skip", "needs"}
# Blocks in these languages must be used: run, written to a file, or compared with one.
_LIVE = {"console", "python", "rulefile", "yaml", "make", "bash", "sh", "json", "toml"}
_INERT = {"text", "mermaid", "ini"}


@dataclasses.dataclass(frozen=True)
class Block:
    """One fenced block; `line` is that of its first content line, from 1."""

    language: str
    text: str
    line: int
    orders: dict[str, str]


@dataclasses.dataclass
class Step:
    """One command of a console block and what the page says that it prints."""

    command: str
    expected: list[str]
    line: int  # of the first expected line


def _lives(group: int) -> bool:
    try:
        os.killpg(group, 0)
    except ProcessLookupError:
        return False
    return True


def needs_of(page: Path) -> set[str]:
    """The programs without which a page cannot be played."""
    return {
        block.orders["needs"] for block in blocks_of(page.read_text()) if "needs" in block.orders
    }


class Mismatch(AssertionError):
    """A page says something else than what happens."""


def pages() -> list[Path]:
    """Every page but those of the design notes, and the README of the repository."""
    found = sorted(DOCS.rglob("*.md"))
    design = DOCS / "design"
    own = [page for page in found if design not in page.parents and "_build" not in page.parts]
    return [ROOT / "README.md", *own]


def blocks_of(text: str) -> list[Block]:
    """The fenced blocks of a page, in order. Raises `ValueError` for an order nobody knows."""
    found: list[Block] = []
    orders: dict[str, str] = {}
    lines = text.splitlines()
    at = 0
    while at < len(lines):
        line = lines[at]
        opening = re.match(r"(?P<indent> *)(?P<fence>`{3,})(?P<info>.*)$", line)
        if opening:
            end = at + 1
            close = opening["indent"] + opening["fence"]
            while lines[end].rstrip() != close:
                end += 1
            cut = len(opening["indent"])
            body = "".join(row[cut:] + "\n" for row in lines[at + 1 : end])
            found.append(Block(opening["info"].strip(), body, at + 2, orders))
            orders = {}
            at = end + 1
            continue
        comments = list(_COMMENT.finditer(line))
        if comments:
            for comment in comments:
                if comment["word"] not in _WORDS:
                    raise ValueError(f"line {at + 1}: unknown order `{comment['word']}`")
                orders[comment["word"]] = comment["value"] or ""
        elif line.strip():
            orders = {}
        at += 1
    return found


def steps_of(block: Block) -> list[Step]:
    """The commands of a console block."""
    steps: list[Step] = []
    for number, line in enumerate(block.text.splitlines(), block.line):
        if line.startswith("$ "):
            steps.append(Step(line[2:], [], number + 1))
        elif line.startswith("> ") and steps and not steps[-1].expected:
            steps[-1].command += "\n" + line[2:]
            steps[-1].line = number + 1
        elif not steps:
            raise ValueError(f"line {number}: a console block begins with `$ `")
        else:
            steps[-1].expected.append(line)
    return steps


def fits(expected: list[str], actual: list[str]) -> bool:
    """Whether the lines printed are those expected, with `...` and `…` for what may vary."""
    pattern = ""
    for line in expected:
        if line.strip() == "...":
            pattern += r"(?:.*\n)*?"
        else:
            pattern += ".*".join(re.escape(part.rstrip()) for part in line.split("…")) + r" *\n"
    text = "".join(line + "\n" for line in actual)
    return re.fullmatch(pattern, text) is not None


class Story:
    """The folder in which a page is played, and what its commands see."""

    def __init__(self, scratch: Path) -> None:
        self.scratch = scratch
        self.count = 0
        programs = scratch / "bin"
        programs.mkdir()
        for name, words in (("rulekit", "-m rulekit "), ("python3", ""), ("python", "")):
            shim = programs / name
            shim.write_text(f'#!/bin/sh\nexec "{sys.executable}" {words}"$@"\n')
            shim.chmod(0o755)
        keep = ("PATH", "LD_LIBRARY_PATH", "CC", "RULEKIT_AZURITE")
        self.environment = {name: os.environ[name] for name in keep if name in os.environ}
        self.environment |= {
            "PATH": f"{programs}:{os.environ['PATH']}",
            "PYTHONPATH": str(ROOT),
            "HOME": str(scratch),
            "XDG_CACHE_HOME": str(scratch / "cache"),
            "LC_ALL": "C.UTF-8",
            "NO_COLOR": "1",
            "TERM": "dumb",
            "COLUMNS": "100",
            "PYTHONDONTWRITEBYTECODE": "1",
            # As if rulekit were installed, and nothing else.
            "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1",
            "PYTEST_PLUGINS": "rulekit.testing.plugin",
        }
        self.sessions: list[int] = []
        self.fresh()

    def fresh(self, copy: str | None = None) -> None:
        """A new folder, empty or with a copy of one of the repository."""
        self.count += 1
        self.folder = self.scratch / str(self.count) / "project"
        if copy is None:
            self.folder.mkdir(parents=True)
        else:
            leftovers = shutil.ignore_patterns(
                "build", "results", ".rulekit", ".snakemake", "__pycache__"
            )
            shutil.copytree(ROOT / copy, self.folder, ignore=leftovers)

    def command(self, text: str) -> tuple[int, list[str]]:
        """Runs a command; its exit code, and the lines of both its streams as they come."""
        moved = re.fullmatch(r"cd (\S+)", text)
        if moved:
            self.folder = (self.folder / moved[1]).resolve(strict=True)
            return 0, []
        sourced = re.fullmatch(r"source (\S+)", text)
        if sourced:
            text = f"set -a; source ./{sourced[1]}; env -0"
        # A session of its own: what it leaves running is found again.
        process = subprocess.Popen(
            ["bash", "-c", text],
            cwd=self.folder,
            env=self.environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
        self.sessions.append(process.pid)
        try:
            output, _ = process.communicate(timeout=600)
        except subprocess.TimeoutExpired:
            self.close()
            process.communicate()
            raise
        if not _lives(process.pid):  # nothing is left to be ended; its number is free for others
            self.sessions.remove(process.pid)
        if sourced and process.returncode == 0:
            pairs = (item.partition("=") for item in output.decode().split("\0") if item)
            self.environment = {name: value for name, _, value in pairs}
            return 0, []
        said = output.decode().replace(str(self.folder), "/home/you/project")
        return process.returncode, said.splitlines()

    def close(self) -> None:
        """Ends what commands have left running."""
        for sign in (signal.SIGTERM, signal.SIGKILL):
            alive = False
            for leader in self.sessions:
                try:
                    os.killpg(leader, sign)
                    alive = True
                except ProcessLookupError:
                    pass
            for _ in range(100 if alive else 0):
                if not any(map(_lives, self.sessions)):
                    return
                time.sleep(0.05)

    def write(self, path: str, text: str, mode: str) -> None:
        target = self.folder / path
        target.parent.mkdir(parents=True, exist_ok=True)
        with target.open(mode) as file:
            file.write(text)
        if text.startswith("#!"):
            target.chmod(target.stat().st_mode | stat.S_IXUSR)


def play(
    page: Path, scratch: Path, corrections: dict[int, tuple[int, list[str]]] | None = None
) -> int:
    """Does what a page says, in order; the number of blocks that were used.

    Raises `Mismatch` at the first thing that is not as the page says. With `corrections`, output
    that does not fit is put there instead: line to (number of lines replaced, new lines).
    """
    story = Story(scratch)
    try:
        return _tell(page, story, corrections)
    finally:
        story.close()


def _tell(page: Path, story: Story, corrections: dict[int, tuple[int, list[str]]] | None) -> int:
    used = 0
    for block in blocks_of(page.read_text()):
        place = f"{page.relative_to(ROOT)}:{block.line}"
        orders = block.orders
        if "fresh" in orders:
            story.fresh()
        if "copy" in orders:
            story.fresh(orders["copy"])
        if "skip" in orders:
            if not orders["skip"]:
                raise Mismatch(f"{place}: a block that is not run needs a reason")
            continue
        if "file" in orders:
            story.write(orders["file"], block.text, "w")
        elif "append" in orders:
            story.write(orders["append"], block.text, "a")
        elif "from" in orders:
            if block.text not in (ROOT / orders["from"]).read_text():
                raise Mismatch(f"{place}: this is not what stands in {orders['from']}")
        elif block.language == "console":
            wanted = int(orders.get("exit", 0))
            steps = steps_of(block)
            for step in steps:
                code, said = story.command(step.command)
                last = step is steps[-1]
                if code != (wanted if last else 0):
                    raise Mismatch(
                        f"{place}: `{step.command}` ended with {code}:\n" + "\n".join(said)
                    )
                if not fits(step.expected, said):
                    if corrections is None:
                        raise Mismatch(
                            f"{place}: `{step.command}` printed\n\n"
                            + "\n".join(said)
                            + "\n\nbut the page says\n\n"
                            + "\n".join(step.expected)
                        )
                    corrections[step.line] = (len(step.expected), said)
        elif block.language in _LIVE:
            raise Mismatch(f"{place}: nothing is done with this block of {block.language}")
        elif block.language not in _INERT and not block.language.startswith("{"):
            raise Mismatch(f"{place}: no such language here: `{block.language}`")
        else:
            continue
        used += 1
    return used


_VARIES = (
    (re.compile(r"^\[[A-Z][a-z]{2} [A-Z][a-z]{2} .*\]$"), "[…]"),
    (re.compile(r"\d{4}-\d\d-\d\d[T ]\d\d:?\d\d:?\d\d(\.\d+)?"), "…"),
    (re.compile(r" in \d+\.\d+ s\b"), " in … s"),
    (re.compile(r"process \d+ on host `[^`]*`"), "process … on host …"),
    (re.compile(r"\d{8}T\d{6}-\d+"), "…"),
    (re.compile(r" +$"), ""),
)


def refresh(page: Path) -> None:
    """Writes what the commands of a page print into it."""
    corrections: dict[int, tuple[int, list[str]]] = {}
    with tempfile.TemporaryDirectory() as scratch:
        try:
            play(page, Path(scratch), corrections)
        except Mismatch as mismatch:  # what came before it is of use
            print(mismatch, file=sys.stderr)
    lines = page.read_text().splitlines()
    for line in sorted(corrections, reverse=True):
        count, said = corrections[line]
        for pattern, instead in _VARIES:
            said = [pattern.sub(instead, text) for text in said]
        lines[line - 1 : line - 1 + count] = said
    page.write_text("".join(line + "\n" for line in lines))


if __name__ == "__main__":
    for name in sys.argv[1:]:
        refresh(Path(name).absolute())
