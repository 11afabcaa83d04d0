"""The search for a plan: from the targets down, with backtracking over candidate rules.

Rules of this file. A path is settled once: made by a job, a source, or impossible. A job is
settled when all its inputs are. The search keeps its own stack, so a chain may be as long as
memory allows. Jobs get their numbers when they are settled, after all they need. A candidate
that fails because the file is being worked on further up (a cycle) fails for that asker only:
such a failure is not remembered.
"""

from __future__ import annotations

from rulekit.errors import PlanError
from rulekit.model.flags import flags_of
from rulekit.model.rule import CheckpointPending
from rulekit.patterns import PatternError
from rulekit.planning import failures
from rulekit.planning.failures import FileFailure, JobFailure
from rulekit.planning.index import ProducerIndex
from rulekit.planning.options import PlanOptions
from rulekit.planning.plan import Plan
from rulekit.planning.prune import keep_only, reordered, selected
from rulekit.planning.templates import RuleTemplate

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from rulekit.model.files import FileView
    from rulekit.model.rule import Rule, Workflow

    Names = Mapping[str, int | tuple[int, int]]
    Candidate = tuple[int, tuple[str, ...]]

SOURCE = -1
_NO_FLAGS: Mapping[str, Mapping[str, object]] = {}
# A wildcard value that ends in this many repetitions is taken for an endless recursion.
_PERIODS = 20


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
    plan = search.plan()
    if options.until or options.omit_from or search.last_batch_open:
        plan = selected(plan, options)
    return plan


class _Frame:
    """A job whose inputs are being settled, put aside while one of them is worked on."""

    __slots__ = ("asked", "failed", "flags", "inputs", "names", "needs", "position", "rule", "values", "waits")

    def __init__(self, rule: int, values: tuple[str, ...], asked: str) -> None:
        self.rule = rule
        self.values = values
        self.asked = asked  # the path for which this job was tried
        self.inputs: tuple[str, ...] = ()
        self.names: Names | None = None
        self.flags: Mapping[str, Mapping[str, object]] = _NO_FLAGS
        self.position = 0
        self.needs: dict[int, None] = {}
        self.failed: list[FileFailure] = []
        self.waits: tuple[int, tuple[str, ...]] | None = None


class _Choice:
    """A file with several candidates: which are left, which one worked, why others did not."""

    __slots__ = ("candidates", "failed", "path", "winner")

    def __init__(self, path: str, candidates: list[Candidate]) -> None:
        self.path = path
        self.candidates = candidates[::-1]  # taken from the end
        self.winner: Candidate | None = None
        self.failed: list[JobFailure] = []


