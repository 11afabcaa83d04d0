"""The runner process: starts jobs, waits for them, writes the journal. It outlives the engine.

One thread, no polling. Messages from the engine: ``("submit", spec)``, ``("together", specs,
amounts, budget)``, ``("order", specs, order, secrets, copies)``, ``("cancel", token, hard)``; messages to
it: ``("started", token, pid)`` and ``("result", answer)``.

Jobs that only need a start are handled here. Those that need waiting, copying or measuring get a
fork of this process, a *warden*, that drives the one attempt (`rulekit.runner.drive`), and so do
those that run together (`rulekit.runner.together`) and those with stored files (`rulekit.node`).

When the engine is gone (end of file), no new job starts, the running ones come to their end,
their results go to the journal, and the process ends.
"""

from __future__ import annotations

import gc
import heapq
import os
import select
import sys
import time

from rulekit.executors.framing import Reader, pack
from rulekit.runner import attempt as steps
from rulekit.runner import wire
from rulekit.runner.attempt import Attempt
from rulekit.runner.command import Environments
from rulekit.runner.files import Refused, refusal
from rulekit.runner.jsontext import dumps
from rulekit.runner.signals import GRACE_S, signal, signal_group

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from rulekit.model.spec import JobResult, JobSpec
    from rulekit.runner.activation import Difference

    # What each of several attempts uses of limited resources, and how much of them there is.
    Limits = tuple[list[dict[str, int]], dict[str, int]]
    # What a warden does; it tells its news through the file it is given.
    Work = Callable[[Environments, int], None]
    Driven = tuple[list[JobSpec], Work]


class Job:
    """A job that runs: its own process, or the warden that drives it (and others with it)."""

    __slots__ = (
        "attempt",
        "gone",
        "kill_at",
        "left",
        "pid",
        "problem",
        "quiet",
        "spec",
        "status",
        "warden",
    )

    def __init__(self, spec: JobSpec, pid: int, attempt: Attempt | None, warden: int | None):
        self.spec = spec
        self.pid = pid
        self.attempt = attempt
        self.warden = warden  # read end of its pipe
        self.problem: str | None = None
        self.kill_at = 0.0
        self.left = {spec.token: spec}  # those a warden drives that have no result yet
        self.gone = False  # its process has ended, and is waited for
        self.quiet = False  # its warden has closed its end of the pipe
        self.status = 0


