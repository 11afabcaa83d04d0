"""The region at the bottom of the screen, drawn into a terminal emulator."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import time

import pyte
import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len

from rulekit.reporting.region import Region, wraps_anew


class Screen:
    """A terminal that keeps what scrolls off its top, and does not wrap old lines anew."""

    def __init__(self, columns=40, rows=12):
        self.screen = pyte.HistoryScreen(columns, rows, history=10_000, ratio=0.5)
        self.stream = pyte.Stream(self.screen)
        self.written: list[str] = []

    def write(self, text):
        self.written.append(text)
        self.stream.feed(text)

    def size(self):
        return self.screen.columns, self.screen.lines

    @property
    def shown(self):
        return [line.rstrip() for line in self.screen.display]

    @property
    def everything(self):
        """All lines since the start, without empty ones at the end."""
        top = [
            "".join(line[column].data for column in range(self.screen.columns)).rstrip()
            for line in self.screen.history.top
        ]
        lines = top + self.shown
        while lines and not lines[-1]:
            lines.pop()
        return lines


def draw(region, lines, above=""):
    region.draw(lines, [cell_len(line) for line in lines], region._size()[0], above)


def test_text_goes_up_and_the_region_stays():
    screen = Screen()
    region = Region(screen.write, screen.size, wraps=False)
    draw(region, ["one", "two"])
    draw(region, ["one", "TWO"], "said\n")
    draw(region, ["three"], "more\n")
    assert screen.everything == ["said", "more", "three"]
    region.leave()
    assert screen.everything == ["said", "more"]
    assert screen.screen.cursor.y == 2 and screen.screen.cursor.x == 0


def test_only_what_changed_is_written_and_nothing_is_cleared_before():
    screen = Screen()
    region = Region(screen.write, screen.size, wraps=False)
    draw(region, ["aaaa", "bbbb", "cccc"])
    screen.written.clear()
    draw(region, ["aaaa", "bbbb", "cccc"])
    assert not screen.written
    draw(region, ["aaaa", "BBBB", "cccc"])
    text = "".join(screen.written)
    assert "BBBB" in text and "aaaa" not in text and "cccc" not in text
    assert "\x1b[2J" not in text and "\x1b[J" not in text
    assert screen.everything == ["aaaa", "BBBB", "cccc"]


words = st.text(alphabet="abcdefg 漢é", min_size=1, max_size=18).map(lambda t: "x" + t.strip())
steps = st.lists(
    st.tuples(
        st.lists(words, min_size=1, max_size=6),
        st.lists(words, max_size=4),
        st.sampled_from([None, None, None, 60, 45, 41]),
    ),
    min_size=1,
    max_size=25,
)


@given(steps)
def test_the_screen_holds_what_was_said_in_order_and_the_last_picture(course):
    screen = Screen(60, 12)
    region = Region(screen.write, screen.size, wraps=False)
    said: list[str] = []
    for lines, above, width in course:
        if width is not None:
            screen.screen.resize(12, width)
            assert region.outdated == (bool(region._lines) and region._columns != width)
        draw(region, lines, "".join(text + "\n" for text in above))
        said += above
        shown = [line.replace("\x00", "") for line in screen.everything]
        assert [spaceless(line) for line in shown] == [spaceless(line) for line in said + lines]
    region.leave()
    assert [spaceless(line) for line in screen.everything] == [spaceless(line) for line in said]
    assert pyte.modes.DECTCEM in screen.screen.mode  # the cursor is seen again


def spaceless(text):
    """The second cell of a wide sign is an empty one."""
    return "".join(text.split())


def test_which_terminals_wrap_lines_anew():
    assert wraps_anew({"TERM": "xterm-256color"})
    assert wraps_anew({"TERM": "screen-256color", "TMUX": "/tmp/x"})
    assert not wraps_anew({"TERM": "xterm", "XTERM_VERSION": "XTerm(379)"})
    assert not wraps_anew({"TERM": "linux"})


@pytest.mark.skipif(
    shutil.which("tmux") is None and not os.environ.get("CI"), reason="tmux is not installed"
)
def test_a_narrower_terminal_that_wraps_lines_anew_is_not_littered(tmp_path):
    """tmux wraps what is on its screen anew, as most terminals do."""
    script = tmp_path / "draw.py"
    script.write_text(
        "import os, sys, time\n"
        "from rulekit.reporting.region import Region\n"
        "region = Region(lambda t: (sys.stdout.write(t), sys.stdout.flush()),\n"
        "                lambda: tuple(os.get_terminal_size(1)), wraps=True)\n"
        "sys.stdout.write('before\\r\\n' * 30)\n"
        "while not os.path.exists(sys.argv[1]):\n"
        "    columns = os.get_terminal_size(1)[0]\n"
        "    lines = [(f'line {i} at {columns} ' + 'x' * 200)[:columns - 1] for i in range(6)]\n"
        "    region.draw(lines, [len(line) for line in lines], columns)\n"
        "    time.sleep(0.02)\n"
        "region.leave()\n"
        "sys.stdout.write('after\\r\\n'); sys.stdout.flush(); time.sleep(300)\n"
    )
    socket = str(tmp_path / "tmux")

    def tmux(*command):
        return subprocess.run(
            ["tmux", "-S", socket, *command], capture_output=True, text=True, check=True
        ).stdout

    def shown():
        text = tmux("capture-pane", "-p", "-S", "-", "-t", "view")
        return [line for line in text.split("\n") if line.strip()]

    def wait(done):
        end = time.monotonic() + 120
        while not done():
            assert time.monotonic() < end, shown()
            time.sleep(0.05)

    stop = tmp_path / "stop"
    start = [sys.executable, str(script), str(stop)]
    tmux("-f", "/dev/null", "new-session", "-d", "-s", "view", "-x", "100", "-y", "20", *start)
    try:
        for columns in (100, 40, 47, 90):
            tmux("resize-window", "-t", "view", "-x", str(columns), "-y", "20")
            wait(lambda at=columns: any(f"line 5 at {at} " in line for line in shown()))
            lines = shown()
            assert lines[:30] == ["before"] * 30 and len(lines) == 36, (columns, lines[30:])
        stop.write_text("")
        wait(lambda: "after" in shown())
        assert shown() == ["before"] * 30 + ["after"]
    finally:
        tmux("kill-server")
