"""Makes the pictures of the documentation, so that they stay true.

    python docs/screenshots.py [NAME ...]     all, or those named; --list names them

A shot is a function that gets an empty folder and gives what the file shall hold. Its name is that
of the file in docs/screenshots:

    @shot("report-phone.png")
    def report_on_a_phone(folder: Path) -> bytes: ...

Shots of the terminal are drawn from a real one: `Terminal` runs a command on a pseudo-terminal with
an emulator (pyte) behind it, `as_svg` turns its screen into a picture (rich). Needs rulekit with
its test extra, in the Python that runs this.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import pty
import re
import select
import struct
import subprocess
import sys
import tempfile
import termios
import time
from collections.abc import Callable
from itertools import groupby
from pathlib import Path

TARGET = Path(__file__).parent / "screenshots"
SHOTS: dict[str, Callable[[Path], str | bytes]] = {}


def shot(name: str) -> Callable[[Callable[[Path], str | bytes]], Callable[[Path], str | bytes]]:
    """Registers a function as the maker of a file."""

    def add(function: Callable[[Path], str | bytes]) -> Callable[[Path], str | bytes]:
        assert name not in SHOTS, name
        SHOTS[name] = function
        return function

    return add


# -- terminals -----------------------------------------------------------------------------------


class Terminal:
    """A command on a terminal of its own, in `folder`."""

    def __init__(self, folder: Path, *words: str, columns: int = 88, rows: int = 24) -> None:
        import pyte

        self.screen = pyte.Screen(columns, rows)
        self._stream = pyte.ByteStream(self.screen)
        self._pid, self._terminal = pty.fork()
        if not self._pid:
            with contextlib.suppress(BaseException):
                os.chdir(folder)
                size = struct.pack("HHHH", rows, columns, 0, 0)
                fcntl.ioctl(0, termios.TIOCSWINSZ, size)
                settings = environment(folder)
                program = [sys.executable, "-m", "rulekit", *words]
                os.execve(sys.executable, program, settings)  # noqa: S606
            os._exit(99)

    @property
    def text(self) -> str:
        return "\n".join(line.rstrip() for line in self.screen.display)

    def until(self, pattern: str, seconds: float = 60) -> None:
        """Waits for a text on the screen."""
        end = time.monotonic() + seconds
        while not re.search(pattern, self.text):
            if not self._read() or time.monotonic() > end:
                raise RuntimeError(f"{pattern!r} did not show up:\n{self.text}")

    def rest(self, seconds: float) -> None:
        """Goes on for some time."""
        end = time.monotonic() + seconds
        while time.monotonic() < end and self._read():
            pass

    def key(self, text: bytes) -> None:
        os.write(self._terminal, text)

    def end(self) -> None:
        """Waits for the end of the command."""
        while self._read(1.0):
            pass
        os.waitpid(self._pid, 0)
        os.close(self._terminal)

    def _read(self, seconds: float = 0.05) -> bool:
        if not select.select([self._terminal], (), (), seconds)[0]:
            return True
        try:
            data = os.read(self._terminal, 1 << 16)
        except OSError:
            return False
        self._stream.feed(data)
        return bool(data)


def environment(folder: Path) -> dict[str, str]:
    """What the command gets: nothing that depends on who makes the pictures."""
    hidden = ("CI", "NO_COLOR", "FORCE_COLOR", "TMUX")
    return {
        **{name: value for name, value in os.environ.items() if name not in hidden},
        "TERM": "xterm-256color",
        "PYTHONIOENCODING": "utf-8",
        "XDG_CACHE_HOME": str(folder.parent / "cache"),
        "XDG_CONFIG_HOME": str(folder.parent / "config"),
    }


def as_svg(screen: object, title: str) -> str:
    """The screen of a terminal as an SVG picture that loads nothing."""
    from rich._export_format import CONSOLE_SVG_FORMAT
    from rich.console import Console
    from rich.style import Style
    from rich.text import Text

    columns, buffer = screen.columns, screen.buffer  # type: ignore[attr-defined]
    texts = [line.rstrip() for line in screen.display]  # type: ignore[attr-defined]
    used = max((number for number, line in enumerate(texts, 1) if line), default=1)
    with open(os.devnull, "w") as nowhere:
        console = Console(
            record=True, width=columns, file=nowhere, force_terminal=True, color_system="truecolor"
        )
        for number in range(used):
            text = Text(no_wrap=True, overflow="crop")
            cells = [buffer[number][column] for column in range(columns)]
            for (fg, bold), run in groupby(cells, key=lambda cell: (cell.fg, cell.bold)):
                text.append("".join(cell.data for cell in run), Style(color=_colour(fg), bold=bold))
            text.rstrip()
            console.print(text, soft_wrap=True)
        form = re.sub(r"@font-face \{\{.*?\n    \}\}\n", "", CONSOLE_SVG_FORMAT, flags=re.DOTALL)
        form = form.replace("Fira Code, monospace", "ui-monospace, Menlo, Consolas, monospace")
        return console.export_svg(title=title, code_format=form, unique_id="shot")


def _colour(name: str) -> str:
    """pyte's name of a colour as rich knows it."""
    if re.fullmatch(r"[0-9a-f]{6}", name):
        return f"#{name}"
    name = name.replace("brown", "yellow")
    return f"bright_{name[6:]}" if name.startswith("bright") else name


