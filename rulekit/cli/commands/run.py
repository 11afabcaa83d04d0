"""`rulekit [run]` and `rulekit plan`: make the targets, or say what would be made and why."""

from __future__ import annotations

import os
import sys
import time

from rulekit.cli import session
from rulekit.errors.tree import InfrastructureError, RulekitError, UsageError
from rulekit.reporting.paint import painter

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import IO, Any

    from rulekit.cli.parse import Command, Options
    from rulekit.engine.loop import Stage
    from rulekit.engine.session import Prepared

    Listener = Callable[[Any], None]


def execute(command: Command) -> int:
    options = command.options
    if options.envvars:
        from rulekit.cli.remotewords import check_envvars

        check_envvars(options)
    if options.dry_run:
        return dry_run(command)
    _check_executor(options)
    if options.cores is None and not options.touch and not _says_jobs(options):
        from rulekit.cli.parse import VERBS

        verbs = [word for word in options.targets if word in VERBS]
        raise UsageError(
            "how many cores may be used?",
            code="RK0107",
            notes=tuple(f"`{verb}` is a command only as the first word" for verb in verbs),
            help="add --cores N or --cores all (or -n to see what would run); "
            "`cores: N` in a profile holds for every run",
        )
    if options.immediate_submit:
        from rulekit.cli.commands.immediate import submit_all

        return submit_all(command)
    loaded = session.load(command)
    session.tell_reading(loaded, options)
    _wait_for_files(options)
    queues = sys.modules.get("rulekit.language.queues")
    if queues is not None:
        queues.Reading.blocking = True
    log_path = _log_path()
    listeners = make_listeners(options, log_path, loaded.secrets, _names(loaded))
    try:
        building(options, listeners)
        prepared = session.prepare(
            command, loaded, readonly=False, listeners=listeners, log_path=log_path
        )
        tell_warnings(prepared, listeners)
        if not prepared.stage.forecast.count:
            if prepared.pending and prepared.stored is not None:
                from rulekit.engine.azure import clear_earlier

                clear_earlier(prepared.settings, prepared.stored, prepared.pending)
            from rulekit.events import Note
            from rulekit.reporting.blocks import NOTHING_TO_DO

            _everyone(listeners, Note("info", NOTHING_TO_DO))
            return 0
        from rulekit.engine.execution import execute as run

        if options.touch:
            from rulekit.engine.touch import touch

            touch(prepared, listeners)
            return 0
        finished, signal = run(prepared, listeners)
        _everyone(listeners, finished)
        if finished.interrupted:
            return 143 if signal == 15 else 130
        if finished.ok and options.report_after_run:
            from rulekit.cli.commands.report import make_report

            again = session.prepare(command, loaded, readonly=True)
            make_report(options, again, loaded.secrets)
        return 0 if finished.ok else 1
    finally:
        for listener in listeners:
            close = getattr(listener, "close", None)
            if close is not None:
                close()


def dry_run(command: Command) -> int:
    """`-n`: everything on stdout, nothing written to disk."""
    options = command.options
    loaded = session.load(command)
    session.tell_reading(loaded, options)
    out = sys.stdout
    if "all" not in options.quiet and not options.json:
        out.write("Building DAG of jobs...\n")
    prepared = session.prepare(command, loaded, readonly=True)
    for warning in (*prepared.stage.plan.warnings, *_foreseen(prepared)):
        sys.stderr.write(f"warning: {warning}\n")
    if options.json:
        from rulekit.cli.commands.plan_json import plan_as_json

        out.write(plan_as_json(prepared))
        return 0
    from rulekit.reporting.dryrun import print_dry_run

    stage = prepared.stage
    if prepared.software is not None and "all" not in options.quiet:
        for text in prepared.software.missing(stage):
            out.write(f"{text}\n")
    print_dry_run(
        stage.plan,
        stage.forecast,
        stage.values,
        out,
        paint=painter(out, options.nocolor),
        quiet=options.quiet,
        command=shown_command(stage),
        show_commands=options.printshellcmds,
        notes=None if options.notemp else _removals(stage, options.all_temp),
    )
    return 0


