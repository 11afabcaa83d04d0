"""The plan: jobs as flat columns indexed by a job number. A value; nothing here decides."""

from __future__ import annotations

from rulekit.frozen import frozen
from rulekit.model.namedlist import InputFiles, Log, OutputFiles, Wildcards

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from rulekit.model.rule import Rule, Workflow
    from rulekit.planning.streams import Stream
    from rulekit.planning.templates import Names, RuleTemplate


@frozen
class Job:
    """One job of a plan, made on demand from the columns."""

    number: int
    rule: Rule
    wildcards: Wildcards
    input: InputFiles
    output: OutputFiles
    log: Log
    benchmark: str | None
    key: str


@frozen
class Plan:
    """All jobs that the targets need, whether stale or not.

    Column `x[j]` belongs to job number j. `needs[j]` holds only numbers below j, so
    ``range(len(plan))`` is a topological order. `inputs` and `outputs` are flat, in the order of
    declaration; flags of inputs (``ancient``, ...) are in `input_flags[j]`, a mapping from path to
    flags, empty for most jobs. `waits` holds the jobs whose inputs are not known before a
    checkpoint has run: job number to the checkpoint job's number. `sourced` are the checkpoints
    (rule name, wildcard values) that were waited for and that no job of the plan stands for: their
    outputs are there, and taken as they are. `streams` are its pipes and services.
    """

    workflow: Workflow
    templates: Sequence[RuleTemplate]  # by rule index
    rule: list[int]  # index into workflow.rules
    wildcards: list[tuple[str, ...]]  # in the order of the rule's wildcard_names
    inputs: list[tuple[str, ...]]
    outputs: list[tuple[str, ...]]
    needs: list[tuple[int, ...]]
    input_names: list[Mapping[str, int | tuple[int, int]] | None]
    input_flags: list[Mapping[str, Mapping[str, object]]]
    producer: dict[str, int]  # outputs, and logs and benchmarks that were asked for, to their job
    targets: tuple[str, ...]  # files asked for
    target_jobs: tuple[int, ...]
    waits: dict[int, int]
    warnings: tuple[str, ...]
    sourced: tuple[tuple[str, tuple[str, ...]], ...] = ()
    streams: tuple[Stream, ...] = ()

    def __len__(self) -> int:
        return len(self.rule)

    def rule_of(self, number: int) -> Rule:
        return self.workflow.rules[self.rule[number]]

    def key(self, number: int) -> str:
        """``align:sample=tumor``; the rule's name alone where there are no wildcards."""
        rule = self.rule_of(number)
        values = self.wildcards[number]
        if not values:
            return rule.name
        return (
            rule.name
            + ":"
            + ",".join(
                f"{name}={value}" for name, value in zip(rule.wildcard_names, values, strict=True)
            )
        )

    def logs(self, number: int) -> tuple[str, ...]:
        """The log files of a job, flat. Raises `PlanError` if a function for them fails."""
        paths = self.templates[self.rule[number]].logs
        if paths is None:
            return self._called_logs(number)[0]
        return paths.fill(self.wildcards[number])

    def _called_logs(self, number: int) -> tuple[tuple[str, ...], Names]:
        """Log files that functions give, and their names."""
        from rulekit.errors import RulekitError
        from rulekit.language.jobvalues import expand_entries, make_wildcards
        from rulekit.language.usererrors import function_failed

        rule = self.rule_of(number)
        wildcards = make_wildcards(rule.wildcard_names, self.wildcards[number])
        try:
            files, names = expand_entries(rule.logs, wildcards, rule=rule, fill_results=False)
        except RulekitError:
            raise
        except Exception as error:
            raise function_failed(rule, "log function", wildcards, error) from error
        return tuple(map(str, files)), names

    def benchmark(self, number: int) -> str | None:
        """The benchmark file of a job."""
        paths = self.templates[self.rule[number]].benchmark
        return paths.fill(self.wildcards[number])[0] if paths is not None else None

    def output_flags(self, number: int) -> tuple[tuple[int, Mapping[str, object]], ...]:
        """Position and flags of each output that has flags."""
        return self.templates[self.rule[number]].outputs.flags

    def job(self, number: int) -> Job:
        """The job with the lists that user code sees."""
        template = self.templates[self.rule[number]]
        rule = template.rule
        values = self.wildcards[number]
        names = self.input_names[number]
        if names is None:
            names = template.inputs.names if template.inputs is not None else {}
        if template.logs is None:
            logs, log_names = self._called_logs(number)
        else:
            logs, log_names = template.logs.fill(values), template.logs.names
        return Job(
            number,
            rule,
            Wildcards(values, {name: i for i, name in enumerate(rule.wildcard_names)}),
            InputFiles(self.inputs[number], names),
            OutputFiles(self.outputs[number], template.outputs.names),
            Log(logs, log_names),
            self.benchmark(number),
            self.key(number),
        )

    def users(self) -> list[list[int]]:
        """For each job the jobs that need it, ascending."""
        found: list[list[int]] = [[] for _ in self.rule]
        for number, needed in enumerate(self.needs):
            for producer in needed:
                found[producer].append(number)
        return found

    def numbers(self) -> Iterator[int]:
        return iter(range(len(self.rule)))
