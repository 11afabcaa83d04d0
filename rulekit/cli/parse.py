"""Command line words → `Command`, by the rules that argparse has, at a tenth of its price.

`split` is the tokenizer: it knows arities, `--name=value`, joined short flags, abbreviations and
`--`, and nothing of what a value means. `read_command` adds verbs, profiles' values (given by the
caller) and the meaning of values.

Differences to argparse, all on the lenient side: targets may stand between options; an
abbreviation that fits several options means the one that Snakemake 9 has; a word that is not among
the choices of an option that can do without (`--dag results/x.txt`, `--quiet x.txt`) is a target.
"""

from __future__ import annotations

from rulekit.cli.options import VERB_OPTIONS, all_rows
from rulekit.errors.tree import UsageError
from rulekit.frozen import frozen

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from typing import Any

    from rulekit.cli.options import Row

    # dest to the words given: one list an occurrence
    Raw = dict[str, list[list[str]]]

# A first word of these is a command. The value says what it does, in the help.
VERBS: dict[str, str] = {
    "run": "run the targets (the same as no command)",
    "plan": "show what would run and why; the same as -n",
    "why": "why a target is made again, or why not",
    "list": "the rules, with their descriptions",
    "show": "one rule, as it was understood",
    "status": "what is up to date, stale or missing, by rule",
    "logs": "the logs of a target, or of the jobs that failed",
    "graph": "the graph as a picture, a page, dot, mermaid or JSON",
    "timeline": "when the jobs of a run ran: a table, a page, a trace",
    "dashboard": "a page about a run, live or ended, on this machine",
    "lint": "what could be better in the rule files",
    "fmt": "lay out rule files, changing nothing of what they say",
    "lsp": "a language server for editors, on stdin and stdout",
    "env": "conda environments: list, lock, create, export, clean",
    "azure": "Azure: doctor, gc, jobs, logs, files, and a Batch service to try it with",
    "clean": "delete outputs, after showing what and how much",
    "init": "write a small project to start from",
    "import-makefile": "a Rulefile from a Makefile",
    "explain": "the long text for an error code",
    "completion": "a completion script for bash, zsh or fish",
}
# Commands of later versions; the words are kept free for them.
LATER_VERBS = frozenset({"doctor"})
HIDDEN_VERBS = frozenset({"__complete"})
# Commands that may be written as a flag, if it is the first word.
FLAG_VERBS = {
    "--fmt": "fmt",
    "--lsp": "lsp",
    "--init": "init",
    "--import-makefile": "import-makefile",
}

NUMBER_LIKE = "0123456789."


