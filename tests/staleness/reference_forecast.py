"""A slow forecast, written from the language's description: sets, and loops until nothing changes."""

from __future__ import annotations

from typing import Any

Reasons = dict[str, frozenset[str]]


class ReferenceForecast:
    """`run` holds the jobs that must run; `reasons[job]` maps a kind to its subjects."""

    def __init__(self, plan: Any, files: Any, memory: Any, definitions: Any, policy: Any) -> None:
        self.plan = plan
        self.files = files
        self.memory = memory
        self.definitions = definitions
        self.policy = policy
        self.jobs = range(len(plan))
        self.reasons: dict[int, Reasons] = {}
        for job in self.jobs:
            own = self._own_reasons(job)
            if own:
                self.reasons[job] = own
        self._spread()
        self.run = set(self.reasons)

    # -- facts -----------------------------------------------------------------------------

    def exists(self, path: str) -> bool:
        return path in self.files.files

    def reads(self, user: int, maker: int) -> list[str]:
        return [p for p in self.plan.inputs[user] if self.plan.producer.get(p) == maker]

    def ancient(self, job: int, path: str) -> bool:
        return "ancient" in self.plan.input_flags[job].get(path, {})

    def triggers(self, user: int, maker: int) -> bool:
        """Whether a run of `maker` changes something that `user` has to look at."""
        return any(
            not (self.ancient(user, path) and self.exists(path)) for path in self.reads(user, maker)
        )

    def own_time(self, job: int) -> int | None:
        made = [*self.plan.outputs[job]]
        if self.plan.benchmark(job) is not None:
            made.append(self.plan.benchmark(job))
        times = [self.files.link_mtime_ns(path) for path in made]
        return min((time for time in times if time is not None), default=None)

    def time(self, job: int) -> int | None:
        """The time inputs are compared with: the oldest output, or, while there is none, the
        oldest of what was made of the outputs."""
        own = self.own_time(job)
        if own is not None or not self.plan.outputs[job]:
            return own
        later = [
            self.time(user)
            for user in self.jobs
            if any(not self.ancient(user, path) for path in self.reads(user, job))
        ]
        return min((time for time in later if time is not None), default=None)

    def rows(self, job: int) -> list[int]:
        if self.memory is None:
            return []
        there = [p for p in self.plan.outputs[job] if self.exists(p)]
        known = [p for p in there or self.plan.outputs[job] if p in self.memory.outputs]
        return [self.memory.outputs[path][0] for path in known]

    # -- one job -----------------------------------------------------------------------------

    def _own_reasons(self, job: int) -> Reasons:
        plan, policy = self.plan, self.policy
        found: dict[str, set[str]] = {}
        if not (policy.exempt and plan.key(job) in policy.exempt):
            if (
                policy.force_all
                or (policy.force_targets and job in plan.target_jobs)
                or plan.rule_of(job).name in policy.force
                or any(plan.producer.get(path) == job for path in policy.force)
            ):
                found["forced"] = set()
            self._without_output(job, found)
        wanted = {p for p in plan.targets if plan.producer.get(p) == job and not self.exists(p)}
        if wanted:
            found.setdefault("missing-output", set()).update(wanted)
        self._by_time(job, found)
        self._by_record(job, found)
        return {kind: frozenset(subjects) for kind, subjects in found.items()}

    def _without_output(self, job: int, found: dict[str, set[str]]) -> None:
        plan = self.plan
        if plan.outputs[job] or self.own_time(job) is not None:
            return
        is_target = job in plan.target_jobs
        absent = {path for path in plan.inputs[job] if not self.exists(path)}
        if plan.rule_of(job).body.kind == "none":
            if absent and is_target:
                found["upstream"] = absent
            elif is_target and not plan.inputs[job]:
                found["no-io"] = set()
        elif plan.benchmark(job) is not None:
            if is_target:
                found["missing-output"] = {plan.benchmark(job)}
        elif is_target or not any(self.reads(user, job) for user in self.jobs):
            found["no-io"] = set()

    def _by_time(self, job: int, found: dict[str, set[str]]) -> None:
        time = self.time(job)
        if time is None or "mtime" not in self.policy.triggers:
            return
        newer = set()
        for path in self.plan.inputs[job]:
            stamp = self.files.stamp(path)
            if stamp is None or stamp.mtime_ns < time or self.ancient(job, path):
                continue
            rows = self.rows(job)
            if stamp.mtime_ns == time:
                facts = [self.memory.inputs(row).get(path) for row in rows] if rows else []
                if time != self.own_time(job) or not any(
                    fact is not None and (fact.digest or "").startswith("md5:") for fact in facts
                ):
                    continue
            if not rows or not all(self._as_recorded(row, path, stamp) for row in rows):
                newer.add(path)
        if newer:
            found["input-newer"] = newer

    def _as_recorded(self, row: int, path: str, stamp: Any) -> bool:
        fact = self.memory.inputs(row).get(path)
        if fact is None:
            return False
        stored = fact.digest is not None and fact.digest.startswith("md5:")
        if fact.size != stamp.size:
            return False
        if fact.mtime_ns == stamp.mtime_ns and not stored:
            return True
        return fact.digest is not None and fact.digest == self.files.digest(path)

    def _by_record(self, job: int, found: dict[str, set[str]]) -> None:
        if self.memory is None or not self.plan.outputs[job]:
            return
        policy, memory, plan = self.policy, self.memory, self.plan
        present = [path for path in plan.outputs[job] if self.exists(path)]
        broken = {path for path in plan.outputs[job] if path in memory.incomplete}
        if broken and not policy.ignore_incomplete:
            found["incomplete"] = broken
        if "output" in policy.triggers:
            changed = {path for path in present if self._other_content(path)}
            if changed:
                found["output-changed"] = changed
        if self.definitions is None:
            return
        now = self.definitions
        for row in self.rows(job):
            if "code" in policy.triggers and memory.code(row) != now.code(job):
                command = memory.command(row)
                if command is None or not now.same_command(job, command):
                    found["code"] = set()
            if "input" in policy.triggers and memory.input_set(row) != now.input_set(job):
                found["input-set"] = set()
            if "params" in policy.triggers and memory.params(row) != now.params(job):
                found["params"] = set()
            environment = now.environment(job)
            if "software-env" in policy.triggers and memory.environment(row) != environment:
                found["software-env"] = set()

    def _other_content(self, path: str) -> bool:
        row = self.memory.outputs.get(path)
        if row is None:
            return False
        _, mtime_ns, size, digest = row
        now = self.files.stamp(path)
        stored = digest is not None and digest.startswith("md5:")
        if (now.mtime_ns, now.size) == (mtime_ns, size) and not stored:
            return False
        if now.size != size:
            return True
        if digest is None or (size < 0 and not stored):
            return False
        return self.files.digest(path) != digest

    # -- all jobs ----------------------------------------------------------------------------

    def _spread(self) -> None:
        while True:
            before = {job: dict(kinds) for job, kinds in self.reasons.items()}
            for job in list(self.reasons):
                for path in self.plan.inputs[job]:
                    maker = self.plan.producer.get(path)
                    if maker is not None and maker != job and not self.exists(path):
                        self._add(maker, "missing-output", path)
                for user in self.jobs:
                    if user not in self.reasons and self.triggers(user, job):
                        self.reasons[user] = {}
            if before == self.reasons:
                break
        for user in self.reasons:
            for maker in self.plan.needs[user]:
                if maker in self.reasons:
                    mine = [p for p in self.reads(user, maker) if not self.ancient(user, p)]
                    if mine:
                        self._add(user, "upstream", *mine)
            if not self.reasons[user]:
                # Nothing but an ancient input that was not there.
                for maker in self.plan.needs[user]:
                    if maker in self.reasons:
                        self._add(user, "upstream", *self.reads(user, maker))

    def _add(self, job: int, kind: str, *subjects: str) -> None:
        kinds = self.reasons.setdefault(job, {})
        kinds[kind] = kinds.get(kind, frozenset()) | set(subjects)
