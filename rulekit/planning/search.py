"""The search for a plan: from the targets down, with backtracking over candidate rules.

Rules of this file. A path is settled once: made by a job, or a source. A job is settled when all
its inputs are. The search keeps its own stack, so a chain may be as long as memory allows. Jobs
get their numbers when they are settled, after all they need.

A file or job in work is marked with its depth on the stack. Who meets such a mark has found a
cycle, and fails. A failure is remembered, unless a cycle led above the file that failed: from
another side that file may be reached without the cycle.

Almost all files are made by exactly one rule that has only static inputs. The loop in `_settle`
goes from file to job to file for those by itself; all that is less plain goes through a `_Choice`.
"""

from __future__ import annotations

from rulekit.errors import PlanError
from rulekit.frozen import replace
from rulekit.model.flags import flags_of
from rulekit.model.rule import CheckpointPending
from rulekit.patterns import PatternError
from rulekit.planning import failures
from rulekit.planning.conflicts import check_directories
from rulekit.planning.failures import FileFailure, JobFailure
from rulekit.planning.index import NOBODY, ProducerIndex
from rulekit.planning.options import PlanOptions
from rulekit.planning.plan import Plan
from rulekit.planning.templates import RuleTemplate

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence
    from typing import Any

    from rulekit.model.files import FileView
    from rulekit.model.namedlist import Wildcards
    from rulekit.model.rule import Rule, Workflow
    from rulekit.planning.index import Candidate, Values, Way

    Names = Mapping[str, int | tuple[int, int]]
    Flags = Mapping[str, Mapping[str, object]]
    Ways = tuple[Way | None, ...]

SOURCE = -1
# What is in work at depth d is marked with this minus d.
_OPEN = -2
# Deeper than any stack: a failure that no cycle had a part in.
_NEVER = 1 << 60
_NO_FLAGS: Flags = {}
_NOTHING: Values = ()
# Stands for the file where a rule was asked for; no file has such a name.
_NO_FILE = "\0"
# A wildcard value that ends in this many repetitions is taken for an endless recursion, and so is
# one that no file name can hold.
_PERIODS = 20
_LONGEST_NAME = 1024
_LONGEST_PATH = 4096
# From so many jobs on it pays to work out once who makes a rule's inputs.
_WORTH_WAYS = 2


def make_plan(
    workflow: Workflow,
    targets: Sequence[str],
    files: FileView,
    options: PlanOptions | None = None,
) -> Plan:
    """The plan for `targets` (rule names or files; none: the default target).

    `files` is only asked whether files exist that no rule makes. Raises `PlanError` for missing
    input, ambiguity, cycles and wrong targets.
    """
    options = options or PlanOptions()
    search = _Search(workflow, files, options)
    for target in targets or ([workflow.default_target] if workflow.default_target else []):
        search.target(target)
    for name in options.also:
        rule = search.by_name.get(name)
        if rule is None or not rule.wildcard_names:
            search.target(name)
    plan = search.plan()
    if options.until or options.omit_from or search.batch_left_out:
        from rulekit.planning.prune import selected

        plan = selected(plan, options)
    check_directories(plan)
    if any(
        "pipe" in flags or "service" in flags
        for t in plan.templates
        for _, flags in t.outputs.flags
    ):
        from rulekit.planning.streams import find_streams

        plan = replace(plan, streams=find_streams(plan))
    return plan


class _Choice:
    """A file whose maker is not obvious: what is left to try, what came out so far."""

    __slots__ = ("failed", "found", "left", "low", "path", "winner")

    def __init__(self, path: str, found: list[Candidate]) -> None:
        self.path = path
        self.found = found
        self.left = found[::-1]  # taken from the end
        self.winner: Candidate | None = None
        self.failed: list[JobFailure] = []
        self.low = _NEVER  # the lowest depth to which a cycle led


