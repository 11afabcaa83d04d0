"""What the live view costs: CPU of a process that is told of 1,000 jobs a minute on a real pty.

    python benchmarks/live_view.py [--seconds 20] [--per-minute 1000]

The same events without a view are measured first and taken off. Target: under 2 % of a core.
"""

from __future__ import annotations

import argparse
import fcntl
import os
import pty
import struct
import sys
import termios
import time
from collections.abc import Callable

from rulekit.events import JobFinished, JobInfo, JobStarted, Progress, RunFinished, RunStarted

RULES = 40
RUNNING = 16


def info(number: int) -> JobInfo:
    return JobInfo(
        id=number,
        key=f"rule_{number % RULES}:sample=s{number}",
        rule=f"rule_{number % RULES}",
        kind="rule",
        local=False,
        inputs=(f"in/{number}.txt",),
        outputs=(f"out/{number}.txt",),
        logs=(f"logs/{number}.log",),
        benchmark=None,
        wildcards={"sample": f"s{number}"},
        reason="Missing output files",
        priority=0,
        threads=1,
        resources={"mem_mb": 1000, "tmpdir": "/tmp"},
        message=None,
        command="true",
    )


def feed(listen: Callable[[object], None], seconds: float, per_minute: float) -> int:
    """Jobs start and end at this pace; `RUNNING` are under way at any time."""
    total = int(seconds * per_minute / 60) + RUNNING
    counts = {f"rule_{rule}": total // RULES + 1 for rule in range(RULES)}
    listen(RunStarted("run", "/tmp", "/tmp/Rulefile", RUNNING, counts, None))
    begun = time.monotonic()
    for number in range(total):
        listen(JobStarted(info(number), 1))
        if number >= RUNNING:
            old = number - RUNNING
            job = info(old)
            listen(JobFinished(old, job.key, job.rule, 1, 1.0, {}))
            listen(Progress(old + 1, total, RUNNING, 0))
            time.sleep(max(0.0, begun + (old + 1) * 60 / per_minute - time.monotonic()))
    listen(RunFinished(True, total, (), 0, seconds, False))
    return total


def measured(view: bool, seconds: float, per_minute: float) -> float:
    """CPU seconds of a process on a pty of 120 x 40 that hears of the jobs."""
    read, write = os.pipe()
    child, terminal = pty.fork()
    if not child:
        fcntl.ioctl(2, termios.TIOCSWINSZ, struct.pack("HHHH", 40, 120, 0, 0))
        os.environ["TERM"] = "xterm-256color"
        listen: Callable[[object], None] = lambda _event: None  # noqa: E731
        if view:
            from rulekit.reporting.live import LiveView

            listen = LiveView()
        before = time.process_time()
        feed(listen, seconds, per_minute)
        os.write(write, struct.pack("d", time.process_time() - before))
        os._exit(0)
    os.close(write)
    try:
        while os.read(terminal, 1 << 16):
            pass
    except OSError:
        pass  # the child has gone
    os.waitpid(child, 0)
    return float(struct.unpack("d", os.read(read, 8))[0])


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--seconds", type=float, default=20.0)
    parser.add_argument("--per-minute", type=float, default=1000.0)
    options = parser.parse_args()
    without = measured(False, options.seconds, options.per_minute)
    with_view = measured(True, options.seconds, options.per_minute)
    share = 100 * (with_view - without) / options.seconds
    sys.stdout.write(
        f"{options.per_minute:.0f} jobs a minute for {options.seconds:.0f} s: "
        f"{without:.3f} s CPU without, {with_view:.3f} s with the view: {share:.2f} % of a core\n"
    )


if __name__ == "__main__":
    main()