class _Search:
    def __init__(self, workflow: Workflow, files: FileView, options: PlanOptions) -> None:
        self.workflow = workflow
        self.rules = workflow.rules
        self.files = files
        self.options = options
        self.templates = [RuleTemplate(rule) for rule in workflow.rules]
        self.index = ProducerIndex(workflow, self.templates, options.allowed_rules)
        self.by_name = {rule.name: rule for rule in workflow.rules}
        # settled
        self.made: dict[str, int] = {}
        self.failed: dict[str, FileFailure] = {}
        self.numbers: dict[Candidate, int] = {}
        # columns
        self.rule: list[int] = []
        self.wildcards: list[tuple[str, ...]] = []
        self.inputs: list[tuple[str, ...]] = []
        self.outputs: list[tuple[str, ...]] = []
        self.needs: list[tuple[int, ...]] = []
        self.input_names: list[Names | None] = []
        self.input_flags: list[Mapping[str, Mapping[str, object]]] = []
        self.waits: dict[int, int] = {}
        # in work
        self.open_jobs: set[Candidate] = set()
        self.open_files: set[str] = set()
        self.tainted = False  # the failure at hand comes from a cycle
        self.dropped = False  # a candidate failed after others were settled for it
        self.before_update: dict[str, list[_Frame]] = {}
        self.doubles: list[tuple[str, int, int]] = []  # a file and two jobs that make it
        self.warnings: list[str] = []
        self.target_files: dict[str, None] = {}
        self.target_jobs: dict[int, None] = {}
        self.last_batch_open = options.batch is not None and options.batch[1] < options.batch[2]

    # -- targets ---------------------------------------------------------------------------

    def target(self, target: str) -> None:
        rule = self.by_name.get(target)
        if rule is not None:
            if rule.wildcard_names:
                names = ", ".join(f"`{name}`" for name in rule.wildcard_names)
                raise PlanError(
                    f"rule `{target}` has wildcards ({names}) and cannot be a target by its name",
                    code="RK0407",
                    span=rule.span,
                    help="ask for one of its files, with the wildcards filled in",
                )
            number = self.numbers.get((rule.index, ()))
            if number is None:
                settled = self.settle_job(rule.index, (), "")
                if isinstance(settled, JobFailure):
                    raise failures.job_failed(settled)
                number = settled
            self.target_jobs[number] = None
            flags = dict(self.templates[rule.index].outputs.flags)
            outputs = self.outputs[number]
            lasting = [path for i, path in enumerate(outputs) if "temp" not in flags.get(i, ())]
            for path in lasting or outputs:
                self.target_files[path] = None
            return
        if target not in self.made:
            settled_file = self.settle_file(target)
            if settled_file is not None:
                raise failures.missing_target(self.workflow, target, settled_file)
        self.target_files[target] = None
        if self.made[target] >= 0:
            self.target_jobs[self.made[target]] = None

    def settle_file(self, path: str) -> FileFailure | None:
        choice = _Choice(path, self._candidates(path, None))
        return self._run([choice])

    def settle_job(self, rule: int, values: tuple[str, ...], asked: str) -> int | JobFailure:
        """Settles one job from the top; the result is its number or why it cannot be."""
        choice = _Choice(asked, [(rule, values)])
        failure = self._run([choice])
        if failure is not None:
            return failure.tried[0]
        return self.numbers[rule, values]

    # -- the loop --------------------------------------------------------------------------

    def _candidates(self, path: str, asker: _Frame | None) -> list[Candidate]:
        try:
            if asker is None:
                found = self.index.candidates(path, -1, ())
            else:
                found = self.index.candidates(path, asker.rule, asker.values)
        except PatternError as error:
            raise PlanError(str(error), code="RK0408") from error
        if asker is not None and asker.flags:
            flags = asker.flags.get(path)
            if flags:
                fixed = flags.get("fixed_rule")
                if fixed is not None:
                    only = [c for c in found if self.rules[c[0]].name == fixed]
                    found = only or found
        if len(found) > 1:
            found = self.index.ordered(found)
        return found

    def _run(self, stack: list[_Frame | _Choice]) -> FileFailure | None:
        """Works until the stack is empty. The result is the failure of the lowest entry, if any."""
        made, failed = self.made, self.failed
        outcome: FileFailure | None = None
        while stack:
            top = stack[-1]
            if type(top) is _Choice:
                following = self._next_candidate(top)
                if following is not None:
                    stack.append(following)
                    continue
                stack.pop()
                self.open_files.discard(top.path)
                outcome = self._conclude(top)
                if outcome is not None and stack:
                    frame = stack[-1]
                    assert type(frame) is _Frame
                    frame.failed.append(outcome)
                    frame.position += 1
                continue
            # A job: go on with its inputs.
            frame = top
            assert type(frame) is _Frame
            inputs = frame.inputs
            position, end = frame.position, len(inputs)
            needs = frame.needs
            descend: _Frame | _Choice | None = None
            while position < end:
                path = inputs[position]
                number = made.get(path)
                if frame.flags and "before_update" in frame.flags.get(path, ()):
                    # The file as it is now; whoever updates it comes later.
                    if not self.files.exists(path):
                        frame.failed.append(FileFailure(path, ()))
                    self.before_update.setdefault(path, []).append(top)
                elif number is None:
                    known = failed.get(path)
                    if known is not None:
                        frame.failed.append(known)
                    else:
                        found = self._candidates(path, frame)
                        if not found:
                            if self.files.exists(path):
                                made[path] = SOURCE
                            else:
                                failed[path] = missing = FileFailure(path, ())
                                frame.failed.append(missing)
                        elif path in self.open_files:
                            self.tainted = True
                            frame.failed.append(self._cycle(path, found))
                        else:
                            descend = self._choose(path, found)
                            break
                elif number >= 0:
                    needs[number] = None
                position += 1
            frame.position = position
            if descend is not None:
                stack.append(descend)
                continue
            stack.pop()
            self.open_jobs.discard((frame.rule, frame.values))
            choice = stack[-1]
            assert type(choice) is _Choice
            if frame.failed:
                self.dropped = True
                choice.failed.append(
                    JobFailure(
                        self.rules[frame.rule],
                        self._key(frame.rule, frame.values),
                        "missing",
                        tuple(frame.failed),
                    )
                )
            else:
                self._settle(frame)
                self._won(choice, (frame.rule, frame.values))
        return outcome

    def _choose(self, path: str, found: list[Candidate]) -> _Choice:
        self.open_files.add(path)
        return _Choice(path, found)

    def _next_candidate(self, choice: _Choice) -> _Frame | None:
        """The next job to try for a file, or None if the choice is decided."""
        while choice.candidates:
            candidate = choice.candidates.pop()
            winner = choice.winner
            if winner is not None and (
                self.options.allow_ambiguity or self.index.higher(winner[0], candidate[0])
            ):
                return None
            if candidate in self.numbers:
                self._won(choice, candidate)
                continue
            rule = self.rules[candidate[0]]
            if candidate in self.open_jobs:
                self.tainted = True
                key = self._key(*candidate)
                choice.failed.append(
                    JobFailure(rule, key, "cycle", text=f"`{choice.path}` leads back to `{key}`")
                )
                self._strict("cyclic-graph", choice)
                continue
            if _periodic(candidate[1]):
                text = f"`{choice.path}` repeats itself"
                choice.failed.append(
                    JobFailure(rule, self._key(*candidate), "periodic", text=text)
                )
                self._strict("periodic-wildcards", choice)
                continue
            frame = self._open(candidate, choice)
            if frame is not None:
                return frame
        return None

    def _open(self, candidate: Candidate, choice: _Choice) -> _Frame | None:
        """A frame for the candidate with its inputs known; None if they cannot be."""
        frame = _Frame(candidate[0], candidate[1], choice.path)
        rule = self.rules[candidate[0]]
        template = self.templates[candidate[0]]
        static = template.inputs
        try:
            if static is not None:
                frame.inputs = static.fill(candidate[1])
                frame.names = None
                if not static.plain:
                    frame.flags = _static_flags(static, frame.inputs)
            else:
                self._call_functions(frame, rule)
        except CheckpointPending as pending:
            self._wait_for(frame, pending)
        except PlanError as error:
            choice.failed.append(
                JobFailure(rule, self._key(*candidate), "function", error=error, text=str(error))
            )
            self._strict("functions", choice)
            return None
        except Exception as error:
            text = failures.text_of(error)
            choice.failed.append(
                JobFailure(rule, self._key(*candidate), "function", error=error, text=text)
            )
            self._strict("functions", choice)
            return None
        if self.options.batch is not None and rule.name == self.options.batch[0]:
            self._cut_to_batch(frame)
        if choice.path and choice.path in frame.inputs:
            flags = frame.flags.get(choice.path)
            if not (flags and flags.get("before_update")):
                text = f"`{choice.path}` is both its input and its output"
                choice.failed.append(
                    JobFailure(rule, self._key(*candidate), "cycle", text=text)
                )
                self.tainted = True
                self._strict("cyclic-graph", choice)
                return None
        self.open_jobs.add(candidate)
        return frame

    def _call_functions(self, frame: _Frame, rule: Rule) -> None:
        from rulekit.language.jobvalues import expand_entries, make_wildcards

        wildcards = make_wildcards(rule.wildcard_names, frame.values)
        items, names = expand_entries(rule.inputs, wildcards, rule=rule)
        frame.inputs = tuple(map(str, items)) if any(type(i) is not str for i in items) else tuple(items)
        frame.names = names
        flagged = {str(item): flags_of(item) for item in items if type(item) is not str}
        frame.flags = {path: flags for path, flags in flagged.items() if flags} or _NO_FLAGS

    def _wait_for(self, frame: _Frame, pending: CheckpointPending) -> None:
        """The job reads the checkpoint's outputs for now; its real inputs come with a later plan."""
        frame.inputs = pending.outputs
        frame.names = {}
        frame.waits = (self.by_name[pending.rule].index, pending.wildcards)

    def _cut_to_batch(self, frame: _Frame) -> None:
        assert self.options.batch is not None
        name, part, count = self.options.batch
        total = len(frame.inputs)
        if total < count:
            raise PlanError(
                f"rule `{name}` has {total} input files, which cannot be cut into {count} batches",
                code="RK0409",
                span=self.by_name[name].span,
                help=f"use at most `--batch {name}=1/{max(total, 1)}`",
            )
        size = total // count
        if part == count:
            # The rule itself: what earlier parts made must be there, it is not made now.
            present = {path: {"before_update": True} for path in frame.inputs[: (part - 1) * size]}
            frame.flags = {**frame.flags, **present}
            return
        frame.inputs = frame.inputs[(part - 1) * size : part * size]
        frame.names = {}

    # -- settling --------------------------------------------------------------------------

    def _won(self, choice: _Choice, candidate: Candidate) -> None:
        winner = choice.winner
        if winner is None:
            choice.winner = candidate
            return
        if winner != candidate:
            raise failures.ambiguous(
                choice.path,
                self.rules[winner[0]],
                self.rules[candidate[0]],
                (self._key(*winner), self._key(*candidate)),
            )

    def _conclude(self, choice: _Choice) -> FileFailure | None:
        path = choice.path
        if choice.winner is not None:
            if path:
                self.made[path] = self.numbers[choice.winner]
            return None
        if path and self.files.exists(path):
            self.made[path] = SOURCE
            self._warn_dropped(choice)
            return None
        failure = FileFailure(path, tuple(choice.failed))
        if self.tainted:
            # Another asker may reach it by a way that has no cycle.
            self.tainted = bool(self.open_jobs)
        elif path:
            self.failed[path] = failure
        return failure

    def _warn_dropped(self, choice: _Choice) -> None:
        for failure in choice.failed:
            if failure.kind == "function":
                self.warnings.append(
                    f"`{choice.path}` exists and is taken as it is: an input function of rule "
                    f"`{failure.rule.name}` failed for it ({failure.text})"
                )

    def _settle(self, frame: _Frame) -> None:
        number = len(self.rule)
        template = self.templates[frame.rule]
        values = frame.values
        outputs = template.outputs.fill(values)
        self.rule.append(frame.rule)
        self.wildcards.append(values)
        self.inputs.append(frame.inputs)
        self.outputs.append(outputs)
        self.needs.append(tuple(frame.needs))
        self.input_names.append(frame.names)
        self.input_flags.append(frame.flags)
        self.numbers[frame.rule, values] = number
        made = self.made
        for path in outputs:
            other = made.get(path, SOURCE)
            if other >= 0:
                self.doubles.append((path, other, number))
            else:
                made[path] = number
        if frame.waits is not None:
            self.waits[number] = self.numbers.get(frame.waits, -1)

    def _cycle(self, path: str, found: list[Candidate]) -> FileFailure:
        rule = self.rules[found[0][0]]
        key = self._key(*found[0])
        return FileFailure(
            path, (JobFailure(rule, key, "cycle", text=f"`{path}` leads back to itself"),)
        )

    def _strict(self, what: str, choice: _Choice) -> None:
        if what in self.options.strict:
            raise failures.job_failed(choice.failed[-1])

    def _key(self, rule: int, values: tuple[str, ...]) -> str:
        names = self.rules[rule].wildcard_names
        if not names:
            return self.rules[rule].name
        pairs = ",".join(f"{name}={value}" for name, value in zip(names, values, strict=True))
        return f"{self.rules[rule].name}:{pairs}"

    def plan(self) -> Plan:
        producer = {path: number for path, number in self.made.items() if number >= 0}
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
            tuple(dict.fromkeys(self.warnings)),
        )
        keep = _reachable(plan) if self.dropped else None
        for path, one, other in self.doubles:
            if keep is None or (one in keep and other in keep):
                raise failures.made_twice(
                    path, plan.rule_of(one), plan.rule_of(other), (plan.key(one), plan.key(other))
                )
        if self.before_update:
            plan = self._updates_last(plan)
        if keep is not None:
            plan = keep_only(plan, _reachable(plan))
        return plan

    def _updates_last(self, plan: Plan) -> Plan:
        """The plan in which jobs that update a file wait for those that read it as it was."""
        extra: dict[int, set[int]] = {}
        for path, frames in self.before_update.items():
            maker = plan.producer.get(path)
            if maker is None:
                continue
            for frame in frames:
                reader = self.numbers.get((frame.rule, frame.values))
                if reader is not None and reader != maker:
                    extra.setdefault(maker, set()).add(reader)
        return reordered(plan, extra) if extra else plan


def _reachable(plan: Plan) -> set[int]:
    seen = set(plan.target_jobs)
    todo = list(seen)
    while todo:
        for needed in plan.needs[todo.pop()]:
            if needed not in seen:
                seen.add(needed)
                todo.append(needed)
    return seen


def _static_flags(static: object, inputs: tuple[str, ...]) -> Mapping[str, Mapping[str, object]]:
    found: dict[str, Mapping[str, object]] = {}
    for i, item in enumerate(static.items):  # type: ignore[attr-defined]
        flags = item.flags
        if item.fixed_rule is not None:
            flags = {**flags, "fixed_rule": item.fixed_rule}
        if flags:
            found[inputs[i]] = flags
    return found or _NO_FLAGS


def _periodic(values: tuple[str, ...]) -> bool:
    """Whether a value ends in the same text many times over, as an endless recursion makes it."""
    for value in values:
        length = len(value)
        if length < _PERIODS:
            continue
        for period in range(1, min(length // _PERIODS, 64) + 1):
            last = value[-period:]
            if value.endswith(last * _PERIODS):
                return True
    return False