class _Rest:
    """What only few jobs have while they are in work."""

    __slots__ = ("choice", "failed", "fixed", "flags", "inputs", "low", "names", "waits")

    def __init__(self, choice: _Choice | None = None) -> None:
        self.choice = choice  # the choice it was tried for
        self.inputs: Values | None = None  # all inputs, where not all of them are looked for
        self.names: Names | None = None
        self.flags: Flags = _NO_FLAGS
        self.fixed: Mapping[str, str] | None = None  # input to the only rule that may make it
        self.waits: Candidate | None = None
        self.failed: list[FileFailure] = []
        self.low = _NEVER


class _Search:
    def __init__(self, workflow: Workflow, files: FileView, options: PlanOptions) -> None:
        self.workflow = workflow
        self.rules = workflow.rules
        self.files = files
        self.options = options
        self.templates = [RuleTemplate(rule) for rule in workflow.rules]
        self.index = ProducerIndex(workflow, self.templates, options.allowed_rules)
        self.by_name = {rule.name: rule for rule in workflow.rules}
        self.ways: list[Ways | None] = [None] * len(self.rules)
        # Settled: the job's number or SOURCE. In work: _OPEN minus the depth.
        self.made: dict[str, int] = {}
        self.numbers: list[dict[Values, int]] = [{} for _ in self.rules]  # by rule, then values
        # What failed for good: the candidates then, and why.
        self.failed: dict[str, tuple[list[Candidate], FileFailure]] = {}
        # Columns of the plan.
        self.rule: list[int] = []
        self.wildcards: list[Values] = []
        self.inputs: list[Values] = []
        self.outputs: list[Values] = []
        self.needs: list[tuple[int, ...]] = []
        self.input_names: list[Names | None] = []
        self.input_flags: list[Flags] = []
        self.waits: dict[int, int] = {}
        self.sourced: dict[tuple[str, Values], None] = {}

        self.others: list[int] = []  # jobs with outputs that need not be in `made`
        self.dropped = False  # a candidate failed after some of its inputs were settled
        self.before_update: dict[str, list[Candidate]] = {}  # file to jobs that read it as it is
        self.warnings: dict[str, None] = {}
        self.target_files: dict[str, None] = {}
        self.target_jobs: dict[int, None] = {}
        batch = options.batch
        self.batch_left_out = batch is not None and batch[1] < batch[2]
        # From values to inputs, for rules whose jobs the loop can open by itself; and to outputs.
        self.input_fills = [
            template.inputs.fill
            if template.inputs is not None
            and not template.inputs.flags
            and (batch is None or template.rule.name != batch[0])
            else None
            for template in self.templates
        ]
        self.output_fills = [template.outputs.fill for template in self.templates]

    # -- targets ---------------------------------------------------------------------------

    def target(self, target: str) -> None:
        """Settles one target. Raises `PlanError` if that cannot be done."""
        rule = self.by_name.get(target)
        if rule is not None:
            self._target_rule(rule)
            return
        number = self.made.get(target)
        if number is None:
            failure = self._settle(_Choice(target, self._candidates(target, NOBODY, (), 0, None)))
            if failure is not None:
                raise failures.missing_target(self.workflow, target, failure)
            number = self.made[target]
        self.target_files[target] = None
        if number >= 0:
            self.target_jobs[number] = None

    def _target_rule(self, rule: Rule) -> None:
        if rule.wildcard_names:
            names = ", ".join(f"`{name}`" for name in rule.wildcard_names)
            raise PlanError(
                f"rule `{rule.name}` has wildcards ({names}) and cannot be a target by its name",
                code="RK0407",
                span=rule.span,
                help="ask for one of its files, with the wildcards filled in",
            )
        number = self.numbers[rule.index].get(())
        if number is None:
            failure = self._settle(_Choice(_NO_FILE, [(rule.index, ())]))
            if failure is not None:
                raise failures.job_failed(self.workflow, failure.tried[0])
            number = self.made.pop(_NO_FILE)
        self.target_jobs[number] = None
        outputs = self.outputs[number]
        flags = dict(self.templates[rule.index].outputs.flags)
        lasting = [path for i, path in enumerate(outputs) if "temp" not in flags.get(i, ())]
        for path in lasting or outputs:
            self.target_files[path] = None

    # -- the loop --------------------------------------------------------------------------

    def _settle(self, target: _Choice) -> FileFailure | None:
        """Settles one file and all that it needs. The result says why that cannot be done.

        One turn of the outer loop handles either one candidate of `choice`, or the inputs of the
        job at hand up to the next one that is not settled, or the end of that job. The job at hand
        is held in local variables; the jobs that wait for it are on the stack. The bottom of the
        stack is the command line: a job of no rule that reads the target.
        """
        made, numbers, failed, all_ways = self.made, self.numbers, self.failed, self.ways
        input_fills, output_fills = self.input_fills, self.output_fills
        candidates, exists = self._candidates, self.files.exists
        add_rule, add_wildcards = self.rule.append, self.wildcards.append
        add_inputs, add_outputs = self.inputs.append, self.outputs.append
        add_needs = self.needs.append
        add_names, add_flags = self.input_names.append, self.input_flags.append
        add_other = self.others.append
        stack: list[
            tuple[int, Values, str, Values, Values, Ways | None, list[int], int, _Rest | None]
        ] = []
        # The job at hand.
        rule, values = NOBODY, _NOTHING
        asked = ""  # the file it was opened for
        inputs: Values = (target.path,)
        outputs = _NOTHING
        ways: Ways | None = None
        needs: list[int] = []
        position, end = 0, 1
        rest: _Rest | None = None
        choice: _Choice | None = target
        made[target.path] = _OPEN - 1

        while True:
            if choice is not None:
                opened = self._next(choice)
                if opened is None:
                    failure = self._conclude(choice, len(stack) + 1)
                    if failure is not None:
                        rest = rest or _Rest()
                        rest.failed.append(failure)
                        if choice.low <= len(stack):
                            rest.low = min(rest.low, choice.low)
                    elif made[choice.path] >= 0:
                        needs.append(made[choice.path])
                    choice = None
                    position += 1
                    continue
                stack.append((rule, values, asked, inputs, outputs, ways, needs, position, rest))
                rule, values, inputs, rest = opened
                numbers[rule][values] = _OPEN - len(stack)
                asked = choice.path
                outputs = output_fills[rule](values)
                ways = all_ways[rule] if rest.inputs is None else None
                needs, position, end = [], 0, len(inputs)
                choice = None

            while position < end:
                path = inputs[position]
                number = made.get(path)
                if number is not None:
                    if number >= 0:
                        needs.append(number)
                    elif number != SOURCE:
                        rest = rest or _Rest()
                        rest.failed.append(self._cycle(path))
                        rest.low = min(rest.low, _OPEN - number)
                    position += 1
                    continue
                # A file that was not met before: who makes it?
                way = ways[position] if ways else None
                only_output = False
                if way is not None and ".." not in path:
                    maker, pick, only_output = way
                    wanted = values if pick is None else pick(values)
                else:
                    found = candidates(path, rule, values, position, rest)
                    if len(found) > 1:
                        choice = _Choice(path, found)
                        break
                    maker, wanted = found[0] if found else (NOBODY, _NOTHING)
                if maker < 0:
                    if exists(path):
                        made[path] = SOURCE
                    else:
                        rest = rest or _Rest()
                        rest.failed.append(FileFailure(path, ()))
                    position += 1
                    continue
                known = numbers[maker].get(wanted)
                if known is not None and known >= 0:
                    made[path] = known
                    needs.append(known)
                    position += 1
                    continue
                fill = input_fills[maker]
                if known is None and fill is not None and path not in failed:
                    wanted_inputs = fill(wanted)
                    for value in wanted:
                        if len(value) >= _PERIODS and _endless(value):
                            break
                    else:
                        if path not in wanted_inputs:
                            # The plain case: go on with the job that makes the file.
                            stack.append(
                                (rule, values, asked, inputs, outputs, ways, needs, position, rest)
                            )
                            made[path] = numbers[maker][wanted] = _OPEN - len(stack)
                            rule, values, asked, inputs = maker, wanted, path, wanted_inputs
                            outputs = (path,) if only_output else output_fills[rule](values)
                            ways = all_ways[rule]
                            needs, position, end, rest = [], 0, len(inputs), None
                            continue
                choice = _Choice(path, [(maker, wanted)])
                break

            if choice is not None:
                # Not plain. If it failed for good before, with the same candidates, so it does now.
                remembered = failed.get(choice.path)
                if remembered is not None and remembered[0] == choice.found:
                    rest = rest or _Rest()
                    rest.failed.append(remembered[1])
                    choice = None
                    position += 1
                else:
                    made[choice.path] = _OPEN - len(stack) - 1
                continue

            # All inputs of the job at hand have been looked at.
            if not stack:
                return rest.failed[0] if rest is not None else None
            if rest is None:
                add_names(None)
                add_flags(_NO_FLAGS)
            elif rest.failed:
                del numbers[rule][values]
                choice = self._incomplete(rule, values, asked, rest)
                rule, values, asked, inputs, outputs, ways, needs, position, rest = stack.pop()
                end = len(inputs)
                continue
            else:
                choice = rest.choice
                add_names(rest.names)
                add_flags(rest.flags)
                if rest.inputs is not None:
                    inputs = rest.inputs
                if rest.waits is not None:
                    self._waits(rest.waits)
            number = len(self.rule)
            add_rule(rule)
            add_wildcards(values)
            add_inputs(inputs)
            add_outputs(outputs)
            add_needs(tuple(needs) if len(needs) < 2 else tuple(dict.fromkeys(needs)))
            numbers[rule][values] = number
            if len(outputs) != 1 or outputs[0] is not asked:
                add_other(number)
            if choice is None:
                made[asked] = number
            else:
                self._won(choice, (rule, values))
            rule, values, asked, inputs, outputs, ways, needs, position, rest = stack.pop()
            end = len(inputs)
            if choice is None:
                needs.append(number)
                position += 1

    # -- candidates ------------------------------------------------------------------------

    def _candidates(
        self, path: str, asker: int, values: Values, position: int, rest: _Rest | None
    ) -> list[Candidate]:
        """Who could make an input of the job (`asker`, `values`), best first."""
        try:
            found = self.index.candidates(path, asker, values)
        except PatternError as error:
            raise self._bad_pattern(error) from error
        if asker >= 0:
            if values and self.ways[asker] is None and len(self.numbers[asker]) > _WORTH_WAYS:
                self.ways[asker] = self.index.ways(asker)
            if found:
                fixed: str | None = None
                static = self.templates[asker].inputs
                if rest is not None and rest.fixed is not None:
                    fixed = rest.fixed.get(path)
                elif static is not None:
                    fixed = static.items[position].fixed_rule
                if fixed is not None:
                    return [one for one in found if self.rules[one[0]].name == fixed]
        return self.index.ordered(found) if len(found) > 1 else found

    def _bad_pattern(self, error: PatternError) -> PlanError:
        """The error for a constraint that is no regular expression, with the rule it is in."""
        for template in self.templates:
            for pattern in template.products:
                try:
                    _ = pattern.regex
                except PatternError as found:
                    return PlanError(
                        str(found),
                        code="RK0408",
                        span=template.rule.span,
                        help="the constraint is a Python regular expression, as for `re.compile`",
                    )
        return PlanError(str(error), code="RK0408")

    def _next(self, choice: _Choice) -> tuple[int, Values, Values, _Rest] | None:
        """The next job to try for a file: rule, values, inputs, rest. None: it is decided."""
        while choice.left:
            candidate = choice.left.pop()
            maker, values = candidate
            winner = choice.winner
            if winner is not None and (
                self.options.allow_ambiguity or self.index.higher(winner[0], maker)
            ):
                continue
            number = self.numbers[maker].get(values)
            if number is not None and number >= 0:
                self._won(choice, candidate)
            elif number is not None:
                key = self._key(maker, values)
                self._failed(choice, candidate, "cycle", f"`{choice.path}` leads back to `{key}`")
                choice.low = min(choice.low, _OPEN - number)
                self._strict("cyclic-graph", choice)
            elif any(len(value) >= _PERIODS and _endless(value) for value in values):
                self._failed(choice, candidate, "periodic", f"`{failures.shortened(choice.path)}`")
                self._strict("periodic-wildcards", choice)
            else:
                opened = self._open(choice, candidate)
                if opened is not None:
                    return opened
        return None

    def _open(
        self, choice: _Choice, candidate: Candidate
    ) -> tuple[int, Values, Values, _Rest] | None:
        """The candidate with its inputs; None if they cannot be known or cannot be right."""
        maker, values = candidate
        rule = self.rules[maker]
        rest = _Rest(choice)
        static = self.templates[maker].inputs
        try:
            if static is not None:
                inputs = static.fill(values)
                if static.flags:
                    rest.flags = {inputs[i]: flags for i, flags in static.flags}
            else:
                inputs = self._call_functions(rule, values, rest)
        except Exception as error:
            if static is not None:
                raise  # no function was called: it is our own mistake
            text = str(error) if isinstance(error, PlanError) else failures.text_of(error)
            self._failed(choice, candidate, "function", text, error)
            self._strict("functions", choice)
            return None
        looked_for = inputs
        if rest.flags:
            looked_for = self._without_updated(candidate, inputs, rest)
        batch = self.options.batch
        if batch is not None and rule.name == batch[0] and rest.waits is None:
            looked_for = self._batch_of(looked_for, rest, *batch)
        if looked_for is not inputs:
            rest.inputs = looked_for if self.batch_left_out else inputs
            if static is not None:
                rest.fixed = {inputs[i]: name for i, name in static.fixed}
        if choice.path in looked_for:
            text = f"`{choice.path}` is both its input and its output"
            self._failed(choice, candidate, "cycle", text)
            self._strict("cyclic-graph", choice)
            return None
        return maker, values, looked_for, rest

    def _call_functions(self, rule: Rule, values: Values, rest: _Rest) -> Values:
        from rulekit.language.jobvalues import call_function, expand_entries, make_wildcards

        def call(function: Callable[..., Any], wildcards: Wildcards) -> Any:
            try:
                return call_function(function, wildcards)
            except CheckpointPending as pending:
                # The job reads the checkpoint's outputs for now; its real inputs come with a
                # later plan.
                if pending.rule not in self.by_name:
                    raise
                if rest.waits is None:
                    rest.waits = (self.by_name[pending.rule].index, pending.wildcards)
                return list(pending.outputs)

        wildcards = make_wildcards(rule.wildcard_names, values)
        items, rest.names = expand_entries(rule.inputs, wildcards, call=call, rule=rule)
        if any("\0" in item for item in items):
            raise PlanError(
                f"an input function of rule `{rule.name}` gives a file name with a NUL character",
                code="RK0413",
                span=rule.span,
                help="no file can have such a name",
            )
        flags: dict[str, Mapping[str, object]] = {}
        fixed: dict[str, str] = {}
        for item in items:
            own = flags_of(item)
            if "fixed_rule" in own:
                fixed[str(item)] = own["fixed_rule"]
                own = {name: value for name, value in own.items() if name != "fixed_rule"}
            if own:
                flags[str(item)] = own
        rest.flags = flags or _NO_FLAGS
        rest.fixed = fixed
        return tuple(map(str, items))

    def _without_updated(self, candidate: Candidate, inputs: Values, rest: _Rest) -> Values:
        """The inputs that may be made. One ``before_update`` is read as it is now, and whoever
        updates it comes later."""
        as_is = [path for path, flags in rest.flags.items() if "before_update" in flags]
        if not as_is:
            return inputs
        for path in as_is:
            if not self.files.exists(path):
                rest.failed.append(FileFailure(path, ()))
            self.before_update.setdefault(path, []).append(candidate)
        return tuple(path for path in inputs if path not in as_is)

    def _batch_of(self, inputs: Values, rest: _Rest, name: str, part: int, count: int) -> Values:
        """The part of a batch rule's inputs. The last part needs those of the others to exist."""
        paths = sorted(set(inputs))
        if len(paths) < count:
            raise PlanError(
                f"the {len(paths)} input file{'s' * (len(paths) != 1)} of rule `{name}` cannot be "
                f"cut into {count} batches",
                code="RK0409",
                span=self.by_name[name].span,
                help=f"use at most `--batch {name}=1/{max(len(paths), 1)}`",
            )
        size, longer = divmod(len(paths), count)
        start = (part - 1) * size + min(part - 1, longer)
        if part < count:
            rest.names = {}
            return tuple(paths[start : start + size + (part <= longer)])
        absent = [path for path in paths[:start] if not self.files.exists(path)]
        if absent:
            more = f" and {len(absent) - 1} more" if len(absent) > 1 else ""
            raise PlanError(
                f"the last batch of rule `{name}` needs the files of the others: "
                f"`{absent[0]}`{more} missing",
                code="RK0409",
                span=self.by_name[name].span,
                help=f"run `--batch {name}=1/{count}` and those after it first",
            )
        return tuple(paths[start:])

    # -- ends ------------------------------------------------------------------------------

    def _waits(self, checkpoint: Candidate) -> None:
        """The job that is settled next has to be planned anew after the checkpoint."""
        number = self.numbers[checkpoint[0]].get(checkpoint[1], SOURCE)
        if number == SOURCE:
            self.sourced[self.rules[checkpoint[0]].name, checkpoint[1]] = None
        self.waits[len(self.rule)] = max(number, SOURCE)

    def _won(self, choice: _Choice, candidate: Candidate) -> None:
        winner = choice.winner
        if winner is None:
            choice.winner = candidate
        elif self.index.higher(candidate[0], winner[0]):
            self.dropped = True  # the order goes in a circle: the first stays
        else:
            raise failures.ambiguous(
                choice.path,
                self.rules[winner[0]],
                self.rules[candidate[0]],
                (self._key(*winner), self._key(*candidate)),
            )

    def _incomplete(self, rule: int, values: Values, asked: str, rest: _Rest) -> _Choice:
        """Inputs of a job are missing. The result is the choice it was tried for."""
        self.dropped = True
        choice = rest.choice
        if choice is None:
            choice = _Choice(asked, [(rule, values)])
            choice.left = []
        choice.low = min(choice.low, rest.low)
        key = self._key(rule, values)
        files = tuple(rest.failed)
        proper = any(file.proper for file in files)
        choice.failed.append(JobFailure(self.rules[rule], key, "missing", files, proper=proper))
        return choice

    def _conclude(self, choice: _Choice, depth: int) -> FileFailure | None:
        """No candidate is left: the file is made by the winner, a source, or impossible."""
        path = choice.path
        if choice.winner is not None:
            self.made[path] = self.numbers[choice.winner[0]][choice.winner[1]]
        elif path != _NO_FILE and self.files.exists(path):
            self.made[path] = SOURCE
        else:
            del self.made[path]
            failure = FileFailure(path, tuple(choice.failed))
            if choice.low >= depth:
                self.failed[path] = (choice.found, failure)
            return failure
        if choice.failed:
            self._warn(choice)
        return None

    def _warn(self, choice: _Choice) -> None:
        """A candidate was dropped for a reason that is seldom meant."""
        path = choice.path
        for failure in choice.failed:
            name = failure.rule.name
            if failure.kind == "function" and choice.winner is None:
                text = (
                    f"`{path}` exists and is taken as it is: an input function of rule "
                    f"`{name}` failed for it ({failure.text})"
                )
                self.warnings[text] = None
            elif failure.kind == "periodic":
                text = f"rule `{name}` is not used for `{failures.shortened(path)}`, which repeats itself"
                self.warnings[text] = None

    def _failed(
        self,
        choice: _Choice,
        candidate: Candidate,
        kind: str,
        text: str,
        error: Exception | None = None,
    ) -> None:
        rule = self.rules[candidate[0]]
        key = self._key(*candidate)
        proper = kind == "function"
        choice.failed.append(JobFailure(rule, key, kind, (), text, error, proper))

    def _cycle(self, path: str) -> FileFailure:
        """An input that is being worked on further up."""
        text = f"`{path}` leads back to itself"
        found = self.index.candidates(path, NOBODY, ())
        return FileFailure(
            path,
            tuple(JobFailure(self.rules[c[0]], self._key(*c), "cycle", text=text) for c in found),
        )

    def _strict(self, what: str, choice: _Choice) -> None:
        if what in self.options.strict:
            raise failures.job_failed(self.workflow, choice.failed[-1])

    def _key(self, rule: int, values: Values) -> str:
        names = self.rules[rule].wildcard_names
        if not names:
            return self.rules[rule].name
        pairs = ",".join(f"{name}={value}" for name, value in zip(names, values, strict=True))
        return f"{self.rules[rule].name}:{pairs}"

    # -- the result ------------------------------------------------------------------------

    def plan(self) -> Plan:
        """The plan for the targets so far; the search ends with it. Raises `PlanError` if two jobs
        make the same file."""
        producer = self.made
        sources = [path for path, number in producer.items() if number < 0]
        for path in sources:
            del producer[path]
        plan = Plan(
            self.workflow,
            self.templates,
            self.rule,
            self.wildcards,
            self.inputs,
            self.outputs,
            self.needs,
            self.input_names,
            self.input_flags,
            producer,
            tuple(self.target_files),
            tuple(self.target_jobs),
            self.waits,
            tuple(self.warnings),
            tuple(self.sourced),
        )
        others: Iterable[int] = self.others
        if self.dropped:
            from rulekit.planning.prune import keep_only, reachable

            plan = keep_only(plan, reachable(plan, plan.target_jobs))
            others = plan.numbers()
        _add_outputs(plan, others, sources)
        return self._updates_last(plan) if self.before_update else plan

    def _updates_last(self, plan: Plan) -> Plan:
        """The plan in which jobs that update a file wait for those that read it as it was."""
        numbers = {(plan.rule[j], plan.wildcards[j]): j for j in plan.numbers()}
        extra: dict[int, set[int]] = {}
        for path, readers in self.before_update.items():
            maker = plan.producer.get(path)
            for reader in readers:
                number = numbers.get(reader)
                if maker is not None and number is not None and number != maker:
                    extra.setdefault(maker, set()).add(number)
        if not extra:
            return plan
        from rulekit.planning.prune import reordered

        return reordered(plan, extra)


