"""The cache between workflows: outputs kept under what they were made by, and taken from there.

A directory (`$RULEKIT_OUTPUT_CACHE` or `$SNAKEMAKE_OUTPUT_CACHE`) holds files named by a
provenance hash: of the rule's action, its params, the content of its source files, its software
and, one after the other, of all jobs before it. It is the hash that Snakemake 9 computes, so that
both can use one directory; only Python of `run:` bodies, which Snakemake leaves out, counts here.

An entry appears whole or not at all, and can be read but not written: outputs are links to it.
"""

from __future__ import annotations

import os

from rulekit.errors import InfrastructureError, PlanError, RuleFileError, UsageError
from rulekit.events import Note
from rulekit.frozen import replace
from rulekit.model.namedlist import names_of
from rulekit.patterns import fill_names

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from typing import Any

    from rulekit.engine.loop import Stage
    from rulekit.engine.settings import RunSettings
    from rulekit.model.rule import Rule
    from rulekit.model.spec import JobResult, JobSpec

    Say = Callable[[object], None]

VARIABLES = ("RULEKIT_OUTPUT_CACHE", "SNAKEMAKE_OUTPUT_CACHE")
_FORMAT = "0.1"  # of the hash
_WORDS = ("all", "omit-software", "omit-storage-content")

# Arguments: pairs of an entry and an output. A directory is made anew, with links in it.
_LINK = (
    'set -e; while [ $# -gt 0 ]; do if [ -d "$1" ]; then mkdir -p "$2";'
    ' find "$1" -mindepth 1 -maxdepth 1 -exec ln -s -- {} "$2/" \\; ;'
    ' else ln -s -- "$1" "$2"; fi; shift 2; done'
)


def open_cache(settings: RunSettings, rules: Sequence[Rule]) -> OutputCache | None:
    """The cache of a run; None if it is not switched on (`--cache`).

    Raises `UsageError` if no directory is named, `InfrastructureError` if it cannot be used,
    `RuleFileError` for rules that cannot be cached.
    """
    if settings.cache is None:
        return None
    folder = next((os.environ[name] for name in VARIABLES if os.environ.get(name)), None)
    if folder is None:
        raise UsageError(
            "--cache: no directory is named for the cache between workflows",
            code="RK0516",
            help=f"export {VARIABLES[0]}=/a/directory",
        )
    unknown = settings.cache - {rule.name for rule in rules}
    if unknown:
        from rulekit.errors.diagnostic import did_you_mean

        name = min(unknown)
        raise UsageError(
            f"--cache: there is no rule `{name}`",
            code="RK0111",
            help=did_you_mean("rule", name, [rule.name for rule in rules]),
        )
    for rule in rules:
        if rule.name in settings.cache or words_of(rule):
            _check(rule)
    folder = os.path.abspath(folder)
    if not os.path.isdir(folder) or not os.access(folder, os.R_OK | os.X_OK):
        raise InfrastructureError(
            f"the cache between workflows, `{folder}`, is no directory that can be read",
            code="RK0517",
            help=f"make it, or let {VARIABLES[0]} name another",
        )
    return OutputCache(folder, settings)


def words_of(rule: Rule) -> frozenset[str]:
    """What `cache:` of a rule says: ``all`` and the other words. Raises `RuleFileError`."""
    value = rule.cache
    if not value:
        return frozenset()
    words = ["all"] if value is True else [value] if isinstance(value, str) else list(value)
    found = set()
    for word in words:
        known = word.removeprefix("hash-") if isinstance(word, str) else ""
        if known not in _WORDS or word == "hash-all":
            raise RuleFileError(
                f"`cache` of rule `{rule.name}` cannot be {value!r}",
                code="RK0293",
                span=rule.span,
                help='True, "omit-software", "omit-storage-content", or a list of such words',
            )
        found.add(known)
        if not word.startswith("hash-"):
            found.add("all")
    return frozenset(found)


def _check(rule: Rule) -> None:
    """Whether outputs of a rule can be told apart in the cache. Raises `RuleFileError`."""
    problem = None
    items = [(entry.name, item) for entry in rule.outputs for item in entry.items]
    if not items:
        problem = "has no output"
    elif rule.benchmark is not None:
        problem = "has a benchmark, which a cached result cannot fill"
    elif len(items) > 1 and not (
        all("multiext" in item.flags for _, item in items)
        or all(entry.name is not None and len(entry.items) == 1 for entry in rule.outputs)
    ):
        problem = "has several outputs that are neither named nor made by `multiext`"
    if problem:
        raise RuleFileError(
            f"rule `{rule.name}` cannot be cached between workflows: it {problem}",
            code="RK0294",
            span=rule.span,
        )