class Host:
    """The state of the runner process."""

    def __init__(self, control: int, answers: int, journal: int | None, announce: bool) -> None:
        self.reader = Reader(control)
        self.control = control
        self.answers = answers
        self.journal = journal
        self.announce = announce
        self.environments = Environments()
        self.jobs: dict[int, Job] = {}
        self.by_token: dict[str, Job] = {}
        self.wardens: dict[int, tuple[Job, Reader]] = {}
        self.timers: list[tuple[float, int, str, str]] = []
        self.timer_count = 0
        self.outbox: list[Any] = []
        self.unsent = b""
        self.lines: list[str] = []
        self.workdir = os.getcwd()
        self.poll = select.poll()
        self.wake, self.wake_in = os.pipe()
        for file in (self.wake, self.wake_in, self.answers, self.control):
            os.set_blocking(file, False)

    # --- the loop -------------------------------------------------------------------------

    def run(self) -> None:
        """Until the engine is gone and no job runs."""
        signal.set_wakeup_fd(self.wake_in, warn_on_full_buffer=False)
        self.poll.register(self.wake, select.POLLIN)
        self.poll.register(self.control, select.POLLIN)
        engine_there = True
        wait = self.poll.poll
        while engine_there or self.jobs:
            timeout = None
            if self.timers:
                timeout = max(0, int((self.timers[0][0] - time.monotonic()) * 1000) + 1)
            for file, _ in wait(timeout):
                if file == self.wake:
                    try:
                        os.read(self.wake, 4096)
                    except BlockingIOError:
                        pass
                    self.reap()
                elif file == self.control:
                    messages = self.reader.read()
                    if messages:
                        self.handle(messages)
                    if self.reader.ended and engine_there:
                        engine_there = False
                        self.poll.unregister(self.control)
                elif file == self.answers:
                    self.send()
                elif file in self.wardens:  # it may just have ended
                    self.hear(file)
            if self.timers:
                self.fire()
            if self.lines:
                self.write_lines()
            if self.outbox:
                self.send()

    def handle(self, messages: list[Any]) -> None:
        """Do what the engine asks. Journal lines are on file before any process starts."""
        prepared: list[Attempt] = []
        driven: list[Driven] = []
        cancelled: list[tuple[str, bool]] = []
        for message in messages:
            if message[0] == "cancel":
                cancelled.append((message[1], message[2]))
                continue
            if message[0] == "together":
                specs = [wire.spec_from_tuple(values) for values in message[1]]
                driven.append((specs, _together(specs, (message[2], message[3]))))
                continue
            if message[0] == "order":
                specs = [wire.spec_from_tuple(values) for values in message[1]]
                driven.append((specs, _staged(specs, *message[2:])))
                continue
            spec = wire.spec_from_tuple(message[1])
            try:
                if spec.workdir != self.workdir:
                    os.chdir(spec.workdir)
                    self.workdir = spec.workdir
                if _needs_warden(spec) or not self.environments.is_ready(spec):
                    driven.append(([spec], _alone(spec)))
                else:
                    prepared.append(steps.prepare(spec))
            except Refused as refused:
                if refused.problem == "missing-input" and spec.latency_wait_s > 0:
                    driven.append(([spec], _alone(spec)))
                else:
                    self.answer(steps.refused(spec, refused))
                continue
            except OSError as error:
                problem = refusal(error, f"cannot enter the directory `{spec.workdir}`")
                self.answer(steps.refused(spec, problem))
                continue
        if prepared or driven:
            self.start_all(prepared, driven)
        for token, hard in cancelled:
            job = self.by_token.get(token)
            if job is not None:
                self.stop(job, "cancelled", hard)

    def start_all(self, prepared: list[Attempt], driven: list[Driven]) -> None:
        """Start attempts, once the journal says so."""
        now = time.time()
        ordered = [attempt.spec for attempt in prepared]
        ordered += [spec for specs, _ in driven for spec in specs]
        for spec in ordered:
            self.lines.append(f'{{"s": ["{spec.token}", {now:.3f}]}}')
        problem_text = self.write_lines()
        if problem_text is not None:
            unwritten = Refused("disk", f"the journal cannot be written: {problem_text}")
            for attempt in prepared:
                steps.clean_up(attempt)
            for spec in ordered:
                self.answer(steps.refused(spec, unwritten))
            return
        for attempt in prepared:
            self.begin(attempt)
        for one in driven:
            self.appoint(*one)

    def begin(self, attempt: Attempt) -> None:
        """Start a prepared attempt."""
        spec = attempt.spec
        if spec.workdir != self.workdir:
            os.chdir(spec.workdir)
            self.workdir = spec.workdir
        try:
            there_is_a_process = steps.start(attempt, self.environments)
        except Refused as refused:
            self.answer(steps.failed(attempt, 1, refused.problem, refused.detail))
            return
        if not there_is_a_process:
            self.answer(steps.finish(attempt, 0))
            return
        job = Job(spec, attempt.pid, attempt, None)
        self.jobs[attempt.pid] = job
        self.by_token[spec.token] = job
        if spec.timeout_s is not None:
            self.at(time.monotonic() + spec.timeout_s, "timeout", spec.token)
        if self.announce:
            self.outbox.append(("started", spec.token, attempt.pid))

    def appoint(self, specs: list[JobSpec], work: Work) -> None:
        """Fork a warden that drives attempts and sends their results through a pipe."""
        ours, theirs = os.pipe()
        pid = os.fork()
        if pid == 0:
            status = 70
            try:
                signal.set_wakeup_fd(-1)
                # Who holds one end of a pipe hides from the other end that this host is gone.
                for file in (ours, self.control, self.answers, *self.wardens):
                    os.close(file)
                work(self.environments, theirs)
                status = 0
            except BrokenPipeError:
                pass  # nobody watches any more; the next start sees to what is left
            except BaseException:
                _report_bug()
            finally:
                os._exit(status)
        os.close(theirs)
        os.set_blocking(ours, False)
        job = Job(specs[0], pid, None, ours)
        self.jobs[pid] = job
        for spec in specs:
            job.left[spec.token] = spec
            self.by_token[spec.token] = job
        self.wardens[ours] = (job, Reader(ours))
        self.poll.register(ours, select.POLLIN)

    # --- ends of processes ----------------------------------------------------------------

    def reap(self) -> None:
        """Wait for every process that has ended."""
        while self.jobs:
            try:
                pid, status, rusage = os.wait4(-1, os.WNOHANG)
            except ChildProcessError:
                return
            if pid == 0:
                return
            job = self.jobs.get(pid)
            if job is None:
                continue
            if job.attempt is None:
                self.warden_ended(job)
                continue
            steps.add_usage(job.attempt, rusage)
            self.ended(job, status)

    def ended(self, job: Job, status: int) -> None:
        """The job's own process has ended."""
        attempt = job.attempt
        assert attempt is not None
        spec = job.spec
        if spec.workdir != self.workdir:
            os.chdir(spec.workdir)
            self.workdir = spec.workdir
        if job.problem is not None:
            job.gone = True
            job.status = status
            self.drain(job)
            return
        values = steps.finish_values(attempt, status, spec.latency_wait_s > 0)
        if values is None:
            job.gone = True
            job.kill_at = time.monotonic() + spec.latency_wait_s
            self.at(time.monotonic() + 0.05, "latency", spec.token)
            return
        del self.jobs[job.pid]
        del self.by_token[spec.token]
        self.tell(values)

    def done(self, job: Job, result: JobResult) -> None:
        """A job has come to its end."""
        del self.jobs[job.pid]
        del self.by_token[job.spec.token]
        self.answer(result)

    def answer(self, result: JobResult) -> None:
        """Put a result on the way."""
        self.tell(wire.result_to_tuple(result))

    def tell(self, values: Any) -> None:
        """Put a result on the way: to the journal first, then to the engine."""
        if self.journal is not None:
            self.lines.append(f'{{"r": {dumps(values)}}}')
        self.outbox.append(("result", values))

    def hear(self, file: int) -> None:
        """A warden says something."""
        job, reader = self.wardens[file]
        messages = reader.read()
        if reader.ended and not job.quiet:
            job.quiet = True
            self.poll.unregister(file)
        for message in messages:
            if message[0] == "started":
                if self.announce:
                    self.outbox.append(("started", message[1], message[2]))
            elif message[0] == "activated":
                from rulekit.runner.activation import Difference

                self.environments.activated[message[1]] = Difference(*message[2])
            else:
                self.tell(message[1])
                spec = job.left.pop(message[1][1], None)
                if spec is not None:
                    del self.by_token[spec.token]
                job.gone = not job.left

    def warden_ended(self, job: Job) -> None:
        """The last words of a warden; one that left none was killed, and its job with it."""
        assert job.warden is not None
        while not job.quiet:
            self.hear(job.warden)
        os.close(job.warden)
        del self.wardens[job.warden]
        del self.jobs[job.pid]
        if job.gone:
            return
        from rulekit.runner import leftovers, orphans

        orphans.stop(tuple(job.left), 0.0)
        os.chdir(job.spec.workdir)
        self.workdir = job.spec.workdir
        detail = "the process that watched over the job was killed"
        for token, spec in job.left.items():
            del self.by_token[token]
            result = steps.failed(Attempt(spec), 1, "lost", detail)
            leftovers.sweep(spec.state_dir, (token,))
            self.answer(result)

    # --- stopping -------------------------------------------------------------------------

    def stop(self, job: Job, problem: str, hard: bool) -> None:
        """Ask a job to end (or end it); its result comes when nothing of it is left."""
        if job.attempt is None:
            from rulekit.runner import orphans

            orphans.send([job.pid], signal.SIGUSR2 if hard else signal.SIGTERM)
            return
        if job.problem is None:
            job.problem = problem
            if job.gone:  # its process has ended; only a missing output was waited for
                self.drain(job)
                return
            job.kill_at = time.monotonic() + (0.0 if hard else GRACE_S)
            signal_group(job.pid, signal.SIGKILL if hard else signal.SIGTERM)
            self.at(job.kill_at, "kill", job.spec.token)
        elif hard:
            job.kill_at = time.monotonic()
            if not job.gone:
                signal_group(job.pid, signal.SIGKILL)

    def drain(self, job: Job) -> None:
        """The job's process has ended as asked: what else it started has to end too."""
        from rulekit.runner import orphans

        assert job.attempt is not None
        alive = orphans.of((job.spec.token,))
        now = time.monotonic()
        if alive:
            orphans.send(alive, signal.SIGKILL if now >= job.kill_at else signal.SIGTERM)
            self.at(now + 0.05, "drain", job.spec.token)
            return
        detail = ""
        if job.problem == "timeout":
            detail = f"the job ran longer than {job.spec.timeout_s:g} s"
        exit_code = os.waitstatus_to_exitcode(job.status)
        self.done(job, steps.failed(job.attempt, exit_code, job.problem, detail))

    def at(self, moment: float, what: str, token: str) -> None:
        """Remember to do something at a moment of the monotonic clock."""
        self.timer_count += 1
        heapq.heappush(self.timers, (moment, self.timer_count, what, token))

    def fire(self) -> None:
        """Do what is due."""
        now = time.monotonic()
        while self.timers and self.timers[0][0] <= now:
            _, _, what, token = heapq.heappop(self.timers)
            job = self.by_token.get(token)
            if job is None or job.attempt is None:
                continue
            if what == "timeout":
                if not job.gone:
                    self.stop(job, "timeout", hard=False)
            elif what == "kill":
                if not job.gone:
                    signal_group(job.pid, signal.SIGKILL)
            elif what == "drain":
                self.drain(job)
            elif what == "latency" and job.problem is None:
                if now < job.kill_at and steps.missing_outputs(job.spec):
                    self.at(now + 0.2, "latency", token)
                else:
                    self.done(job, steps.finish(job.attempt, 0))

    # --- writing --------------------------------------------------------------------------

    def write_lines(self) -> str | None:
        """Append the waiting lines to the journal with one write; what went wrong, or None."""
        lines, self.lines = self.lines, []
        if self.journal is None or not lines:
            return None
        # Begins with a line end: the line before may have been cut short by a full disk.
        data = ("\n" + "\n".join(lines) + "\n").encode()
        try:
            written = os.write(self.journal, data)
        except OSError as error:
            return (error.strerror or str(error)).lower()
        return None if written == len(data) else "no space left on device"

    def send(self) -> None:
        """Send what waits to the engine, as far as its pipe takes it."""
        if self.outbox:
            # The journal has a result before the engine hears of it.
            if self.lines:
                self.write_lines()
            self.unsent += pack(self.outbox)
            self.outbox = []
        try:
            written = os.write(self.answers, self.unsent)
        except BlockingIOError:
            written = 0
        except OSError:  # nobody listens any more
            written = len(self.unsent)
        was_waiting = len(self.unsent) > written
        self.unsent = self.unsent[written:]
        if was_waiting:
            self.poll.register(self.answers, select.POLLOUT)
        else:
            try:
                self.poll.unregister(self.answers)
            except KeyError:
                pass