def finished(folder: Path, *words: str, columns: int = 88, rows: int = 40) -> str:
    """The screen after a command has ended, as SVG."""
    terminal = Terminal(folder, *words, columns=columns, rows=rows)
    terminal.end()
    return as_svg(terminal.screen, "rulekit " + " ".join(words))


def quietly(folder: Path, *words: str) -> None:
    """A command before the one that is shown."""
    subprocess.run(
        [sys.executable, "-m", "rulekit", *words],
        cwd=folder,
        env=environment(folder),
        capture_output=True,
        check=False,
    )


# -- a workflow to show ----------------------------------------------------------------------------

RULES = """\
SAMPLES = [f"s{number:02}" for number in range(1, 25)]


rule all:
    input:
        "report.html",


rule align:
    input:
        "reads/{sample}.fq",
    output:
        "bam/{sample}.bam",
    log:
        "logs/align/{sample}.log",
    threads: 2
    resources:
        mem_mb=3000,
    shell:
        "for part in 1 2 3 4 5 6; do"
        "  echo \\"[align] {wildcards.sample}: read batch $part of 6\\" >> {log}; sleep 0.2;"
        " done; cp {input} {output}"


rule count:
    input:
        "bam/{sample}.bam",
    output:
        "counts/{sample}.tsv",
    log:
        "logs/count/{sample}.log",
    shell:
        "sleep 0.3; wc -c {input} > {output} 2> {log}"


rule report:
    input:
        expand("counts/{sample}.tsv", sample=SAMPLES),
    output:
        "report.html",
    params:
        title="Counts",
    shell:
        "(echo '<h1>{params.title}</h1>'; cat {input}) > {output}"
"""


def project(folder: Path) -> Path:
    """The workflow with its files, in a folder that is called as such folders are."""
    path = folder / "project"
    (path / "reads").mkdir(parents=True)
    for number in range(1, 25):
        (path / "reads" / f"s{number:02}.fq").write_text("@read\nACGT\n" * number)
    (path / "Rulefile").write_text(RULES)
    return path


def edited(path: Path, *changes: tuple[str, str]) -> None:
    text = path.read_text()
    for old, new in changes:
        assert old in text, old
        text = text.replace(old, new)
    path.write_text(text)


@shot("live.svg")
def live_view(folder: Path) -> str:
    path = project(folder)
    quietly(path, "-c", "8", "--quiet", "counts/s01.tsv")
    terminal = Terminal(path, "-c", "8", columns=88, rows=24)
    terminal.until(r"(?m)^count.* [1-9]\d*/2\d")
    terminal.key(b"l")
    terminal.until(r"read batch [23] of 6")
    picture = as_svg(terminal.screen, "rulekit -c 8")
    terminal.key(b"\x03\x03\x03")
    terminal.end()
    return picture


@shot("digest.svg")
def digest(folder: Path) -> str:
    path = project(folder)
    edited(
        path / "Rulefile",
        (
            "wc -c {input} > {output} 2> {log}",
            "test {wildcards.sample} != s07 || {{ echo 'ERROR: no read is mapped' > {log}; exit 4; }};"
            ' wc -c {input} > {output}"\n        "',
        ),
        ("sleep 0.2", "sleep 0.02"),
        ("sleep 0.3", "sleep 0.03"),
    )
    return finished(path, "-c", "8", "-k", rows=36)


@shot("why.svg")
def why(folder: Path) -> str:
    path = project(folder)
    edited(path / "Rulefile", ("sleep 0.2", "sleep 0"), ("sleep 0.3", "sleep 0"))
    quietly(path, "-c", "8", "--quiet")
    edited(
        path / "Rulefile",
        ('title="Counts"', 'title="Counts by sample"'),
        ("wc -c {input}", "wc -lc {input}"),
    )
    edited(path / "reads" / "s03.fq", ("ACGT", "ACGTT"))
    return finished(path, "why", "counts/s03.tsv", "report.html", rows=40)


@shot("mistake.svg")
def mistake(folder: Path) -> str:
    path = project(folder)
    edited(path / "Rulefile", ("    threads: 2", "    thraeds: 2"), ("rule count:", "rule count"))
    return finished(path, "-n", rows=30)


@shot("status.svg")
def status(folder: Path) -> str:
    path = project(folder)
    edited(path / "Rulefile", ("sleep 0.2", "sleep 0"), ("sleep 0.3", "sleep 0"))
    quietly(path, "-c", "8", "--quiet", "--until", "align")
    return finished(path, "status", rows=20)


def main(words: list[str]) -> None:
    import pageshots

    SHOTS.update(pageshots.SHOTS)
    if "--list" in words:
        sys.stdout.write("".join(f"{name}\n" for name in SHOTS))
        return
    unknown = [word for word in words if word not in SHOTS]
    if unknown:
        sys.exit(f"there is no shot {', '.join(unknown)}; --list names them")
    TARGET.mkdir(exist_ok=True)
    for name in words or list(SHOTS):
        with tempfile.TemporaryDirectory() as folder:
            made = SHOTS[name](Path(folder))
        (TARGET / name).write_bytes(made if isinstance(made, bytes) else made.encode())
        sys.stdout.write(f"{name}\n")


if __name__ == "__main__":
    main(sys.argv[1:])
