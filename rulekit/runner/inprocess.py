"""A `run:` body in a fork of the runner process, which has the rule file's functions already.

Only a runner process that was itself forked from the engine has them, and only if no other thread
was there then. Everywhere else the body is a program of its own that reads the rule file again.
"""

from __future__ import annotations

import os
import sys

from rulekit.runner.signals import signal

TYPE_CHECKING = False
if TYPE_CHECKING:
    from rulekit.model.spec import JobSpec
    from rulekit.runner.command import Environments


def fork_body(spec: JobSpec, environments: Environments, turn: int) -> int:
    """Start the body; the process number. Raises OSError if the system has no room for it."""
    pid = os.fork()
    if pid:
        try:
            os.setpgid(pid, pid)  # here too, so that it has happened when this returns
        except OSError:
            pass
        return pid
    status = 70
    try:
        os.setpgid(0, 0)
        _be_a_program(spec, environments)
        assert environments.bodies is not None
        status = environments.bodies(spec, turn)
        sys.stdout.flush()
        sys.stderr.flush()
    except BaseException:
        import traceback

        os.write(2, traceback.format_exc().encode("utf-8", "backslashreplace"))
    finally:
        os._exit(status)
    return 0


def _be_a_program(spec: JobSpec, environments: Environments) -> None:
    """Signals, files and environment as a program that was just started has them."""
    signal.set_wakeup_fd(-1)
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGQUIT, signal.SIGCHLD):
        signal.signal(number, signal.SIG_DFL)
    signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        open_files = [int(name) for name in os.listdir("/proc/self/fd")]
    except OSError:
        open_files = []
    for file in open_files:
        # The runner's pipes are not for the body: who holds an end hides that the other is gone.
        if file > 2 and file not in environments.shared_files:
            try:
                os.close(file)
            except OSError:
                pass
    if spec.capture:
        file = os.open(spec.capture, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o666)
        os.dup2(file, 1)
        os.dup2(file, 2)
        os.close(file)
    os.environ.clear()
    os.environ.update(environments.of(spec))
    numpy = sys.modules.get("numpy")
    if numpy is not None:
        numpy.random.seed()  # else every body would draw the same numbers
