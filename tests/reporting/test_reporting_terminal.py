"""`rulekit` on a pseudo-terminal: what is on the screen while it runs and afterwards."""

from __future__ import annotations

import contextlib
import fcntl
import os
import pty
import re
import select
import signal
import struct
import sys
import termios
import time

import pyte
import pytest

RULES = """
rule all:
    input: "b.txt"

rule a:
    output: "{n}.a"
    log: "{n}.log"
    threads: 2
    shell: "echo begun {wildcards.n} > {log}; echo said {wildcards.n}; while [ ! -e go ]; do sleep 0.05; done; touch {output}"

rule b:
    input: "1.a", "2.a"
    output: "b.txt"
    shell: "printf 'colour \\033[31mred\\033[0m'; touch {output}; test ! -e bad"
"""


class Session:
    """A run on a terminal of its own."""

    def __init__(self, path, *words, columns=80, rows=30, environment=None, program=None):
        self.path = path
        self.screen = pyte.Screen(columns, rows)
        self.stream = pyte.ByteStream(self.screen)
        self.all = b""
        settings = {
            **{k: v for k, v in os.environ.items() if k not in ("CI", "NO_COLOR", "TMUX")},
            "TERM": "xterm-256color",
            "XTERM_VERSION": "pyte",
            "PYTHONIOENCODING": "utf-8",
            "XDG_CACHE_HOME": str(path.parent / "cache"),
            "XDG_CONFIG_HOME": str(path.parent / "config"),
            **(environment or {}),
        }
        self.pid, self.terminal = pty.fork()
        if not self.pid:
            with contextlib.suppress(BaseException):
                os.chdir(path)
                size = struct.pack("HHHH", rows, columns, 0, 0)
                fcntl.ioctl(0, termios.TIOCSWINSZ, size)
                program = program or [sys.executable, "-m", "rulekit", *words]
                os.execvpe(program[0], program, settings)
            os._exit(99)
        self.modes = termios.tcgetattr(self.terminal)

    @property
    def shown(self):
        return "\n".join(line.rstrip() for line in self.screen.display).rstrip()

    def read(self, seconds=0.05):
        """What came meanwhile; False at the end."""
        if not select.select([self.terminal], (), (), seconds)[0]:
            return True
        try:
            data = os.read(self.terminal, 1 << 16)
        except OSError:
            return False
        self.all += data
        self.stream.feed(data)
        return bool(data)

    def until(self, pattern):
        end = time.monotonic() + 60
        while not re.search(pattern, self.shown):
            assert self.read() and time.monotonic() < end, self.shown
        return self.shown

    def key(self, text):
        os.write(self.terminal, text)

    def resize(self, columns, rows, picture):
        """The screen follows when the first picture for the new size is there: what is on its way
        until then was made for the old one, and would be wrapped."""
        fcntl.ioctl(self.terminal, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))
        self.until(picture)
        self.screen.resize(rows, columns)

    def end(self):
        while self.read(1):
            pass
        _, status = os.waitpid(self.pid, 0)
        return os.waitstatus_to_exitcode(status)


@pytest.fixture
def session(tmp_path):
    path = tmp_path / "project"
    path.mkdir()
    (path / "Rulefile").write_text(RULES)
    begun = []

    def begin(*words, **settings):
        begun.append(Session(path, *words, **settings))
        return begun[-1]

    yield begin
    (path / "go").write_text("")
    for one in begun:
        with contextlib.suppress(OSError):
            os.kill(one.pid, signal.SIGKILL)
        with contextlib.suppress(OSError):
            os.close(one.terminal)


def test_a_run_to_its_end(session):
    run = session("-c", "4")
    text = run.until(r"4 of 4 cores")
    assert "0 of 4 jobs · 2 running" in text
    assert "a:n=1" in text and "2 cores" in text
    # What jobs print stands above the view. Either may be the first to print.
    run.until("said 2")
    text = run.until("said 1")
    assert text.index("said 1") < text.index("0 of 4 jobs")
    run.key(b"l")
    run.until(r"▸ 1\.log \(a:n=1\)\n  begun 1")
    run.key(b"j")
    run.until(r"▸ 2\.log \(a:n=2\)\n  begun 2")
    run.resize(40, 30, r"\n0 of 4 jobs .*…\n")
    run.key(b"l")
    (run.path / "go").write_text("")
    assert run.end() == 0
    text = run.shown
    assert "4 jobs done in" in text and "said 1" in text
    assert b"colour \x1b[31mred\x1b[0m" in run.all
    # Nothing of the view is left, and the cursor is seen.
    assert "running" not in text and "░" not in text and "█" not in text
    assert pyte.modes.DECTCEM in run.screen.mode