class Options:
    """What was asked for. Immutable; an option that was not given has its default.

    The attributes are the `dest` names of the table in `rulekit.cli.options`, with the values
    converted. Options without a meaning in this version are in `given` only.
    """

    targets: tuple[str, ...] = ()
    given: frozenset[str] = frozenset()  # dests that were given, on the line or by a profile
    notices: tuple[str, ...] = ()  # one line each, for accepted options without effect
    profiles_used: tuple[str, ...] = ()

    dry_run: bool = False
    cores: int | None = None
    jobs: int | None = None
    rulefile: str | None = None
    directory: str | None = None
    keep_going: bool = False
    touch: bool = False
    retries: int = 0
    profile: tuple[str, ...] = ()
    workflow_profile: str | None = None
    executor: str | None = None
    keep_incomplete: bool = False
    shadow_prefix: str | None = None
    no_hooks: bool = False
    wrapper_prefix: str | None = None
    cache: tuple[str, ...] = ()
    edit_notebook: str | None = None
    draft_notebook: str | None = None
    notebook_listen: str = "localhost:8888"

    force: bool = False
    forceall: bool = False
    forcerun: tuple[str, ...] = ()
    until: tuple[str, ...] = ()
    omit_from: tuple[str, ...] = ()
    allowed_rules: tuple[str, ...] = ()
    batch: tuple[str, int, int] | None = None
    rerun_triggers: frozenset[str] = frozenset({"mtime", "params", "input", "software-env", "code"})
    consider_ancient: Mapping[str, frozenset[str | int]] = {}
    prioritize: tuple[str, ...] = ()
    allow_ambiguity: bool = False
    strict_dag_evaluation: frozenset[str] = frozenset()
    rerun_incomplete: bool = False
    ignore_incomplete: bool = False
    max_checksum_file_size: int = 1_000_000
    target_jobs: tuple[tuple[str, Mapping[str, str]], ...] = ()

    why: tuple[str, ...] = ()
    why_not: tuple[str, ...] = ()
    list_rules: bool = False
    list_target_rules: bool = False
    summary: bool = False
    detailed_summary: bool = False
    dag: str | None = None
    rulegraph: str | None = None
    filegraph: bool = False
    graph: str | None = None
    d3dag: bool = False
    list_changes: str | None = None
    list_code_changes: bool = False
    list_input_changes: bool = False
    list_params_changes: bool = False
    list_version_changes: bool = False
    list_untracked: bool = False
    lint: str | None = None
    dump_workflow: str | None = None
    archive: str | None = None
    report: str | None = None
    report_after_run: bool = False
    crate: str | None = None
    report_stylesheet: str | None = None
    report_metadata: str | None = None
    generate_unit_tests: str | None = None
    help: bool = False
    help_all: bool = False
    version: bool = False

    config: Mapping[str, Any] = {}
    config_words: tuple[str, ...] = ()  # as given, to hand on to a run body's process
    configfile: tuple[str, ...] = ()
    replace_workflow_config: bool = False
    envvars: tuple[str, ...] = ()

    resources: Mapping[str, str] = {}
    default_resources: Mapping[str, str] | None = None
    set_threads: Mapping[str, str] = {}
    set_resources: Mapping[str, Mapping[str, str]] = {}
    set_scatter: Mapping[str, int] = {}
    set_resource_scopes: Mapping[str, str] = {}
    max_threads: int | None = None
    max_jobs_per_timespan: tuple[int, float] | None = None  # starts, seconds
    max_jobs_per_second: float | None = None
    groups: Mapping[str, str] = {}
    azure: Mapping[str, str] = {}
    group_components: Mapping[str, int] = {}

    printshellcmds: bool = False
    quiet: frozenset[str] = frozenset()
    verbose: bool = False
    nocolor: bool = False
    plain: bool = False
    progress: str = "auto"
    show_failed_logs: bool = False
    log_json: str | None = None
    stats: str | None = None
    dashboard: bool = False
    watch_port: int | None = None
    logger: tuple[str, ...] = ()
    bash_completion: bool = False
    benchmark_extended: bool = False

    latency_wait: float = 5.0
    notemp: bool = False
    all_temp: bool = False
    cleanup_metadata: tuple[str, ...] = ()
    cleanup_shadow: bool = False
    delete_all_output: bool = False
    delete_temp_output: bool = False
    unlock: bool = False
    nolock: bool = False
    drop_metadata: bool = False
    wait_for_files: tuple[str, ...] = ()
    wait_for_files_file: str | None = None

    cluster: str | None = None
    cluster_sync: str | None = None
    cluster_generic_submit_cmd: str | None = None
    cluster_status: str | None = None
    cluster_cancel: str | None = None
    cluster_cancel_nargs: int | None = None
    cluster_sidecar: str | None = None
    cluster_config: tuple[str, ...] = ()
    jobname: str | None = None
    jobscript: str | None = None
    precommand: str | None = None
    immediate_submit: bool = False
    local_cores: int | None = None
    seconds_between_status_checks: float | None = None
    max_status_checks_per_second: float | None = None

    default_storage_provider: str | None = None
    default_storage_prefix: str | None = None
    default_remote_provider: str | None = None
    default_remote_prefix: str | None = None
    az_batch: bool = False
    az_batch_account_url: str | None = None
    az_batch_enable_autoscale: bool = False
    container_image: str | None = None
    keep_storage_local_copies: bool = False

    sdm: frozenset[str] = frozenset()
    use_conda: bool = False
    use_apptainer: bool = False
    use_envmodules: bool = False
    conda_prefix: str | None = None
    conda_base_path: str | None = None
    conda_frozen: bool = False
    conda_create_envs_only: bool = False
    list_conda_envs: bool = False
    conda_cleanup_envs: bool = False
    conda_cleanup_pkgs: str | None = None
    conda_lock: bool = False
    conda_not_block: bool = False
    apptainer_prefix: str | None = None
    apptainer_args: str = ""
    container_runtime: str = "auto"
    container_args: str = ""
    container_cleanup_images: bool = False
    containerize: str | None = None

    # of single verbs
    json: bool = False
    output: str | None = None
    check: bool = False
    failed: bool = False
    lines: int | None = None
    form_dot: bool = False
    form_mermaid: bool = False
    form_svg: bool = False
    form_html: bool = False
    form_tsv: bool = False
    form_trace: bool = False
    port: int | None = None
    by_rules: bool = False
    by_files: bool = False
    by_jobs: bool = False
    yes: bool = False
    platform: tuple[str, ...] = ()
    update: bool = False
    pin: bool = False
    all_envs: bool = False
    packages: str | None = None
    only_temp: bool = False
    diff: bool = False
    fix: bool = False
    line_length: int | None = None
    example: str | None = None

    def __init__(self, **values: Any) -> None:
        self.__dict__.update(values)

    def __setattr__(self, name: str, value: object) -> None:
        raise AttributeError(f"Options is frozen: `{name}` cannot be set")

    def replace(self, **values: Any) -> Options:
        """A copy with some attributes changed."""
        return Options(**{**self.__dict__, **values})


