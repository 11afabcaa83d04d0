"""From options to a workflow, a plan and a forecast: what most commands begin with.

All settings are merged here, and handed on piecewise: each room gets its own frozen record.
"""

from __future__ import annotations

import os

from rulekit.errors.tree import UsageError
from rulekit.frozen import frozen, replace

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Container, Iterator, Mapping, Sequence

    from rulekit.cli.parse import Command, Options
    from rulekit.compiler.settings import LoadSettings
    from rulekit.engine.session import Prepared
    from rulekit.engine.settings import RunSettings, SoftwareSettings
    from rulekit.engine.stored import RunStorage
    from rulekit.executors.azure.settings import AzureSettings
    from rulekit.model.rule import Workflow
    from rulekit.planning import PlanOptions
    from rulekit.staleness import Policy

STATE_DIR = ".rulekit"
_UNLIMITED = 1 << 30  # cores of a cluster: it is its own business
LOG_DIR = os.path.join(STATE_DIR, "log")


@frozen
class Loaded:
    """A workflow, read in its working directory (which is now the process's own)."""

    workflow: Workflow
    rulefile: str  # absolute, or a URL
    settings: LoadSettings
    secrets: tuple[str, ...] = ()  # what is not to be shown or written down
    stored: RunStorage | None = None  # where files are that are not on this disk
    azure: AzureSettings | None = None  # jobs run on Azure Batch


def load(command: Command) -> Loaded:
    """Reads the rule file. Changes into `--directory` (made if missing) or `workdir:`.

    Raises `RuleFileError`, `UsageError`.
    """
    from rulekit.syntax.locate import required

    options = command.options
    rulefile = required(options.rulefile)
    if "://" not in rulefile:
        rulefile = os.path.abspath(rulefile)
    configfiles = tuple(os.path.abspath(path) for path in options.configfile)
    if options.directory is not None:
        enter(options.directory)
    from rulekit.compiler.load import load as compile_file
    from rulekit.compiler.settings import LoadSettings

    settings = load_settings(options, configfiles, LoadSettings)
    if options.cluster_config:
        from rulekit.cli.clusterwords import cluster_config
        from rulekit.language import compat

        compat.cluster_config.update(cluster_config(options.cluster_config))
    stored: RunStorage | None
    azure = None
    if _names_storage(options):
        from rulekit.cli.remotewords import folder_of, open_storage

        stored, azure = open_storage(options)
        settings = replace(settings, path_prefix=folder_of(options))
    else:
        # A rule file may name stored files all the same; nothing is opened before it does.
        from rulekit.engine.stored import RunStorage

        stored = RunStorage(digest_limit=options.max_checksum_file_size)
    settings = replace(settings, storage=stored)
    workflow = compile_file(rulefile, settings)
    if workflow.workdir is not None and options.directory is None:
        enter(workflow.workdir)
    if stored.root is None and not (workflow.stores.roots or workflow.stores.settings):
        stored = None
    secrets: tuple[str, ...] = ()
    if stored is not None:
        stored.take(workflow)
        secrets = (*stored.secrets(), *(azure.secrets() if azure is not None else ()))
        if workflow.stores.roots:
            from rulekit.cli.veiled import change_output

            change_output(stored.shown_text)
    if workflow.envvars or options.envvars:
        from rulekit.cli.veiled import secrets_of

        secrets += secrets_of((*workflow.envvars, *options.envvars))
    if secrets:
        from rulekit.cli.veiled import veil_output

        veil_output(secrets)
    # Processes that read the file again for a `run:` body see what this reading saw, and have no
    # open storage.
    from rulekit.language import storagestate

    settings = replace(settings, storage=storagestate.recorded())
    return Loaded(workflow, rulefile, settings, secrets, stored, azure)


def _names_storage(options: Options) -> bool:
    return bool(
        options.az_batch
        or options.default_storage_provider
        or options.default_remote_provider
        or options.default_storage_prefix
        or options.default_remote_prefix
        or options.executor in ("azure-batch", "az-batch")
    )


