"""A job's threads, resources and params, evaluated once and kept; constants once for a rule."""

from __future__ import annotations

from rulekit.errors import PlanError
from rulekit.events import JobInfo
from rulekit.language.jobvalues import (
    constant_params,
    evaluate_params,
    nonderived_names,
    nonderived_params,
)
from rulekit.language.resources import (
    constant_resources,
    evaluate_resources,
    evaluate_threads,
    job_resources,
    parse_defaults,
)
from rulekit.language.tbd import TBD, TBDString
from rulekit.model.namedlist import Params
from rulekit.scheduling import Request

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from typing import Any

    from rulekit.engine.settings import RunSettings
    from rulekit.model.namedlist import Resources
    from rulekit.model.rule import Value
    from rulekit.planning.plan import Job, Plan
    from rulekit.staleness import Forecast

_TOP_PRIORITY = float("inf")


def _unknown(given: Sequence[Value]) -> Params:
    """Params of which only the plain ones are known."""
    return Params(
        [TBD if callable(one.value) else one.value for one in given],
        {one.name: i for i, one in enumerate(given) if one.name is not None},
    )


class RuleConstants:
    """What is the same for all jobs of one rule; None where it is not."""

    __slots__ = ("params", "request", "resources", "threads")

    def __init__(self) -> None:
        self.threads: int | None = None
        self.resources: Resources | None = None
        self.params: tuple[Params, tuple[str, ...]] | None = None
        self.request: Request | None = None