def _needs_warden(spec: JobSpec) -> bool:
    if spec.benchmark or spec.shadow:
        return True
    for output in spec.outputs:
        flags = output.flags
        if flags and ("directory" in flags or "update" in flags):
            return True
    return False


def _learned(answers: int) -> Callable[[str, Difference], None]:
    """Tells the host what a warden has found out of software: later jobs need no warden."""

    def learned(key: str, found: Difference) -> None:
        values = (dict(found.added), found.removed, found.folders)
        _write_all(answers, pack([("activated", key, values)]))

    return learned


def _alone(spec: JobSpec) -> Work:
    """What a warden of one attempt does."""

    def work(environments: Environments, answers: int) -> None:
        from rulekit.runner import drive

        def started(pid: int) -> None:
            _write_all(answers, pack([("started", spec.token, pid)]))

        if spec.software is not None:
            environments.learned = _learned(answers)
        result = drive.run(spec, environments, started, answers)
        _write_all(answers, pack([("result", wire.result_to_tuple(result))]))

    return work


def _together(specs: list[JobSpec], limits: Limits) -> Work:
    """What a warden of several attempts does."""

    def work(environments: Environments, answers: int) -> None:
        from rulekit.runner.together import Together

        def tell(result: JobResult) -> None:
            _write_all(answers, pack([("result", wire.result_to_tuple(result))]))

        def started(token: str, pid: int) -> None:
            _write_all(answers, pack([("started", token, pid)]))

        environments.learned = _learned(answers)
        Together(specs, *limits, environments, tell, started, answers).work()

    return work