@frozen
class Command:
    """A verb (``run`` if none was given), its options, and the line as it was given."""

    verb: str
    options: Options
    argv: tuple[str, ...]
    raw: Mapping[str, list[list[str]]]


def names_of(rows: Iterable[Row]) -> dict[str, Row]:
    """Option string to row; the first row that has a name keeps it."""
    found: dict[str, Row] = {}
    for row in rows:
        for name in row[0].split():
            found.setdefault(name, row)
    return found


def split(words: Sequence[str], names: Mapping[str, Row]) -> tuple[Raw, tuple[str, ...]]:
    """The words of each option given, and the targets. Raises `UsageError`."""
    raw: Raw = {}
    targets: list[str] = []
    count = len(words)
    i = 0
    while i < count:
        word = words[i]
        i += 1
        if word == "--":
            targets.extend(words[i:])
            break
        if not _is_option(word, names):
            targets.append(word)
            continue
        name, value = _resolve(word, names)
        row = names[name]
        # Joined short flags: -npk, and -nj4, whose last one has a value.
        while value is not None and row[2] == "0":
            if name.startswith("--"):
                raise UsageError(f"{name} takes no value, but `{word}` gives one", code="RK0102")
            raw.setdefault(row[1], []).append([])
            joined = "-" + value[0]
            if joined not in names:
                raise UsageError(
                    f"`{word}` is not understood: there is no option {joined}",
                    code="RK0101",
                    help=_near_option(word, names),
                )
            name, value = joined, value[1:] or None
            row = names[name]
        given = raw.setdefault(row[1], [])
        if row[2] == "0":
            given.append([])
        elif value is not None:
            if row[2] == "2":
                raise UsageError(f"{name} takes two values", code="RK0102")
            given.append([value])
        else:
            end = i
            while end < count and words[end] != "--" and not _is_option(words[end], names):
                end += 1
            taken = _take(name, row, words[i:end])
            given.append(taken)
            i += len(taken)
    return raw, tuple(targets)


def _take(name: str, row: Row, free: Sequence[str]) -> list[str]:
    """How many of the words that are no options belong to this option."""
    arity = row[2]
    if arity == "?":
        # An optional value with choices takes a word only if it is one of them.
        if free and "|" in row[4] and free[0] not in row[4].split("|"):
            return []
        return list(free[:1])
    if arity in ("*", "+"):
        if arity == "*" and "|" in row[4]:
            choices = row[4].split("|")
            return list(free)[
                : next((i for i, w in enumerate(free) if w not in choices), len(free))
            ]
        if arity == "+" and not free:
            raise UsageError(
                f"{name} needs at least one {row[3]}", code="RK0102", help=_usage(name, row)
            )
        return list(free)
    wanted = 2 if arity == "2" else 1
    if len(free) < wanted:
        raise UsageError(f"{name} needs a value", code="RK0102", help=_usage(name, row))
    return list(free[:wanted])


