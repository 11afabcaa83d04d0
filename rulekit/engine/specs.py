"""From a job of the plan to the order that a runner gets."""

from __future__ import annotations

import os

from rulekit.errors import PlanError, RuleFileError
from rulekit.language.format import compile_template
from rulekit.language.storagestate import State
from rulekit.language.tbd import TBDString
from rulekit.model.spec import JobSpec, OutputSpec

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from typing import Any

    from rulekit.engine.loop import Stage
    from rulekit.engine.settings import RunSettings
    from rulekit.model.namedlist import Params
    from rulekit.model.rule import Rule, Workflow
    from rulekit.planning.plan import Job

STRICT_PREFIX = "set -euo pipefail; "

_THREAD_VARIABLES = (
    "OMP_NUM_THREADS",
    "GOTO_NUM_THREADS",
    "OPENBLAS_NUM_THREADS",
    "MKL_NUM_THREADS",
    "VECLIB_MAXIMUM_THREADS",
    "NUMEXPR_NUM_THREADS",
)
_TMP_VARIABLES = ("TMPDIR", "TMP", "TEMP", "TEMPDIR")


class SpecBuilder:
    """Builds orders for one run. Asks the disk for nothing but the shell's place, once, and for
    software that was not known before to be needed."""

    def __init__(
        self,
        settings: RunSettings,
        run: str,
        say: Callable[[str, str], None] = lambda _level, _text: None,
    ) -> None:
        """`say` is told when a job has to wait for its software: level and text."""
        self._settings = settings
        self._say = say
        self._run = run
        self._workdir = os.getcwd()
        self._environments: dict[tuple[int, str], dict[str, str]] = {}
        self._shells: dict[str, tuple[str, str]] = {}

    def token(self, number: int, attempt: int, generation: int) -> str:
        return f"{self._run}.{generation}.{number}.{attempt}"

    def build(self, stage: Stage, number: int, attempt: int) -> JobSpec:
        """The order for an attempt. Raises `PlanError` or `RuleFileError` if the user's functions
        or templates fail, `SoftwareError`."""
        plan, values, settings = stage.plan, stage.values, self._settings
        job = plan.job(number)
        rule = job.rule
        if State.web:
            from rulekit.storage.http import fetch

            fetch(plan.inputs[number])
        names = values.names(number, attempt, job)
        resources = names["resources"]
        if values.constants(rule.index).params is None:
            _refuse_unknown(rule, names["params"])
        body, context = self._body(stage, job, names, attempt)
        outputs = job.output
        if rule.outputs and plan.output_flags(number):
            flags = dict(plan.output_flags(number))
            made = tuple(
                [
                    OutputSpec(path, self._runner_flags(flags.get(i), job))
                    for i, path in enumerate(outputs)
                ]
            )
        else:
            made = tuple([OutputSpec(path, _NONE) for path in outputs])
        runtime = resources.get("runtime")
        benchmark = job.benchmark
        software = stage.definitions.software
        return JobSpec(
            number,
            job.key,
            rule.name,
            attempt,
            self.token(number, attempt, stage.generation),
            self._workdir,
            body,
            plan.inputs[number],
            made,
            tuple(job.log),
            benchmark,
            _repeats(rule) if benchmark else 1,
            self._environment(names["threads"], resources.get("tmpdir")),
            names["threads"],
            runtime * 60.0 if isinstance(runtime, (int, float)) and runtime > 0 else None,
            rule.shadow,
            settings.keep_incomplete,
            settings.latency_wait,
            settings.digest_limit,
            context,
            settings.state_dir,
            settings.shadow_prefix,
            None,
            settings.benchmark_extended,
            settings.skip_script_cleanup,
            False,
            None if software is None else software.order(stage, number, self._say),
        )

    def _runner_flags(self, flags: Mapping[str, Any] | None, job: Job) -> Mapping[str, Any]:
        """Only what the runner acts on; checksums that are functions are computed here."""
        if not flags:
            return _NONE
        kept = {name: flags[name] for name in _RUNNER_FLAGS if name in flags}
        if "dynamic" in flags:
            from rulekit.compiler.dynamics import sweep

            sweep(flags["dynamic"])
        ensure = kept.get("ensure")
        if ensure:
            kept["ensure"] = {
                name: value(job.wildcards) if callable(value) else value
                for name, value in ensure.items()
            }
        return kept

    def _environment(self, threads: int, tmpdir: object) -> dict[str, str]:
        key = (threads, str(tmpdir or ""))
        found = self._environments.get(key)
        if found is None:
            found = dict.fromkeys(_THREAD_VARIABLES, str(threads))
            if tmpdir:
                # Relative to the working directory, which the job may leave.
                found.update(dict.fromkeys(_TMP_VARIABLES, os.path.abspath(str(tmpdir))))
            self._environments[key] = found
        return found

    # -- bodies ------------------------------------------------------------------------------

    def _body(
        self, stage: Stage, job: Job, names: dict[str, Any], attempt: int
    ) -> tuple[dict[str, Any], dict[str, Any] | None]:
        rule = job.rule
        kind = rule.body.kind
        if kind == "shell":
            return self._shell(stage.plan.workflow, rule, names), None
        if kind == "none":
            return {"kind": "none"}, None
        if kind == "run":
            return self._run_body(rule, names, stage)
        if kind in ("script", "wrapper"):
            from rulekit.engine.bodies import script_body

            return script_body(stage, job, names)
        if kind == "notebook":
            from rulekit.engine.bodies import notebook_body

            return notebook_body(stage, job, names)
        if kind == "template_engine":
            from rulekit.engine.bodies import template_body

            return template_body(stage, job, names)
        raise RuleFileError(
            f"this version does not run `{kind}:` yet (rule `{rule.name}`)",
            code="RK0290",
            span=rule.body.span or rule.span,
        )

    def _shell(self, workflow: Workflow, rule: Rule, names: dict[str, Any]) -> dict[str, Any]:
        template = compile_template(rule.body.text, shell=True)
        commands: list[str] = []
        if rule.benchmark is not None and (count := _repeats(rule)) > 1:
            for turn in range(count):
                names["bench_iteration"] = turn
                commands.append(template.render(names, rule.namespace))
            command = commands[0]
        else:
            command = template.render(names, rule.namespace)
        chosen = names["resources"].get("shell_exec") or workflow.shell.executable
        executable, prefix = self._shell_program(chosen)
        if workflow.shell.prefix is not None:
            prefix = workflow.shell.prefix
        body: dict[str, Any] = {
            "kind": "shell",
            "command": command,
            "executable": executable,
            "prefix": prefix,
            "suffix": workflow.shell.suffix,
        }
        if commands:
            body["repeats"] = commands
        return body

    def _shell_program(self, chosen: str | None) -> tuple[str, str]:
        key = chosen or ""
        found = self._shells.get(key)
        if found is None:
            path = chosen or _which("bash") or _which("sh") or "/bin/sh"
            prefix = STRICT_PREFIX if os.path.basename(path) == "bash" else ""
            found = self._shells[key] = (path, prefix)
        return found

    def _run_body(
        self, rule: Rule, names: dict[str, Any], stage: Stage
    ) -> tuple[dict[str, Any], dict[str, Any]]:
        from rulekit.engine.body import order_for

        return order_for(rule, names, stage, self._settings)


_NONE: Mapping[str, Any] = {}
_RUNNER_FLAGS = (
    "directory", "touch", "ensure", "protected", "update", "temp", "pipe", "service",
)  # fmt: skip


def _refuse_unknown(rule: Rule, params: Params) -> None:
    """A placeholder must not get into a command. All inputs of the job are there now."""
    for value in params:
        if isinstance(value, TBDString):
            raise PlanError(
                f"a param of rule `{rule.name}` cannot be known: it depends on a file or a "
                "checkpoint that is not there when the job starts",
                code="RK0450",
                span=rule.span,
                help="make that file, or the checkpoint's output, an input of the rule",
            )


def _repeats(rule: Rule) -> int:
    assert rule.benchmark is not None
    return int(rule.benchmark.flags.get("repeat", 1))


def _which(name: str) -> str | None:
    for folder in os.environ.get("PATH", os.defpath).split(os.pathsep):
        path = os.path.join(folder or ".", name)
        if os.access(path, os.X_OK) and not os.path.isdir(path):
            return path
    return None