def test_the_second_time_the_time_left_is_known_at_once(session):
    run = session("-c", "4")
    run.until("0 of 4 jobs")
    (run.path / "go").write_text("")
    assert run.end() == 0
    (run.path / "go").unlink()
    run = session("-c", "4", "-F")
    run.until(r"0 of 4 jobs .*about .* left")
    run.until("earlier")
    (run.path / "go").write_text("")
    assert run.end() == 0


def test_a_failure_stays_on_the_screen_with_what_to_do(session):
    run = session("-c", "4", rows=60)
    (run.path / "bad").write_text("")
    (run.path / "go").write_text("")
    assert run.end() == 1
    text = run.shown
    assert "Error in rule b:" in text
    assert "1 failed job of rule b: exit code 1" in text
    assert "run it again: rulekit -c 4 -- b.txt" in text
    assert "1 job was not run because of that: all." in text


def test_ctrl_c_ends_the_run_and_gives_the_terminal_back(session):
    run = session("-c", "4", rows=100)
    run.until("said 2")
    run.until(r"l: log of a running job")
    assert not termios.tcgetattr(run.terminal)[3] & termios.ICANON
    run.key(b"\x03")
    run.until("finishing 2 running jobs")
    run.key(b"\x03")
    run.until("stopping 2 running jobs")
    assert run.end() == 130
    assert "Interrupted" in run.shown
    assert pyte.modes.DECTCEM in run.screen.mode


def test_ctrl_z_leaves_the_terminal_to_the_shell_and_fg_goes_on(session):
    run = session(program=["bash", "--norc", "-i"], rows=40, environment={"PS1": "$ "})
    run.key(f"{sys.executable} -m rulekit -c 4\n".encode())
    run.until("said 2")
    run.until("l: log of a running job")
    run.key(b"\x1a")
    run.until("Stopped")
    assert pyte.modes.DECTCEM in run.screen.mode
    run.key(b"stty -a | grep -o '.icanon'; fg\n")
    run.until(r"\n icanon")
    (run.path / "go").write_text("")
    run.until("4 jobs done")
    run.key(b"stty -a | grep -o '.echo '; exit\n")
    run.until(r"\n echo")
    assert run.end() == 0


def test_the_keyboard_is_given_back(session):
    run = session("-c", "4")
    run.until(r"l: log of a running job")
    (run.path / "go").write_text("")
    run.until("jobs done")
    assert termios.tcgetattr(run.terminal)[3] == run.modes[3]
    assert run.end() == 0


@pytest.mark.parametrize(
    ("words", "environment"),
    [
        (["--progress", "plain"], {}),
        (["--plain"], {}),
        (["--progress", "none"], {}),
        (["--quiet"], {}),
        ([], {"CI": "true"}),
        ([], {"NO_COLOR": "1"}),
        ([], {"TERM": "dumb"}),
    ],
)
def test_plain_lines(session, words, environment):
    run = session("-c", "4", *words, environment=environment)
    (run.path / "go").write_text("")
    assert run.end() == 0
    assert b"\x1b[?25l" not in run.all and b"jobs/min" not in run.all
    if "none" in words or "--quiet" in words:
        assert b"rule a:" not in run.all and b"steps" not in run.all
    else:
        assert b"rule a:" in run.all and b"4 of 4 steps (100%) done" in run.all


def test_the_view_can_be_asked_for_without_colours(session):
    run = session("-c", "4", "--progress", "live", environment={"NO_COLOR": "1", "CI": "1"})
    run.until("0 of 4 jobs")
    (run.path / "go").write_text("")
    assert run.end() == 0
    assert b"\x1b[1m" not in run.all
