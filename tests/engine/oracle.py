"""Random workflows on an imaginary disk, run by the real loop, judged by a plain evaluator.

The content of an output is a text made of its rule's code, its params and the contents of its
inputs, so a wrong skip, a wrong order or a lost edit shows as a wrong text.
"""

from __future__ import annotations

import random
from collections.abc import Iterable, Mapping
from typing import Any

from support import make_file, make_rule, make_workflow

from rulekit.engine.definitions import JobDefinitions
from rulekit.engine.loop import RunLoop, Stage
from rulekit.engine.settings import RunSettings
from rulekit.engine.values import JobValues
from rulekit.frozen import replace
from rulekit.model.files import Stamp
from rulekit.model.record import FileFact, input_key
from rulekit.model.rule import Body, Rule, Value, Workflow
from rulekit.model.spec import FileResult, JobResult, JobSpec
from rulekit.planning import Plan, PlanOptions, make_plan
from rulekit.provenance.facts import JobFacts
from rulekit.staleness import Policy, forecast


class Disk:
    """Files as (content, time); every write gets a later time."""

    def __init__(self) -> None:
        self.files: dict[str, tuple[str, int]] = {}
        self.clock = 0

    def write(self, path: str, content: str) -> None:
        self.clock += 1
        self.files[path] = (content, self.clock)

    def touch(self, path: str) -> None:
        self.write(path, self.files[path][0])

    # what staleness and planning ask

    def exists(self, path: str) -> bool:
        return path in self.files

    def stamp(self, path: str) -> Stamp | None:
        found = self.files.get(path)
        return None if found is None else Stamp(found[1], len(found[0]))

    def mtime_ns(self, path: str) -> int | None:
        return self.link_mtime_ns(path)

    def link_mtime_ns(self, path: str) -> int | None:
        found = self.files.get(path)
        return None if found is None else found[1]

    def digest(self, path: str) -> str | None:
        found = self.files.get(path)
        return None if found is None else f"text:{found[0]}"


class Memory:
    """Records, filled as the store fills them: by the results that were committed."""

    def __init__(self) -> None:
        self.outputs: dict[str, tuple[int, int, int, str | None]] = {}
        self.incomplete: frozenset[str] = frozenset()
        self.records: list[tuple[JobFacts, JobResult]] = []

    def add(self, facts: JobFacts, result: JobResult) -> None:
        number = len(self.records)
        self.records.append((facts, result))
        for file in result.outputs:
            self.outputs[file.path] = (number, file.mtime_ns, file.size, file.digest)

    def code(self, record: int) -> object:
        return self.records[record][0].code

    def command(self, record: int) -> str | None:
        return self.records[record][0].command

    def params(self, record: int) -> object:
        return self.records[record][0].params

    def environment(self, record: int) -> object:
        return self.records[record][0].environment

    def input_set(self, record: int) -> object:
        return input_key(file.path for file in self.records[record][1].inputs)

    def inputs(self, record: int) -> dict[str, FileFact]:
        return {
            file.path: FileFact(file.path, file.mtime_ns, file.size, file.digest)
            for file in self.records[record][1].inputs
        }


class Journal:
    """Stands for `engine.journal.RunJournal`; commits into a `Memory`."""

    run = "oracle"

    def __init__(self, memory: Memory) -> None:
        self.memory = memory
        self.facts: dict[str, JobFacts] = {}
        self.promised: set[str] = set()
        self.waiting: list[tuple[JobFacts, JobResult]] = []

    @property
    def pending(self) -> int:
        return len(self.waiting)

    def promise(self, paths: Iterable[str]) -> None:
        self.promised.update(paths)

    def temporary(self, readers: Mapping[str, int]) -> None:
        assert all(count >= 0 for count in readers.values())

    def intend(self, facts: Iterable[JobFacts]) -> None:
        for one in facts:
            assert one.token not in self.facts, "an intent was written twice"
            assert self.promised >= set(one.outputs), "a job was not promised"
            self.facts[one.token] = one

    def ended(self, result: JobResult) -> None:
        facts = self.facts.pop(result.token)
        if result.ok:
            self.waiting.append((facts, result))

    def keep_aside(self, path: str) -> str | None:
        return None

    def finish(self, ok: bool) -> None:
        self.commit()

    def commit(self) -> None:
        for facts, result in self.waiting:
            self.memory.add(facts, result)
        self.waiting = []