def _foreseen(prepared: Prepared) -> tuple[str, ...]:
    """Warnings for a run on Azure Batch. Raises `PlanError` for what would be refused there."""
    if prepared.settings.azure is None or prepared.stored is None:
        return ()
    from rulekit.engine.azure import foresee

    return foresee(prepared.stage, prepared.settings, prepared.stored)


def _removals(stage: Stage, all_temp: bool) -> Callable[[int], tuple[str, ...]] | None:
    """A function that says which temporary files would go after a job; None if there are none."""
    flagged = all_temp or any(
        "temp" in item.flags
        for rule in stage.plan.workflow.rules
        for entry in rule.outputs
        for item in entry.items
    )
    if not flagged:
        return None
    from rulekit.scheduling import TempFiles

    temps = TempFiles(stage.plan, stage.forecast.run, all_temp=all_temp)

    def notes(job: int) -> tuple[str, ...]:
        return tuple(f"Would remove temporary output {path}" for path in temps.done(job))

    return notes


def shown_command(stage: Stage) -> Callable[[int], str | None]:
    """A function of a job's number that gives its shell command as it will be run."""
    from rulekit.language.format import compile_template

    plan, values = stage.plan, stage.values
    templates: dict[int, Any] = {}

    def command(job: int) -> str | None:
        index = plan.rule[job]
        rule = plan.workflow.rules[index]
        if rule.body.kind != "shell":
            if index not in templates and job not in plan.waits:
                templates[index] = None
                if rule.body.kind == "script":
                    _look_for_script(stage, job)
                values.params(job)
            return None
        template = templates.get(index)
        if template is None:
            template = compile_template(rule.body.text, shell=True)
            templates[index] = template
        try:
            text: str = template.render(values.names(job), rule.namespace)
        except RulekitError as error:
            if job in plan.waits:
                return "<TBD>"
            from rulekit.engine.failure import placed

            raise placed(error, rule) from error
        return text

    return command


def _look_for_script(stage: Stage, job: int) -> None:
    """Raises `RuleFileError` if the script of a job is a file that is not there."""
    path = stage.definitions.script_path(job)
    if "://" not in path and not os.path.exists(path):
        from rulekit.engine.bodies import read_source

        read_source(stage, stage.plan.job(job), path)


def _check_executor(options: Options) -> None:
    executor = options.executor
    if executor in (None, "local", "dryrun", "touch", "cluster-generic", "azure-batch", "az-batch"):
        return
    raise UsageError(
        f"--executor: `{executor}` is not available in this version of rulekit",
        code="RK0104",
        help="local, cluster-generic, azure-batch, dryrun and touch are; leave the option out to"
        " run here",
    )


def _says_jobs(options: Options) -> bool:
    """On a cluster it is the number of jobs that has to be given; Azure Batch has quotas of its own."""
    if options.az_batch or options.executor in ("azure-batch", "az-batch"):
        return True
    if not (options.executor or options.cluster or options.cluster_sync):
        return False
    from rulekit.cli.clusterwords import is_cluster

    if not is_cluster(options):
        return False
    if options.jobs is None:
        raise UsageError(
            "how many jobs may be on the cluster at the same time?",
            code="RK0107",
            help="add --jobs N, or --jobs unlimited",
        )
    return True


def _wait_for_files(options: Options) -> None:
    """`--wait-for-files`: until they are there, at most `--latency-wait` seconds."""
    wanted = list(options.wait_for_files)
    if options.wait_for_files_file is not None:
        try:
            with open(options.wait_for_files_file, encoding="utf-8") as stream:
                wanted += [line.strip() for line in stream if line.strip()]
        except OSError as error:
            raise UsageError(
                f"--wait-for-files-file: `{options.wait_for_files_file}`: {error.strerror}",
                code="RK0109",
            ) from error
    if not wanted:
        return
    end = time.monotonic() + options.latency_wait
    while missing := [path for path in wanted if not os.path.exists(path)]:
        if time.monotonic() >= end:
            raise InfrastructureError(
                f"files are not there after {options.latency_wait:g} s: {', '.join(missing[:5])}",
                code="RK0608",
                help="--latency-wait SECONDS waits longer",
            )
        time.sleep(min(0.1, options.latency_wait))