def _usage(name: str, row: Row) -> str:
    several = " ..." if row[2] in "*+" else ""
    return f"write {name} {row[3]}{several} ({row[7]})"


def _is_option(word: str, names: Mapping[str, Row]) -> bool:
    if len(word) < 2 or word[0] != "-":
        return False
    if word in names:
        return True
    if "=" in word and word.partition("=")[0] in names:
        return True
    if word[1] == "-":
        if _fitting(word, names):
            return True
    elif word[:2] in names:
        return True
    # -1, -0.5 and whatever holds a blank are values, not options.
    digits = word[1:]
    if digits.replace(".", "", 1).isdigit() and digits[-1] != ".":
        return False
    return " " not in word


def _fitting(word: str, names: Mapping[str, Row]) -> list[str]:
    start = word.partition("=")[0]
    return [name for name in names if name.startswith(start)]


def _resolve(word: str, names: Mapping[str, Row]) -> tuple[str, str | None]:
    """The option a word means, and the value joined to it. Raises `UsageError`."""
    if word in names:
        return word, None
    start, equals, joined = word.partition("=")
    value = joined if equals else None
    if start in names:
        if value == "" and not start.startswith("--"):
            value = None
        return start, value
    if word.startswith("--"):
        fitting = _fitting(word, names)
        # Snakemake 9 would have taken its own option; so do we.
        for origins in ("9", "97", "97r"):
            chosen = [name for name in fitting if names[name][5] in origins]
            if chosen:
                if len({names[name][1] for name in chosen}) > 1:
                    raise UsageError(
                        f"{start} may mean {', '.join(sorted(chosen))}",
                        code="RK0105",
                        help="write the option out",
                    )
                return chosen[0], value
    elif word[:2] in names:
        return word[:2], word[2:]
    raise UsageError(
        f"there is no option {start}",
        code="RK0101",
        help=_near_option(start, names)
        or "`rulekit --help-all` lists the options; a target that begins with `-` goes after `--`",
    )


_SUBMIT = "use --cluster with the command that submits jobs, as in --cluster 'sbatch --parsable'"
# What to use instead of options that begin with the name of a Snakemake plugin.
_PLUGINS = {
    "slurm": _SUBMIT,
    "lsf": _SUBMIT,
    "pbs": _SUBMIT,
    "sge": _SUBMIT,
    "htcondor": _SUBMIT,
    "flux": _SUBMIT,
    "drmaa": _SUBMIT,
    "cluster": "of the plugin cluster-generic there are --cluster-generic-submit-cmd, -status-cmd, "
    "-cancel-cmd, -cancel-nargs and -sidecar-cmd",
    "azure": "use --az-batch and its options; `rulekit --help-all` lists them",
    "kubernetes": "options of this Snakemake plugin are not available in this version of rulekit",
    "googlebatch": "options of this Snakemake plugin are not available in rulekit",
    "aws": "options of this Snakemake plugin are not available in rulekit",
    "tes": "options of this Snakemake plugin are not available in this version of rulekit",
    "storage": "settings of storage stand in the rule file, `storage:`, or in the environment",
    "report": "options of report plugins are not available in this version of rulekit",
    "logger": "there is one other logger: --logger json, or --log-json FILE",
    "scheduler": "rulekit has one scheduler, which needs no options",
}


def _near_option(word: str, names: Mapping[str, Row]) -> str | None:
    from rulekit.errors.diagnostic import closest

    start = word.partition("=")[0]
    verbs = [verb for verb, rows in VERB_OPTIONS.items() if start in names_of(rows)]
    if verbs:
        return f"{start} is an option of `rulekit {verbs[0]}`: a command stands before all options"
    plugin = start[2:].partition("-")[0]
    if plugin in _PLUGINS:
        return _PLUGINS[plugin]
    shown = [name for name in names if names[name][6] != "hidden"]
    near = closest(start, shown) or closest(start, names)
    return None if near is None else f"there is an option with a similar name: `{near}`"