class Interrupts:
    """Nobody presses a key here."""

    count = 0
    signal = None
    fd = -1

    def take(self) -> int:
        return 0


class Executor:
    """Runs orders on the imaginary disk; they end in any order, and some fail."""

    def __init__(self, disk: Disk, case: Case, chance: random.Random, failing: set[str]) -> None:
        self.disk = disk
        self.case = case
        self.chance = chance
        self.failing = failing
        self.running: dict[str, JobSpec] = {}
        self.ran: list[str] = []
        self.most = 0

    def submit(self, spec: JobSpec) -> None:
        for path in spec.inputs:
            assert self.disk.exists(path), f"{spec.key} was started before {path} was there"
        for other in self.running.values():
            made = {output.path for output in other.outputs}
            assert not made & set(spec.inputs), "a job reads what another is writing"
        for output in spec.outputs:
            self.disk.files.pop(output.path, None)
        self.running[spec.token] = spec
        self.most = max(self.most, len(self.running))

    def cancel(self, token: str, hard: bool = False) -> None:
        raise AssertionError("nothing was interrupted")

    def poll(self, timeout_s: float | None) -> list[JobResult]:
        assert self.running, "the loop waits for nothing"
        tokens = self.chance.sample(sorted(self.running), self.chance.randint(1, len(self.running)))
        return [self._end(self.running.pop(token)) for token in tokens]

    def _end(self, spec: JobSpec) -> JobResult:
        self.ran.append(spec.key)
        ok = spec.rule not in self.failing
        if ok:
            contents = [self.disk.files[path][0] for path in spec.inputs]
            for output in spec.outputs:
                self.disk.write(output.path, self.case.content(spec.rule, output.path, contents))
        return JobResult(
            spec.id,
            spec.token,
            ok,
            0 if ok else 1,
            None,
            "",
            tuple(self._result(output.path) for output in spec.outputs) if ok else (),
            tuple(self._result(path) for path in spec.inputs),
            0.0,
            0.0,
            {},
            (),
        )

    def _result(self, path: str) -> FileResult:
        content, time = self.disk.files[path]
        return FileResult(path, time, len(content), f"text:{content}")