_told: set[str] = set()  # what was said already: some commands read a file several times


def tell_reading(loaded: Loaded, options: Options) -> None:
    """What the reading of the rule file gave rise to, on stderr: warnings, notes on old forms."""
    workflow = loaded.workflow
    if "all" in options.quiet or not (workflow.warnings or workflow.notes):
        return
    import sys

    from rulekit.errors.show import written

    said = [written((one,)) for one in workflow.warnings]
    said += [f"note: {note}" for note in workflow.notes]
    for text in said:
        if text not in _told:
            _told.add(text)
            sys.stderr.write(f"{text}\n")


def load_settings(
    options: Options, configfiles: tuple[str, ...], kind: Callable[..., LoadSettings]
) -> LoadSettings:
    """What the compiler is told."""
    return kind(
        config=dict(options.config),
        configfiles=configfiles,
        replace_workflow_config=options.replace_workflow_config,
        directory=os.getcwd() if options.directory is not None else None,
        # Rule files compute with `workflow.cores`; only on other machines is it not known.
        cores=options.cores or (None if options.jobs else 1),
        nodes=options.jobs,
        set_scatter=options.set_scatter,
        set_resource_scopes=options.set_resource_scopes,
        consider_ancient=options.consider_ancient,
        all_temp=options.all_temp,
        software=options.sdm,
        wrapper_prefix=options.wrapper_prefix or "",
    )


def enter(directory: str) -> None:
    """Make a directory if needed and make it the working directory."""
    try:
        os.makedirs(directory, exist_ok=True)
        os.chdir(directory)
    except OSError as error:
        raise UsageError(
            f"cannot work in `{directory}`: {error.strerror}", code="RK0109"
        ) from error


def plan_options(options: Options) -> PlanOptions:
    from rulekit.planning import PlanOptions

    return PlanOptions(
        also=(*options.prioritize, *options.forcerun, *options.until),
        until=frozenset(options.until),
        omit_from=frozenset(options.omit_from),
        allowed_rules=frozenset(options.allowed_rules),
        allow_ambiguity=options.allow_ambiguity,
        strict=options.strict_dag_evaluation,
        batch=options.batch,
    )


def policy(options: Options) -> Policy:
    from rulekit.staleness import TRIGGERS, Policy

    triggers = frozenset(TRIGGERS)
    if "rerun_triggers" in options.given:
        triggers = options.rerun_triggers
    return Policy(
        triggers=triggers,
        force_targets=options.force,
        force_all=options.forceall,
        force=frozenset(options.forcerun),
        ignore_incomplete=options.ignore_incomplete,
    )


