"""A slow planner, written from the language's description and from nothing else.

It recurses, looks at every rule for every file and knows no indices. What it shares with the real
one is the order of work: targets in turn, inputs in turn, candidates best first; that a file which
has been settled stays as it is; and that one which has failed without any cycle fails again.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from typing import Any

from rulekit.model.rule import Rule, Workflow

Job = tuple[str, tuple[tuple[str, str], ...]]  # rule, wildcards sorted by name


class Ambiguous(Exception):
    """Two rules that are not ordered make the same file."""


class MadeTwice(Exception):
    """Two jobs of the plan have the same output."""


class NoPlan(Exception):
    """A target can be neither found nor made."""


class TooMuch(Exception):
    """The example is too large for a planner that remembers nothing."""


def cut(text: str) -> list[tuple[str, str] | str]:
    """Literal texts and (name, constraint) fields, by counting braces."""
    parts: list[tuple[str, str] | str] = []
    literal = ""
    i = 0
    while i < len(text):
        end = _field_end(text, i) if text[i] == "{" else None
        if end is None:
            literal += text[i]
            i += 1
            continue
        name, _, constraint = text[i + 1 : end].partition(",")
        parts += [literal, (name.strip(), constraint.strip())]
        literal = ""
        i = end + 1
    return [*parts, literal]


def _field_end(text: str, start: int) -> int | None:
    depth = 0
    for i in range(start, len(text)):
        depth += {"{": 1, "}": -1}.get(text[i], 0)
        if depth == 0:
            name = text[start + 1 : i].partition(",")[0].strip()
            return i if re.fullmatch(r"\w+", name) else None
    return None


def naive_match(text: str, constraints: dict[str, str], path: str) -> dict[str, str] | None:
    """Wildcard values of `path` under the pattern `text`, None if it does not fit."""
    regex = ""
    groups: dict[str, str] = {}
    for part in cut(text):
        if isinstance(part, str):
            regex += re.escape(part)
            continue
        name, inline = part
        if name in groups:
            regex += f"(?P={groups[name]})"
        else:
            groups[name] = f"g{len(groups)}"
            regex += f"(?P<{groups[name]}>{inline or constraints.get(name) or '.+'})"
    found = re.fullmatch(regex, path, re.DOTALL)
    return None if found is None else {name: found[group] for name, group in groups.items()}


def naive_fill(text: str, values: dict[str, str]) -> str:
    return "".join(part if isinstance(part, str) else values[part[0]] for part in cut(text))


class ReferencePlanner:
    """`made` maps a settled file to its job (None: source), `jobs` a settled job to its inputs."""

    def __init__(
        self,
        workflow: Workflow,
        exists: Callable[[str], bool],
        *,
        allow_ambiguity: bool = False,
        patience: int = 300,
    ) -> None:
        self.workflow = workflow
        self.exists = exists
        self.allow_ambiguity = allow_ambiguity
        self.patience = patience
        self.made: dict[str, Job | None] = {}
        self.jobs: dict[Job, list[str]] = {}
        self.failed: set[tuple[str, tuple[Job, ...]]] = set()
        self.cycles = 0  # met so far
        self.target_jobs: list[Job] = []

    # -- targets ---------------------------------------------------------------------------

    def plan(self, targets: Sequence[str]) -> set[Job]:
        """The jobs that the targets need. Raises `NoPlan`, `Ambiguous` and `MadeTwice`."""
        for target in targets:
            rule = self.workflow.rule(target)
            if rule is not None:
                job: Job | None = (rule.name, ())
                if not self._job(rule, {}, None, frozenset(), frozenset()):
                    raise NoPlan(target)
            else:
                if not self._file(target, None, {}, None, frozenset(), frozenset()):
                    raise NoPlan(target)
                job = self.made[target]
            if job is not None and job not in self.target_jobs:
                self.target_jobs.append(job)
        seen: set[Job] = set()
        todo = list(self.target_jobs)
        while todo:
            job = todo.pop()
            if job not in seen:
                seen.add(job)
                todo += self.needs(job)
        makers: dict[str, Job] = {p: j for p, j in self.made.items() if j in seen}
        for job in seen:
            for path in self.outputs(job):
                if makers.setdefault(path, job) != job:
                    raise MadeTwice(path)
        return seen

    def outputs(self, job: Job) -> list[str]:
        rule = self.workflow.rule(job[0])
        assert rule is not None
        return [naive_fill(i.text, dict(job[1])) for e in rule.outputs for i in e.items]

    def needs(self, job: Job) -> set[Job]:
        return {made for path in self.jobs[job] if (made := self.made.get(path)) is not None}

    # -- candidates ------------------------------------------------------------------------

    def _candidates(
        self, path: str, asker: Rule | None, wildcards: dict[str, str]
    ) -> list[tuple[Rule, dict[str, str]]]:
        found = []
        for rule in self.workflow.rules:
            values = self._values(rule, path, wildcards if asker is not None else {})
            if values is not None:
                found.append((rule, values))
        ordered: list[tuple[Rule, dict[str, str]]] = []
        while found:
            best = next(
                (
                    one
                    for one in found
                    if not any(self._higher(other[0], one[0]) for other in found)
                ),
                found[0],
            )
            found.remove(best)
            ordered.append(best)
        return ordered

    def _values(self, rule: Rule, path: str, wildcards: dict[str, str]) -> dict[str, str] | None:
        products = [item for e in (*rule.outputs, *rule.logs) for item in e.items]
        if rule.benchmark is not None:
            products.append(rule.benchmark)
        constraints = dict(rule.constraints)
        if set(rule.wildcard_names) <= set(wildcards):
            own = {name: wildcards[name] for name in rule.wildcard_names}
            for item in products:
                inline = {p[0]: p[1] for p in cut(item.text) if not isinstance(p, str) and p[1]}
                limits = {**constraints, **inline}
                if naive_fill(item.text, own) == path and all(
                    re.fullmatch(limits.get(name, ".+"), value, re.DOTALL)
                    for name, value in own.items()
                ):
                    return own
        best = None
        for item in products:
            values = naive_match(item.text, constraints, path)
            if values is not None:
                length = sum(map(len, values.values()))
                if best is None or length < sum(map(len, best.values())):
                    best = values
        return best

    def _higher(self, one: Rule, two: Rule) -> bool:
        for names in reversed(self.workflow.ruleorder):
            if one.name in names and two.name in names and one.name != two.name:
                return names.index(one.name) < names.index(two.name)
        return not one.wildcard_names and bool(two.wildcard_names)

    # -- settling --------------------------------------------------------------------------

    def _file(
        self,
        path: str,
        asker: Rule | None,
        wildcards: dict[str, str],
        fixed_rule: str | None,
        open_files: frozenset[str],
        open_jobs: frozenset[Job],
    ) -> bool:
        self.patience -= 1
        if self.patience < 0:
            raise TooMuch
        if path in self.made:
            return True
        if path in open_files:
            self.cycles += 1
            return False
        candidates = self._candidates(path, asker, wildcards)
        if fixed_rule is not None:
            candidates = [one for one in candidates if one[0].name == fixed_rule]
        attempt = (path, tuple(key(*one) for one in candidates))
        if attempt in self.failed:
            return False
        cycles_before = self.cycles
        winner: tuple[Rule, dict[str, str]] | None = None
        for rule, values in candidates:
            if winner is not None and (self.allow_ambiguity or self._higher(winner[0], rule)):
                continue
            if self._job(rule, values, path, open_files | {path}, open_jobs):
                if winner is not None and not self._higher(rule, winner[0]):
                    raise Ambiguous(path)
                winner = winner or (rule, values)
        if winner is not None:
            self.made[path] = key(*winner)
            return True
        if self.exists(path):
            self.made[path] = None
            return True
        if self.cycles == cycles_before:
            self.failed.add(attempt)
        return False

    def _job(
        self,
        rule: Rule,
        values: dict[str, str],
        path: str | None,
        open_files: frozenset[str],
        open_jobs: frozenset[Job],
    ) -> bool:
        job = key(rule, values)
        if job in self.jobs:
            return True
        if job in open_jobs:
            self.cycles += 1
            return False
        if any(re.search(r"(.+)\1{19,}$", value, re.S) for value in values.values()):
            return False
        try:
            inputs = self._inputs(rule, values)
        except Exception:
            return False
        if path in [name for name, _ in inputs]:
            return False
        complete = True
        for name, fixed_rule in inputs:
            done = self._file(name, rule, values, fixed_rule, open_files, open_jobs | {job})
            complete = complete and done
        if complete:
            self.jobs[job] = [name for name, _ in inputs]
        return complete

    @staticmethod
    def _inputs(rule: Rule, values: dict[str, str]) -> list[tuple[str, str | None]]:
        found: list[tuple[str, str | None]] = []
        for entry in rule.inputs:
            for item in entry.items:
                if item.function is None:
                    found.append((naive_fill(item.text, values), item.fixed_rule))
                else:
                    found += [(name, None) for name in item.function(_Wildcards(values))]
        return found


class _Wildcards:
    """Enough of a wildcards object for the functions of the tests."""

    def __init__(self, values: dict[str, str]) -> None:
        self.__dict__.update(values)


def key(rule: Rule, values: dict[str, str]) -> Job:
    return rule.name, tuple(sorted(values.items()))


def jobs_of(plan: Any) -> set[Job]:
    """The jobs of a real plan in the reference's terms."""
    return {job_of(plan, number) for number in range(len(plan))}


def job_of(plan: Any, number: int) -> Job:
    rule = plan.rule_of(number)
    return key(rule, dict(zip(rule.wildcard_names, plan.wildcards[number], strict=True)))
