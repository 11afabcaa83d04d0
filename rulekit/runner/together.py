"""Several attempts that run at the same time because files stream between them.

A ``pipe`` output is a named pipe: who writes it and who reads it run side by side, and all that
are connected by pipes (a *party*) succeed or fail as one. A ``service`` output is made by a job
that runs for as long as others use it: they start when the file is there, and when the last of
them has ended the service is asked to stop (SIGTERM), which is its success.

As in `rulekit.runner.drive`, this is for a process that does nothing else.
"""

from __future__ import annotations

import os
import time

from rulekit.frozen import replace
from rulekit.model.spec import FileResult
from rulekit.runner import attempt as steps
from rulekit.runner import files, orphans
from rulekit.runner.drive import Watch
from rulekit.runner.files import Refused, refusal
from rulekit.runner.signals import GRACE_S, signal, signal_group

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from typing import Any

    from rulekit.model.spec import JobResult, JobSpec
    from rulekit.runner.attempt import Attempt
    from rulekit.runner.command import Environments

# A job that opens a pipe waits for the other side: one that will never come must be stood in for.
_NUDGE_S = 0.2
_LOOK_S = 0.05  # between looks for the file of a service

WAITING, RUNNING, ENDED, TOLD = range(4)


class Member:
    """One attempt of the group on its way."""

    __slots__ = (
        "attempt",
        "deadline",
        "kill_at",
        "party",
        "problem",
        "sampler",
        "shadow",
        "spec",
        "started",
        "state",
        "status",
        "usage",
    )

    def __init__(self, spec: JobSpec) -> None:
        self.spec = spec
        self.party: Party | None = None
        self.attempt: Attempt | None = None
        self.state = WAITING
        self.status = 0
        self.problem: tuple[str, str] | None = None  # why it was stopped or not started
        self.kill_at: float | None = None
        self.deadline: float | None = None
        self.shadow: Any = None
        self.sampler: Any = None
        self.started = 0.0
        self.usage: Any = None

    @property
    def failed(self) -> bool:
        return self.problem is not None or self.status != 0


class Party:
    """Members connected by pipes. `after`: members whose files must be complete before;
    `services`: files of services they use."""

    __slots__ = ("after", "amounts", "members", "service", "services")

    def __init__(self, members: list[Member]) -> None:
        self.members = members
        self.after: list[Member] = []
        self.services: dict[str, Member] = {}
        self.amounts: dict[str, int] = {}
        self.service = False  # it gives a service
        for member in members:
            member.party = self

    def has(self, state: int) -> bool:
        return any(member.state == state for member in self.members)


def flagged(spec: JobSpec, flag: str) -> list[str]:
    """The outputs with a flag."""
    return [output.path for output in spec.outputs if flag in output.flags]