def run_settings(command: Command, loaded: Loaded, *, log_path: str | None = None) -> RunSettings:
    from rulekit.engine.settings import RunSettings
    from rulekit.language.resources import (
        parse_defaults,
        parse_limits,
        parse_overrides,
        parse_threads,
    )

    options = command.options
    rate = options.max_jobs_per_timespan
    if rate is None and options.max_jobs_per_second:
        rate = (max(1, round(options.max_jobs_per_second)), 1.0)
    cluster = grouping = None
    if options.executor or options.cluster or options.cluster_sync:
        from rulekit.cli import clusterwords

        cluster = clusterwords.cluster_settings(options)
        grouping = clusterwords.grouping(options) if cluster is not None else None
    elsewhere = cluster is not None or loaded.azure is not None
    if loaded.azure is not None:
        from rulekit.cli import clusterwords

        grouping = clusterwords.grouping(options)
    return RunSettings(
        cores=_cores(options, cluster is not None, loaded.azure is not None),
        jobs=options.jobs if elsewhere else None,
        resources=parse_limits(_words(options.resources)),
        default_resources=(
            None
            if options.default_resources is None and not elsewhere
            else parse_defaults(_words(options.default_resources or {}), full=True)
        ),
        set_threads=parse_threads(_words(options.set_threads)),
        set_resources=parse_overrides(
            f"{rule}:{word}"
            for rule, table in options.set_resources.items()
            for word in _words(table)
        ),
        max_threads=options.max_threads,
        retries=options.retries,
        keep_going=options.keep_going,
        keep_incomplete=options.keep_incomplete,
        notemp=options.notemp,
        all_temp=options.all_temp,
        latency_wait=options.latency_wait,
        rate=rate,
        prioritize=frozenset(options.prioritize),
        shadow_prefix=options.shadow_prefix,
        deployment=options.sdm,
        software=_software(options),
        digest_limit=options.max_checksum_file_size,
        no_hooks=options.no_hooks,
        no_lock=options.nolock,
        drop_metadata=options.drop_metadata,
        benchmark_extended=options.benchmark_extended,
        skip_script_cleanup="skip_script_cleanup" in options.given,
        print_commands=options.printshellcmds,
        cache=frozenset(options.cache) if "cache" in options.given else None,
        state_dir=STATE_DIR,
        rulefile=loaded.rulefile,
        load=loaded.settings,
        command=again(command, loaded.azure is not None),
        log_path=log_path,
        secrets=loaded.secrets,
        cluster=cluster,
        grouping=grouping,
        envvars=options.envvars,
        azure=loaded.azure,
        keep_copies=options.keep_storage_local_copies,
        local_cores=options.local_cores,
    )


def _software(options: Options) -> SoftwareSettings:
    from rulekit.engine.settings import SoftwareSettings

    if not options.sdm:
        return SoftwareSettings()
    return SoftwareSettings(
        conda_prefix=options.conda_prefix,
        conda_base_path=options.conda_base_path,
        conda_frozen=options.conda_frozen,
        keep_search_paths=options.conda_not_block,
        runtime=options.container_runtime,
        image_prefix=options.apptainer_prefix,
        apptainer_args=options.apptainer_args,
        container_args=options.container_args,
    )


def _cores(options: Options, cluster: bool, azure: bool) -> int:
    if azure or (cluster and options.cores is None):
        return _UNLIMITED
    return options.cores or 1


def _words(table: Mapping[str, str]) -> list[str]:
    return [f"{name}={value}" for name, value in table.items()]


def again(command: Command, azure: bool = False) -> str:
    """The start of a command line that runs one of these jobs again: `rulekit -s ... TARGET`.
    `azure`: on Azure Batch."""
    parts = ["rulekit"]
    raw = command.raw
    for dest, name in (
        ("rulefile", "-s"),
        ("directory", "-d"),
        ("profile", "--profile"),
        ("configfile", "--configfile"),
        ("sdm", "--sdm"),
        ("container_runtime", "--container-runtime"),
        ("executor", "--executor"),
        ("az_batch", "--az-batch"),
        ("az_batch_account_url", "--az-batch-account-url"),
        ("container_image", "--container-image"),
        ("default_remote_provider", "--default-remote-provider"),
        ("default_remote_prefix", "--default-remote-prefix"),
        ("default_storage_provider", "--default-storage-provider"),
        ("default_storage_prefix", "--default-storage-prefix"),
    ):
        if dest in raw and (dest != "executor" or azure):
            for words in raw[dest] if dest == "profile" else raw[dest][-1:]:
                parts += [name, *map(_quoted, words)]
    if command.options.sdm and "sdm" not in raw:  # said by --use-conda and the like
        parts += ["--sdm", *sorted(command.options.sdm)]
    if "config" in raw:
        # A value may be secret: the name says enough to whoever gave it.
        parts += ["--config", *(word.partition("=")[0] + "=..." for word in raw["config"][-1])]
    if azure and "envvars" in raw:
        parts += ["--envvars", *command.options.envvars]
    parts += ["--"] if azure else ["-c", str(command.options.cores or 1), "--"]
    return " ".join(parts)