def _staged(
    specs: list[JobSpec], order: dict[str, Any], secrets: dict[str, Any], copies: str | None
) -> Work:
    """What a warden of attempts with stored files does: fetch, run, store."""
    # Here and not in the warden: a fork of this process has it then, and the next ones, too.
    from rulekit.node.work import make_ready, run_order

    make_ready(order)

    def work(environments: Environments, answers: int) -> None:
        spec = specs[0]
        os.chdir(spec.workdir)
        root = os.path.join(os.path.abspath(spec.state_dir), "stage", spec.token)

        def started(token: str, pid: int) -> None:
            _write_all(answers, pack([("started", token, pid)]))

        results = run_order(
            order,
            secrets,
            root,
            local_root=spec.workdir,
            environments=environments,
            started=started,
            listener=answers,
            copies=copies,
        )
        _write_all(answers, pack([("result", wire.result_to_tuple(one)) for one in results]))

    return work


def _write_all(file: int, data: bytes) -> None:
    view = memoryview(data)
    while view:
        view = view[os.write(file, view) :]


def _report_bug() -> None:
    import traceback

    text = "internal error in the runner process (a bug of rulekit):\n" + traceback.format_exc()
    os.write(2, text.encode("utf-8", "backslashreplace"))


def _ignore(_number: int, _frame: Any) -> None:
    """A handler, not SIG_IGN: programs that are started get the default back."""