class OutputCache:
    """Takes results from the cache and puts them there, for the jobs of one run."""

    def __init__(self, folder: str, settings: RunSettings) -> None:
        self._folder = folder
        self._rules = settings.cache or frozenset()
        self._deployment = settings.deployment
        self._generation = -1
        self._hashes: dict[int, str] = {}
        self._wanted: dict[str, tuple[str, ...]] = {}  # token: entries to be made

    def fetched(self, stage: Stage, spec: JobSpec, say: Say) -> JobSpec:
        """The order, or one that only links what the cache has. Raises `RulekitError`."""
        rule = stage.plan.rule_of(spec.id)
        if rule.name not in self._rules and "all" not in words_of(rule):
            return spec
        entries = self._entries(stage, spec.id, rule)
        if not all(map(os.path.exists, entries)):
            self._wanted[spec.token] = entries
            return spec
        pairs = [
            word
            for entry, output in zip(entries, spec.outputs, strict=True)
            for word in (entry, output.path)
        ]
        body = {**spec.body, "kind": "command", "argv": ["sh", "-c", _LINK, "sh", *pairs]}
        body.pop("context_argument", None)
        body.pop("function", None)
        say(Note("info", f"`{spec.key}` is taken from the cache"))
        return replace(spec, body=body, context=None, shadow=None)

    def keep(self, result: JobResult, outputs: Sequence[str], say: Say) -> None:
        """Puts what a job made into the cache, and links to it in its place.

        That this cannot be done is only told: the job has done its work.
        """
        entries = self._wanted.pop(result.token, None)
        if entries is None or not result.ok:
            return
        try:
            for entry, output in zip(entries, outputs, strict=True):
                _put(output, entry)
        except OSError as error:
            place = error.filename or self._folder
            text = error.strerror or str(error)
            say(Note("warning", f"warning: {place}: not put into the cache: {text}"))

    def _entries(self, stage: Stage, job: int, rule: Rule) -> tuple[str, ...]:
        """The paths of the cached outputs of a job, there or not."""
        if stage.generation != self._generation:
            self._generation, self._hashes = stage.generation, {}
        inner = self._hash(stage, job)
        base = os.path.join(self._folder, _sha256(inner + _FORMAT))
        plan = stage.plan
        outputs = plan.outputs[job]
        items = [(entry.name, item) for entry in rule.outputs for item in entry.items]
        multiext = items[0][1].flags.get("multiext")
        if multiext:
            wildcards = dict(zip(rule.wildcard_names, plan.wildcards[job], strict=True))
            size = len(fill_names(multiext["prefix"], wildcards))
            return tuple(base + path[size:] for path in outputs)
        if len(outputs) == 1:
            return (base + _suffix(outputs[0]),)
        return tuple(
            f"{base}_{name}{_suffix(path)}" for (name, _), path in zip(items, outputs, strict=True)
        )

    # -- hashing -----------------------------------------------------------------------------

    def _hash(self, stage: Stage, job: int) -> str:
        found = self._hashes
        needs = stage.plan.needs
        todo, before = [job], {job}
        while todo:
            for other in needs[todo.pop()]:
                if other not in before and other not in found:
                    before.add(other)
                    todo.append(other)
        for number in sorted(before):  # what a job needs has a smaller number
            if number not in found:
                found[number] = self._own_hash(stage, number)
        return found[job]

    def _own_hash(self, stage: Stage, job: int) -> str:
        import hashlib

        plan = stage.plan
        rule = plan.rule_of(job)
        words = words_of(rule)
        parts: list[str | bytes] = [_action(stage, job, rule), *_params(stage, job, rule)]
        content = sorted(
            _content(path, rule, "omit-storage-content" in words)
            for path in plan.inputs[job]
            if path not in plan.producer
        )
        parts += content
        if "omit-software" not in words:
            parts += self._software(stage, job, rule)
        parts += sorted({self._hashes[other] for other in plan.needs[job]})
        whole = hashlib.sha256()
        for part in parts:
            whole.update(part if isinstance(part, bytes) else _bytes(part))
        return whole.hexdigest()

    def _software(self, stage: Stage, job: int, rule: Rule) -> list[str | bytes]:
        on = self._deployment
        parts: list[str | bytes] = []
        if "conda" in on and callable(rule.conda):
            raise RuleFileError(
                f"rule `{rule.name}` cannot be cached between workflows: its `conda` is a function",
                code="RK0294",
                span=rule.span,
                help='`cache: "omit-software"` leaves the software out of the comparison',
            )
        path: str | None = None
        if "conda" in on and rule.conda is not None:
            path = os.path.join(rule.basedir, str(rule.conda))
        elif "conda" in on and rule.body.kind == "wrapper":
            path = stage.definitions.wrapper_environment(job)
        if path is not None:
            if "apptainer" in on and rule.container:
                parts.append(str(rule.container))
            try:
                with open(path, "rb") as file:
                    parts.append(file.read())
            except OSError:
                parts.append(str(rule.conda))  # the name of an environment
        elif "apptainer" in on and rule.container:
            parts.append(str(rule.container))
        return parts