def _quoted(word: str) -> str:
    if word and not set(word) - _PLAIN:
        return word
    import shlex

    return shlex.quote(word)


_PLAIN = frozenset("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_@%+=:,./-")


def file_targets(words: Sequence[str], rules: Container[str]) -> tuple[str, ...]:
    """File names in their shortest form (``./a//b`` → ``a/b``); names of rules as they are."""
    return tuple(
        word if word in rules or not word or "://" in word else os.path.normpath(word)
        for word in words
    )


def _files_of(workflow: Workflow, jobs: Sequence[tuple[str, Mapping[str, str]]]) -> Iterator[str]:
    """`--target-jobs`: for each job its first output, or its rule's name if it has none."""
    for name, wildcards in jobs:
        rule = workflow.rule(name)
        if rule is None:
            from rulekit.errors.diagnostic import did_you_mean

            raise UsageError(
                f"--target-jobs: there is no rule `{name}`",
                code="RK0111",
                help=did_you_mean("rule", name, [rule.name for rule in workflow.rules]),
            )
        pattern = next((item.pattern for entry in rule.outputs for item in entry.items), None)
        if pattern is None:
            yield name
            continue
        missing = [one for one in pattern.names if one not in wildcards]
        if missing:
            raise UsageError(
                f"--target-jobs: rule `{name}` needs a value for {', '.join(missing)}",
                code="RK0103",
            )
        yield pattern.fill([wildcards[one] for one in pattern.names])


def prepare(
    command: Command,
    loaded: Loaded,
    *,
    readonly: bool,
    targets: Sequence[str] | None = None,
    listeners: Sequence[Callable[[object], None]] = (),
    log_path: str | None = None,
) -> Prepared:
    """Plan and forecast. Readonly: no byte is written. Raises `PlanError`, `StateError`."""
    from rulekit.engine.session import prepare as make

    options = command.options
    wanted = options.targets if targets is None else targets
    named: tuple[str, ...] = ()
    if targets is None and options.target_jobs:
        named = tuple(_files_of(loaded.workflow, options.target_jobs))
        wanted = (*wanted, *named)
    if wanted:
        wanted = file_targets(wanted, {rule.name for rule in loaded.workflow.rules})
        if loaded.stored is not None:
            wanted = tuple(map(loaded.stored.target, wanted))
    planned, forced = plan_options(options), policy(options)
    if named:  # these run whether they are up to date or not
        forced = replace(forced, force=forced.force | frozenset(named))
    if planned.also and targets is None:
        names = {rule.name for rule in loaded.workflow.rules}
        planned = replace(planned, also=file_targets(planned.also, names))
        forced = replace(forced, force=frozenset(file_targets(tuple(forced.force), names)))
    elif planned.also:
        planned = replace(planned, also=())
    if loaded.stored is not None and (
        options.until or options.omit_from or options.forcerun or options.prioritize
    ):
        from rulekit.cli.remotewords import names_of_stored

        planned, forced = names_of_stored(loaded.stored, planned, forced)
    folder = loaded.settings.path_prefix
    if folder:
        from rulekit.cli.remotewords import in_folder, names_in_folder

        wanted = in_folder(loaded.workflow, folder, wanted)
        planned, forced = names_in_folder(loaded.workflow, folder, planned, forced)
    prepared = make(
        loaded.workflow,
        tuple(wanted),
        planned,
        forced,
        run_settings(command, loaded, log_path=log_path),
        readonly=readonly,
        listeners=listeners,
        stored=loaded.stored,
    )
    for note in prepared.store.notes if prepared.store is not None else ():
        _warn(note, listeners)
    return prepared


def _warn(text: str, listeners: Sequence[Callable[[object], None]]) -> None:
    if listeners:
        from rulekit.events import Note

        for listener in listeners:
            listener(Note("warning", f"warning: {text}"))
    else:
        import sys

        sys.stderr.write(f"warning: {text}\n")