class Together:
    """The run of one group. `work` does all of it."""

    def __init__(
        self,
        specs: Sequence[JobSpec],
        amounts: Sequence[Mapping[str, int]],
        budget: Mapping[str, int],
        environments: Environments,
        tell: Callable[[JobResult], None],
        started: Callable[[str, int], None],
        listener: int | None = None,
        watch: Watch | None = None,
    ) -> None:
        """`amounts[i]` is what `specs[i]` uses of the resources that `budget` limits. `watch`: the
        one of a caller who does more than this group."""
        self._members = [Member(spec) for spec in specs]
        self._budget = budget
        self._environments = environments
        self._tell = tell
        self._started = started
        self._watch = watch or Watch(listener)
        environments.asked = lambda: bool(self._watch.asked)
        self._own_watch = watch is None
        self._makers: dict[str, Member] = {}
        self._pipes: dict[str, tuple[Member, Member]] = {}
        self._services: dict[str, Member] = {}
        self._trouble = False  # something failed: nothing more is started
        self._parties = self._arrange(amounts)

    def _arrange(self, amounts: Sequence[Mapping[str, int]]) -> list[Party]:
        for member in self._members:
            for output in member.spec.outputs:
                self._makers[output.path] = member
        root = {id(member): member for member in self._members}

        def find(member: Member) -> Member:
            while root[id(member)] is not member:
                member = root[id(member)]
            return member

        for member in self._members:
            for path in flagged(member.spec, "service"):
                self._services[path] = member
            for path in flagged(member.spec, "pipe"):
                for reader in self._members:
                    if path in reader.spec.inputs:
                        self._pipes[path] = (member, reader)
                        root[id(find(reader))] = find(member)
        parties: dict[int, list[Member]] = {}
        for member in self._members:
            parties.setdefault(id(find(member)), []).append(member)
        found = [Party(members) for members in parties.values()]
        for member, own in zip(self._members, amounts, strict=True):
            party = member.party
            assert party is not None
            for name, amount in own.items():
                party.amounts[name] = party.amounts.get(name, 0) + amount
            party.service = party.service or bool(flagged(member.spec, "service"))
            for path in member.spec.inputs:
                maker = self._makers.get(path)
                if maker is None or maker.party is party:
                    continue
                if path in self._services:
                    party.services[path] = maker
                elif path not in self._pipes:
                    party.after.append(maker)
        return found

    # -- the loop ----------------------------------------------------------------------------

    def work(self) -> None:
        """Until every attempt has had its result told. Raises nothing for what jobs do."""
        try:
            self._make_pipes()
            while True:
                self._start_parties()
                ended = self._end_parties()
                self._end_services()
                if all(member.state == TOLD for member in self._members):
                    return
                if ended:
                    continue  # others may have waited for what it made
                self._watch.pause(self._pause())
                self._reap()
                self._asked()
                self._times()
                self._nudge()
        finally:
            for path in (*self._pipes, *self._services):
                try:
                    files.remove(path)
                except OSError:
                    pass
            if self._own_watch:
                self._watch.close()

    def _make_pipes(self) -> None:
        for path, ends in self._pipes.items():
            try:
                os.chdir(ends[0].spec.workdir)
                files.make_parent(path)
                files.remove(path)
                os.mkfifo(path)
            except Refused as refused:
                self._stop_party(ends[0], (refused.problem, refused.detail))
            except OSError as error:
                failure = refusal(error, f"cannot make the pipe `{path}`")
                self._stop_party(ends[0], (failure.problem, failure.detail))
        for path, maker in self._services.items():
            try:
                os.chdir(maker.spec.workdir)
                files.make_parent(path)
                files.remove(path)
            except (Refused, OSError):
                pass  # the service will say so itself

    # -- starting ----------------------------------------------------------------------------

    def _start_parties(self) -> None:
        for party in self._parties:
            if not party.has(WAITING) or party.has(RUNNING) or party.has(ENDED):
                continue
            reason = self._hopeless(party)
            if reason:
                for member in party.members:
                    member.problem = member.problem or ("partner", reason)
                    member.state = ENDED
            elif self._may_start(party):
                for member in party.members:
                    if member.state == WAITING:
                        self._start(member)

    def _hopeless(self, party: Party) -> str:
        """Why a party will never start; nothing if it may."""
        if any(member.problem for member in party.members):
            return "a job that it needs at the same time could not be started"
        if self._trouble and not party.service:
            return "another job that runs together with it has failed"
        for maker in party.after:
            if maker.state == TOLD and maker.failed:
                return f"`{maker.spec.key}` has failed"
        for path, maker in party.services.items():
            if maker.state in (ENDED, TOLD) and (maker.failed or not os.path.exists(path)):
                return f"the service `{maker.spec.key}` has ended"
        return ""

    def _may_start(self, party: Party) -> bool:
        if any(maker.state != TOLD for maker in party.after):
            return False
        for path, maker in party.services.items():
            if maker.state == WAITING or not os.path.exists(path):
                return False
        used: dict[str, int] = {}
        for other in self._parties:
            if other is not party and other.has(RUNNING):
                for name, amount in other.amounts.items():
                    used[name] = used.get(name, 0) + amount
        return all(
            used.get(name, 0) + amount <= self._budget.get(name, amount)
            for name, amount in party.amounts.items()
        )

    def _start(self, member: Member) -> None:
        spec = member.spec
        try:
            os.chdir(spec.workdir)
            member.attempt = steps.prepare(spec)
            if spec.shadow:
                from rulekit.runner.shadow import Shadow

                member.shadow = Shadow(spec)
                os.chdir(member.shadow.path)
            there_is_a_process = steps.start(member.attempt, self._environments)
        except Refused as refused:
            self._stop_party(member, (refused.problem, refused.detail))
            return
        except OSError as error:
            failure = refusal(error, f"cannot enter the directory `{spec.workdir}`")
            self._stop_party(member, (failure.problem, failure.detail))
            return
        finally:
            _enter(spec.workdir)
        member.started = time.monotonic()
        if not there_is_a_process:
            member.state = ENDED
            return
        member.state = RUNNING
        self._started(spec.token, member.attempt.pid)
        if spec.timeout_s is not None:
            member.deadline = member.started + spec.timeout_s
        if spec.benchmark:
            from rulekit.runner.benchmark import Sampler

            spec = member.spec
            token = spec.token if steps.asks(spec) else None
            member.sampler = Sampler(member.attempt.pid, token)

    # -- watching ----------------------------------------------------------------------------

    def _pause(self) -> float | None:
        now = time.monotonic()
        waits = []
        for member in self._members:
            if member.state == RUNNING:
                waits += [m - now for m in (member.deadline, member.kill_at) if m and m > now]
                if member.sampler is not None:
                    waits.append(member.sampler.due(now))
        if any(party.has(WAITING) and party.services for party in self._parties):
            waits.append(_LOOK_S)
        if self._half_open():
            waits.append(_NUDGE_S)
        return max(0.0, min(waits)) if waits else None

    def _reap(self) -> None:
        for member in self._members:
            if member.state != RUNNING:
                continue
            assert member.attempt is not None
            pid, status, rusage = os.wait4(member.attempt.pid, os.WNOHANG)
            if not pid:
                continue
            member.state, member.status = ENDED, status
            steps.add_usage(member.attempt, rusage)
            if member.sampler is not None:
                member.usage = member.sampler.result(
                    time.monotonic() - member.started, steps.used(member.attempt, rusage)
                )
            if member.problem is not None:
                # What left the process group, or does not listen, goes too.
                left = 0.0 if member.kill_at is None else member.kill_at - time.monotonic()
                orphans.stop((member.spec.token,), max(0.0, left))
            elif status:
                why = f"`{member.spec.key}`, with which it exchanges data, has failed"
                self._stop_others(member, ("partner", why))

    def _asked(self) -> None:
        if not self._watch.asked:
            return
        for member in self._members:
            if member.state == WAITING:
                member.problem = member.problem or ("cancelled", "")
                member.state = ENDED
            self._stop(member, ("cancelled", ""))
            if self._watch.asked > 1 and member.state == RUNNING and member.attempt is not None:
                signal_group(member.attempt.pid, signal.SIGKILL)

    def _times(self) -> None:
        now = time.monotonic()
        for member in self._members:
            if member.state != RUNNING or member.attempt is None:
                continue
            if member.deadline is not None and now >= member.deadline and member.problem is None:
                spent = f"the job ran longer than {member.spec.timeout_s:g} s"
                self._stop_party(member, ("timeout", spent))
            if member.kill_at is not None and now >= member.kill_at:
                signal_group(member.attempt.pid, signal.SIGKILL)

    def _half_open(self) -> list[tuple[str, Member, Member]]:
        """Pipes of which one end has gone and the other has not."""
        return [
            (path, writer, reader)
            for path, (writer, reader) in self._pipes.items()
            if (writer.state == RUNNING) != (reader.state == RUNNING)
            and WAITING not in (writer.state, reader.state)
        ]

    def _nudge(self) -> None:
        """Opens pipes for those who wait for another side that has already gone."""
        for path, writer, _reader in self._half_open():
            _enter(writer.spec.workdir)
            mode = os.O_RDONLY if writer.state == RUNNING else os.O_WRONLY
            try:
                os.close(os.open(path, mode | os.O_NONBLOCK | os.O_CLOEXEC))
            except OSError:
                pass  # nobody waits there

    # -- stopping ----------------------------------------------------------------------------

    def _stop(self, member: Member, problem: tuple[str, str]) -> None:
        if member.state != RUNNING or member.problem is not None or member.attempt is None:
            return
        member.problem = problem
        member.kill_at = time.monotonic() + GRACE_S
        signal_group(member.attempt.pid, signal.SIGTERM)

    def _stop_party(self, member: Member, problem: tuple[str, str]) -> None:
        """Stops a member for a reason of its own, and with it those it cannot do without."""
        if member.state == RUNNING:
            self._stop(member, problem)
        else:
            member.problem = member.problem or problem
            member.state = ENDED
        self._stop_others(
            member, ("partner", f"`{member.spec.key}`, with which it exchanges data, has failed")
        )

    def _stop_others(self, member: Member, problem: tuple[str, str]) -> None:
        party = member.party
        assert party is not None
        users = [p for p in self._parties if member in p.services.values()]
        for other in (party, *users):
            for one in other.members:
                if one is member:
                    continue
                if one.state == WAITING:
                    one.problem = one.problem or problem
                    one.state = ENDED
                self._stop(one, problem)

    def _end_services(self) -> None:
        """Asks a service to stop when those who use it have come to their end."""
        for party in self._parties:
            if not party.service or not party.has(RUNNING):
                continue
            makers = {id(member) for member in party.members}
            users = [p for p in self._parties if any(id(m) in makers for m in p.services.values())]
            if all(member.state == TOLD for p in users for member in p.members):
                for member in party.members:
                    if flagged(member.spec, "service"):
                        self._stop(member, ("service", ""))

    # -- ending ------------------------------------------------------------------------------

    def _end_parties(self) -> bool:
        """Tells the results of parties all of whose members have ended; whether there were any."""
        ended = False
        for party in self._parties:
            if not all(member.state == ENDED for member in party.members):
                continue
            ended = True
            for member in party.members:
                if member.problem == ("service", ""):
                    member.problem, member.status = None, 0
            failed = any(member.failed for member in party.members)
            if failed:
                self._trouble = True
            # The one that failed by itself comes first: it decides whether there is another try.
            for member in sorted(
                party.members,
                key=lambda m: not m.failed or (m.problem or ("",))[0] in ("partner", "cancelled"),
            ):
                self._conclude(member, failed)
        return ended

    def _conclude(self, member: Member, failed: bool) -> None:
        member.state = TOLD
        spec = member.spec
        _enter(spec.workdir)
        attempt = member.attempt or steps.Attempt(spec)
        try:
            if member.shadow is not None:
                member.shadow.bring_back(only_logs=failed)
            if spec.benchmark and not failed and member.usage is not None:
                from rulekit.runner.benchmark import write

                write(spec, [member.usage])
        except Refused as refused:
            failed, member.problem = True, (refused.problem, refused.detail)
        finally:
            if member.shadow is not None:
                _enter(spec.workdir)
                member.shadow.discard()
        if not failed:
            result = steps.finish(attempt, 0)
            if not result.ok:
                member.problem = (result.problem or "", result.detail)
            streams = [
                FileResult(output.path, 0, 0, None)
                for output in spec.outputs
                if not files.is_managed(output.flags)
            ]
            if result.ok and streams:
                result = replace(result, outputs=(*result.outputs, *streams))
            self._tell(result)
            return
        if not member.failed:
            member.problem = ("partner", "a job with which it exchanges data has failed")
        problem, detail = member.problem or (None, "")
        exit_code = os.waitstatus_to_exitcode(member.status)
        if member.attempt is None:
            # Nothing was touched.
            refused_for = Refused(problem or "spawn", detail)
            self._tell(steps.refused(spec, refused_for))
        else:
            self._tell(steps.failed(attempt, exit_code, problem, detail))


def _enter(path: str) -> None:
    try:
        os.chdir(path)
    except OSError:
        pass