def start_time() -> int:
    """When this process started, in clock ticks since boot; 0 where the system does not tell."""
    try:
        with open("/proc/self/stat", "rb", buffering=0) as file:
            text = file.readall() or b""
        return int(text[text.rfind(b")") + 1 :].split()[19])
    except (OSError, ValueError, IndexError):
        return 0


def serve(
    control: int,
    answers: int,
    journal_path: str | None,
    announce: bool,
    bodies: Callable[[JobSpec, int], int] | None = None,
) -> None:
    """Be the runner process. Returns when it is over; the caller ends the process then.

    `bodies` carries out `run:` bodies, in forks of this process.
    """
    gc.disable()
    shared = frozenset(_open_files()) - {control, answers}
    os.setsid()
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGQUIT):
        if signal.getsignal(number) is not signal.SIG_IGN:
            signal.signal(number, _ignore)
    signal.signal(signal.SIGCHLD, _ignore)
    signal.pthread_sigmask(signal.SIG_SETMASK, ())
    if os.isatty(0):
        # A job is not in the foreground: reading from the terminal would stop it for ever.
        null = os.open(os.devnull, os.O_RDONLY)
        os.dup2(null, 0)
        os.close(null)
    _keep_to_ourselves()
    journal = None
    if journal_path is not None:
        flags = os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC
        journal = os.open(journal_path, flags, 0o600)
    host = Host(control, answers, journal, announce)
    host.environments.bodies = bodies
    host.environments.shared_files = shared
    host.lines.append(dumps({"h": [os.getpid(), start_time()]}))
    host.write_lines()
    host.run()


def _keep_to_ourselves() -> None:
    """No job inherits files that the engine's caller left open."""
    for file in _open_files():
        if file > 2:
            try:
                os.set_inheritable(file, False)
            except OSError:
                pass


def _open_files() -> list[int]:
    try:
        return [int(name) for name in os.listdir("/proc/self/fd")]
    except OSError:
        return []


def main(arguments: list[str]) -> int:
    """``python -m rulekit.executors.host CONTROL ANSWERS ANNOUNCE [JOURNAL]``: a fresh runner."""
    control, answers, announce = (int(word) for word in arguments[:3])
    try:
        serve(control, answers, arguments[3] if len(arguments) > 3 else None, bool(announce))
    except BaseException:
        _report_bug()
        return 70
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