def _action(stage: Stage, job: int, rule: Rule) -> str:
    kind = rule.body.kind
    if kind == "shell":
        return rule.body.text
    if kind in ("script", "notebook", "wrapper"):
        path = stage.definitions.script_path(job)
        try:
            with open(path, encoding="utf-8", errors="surrogateescape") as file:
                return file.read()
        except OSError as error:
            raise RuleFileError(
                f"`{path}` of rule `{rule.name}` cannot be read: {error.strerror}",
                code="RK0291",
                span=rule.body.span or rule.span,
            ) from None
    return rule.body.code if kind == "run" else ""


def _params(stage: Stage, job: int, rule: Rule) -> list[str | bytes]:
    """Names and values of the params, as JSON. Raises `PlanError` if a value has no such form."""
    import json

    params = stage.values.params(job)
    names = {where: name for name, where in names_of(params).items()}
    pairs: list[tuple[str | None, Any]] = []
    for number, value in enumerate(params):
        pairs.append((names.get(number), value))
    try:
        pairs.sort()
    except TypeError:  # names and no names, or values that have no order
        pairs.sort(key=lambda pair: (pair[0] or "", repr(pair[1])))
    parts: list[str | bytes] = []
    for name, value in pairs:
        if name is not None:
            parts.append(name)
        try:
            parts.append(json.dumps(value, sort_keys=True))
        except (TypeError, ValueError):
            raise PlanError(
                f"rule `{rule.name}` cannot be cached between workflows: its param"
                f" `{name or number}` of type `{type(value).__name__}` has no form in JSON",
                code="RK0294",
                span=rule.span,
                help="use texts, numbers, lists and dictionaries, or leave the rule out of the cache",
            ) from None
    return parts


def _content(path: str, rule: Rule, by_name: bool) -> str:
    """The digest of a source file; its name, if it is in a storage whose content does not count."""
    import hashlib

    if by_name and not os.path.exists(path):
        return path
    try:
        with open(path, "rb") as file:
            return f"sha256:{hashlib.file_digest(file, 'sha256').hexdigest()}"
    except IsADirectoryError:
        return f"sha256:{_folder_digest(path)}"
    except OSError as error:
        raise InfrastructureError(
            f"`{path}`, an input of rule `{rule.name}`, cannot be read for the cache:"
            f" {error.strerror}",
            code="RK0517",
        ) from None


def _folder_digest(path: str) -> str:
    """Of the names and contents of all files below a directory."""
    import hashlib

    whole = hashlib.sha256()
    for folder, folders, files in os.walk(path):
        folders.sort()
        for name in sorted(files):
            if name == ".snakemake_timestamp":
                continue
            inner = os.path.join(folder, name)
            whole.update(_bytes(os.path.relpath(inner, path)) + b"\0")
            with open(inner, "rb") as file:
                whole.update(hashlib.file_digest(file, "sha256").digest())
    return whole.hexdigest()


def _sha256(text: str) -> str:
    import hashlib

    return hashlib.sha256(_bytes(text)).hexdigest()


def _bytes(text: str) -> bytes:
    return text.encode("utf-8", "surrogateescape")


def _suffix(path: str) -> str:
    return os.path.splitext(path)[1]


# -- files ---------------------------------------------------------------------------------------


def _put(output: str, entry: str) -> None:
    """One output into the cache. At every moment the output is there. Raises OSError."""
    import shutil
    import tempfile

    if os.path.isdir(output) and not os.path.islink(output):
        if not os.path.exists(entry):
            work = tempfile.mkdtemp(prefix=".part-", dir=os.path.dirname(entry))
            try:
                tree = os.path.join(work, "tree")
                shutil.copytree(output, tree, symlinks=False)
                for folder, _, files in os.walk(tree):
                    os.chmod(folder, 0o755)  # noqa: S103  everybody may read it
                    for name in files:
                        os.chmod(os.path.join(folder, name), 0o444)
                try:
                    os.rename(tree, entry)
                except OSError:
                    if not os.path.isdir(entry):  # else another run was faster
                        raise
            finally:
                shutil.rmtree(work, ignore_errors=True)
        return
    if os.path.islink(output) and os.path.realpath(output) == os.path.realpath(entry):
        return
    stamp = os.lstat(output).st_mtime_ns
    if not os.path.exists(entry):
        descriptor, part = tempfile.mkstemp(prefix=".part-", dir=os.path.dirname(entry))
        os.close(descriptor)
        try:
            os.unlink(part)
            try:
                if os.path.islink(output):
                    raise OSError
                os.link(output, part)
            except OSError:  # another file system, or one without links
                shutil.copy2(output, part)
            os.chmod(part, 0o444)
            os.replace(part, entry)
        except BaseException:
            if os.path.lexists(part):
                os.unlink(part)
            raise
    link = f"{output}.{os.getpid()}.link"
    os.symlink(entry, link)
    os.utime(link, ns=(stamp, stamp), follow_symlinks=False)
    os.replace(link, output)