def read_words(argv: Sequence[str]) -> tuple[str, Raw, tuple[str, ...]]:
    """Verb, raw options, targets. Raises `UsageError`."""
    verb = "run"
    words: Sequence[str] = argv
    if argv and argv[0] in FLAG_VERBS:
        argv = [FLAG_VERBS[argv[0]], *argv[1:]]
    if argv and (argv[0] in VERBS or argv[0] in LATER_VERBS or argv[0] in HIDDEN_VERBS):
        verb, words = argv[0], argv[1:]
    if verb in LATER_VERBS:
        raise UsageError(
            f"`rulekit {verb}` is not available in this version",
            code="RK0112",
            help=f"a target or rule of that name is reached by `rulekit run {verb}`",
        )
    if verb in HIDDEN_VERBS:
        return verb, {}, tuple(words)
    raw, targets = split(words, names_of(all_rows(verb)))
    return verb, raw, targets


def read_command(
    argv: Sequence[str],
    from_profiles: Mapping[str, list[list[str]]] | None = None,
    profiles_used: tuple[str, ...] = (),
) -> Command:
    """The command a line means; `from_profiles` holds for options that the line does not give.

    Raises `UsageError` (and `RuleFileError` is left to `rulekit.cli.profiles`).
    """
    verb, raw, targets = read_words(argv)
    merged = {**(from_profiles or {}), **raw}
    options = convert(merged, targets, verb, profiles_used)
    return Command(verb, options, tuple(argv), merged)


def convert(
    raw: Mapping[str, list[list[str]]],
    targets: tuple[str, ...],
    verb: str = "run",
    profiles_used: tuple[str, ...] = (),
) -> Options:
    """Raw words → `Options`. Raises `UsageError` for a value that cannot be understood."""
    values: dict[str, Any] = {}
    notices: list[str] = []
    if raw:
        from rulekit.cli.values import convert_one

        by_dest = {row[1]: row for row in reversed(all_rows(verb))}
        for dest, occurrences in raw.items():
            row = by_dest[dest]
            name = row[0].split()[0]
            then = row[8]
            if then.startswith(("refuse", "later")):
                _refuse(name, then)
            elif then.startswith("note"):
                notices.append(f"{name} {then[6:]}")
            values.update(convert_one(name, row, occurrences))
    if values.get("use_conda"):
        values["sdm"] = values.get("sdm", frozenset()) | {"conda"}
    if values.get("use_apptainer"):
        values["sdm"] = values.get("sdm", frozenset()) | {"apptainer"}
    if values.get("use_envmodules"):
        values["sdm"] = values.get("sdm", frozenset()) | {"env-modules"}
    if values.get("cores") is None and values.get("jobs") is not None and not _is_remote(values):
        values["cores"] = values["jobs"]
    if verb == "plan" or values.get("executor") == "dryrun":
        values["dry_run"] = True
    if values.get("executor") == "touch":
        values["touch"] = True
    return Options(
        **values,
        targets=targets,
        given=frozenset(raw),
        notices=tuple(notices),
        profiles_used=profiles_used,
    )


def _is_remote(values: Mapping[str, Any]) -> bool:
    """Whether jobs run on other machines, where ``--jobs`` says nothing of cores."""
    executor = values.get("executor")
    return bool(
        values.get("cluster")
        or values.get("cluster_sync")
        or values.get("az_batch")
        or executor not in (None, "local", "dryrun", "touch")
    )


def _refuse(name: str, then: str) -> None:
    kind, _, advice = then.partition(": ")
    if kind == "later":
        raise UsageError(
            f"{name} is not available in this version of rulekit",
            code="RK0104",
            help=advice or None,
        )
    what, _, instead = advice.partition(": ")
    raise UsageError(f"{name} {what}", code="RK0104", help=instead or None)


assert not set(VERB_OPTIONS) - set(VERBS)