def _log_path() -> str:
    stamp = time.strftime("%Y-%m-%dT%H%M%S") + f".{time.time_ns() // 1000 % 1_000_000:06d}"
    return os.path.abspath(os.path.join(session.LOG_DIR, stamp + ".rulekit.log"))


def building(options: Options, listeners: list[Listener]) -> None:
    from rulekit.events import Note

    _everyone(listeners, Note("info", "Building DAG of jobs..."))


def tell_warnings(prepared: Prepared, listeners: list[Listener]) -> None:
    from rulekit.events import Note

    for warning in prepared.stage.plan.warnings:
        _everyone(listeners, Note("warning", f"warning: {warning}"))


def _everyone(listeners: list[Listener], event: object) -> None:
    for listener in listeners:
        listener(event)


def _names(loaded: session.Loaded) -> Callable[[str], str] | None:
    """What puts ``az://...`` in the place of the paths that stand for stored files."""
    if loaded.stored is None or not loaded.workflow.stores.roots:
        return None
    return loaded.stored.shown_text


def make_listeners(
    options: Options,
    log_path: str | None,
    secrets: tuple[str, ...] = (),
    names: Callable[[str], str] | None = None,
) -> list[Listener]:
    """Who is told: the terminal, the run's log file, JSON lines. None of them shows `secrets`; in
    files, `names` puts the names of people for those of machines, as the terminal's stream does."""
    hide = names
    if secrets:
        from rulekit.model.veil import Veil

        veil = Veil(secrets)
        hide = veil if names is None else lambda text: veil(names(text))
    from rulekit.reporting.console import Console
    from rulekit.reporting.paint import is_terminal

    listeners: list[Listener] = []
    as_json = "json" in options.logger
    for name in options.logger:
        if name != "json":
            raise UsageError(
                f"--logger: there is no logger `{name}`", code="RK0103", help="there is one: json"
            )
    if as_json:
        from rulekit.reporting.jsonlines import JsonLines

        listeners.append(JsonLines(sys.stderr))
    elif is_terminal(sys.stderr) and (view := _view(options, hide)) is not None:
        listeners.append(view)
    else:
        listeners.append(
            Console(
                sys.stderr,
                paint=painter(sys.stderr, options.nocolor),
                quiet=options.quiet
                if options.progress != "none"
                else options.quiet | {"progress", "rules"},
                printshellcmds=options.printshellcmds,
                show_failed_logs=options.show_failed_logs,
                verbose=options.verbose,
            )
        )
    if options.log_json is not None:
        from rulekit.reporting.jsonlines import JsonLines

        if options.log_json == "-":
            listeners.append(JsonLines(sys.stdout))
        else:
            listeners.append(JsonLines(_open_log(options.log_json, hide), owned=True))
    if options.stats is not None:
        listeners.append(_stats(options.stats))
    if options.dashboard or options.watch_port is not None:
        from rulekit.dashboard.sender import Sender

        sender = Sender(options.watch_port or 0, os.path.basename(os.getcwd()), hide)
        sys.stderr.write(f"Live page: {sender.url}\n")
        listeners.append(sender)
    if log_path is not None:
        from rulekit.reporting.logfile import LogFile

        listeners.append(LogFile(log_path, printshellcmds=options.printshellcmds, hide=hide))
    return listeners


def _view(options: Options, hide: Callable[[str], str] | None) -> Listener | None:
    from rulekit.cli.progresswords import make_view, wants_view

    return make_view(options, hide) if wants_view(options) else None


def _stats(path: str) -> Listener:
    """Writes `--stats`. Raises `UsageError` before anything runs if that cannot be."""
    from rulekit.history.statsfile import StatsFile

    folder = os.path.dirname(path) or "."
    if os.path.isdir(path) or not os.access(folder, os.W_OK):
        raise UsageError(f"--stats: cannot write `{path}`", code="RK0109")
    return StatsFile(path)


def _open_log(path: str, hide: Callable[[str], str] | None) -> IO[str]:
    try:
        stream = open(path, "w", encoding="utf-8")
        if hide is None:
            return stream
        from rulekit.cli.veiled import VeiledStream

        return VeiledStream(stream, hide)  # type: ignore[return-value]
    except OSError as error:
        raise UsageError(
            f"--log-json: cannot write `{path}`: {error.strerror}", code="RK0109"
        ) from error