def _add_outputs(plan: Plan, jobs: Iterable[int], sources: Iterable[str]) -> None:
    """Adds the outputs of `jobs` that nobody asked for to `plan.producer`.

    Not those which were settled as sources before: a job that reads a file and writes it anew.
    """
    producer = plan.producer
    rewritten: dict[str, int] | None = None  # by the jobs looked at so far; -1: not yet
    for number in jobs:
        for path in plan.outputs[number]:
            maker = producer.get(path)
            if maker is None:
                if rewritten is None:
                    rewritten = dict.fromkeys(sources, -1)
                if path not in rewritten:
                    producer[path] = number
                elif rewritten[path] < 0:
                    rewritten[path] = number
                maker = rewritten.get(path, number)
            if maker != number:
                one, two = plan.rule_of(maker), plan.rule_of(number)
                raise failures.made_twice(path, one, two, (plan.key(maker), plan.key(number)))


def _endless(value: str) -> bool:
    """Whether a value ends in the same text many times over, as an endless recursion makes it, or
    is too long for a file."""
    length = len(value)
    if length > _LONGEST_NAME and (
        length > _LONGEST_PATH or max(map(len, value.split("/"))) > _LONGEST_NAME
    ):
        return True
    last = value[-1]
    if value.count(last) < _PERIODS:
        return False
    for period in range(1, length // _PERIODS + 1):
        if value[-1 - period] == last and value.endswith(value[-period:] * _PERIODS):
            return True
    return False
