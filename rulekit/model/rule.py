"""Rules and workflows as compiled: what a rule file says, before any target is asked for."""

from __future__ import annotations

from rulekit.frozen import frozen
from rulekit.model.stores import NO_STORES

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from typing import Any

    from rulekit.model.span import Span
    from rulekit.model.stores import Stores
    from rulekit.patterns import Pattern


@frozen
class FileItem:
    """One declared file: a pattern, or a function that gives names when it is called.

    Exactly one of `pattern` and `function` is set. `flags` are those of `FlaggedStr`; the flag
    ``unpack`` on a function means that its dict or list spreads over names or positions.
    `fixed_rule` names the only rule that may make the file (it came from `rules.X.output`).
    """

    text: str
    pattern: Pattern | None
    function: Callable[..., Any] | None
    flags: Mapping[str, Any]
    fixed_rule: str | None = None


@frozen
class Entry:
    """One argument of a file directive: a single item, or a list of them (`is_list`), maybe named."""

    name: str | None
    items: tuple[FileItem, ...]
    is_list: bool


@frozen
class Value:
    """One argument of `params`: any Python value, maybe named. Callables are called for each job."""

    name: str | None
    value: Any


@frozen
class Body:
    """What a rule does.

    kind: ``none`` | ``shell`` | ``run`` | ``script`` | ``notebook`` | ``wrapper`` | ``template_engine`` | ``cwl``
    text: the shell command template, the script's path as written, the template engine's name;
          for ``run`` the source text of the body.
    function: for ``run``, a function of (input, output, params, wildcards, threads, resources,
          log, rule, jobid, bench_iteration), called by keyword.
    code: what the staleness aspect *code* compares, already without comments and layout:
          for ``shell`` the normalised template, for ``run`` the dump of the syntax tree, else `text`.
    """

    kind: str
    text: str
    span: Span | None
    function: Callable[..., Any] | None
    code: str


@frozen
class Rule:
    """One rule. All functions in it are the user's; they are called during planning or later.

    `threads`, `priority` and the values of `resources` are plain values or callables.
    `namespace` is the globals dict of the file that holds the rule: fields of command templates
    are looked up there after the job's own names.
    `basedir` is the folder of the file that holds the rule; scripts and environment files are
    relative to it.
    """

    name: str
    index: int
    kind: str  # "rule" | "checkpoint"
    span: Span
    docstring: str | None
    inputs: tuple[Entry, ...]
    outputs: tuple[Entry, ...]
    logs: tuple[Entry, ...]
    benchmark: FileItem | None
    params: tuple[Value, ...]
    wildcard_names: tuple[str, ...]
    constraints: Mapping[str, str]
    threads: Any  # int | callable(wildcards, input, attempt)
    resources: Mapping[str, Any]
    priority: Any
    message: str | None
    retries: int | None
    group: Any
    shadow: str | None
    conda: Any
    container: Any
    envmodules: tuple[str, ...]
    cache: Any
    localrule: bool
    handover: bool
    body: Body
    namespace: dict[str, Any]
    basedir: str


class ContainerizedImage(str):
    """An image that holds the conda environments of the workflow: what `containerized:` says."""

    __slots__ = ()


@frozen
class Hook:
    """`onstart`, `onsuccess`, `onerror`: a function of the run's log file path."""

    function: Callable[[str], Any]
    span: Span


@frozen
class Workflow:
    """All that a rule file and what it includes says. `rules` are in the order of reading."""

    main_file: str
    basedir: str
    rules: tuple[Rule, ...]
    default_target: str | None  # a rule's name
    ruleorder: tuple[tuple[str, ...], ...]  # statements in order; the last one naming both decides
    localrules: frozenset[str]
    constraints: Mapping[str, str]
    envvars: tuple[str, ...]
    config: dict[str, Any]
    configfiles: tuple[str, ...]
    workdir: str | None  # from `workdir:`, absolute
    onstart: Hook | None
    onsuccess: Hook | None
    onerror: Hook | None
    shell: ShellSettings
    scattergather: Mapping[str, int]
    resource_scopes: Mapping[str, str]
    source_files: tuple[str, ...]  # every rule file read, absolute
    namespace: dict[str, Any]
    checkpoints: CheckpointGate
    report: str | None = None  # the caption file of `report:`, absolute
    warnings: tuple[Any, ...] = ()  # diagnostics of severity "warning"
    notes: tuple[str, ...] = ()  # what else is to be said about the reading
    stores: Stores = NO_STORES  # accounts and stored names

    def rule(self, name: str) -> Rule | None:
        """The rule of that name."""
        return next((rule for rule in self.rules if rule.name == name), None)


@frozen
class ShellSettings:
    """How shell commands are run; from `shell.executable`, `shell.prefix`, `shell.suffix`.

    `prefix` None means the strict default ``set -euo pipefail; `` where the program is bash.
    """

    executable: str | None = None
    prefix: str | None = None
    suffix: str = ""


class CheckpointGate:
    """What `checkpoints.NAME.get()` asks: which checkpoint outputs are there already.

    Planning fills it; user code, through the compiler's namespace, reads it. A checkpoint that
    is not in `done` makes `get` raise `CheckpointPending`. `fetch` is told of the outputs that user
    code is about to look at, if they may be somewhere else than on this disk.
    """

    __slots__ = ("done", "fetch")

    def __init__(self) -> None:
        # (rule name, wildcard values in the order of the rule's names)
        self.done: set[tuple[str, tuple[str, ...]]] = set()
        self.fetch: Callable[[Sequence[str]], None] | None = None


class CheckpointPending(Exception):
    """Raised by `checkpoints.NAME.get(...)` in an input function: that job must run first."""

    def __init__(self, rule: str, wildcards: tuple[str, ...], outputs: tuple[str, ...]) -> None:
        super().__init__(f"checkpoint {rule} has not run yet")
        self.rule = rule
        self.wildcards = wildcards
        self.outputs = outputs