class Case:
    """One random workflow and its disk."""

    def __init__(self, seed: int, *, with_memory: bool) -> None:
        self.chance = random.Random(seed)
        self.disk = Disk()
        self.memory = Memory() if with_memory else None
        self.code: dict[str, int] = {}
        self.params: dict[str, int] = {}
        self.sources: list[str] = []
        self.temps: set[str] = set()
        self.workflow = self._make()

    # -- making ------------------------------------------------------------------------------

    def _make(self) -> Workflow:
        chance = self.chance
        self.sources = [f"src/{i}" for i in range(chance.randint(1, 4))]
        for path in self.sources:
            self.disk.write(path, f"{path} v0")
        samples = [f"s{i}" for i in range(chance.randint(0, 3))]
        for sample in samples:
            self.sources.append(f"raw/{sample}")
            self.disk.write(f"raw/{sample}", f"raw {sample} v0")
        rules: list[Rule] = []
        files = list(self.sources)
        layer = "raw"
        for i in range(chance.randint(0, 3) if samples else 0):
            name, folder = f"w{i}", f"layer{i}"
            inputs: list[Any] = [f"{layer}/{{s}}"]
            if chance.random() < 0.3:
                inputs.append(chance.choice(self.sources[:1]))
            temp = chance.random() < 0.2
            output = make_file(f"{folder}/{{s}}", flags={"temp": True} if temp else {})
            rules.append(self._rule(name, inputs, [output]))
            made = [f"{folder}/{sample}" for sample in samples]
            files += made
            self.temps.update(made if temp else ())
            layer = folder
        for i in range(chance.randint(1, 8)):
            count = chance.randint(1, min(3, len(files)))
            outputs: list[Any] = []
            paths = [f"out/{i}{letter}" for letter in "ab"[: chance.randint(1, 2)]]
            for path in paths:
                temp = chance.random() < 0.15
                outputs.append(make_file(path, flags={"temp": True} if temp else {}))
                self.temps.update([path] if temp else ())
            rules.append(self._rule(f"r{i}", chance.sample(files, count), outputs))
            files += paths
        made = [path for path in files if path not in self.sources]
        wanted = chance.sample(made, chance.randint(1, min(4, len(made))))
        chance.shuffle(rules)
        final = make_rule("all", inputs=wanted, action="none")
        return make_workflow(final, *rules, default_target="all")

    def _rule(self, name: str, inputs: list[Any], outputs: list[Any]) -> Rule:
        self.code[name] = 0
        self.params[name] = 0
        return self._defined(make_rule(name, inputs=inputs, outputs=outputs))

    def _defined(self, rule: Rule) -> Rule:
        """The rule with the present version of its code and params."""
        code, params = self.code[rule.name], self.params[rule.name]
        text = f"make --version {code}"
        return replace(
            rule,
            body=Body("shell", text, rule.span, None, text),
            params=(Value("level", params),),
        )

    def redefine(self) -> None:
        rules = tuple(
            rule if rule.body.kind == "none" else self._defined(rule)
            for rule in self.workflow.rules
        )
        self.workflow = replace(self.workflow, rules=rules)

    # -- the plain evaluator -----------------------------------------------------------------

    def content(self, rule: str, path: str, inputs: list[str]) -> str:
        body = ",".join(inputs)
        # Short, and different for different inputs: contents nest.
        return f"{path}<{rule}.{self.code[rule]}.{self.params[rule]}:{hash(body) & 0xFFFFFF:06x}>"

    def expected(self, plan: Plan) -> dict[str, str]:
        """What every file must hold, straight from the sources."""
        found = {path: self.disk.files[path][0] for path in self.sources if path in self.disk.files}
        for number in range(len(plan)):
            rule = plan.rule_of(number)
            if rule.body.kind == "none":
                continue
            contents = [found[path] for path in plan.inputs[number]]
            for path in plan.outputs[number]:
                found[path] = self.content(rule.name, path, contents)
        return found

    # -- running -----------------------------------------------------------------------------

    def stage(self, triggers: frozenset[str] | None = None) -> Stage:
        settings = RunSettings(cores=self.chance.randint(1, 4), keep_going=self.keep_going)
        plan = make_plan(self.workflow, (), self.disk, PlanOptions())
        values = JobValues(plan, settings)
        definitions = JobDefinitions(plan, values, settings)
        policy = Policy() if triggers is None else Policy(triggers=triggers)
        found = forecast(plan, self.disk, self.memory, definitions, policy)
        self.settings = settings
        return Stage(plan, found, values, definitions)

    keep_going = False

    def run(self, failing: set[str], triggers: frozenset[str] | None = None) -> Outcome:
        self.keep_going = self.chance.random() < 0.5
        stage = self.stage(triggers)
        executor = Executor(self.disk, self, self.chance, failing)
        removed: list[str] = []
        journal = Journal(self.memory or Memory())
        loop = RunLoop(
            stage,
            self.settings,
            executor,
            journal,
            [],
            Interrupts(),  # type: ignore[arg-type]
        )
        loop._remove = lambda path: removed.append(self.disk.files.pop(path) and path)  # type: ignore[method-assign,func-returns-value]
        finished = loop.work()
        assert executor.most <= self.settings.cores
        return Outcome(stage, executor.ran, finished, removed)

    # -- edits -------------------------------------------------------------------------------

    def edit(self, plan: Plan, kinds: Iterable[str]) -> tuple[str, set[str]]:
        """One random edit. The result: what it was, and the files or rules that it changed
        (empty: it must not matter)."""
        chance = self.chance
        kind = chance.choice(sorted(kinds))
        if kind == "source":
            path = chance.choice(self.sources)
            self.disk.write(path, f"{path} v{self.disk.clock}")
            return f"edit {path}", {path}
        if kind == "touch":
            path = chance.choice(self.sources)
            self.disk.touch(path)
            return f"touch {path}", set()
        outputs = [p for paths in plan.outputs for p in paths if p in self.disk.files]
        rule = chance.choice(sorted(self.code))
        if kind == "delete" and outputs:
            path = chance.choice(outputs)
            del self.disk.files[path]
            return f"delete {path}", {path}
        if kind == "tamper" and outputs:
            path = chance.choice(outputs)
            self.disk.write(path, "tampered with")
            return f"tamper {path}", {path}
        if kind == "code":
            self.code[rule] += 1
            self.redefine()
            return f"code of {rule}", {rule}
        if kind == "params":
            self.params[rule] += 1
            self.redefine()
            return f"params of {rule}", {rule}
        return "nothing", set()


class Outcome:
    def __init__(self, stage: Stage, ran: list[str], finished: Any, removed: list[str]) -> None:
        self.stage = stage
        self.ran = ran
        self.finished = finished
        self.removed = removed