class JobValues:
    """Values of the jobs of one plan, under the settings of one run.

    A job that waits for a checkpoint does not have its inputs yet: what cannot be worked out
    without them is ``<TBD>``, or left out.
    """

    def __init__(self, plan: Plan, settings: RunSettings) -> None:
        self._plan = plan
        self._settings = settings
        self._constants: dict[int, RuleConstants] = {}
        self._params: dict[int, Params] = {}
        self._param_names: dict[int, tuple[str, ...]] = {}
        defaults = settings.default_resources
        self._defaults = parse_defaults(None, full=False) if defaults is None else defaults
        # Jobs that `--prioritize` names, and all that they need.
        self.prioritized = self._upstream_of(settings.prioritize)

    def _upstream_of(self, names: frozenset[str]) -> frozenset[int]:
        if not names:
            return frozenset()
        plan = self._plan
        rules = {rule.index for rule in plan.workflow.rules if rule.name in names}
        found = {job for job in plan.numbers() if plan.rule[job] in rules}
        found.update(plan.producer[name] for name in names if name in plan.producer)
        todo = list(found)
        while todo:
            for needed in plan.needs[todo.pop()]:
                if needed not in found:
                    found.add(needed)
                    todo.append(needed)
        return frozenset(found)

    def constants(self, index: int) -> RuleConstants:
        """The constants of the rule with that index."""
        found = self._constants.get(index)
        if found is not None:
            return found
        found = self._constants[index] = RuleConstants()
        settings = self._settings
        rule = self._plan.workflow.rules[index]
        threads = settings.set_threads.get(rule.name, rule.threads)
        if rule.handover:
            threads = settings.cores
        if type(threads) is int:
            found.threads = self._capped(threads)
            table = constant_resources(rule, self._defaults, self._overrides(rule.name))
            if table is not None:
                found.resources = job_resources(table, found.threads, settings.resources)
        found.params = constant_params(rule)
        if found.threads is not None and found.resources is not None:
            priority = rule.priority
            if isinstance(priority, (int, float)) and not self.prioritized:
                found.request = self._request(found.threads, found.resources, priority)
        return found

    def _overrides(self, name: str) -> Mapping[str, Any]:
        return self._settings.set_resources.get(name) or {}

    def _capped(self, threads: int) -> int:
        settings = self._settings
        if settings.max_threads is not None:
            threads = min(threads, settings.max_threads)
        return min(threads, settings.cores)

    def _request(self, threads: int, resources: Resources, priority: float) -> Request:
        limited = []
        for name, limit in self._settings.resources.items():
            amount = resources.get(name)
            if type(amount) is int and amount:
                limited.append((name, min(amount, limit)))
        # A job without threads still takes its turn on a core's time slice: none is reserved.
        return Request(threads, tuple(sorted(limited)), priority)

    # -- one job -----------------------------------------------------------------------------

    def threads(self, number: int, attempt: int = 1, job: Job | None = None) -> int:
        constants = self.constants(self._plan.rule[number])
        if constants.threads is not None:
            return constants.threads
        job = job or self._plan.job(number)
        override = self._settings.set_threads.get(job.rule.name)
        try:
            value = evaluate_threads(job.rule, job.wildcards, job.input, attempt, override)
        except PlanError:
            if number not in self._plan.waits:
                raise
            value = 1
        return self._capped(value)

    def resources(
        self, number: int, attempt: int = 1, threads: int | None = None, job: Job | None = None
    ) -> Resources:
        constants = self.constants(self._plan.rule[number])
        if constants.resources is not None:
            return constants.resources
        job = job or self._plan.job(number)
        if threads is None:
            threads = self.threads(number, attempt, job)
        try:
            return evaluate_resources(
                job.rule,
                job.wildcards,
                job.input,
                threads,
                attempt,
                self._defaults,
                self._overrides(job.rule.name),
                self._settings.resources,
            )
        except PlanError:
            if number not in self._plan.waits:
                raise
            return job_resources({}, threads, self._settings.resources)

    def params(self, number: int, job: Job | None = None) -> Params:
        """The params; functions are called once for a job, not again for retries."""
        constants = self.constants(self._plan.rule[number])
        if constants.params is not None:
            return constants.params[0]
        found = self._params.get(number)
        if found is None:
            job = job or self._plan.job(number)
            threads = self.threads(number, 1, job)
            resources = self.resources(number, 1, threads, job)
            try:
                found = evaluate_params(
                    job.rule, job.wildcards, job.input, job.output, threads, resources
                )
            except PlanError:
                if number not in self._plan.waits:
                    raise
                found = _unknown(job.rule.params)
            if not any(isinstance(value, TBDString) for value in found):
                self._params[number] = found
        return found

    def compared_params(self, number: int) -> tuple[str, ...]:
        """What the staleness aspect *params* compares."""
        constants = self.constants(self._plan.rule[number])
        if constants.params is not None:
            return constants.params[1]
        return nonderived_params(self._plan.rule_of(number), self.params(number))

    def param_names(self, number: int) -> tuple[str, ...]:
        """The names of `compared_params`, in their order."""
        index = self._plan.rule[number]
        found = self._param_names.get(index)
        if found is None:
            found = nonderived_names(self._plan.workflow.rules[index], self.params(number))
            if self.constants(index).params is not None:
                self._param_names[index] = found
        return found

    def request(self, number: int, attempt: int) -> Request:
        """What an attempt asks of the schedule."""
        constants = self.constants(self._plan.rule[number])
        if constants.request is not None:
            return constants.request
        job = self._plan.job(number)
        threads = self.threads(number, attempt, job)
        resources = self.resources(number, attempt, threads, job)
        priority = _TOP_PRIORITY if number in self.prioritized else job.rule.priority
        if callable(priority):
            from rulekit.language.resources import evaluate

            available = {"input": job.input, "attempt": attempt, "rulename": job.rule.name}
            priority = evaluate(job.rule, "priority", priority, job.wildcards, available)
        return self._request(threads, resources, priority)

    def retries(self, number: int) -> int:
        own = self._plan.rule_of(number).retries
        return self._settings.retries if own is None else own

    def info(
        self, number: int, forecast: Forecast, command: str | None, attempt: int = 1
    ) -> JobInfo:
        """How an attempt of the job is shown. Raises `PlanError` if a function of the user's fails."""
        threads = self.threads(number, attempt)
        resources = self.resources(number, attempt, threads)
        shown = {
            name: value
            for name, value in resources.items()
            if name[0] != "_" and not name.endswith("_mib") and name not in ("mem", "disk")
        }
        message = self._plan.rule_of(number).message
        if message is not None:
            message = self.message(number)
        return self._info(number, forecast, command, threads, shown, message)

    def plain_info(self, number: int, forecast: Forecast) -> JobInfo:
        """How a job is shown whose values cannot be had."""
        return self._info(number, forecast, None, 1, {}, None)

    def _info(
        self,
        number: int,
        forecast: Forecast,
        command: str | None,
        threads: int,
        resources: dict[str, Any],
        message: str | None,
    ) -> JobInfo:
        plan = self._plan
        rule = plan.rule_of(number)
        priority = rule.priority if isinstance(rule.priority, (int, float)) else 0
        return JobInfo(
            number,
            plan.key(number),
            rule.name,
            rule.kind,
            rule.localrule or rule.body.kind == "none" or rule.name in plan.workflow.localrules,
            plan.inputs[number],
            plan.outputs[number],
            plan.logs(number),
            plan.benchmark(number),
            dict(zip(rule.wildcard_names, plan.wildcards[number], strict=True)),
            forecast.text(number),
            priority,  # type: ignore[arg-type]
            threads,
            resources,
            message,
            command,
        )

    def names(self, number: int, attempt: int = 1, job: Job | None = None) -> dict[str, Any]:
        """The names that fields of commands and messages can use."""
        job = job or self._plan.job(number)
        threads = self.threads(number, attempt, job)
        return {
            "input": job.input,
            "output": job.output,
            "log": job.log,
            "wildcards": job.wildcards,
            "params": self.params(number, job),
            "threads": threads,
            "resources": self.resources(number, attempt, threads, job),
            "rule": job.rule.name,
            "jobid": number,
            "benchmark": job.benchmark or "",
            "bench_iteration": None,
            "attempt": attempt,
        }

    def message(self, number: int) -> str:
        from rulekit.language.format import compile_template

        rule = self._plan.rule_of(number)
        template = compile_template(rule.message or "")
        return template.render(self.names(number), rule.namespace)
