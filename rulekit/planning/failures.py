"""Why a file could not be planned, as values, and the message made of them."""

from __future__ import annotations

from rulekit.errors import Label, PlanError, RulekitError, did_you_mean
from rulekit.frozen import frozen

TYPE_CHECKING = False
if TYPE_CHECKING:
    from rulekit.model.rule import Rule, Workflow

_LONGEST_CHAIN = 12
_MOST_OTHERS = 3


@frozen
class FileFailure:
    """Nothing makes `path` and it is not there. `tried`: the jobs that could have, with why not."""

    path: str
    tried: tuple[JobFailure, ...]

    @property
    def proper(self) -> bool:
        """Whether something is really absent or broken; a cycle is often only a generic rule
        that met itself."""
        return not self.tried or any(job.proper for job in self.tried)


@frozen
class JobFailure:
    """A job that cannot be planned.

    kind: ``missing`` (inputs in `files`) | ``cycle`` | ``function`` (`text` says what it raised)
          | ``periodic``. `proper` as for `FileFailure`.
    """

    rule: Rule
    key: str
    kind: str
    files: tuple[FileFailure, ...] = ()
    text: str = ""
    error: BaseException | None = None
    proper: bool = False


def missing_target(workflow: Workflow, path: str, failure: FileFailure) -> PlanError:
    """The error for a file that was asked for on the command line or by the default target."""
    if failure.tried:
        return _explain(workflow, failure)
    return PlanError(
        f"no rule makes `{path}`, and there is no such file",
        code="RK0401",
        help=_held_back(workflow, path)
        or did_you_mean("rule", path, [rule.name for rule in workflow.rules])
        or did_you_mean("file", path, _known_files(workflow))
        or "`rulekit --list-rules` shows the rules",
    )


def job_failed(workflow: Workflow, failure: JobFailure) -> PlanError:
    """The error for a rule that was asked for by name."""
    return _explain(workflow, FileFailure("", (failure,)))


def _held_back(workflow: Workflow, path: str) -> str | None:
    """Help where a rule is not used for a path because of a ``..`` in a wildcard."""
    if ".." not in path.split("/"):
        return None
    for rule in workflow.rules:
        for entry in (*rule.outputs, *rule.logs):
            for item in entry.items:
                pattern = item.pattern
                if pattern is not None and pattern.slots and pattern.match(path) is not None:
                    return (
                        f"`{item.text}` of rule `{rule.name}` fits, but wildcards do not lead out "
                        "of a folder by `..`: write that part of the path into the rule"
                    )
    return None


def _known_files(workflow: Workflow) -> list[str]:
    """The files without wildcards that rules make or read."""
    return [
        item.text
        for rule in workflow.rules
        for entry in (*rule.outputs, *rule.inputs)
        for item in entry.items
        if item.pattern is not None and not item.pattern.slots
    ]


def _explain(workflow: Workflow, failure: FileFailure) -> PlanError:
    """Follows the most telling candidates down to the deepest cause; how it was reached is a
    note, and so is what else could have made the last file."""
    job = _most_telling(failure.tried)
    where = f"`{shortened(failure.path)}` is made by" if failure.path else "of"
    chain = [f"{where} `{shortened(job.key)}`"]
    passed = {failure.path}
    while job.kind == "missing" and all(file.tried for file in job.files):
        failure = next((file for file in job.files if file.proper), job.files[0])
        job = _most_telling(failure.tried)
        passed.add(failure.path)
        chain.append(f"which needs `{shortened(failure.path)}`, made by `{shortened(job.key)}`")
    if len(chain) > _LONGEST_CHAIN:
        half = _LONGEST_CHAIN // 2 - 1
        chain[half:-half] = [f"... {len(chain) - 2 * half} more ..."]
    notes = ["needed because " + ",\n".join(chain)]
    notes += [
        f"`{shortened(other.key)}` could make it as well, but {_briefly(other)}"
        for other in failure.tried
        if other is not job
    ][:_MOST_OTHERS]
    near = [path for path in _known_files(workflow) if path not in passed]
    held_back = next(filter(None, (_held_back(workflow, file.path) for file in job.files)), None)
    return _error_for(job, tuple(notes), near, held_back)


def _most_telling(tried: tuple[JobFailure, ...]) -> JobFailure:
    return next((job for job in tried if job.proper), tried[0])


def _briefly(job: JobFailure) -> str:
    if job.kind == "missing":
        paths = [f"`{shortened(file.path)}`" for file in job.files]
        more = f" and {len(paths) - 1} more inputs" if len(paths) > 1 else ""
        return f"its input {paths[0]}{more} can be neither found nor made"
    if job.kind == "function":
        return f"its input function failed: {job.text}"
    if job.kind == "cycle":
        return f"{job.text}: a cycle"
    return "it would be applied to its own output without end"


def _error_for(
    job: JobFailure, notes: tuple[str, ...], near: list[str], held_back: str | None
) -> PlanError:
    """The error for the deepest cause; `near` are files that could have been meant."""
    rule = job.rule
    if job.kind == "missing":
        paths = [file.path for file in job.files if not file.tried]
        shown = ", ".join(f"`{shortened(path)}`" for path in paths[:5])
        if len(paths) > 5:
            shown += f" and {len(paths) - 5} more"
        several = len(paths) > 1
        them, names = ("them", "names") if several else ("it", "name")
        error = PlanError(
            f"missing input file{'s' * several} for rule `{rule.name}`: {shown}",
            code="RK0402",
            span=rule.span,
            caret=f"this rule needs {them}",
            notes=notes,
            help=held_back
            or did_you_mean("file", paths[0], [path for path in near if path not in paths])
            or f"no rule makes {them}; check the {names}, or the rule whose output "
            f"{'they' if several else 'it'} should be",
        )
        error.missing, error.known = tuple(paths), tuple(near)
        return error
    if job.kind == "cycle":
        return PlanError(
            f"rule `{rule.name}` needs its own output: {job.text}",
            code="RK0403",
            span=rule.span,
            caret="in a cycle",
            notes=notes,
            help="a wildcard constraint or another file name takes the file out of the cycle",
        )
    if job.kind == "periodic":
        return PlanError(
            f"rule `{rule.name}` would be applied to its own output without end: {job.text}",
            code="RK0404",
            span=rule.span,
            caret="matches what it reads",
            notes=notes,
            help="a wildcard constraint stops the rule from matching its own input",
        )
    return _function_failed(job, notes)


def _function_failed(job: JobFailure, notes: tuple[str, ...]) -> PlanError:
    """The error for an input function: where in the rule file it raised, and what."""
    rule, error = job.rule, job.error
    if isinstance(error, RulekitError):
        found = error.diagnostics[0]
        message, code = found.message, found.code
    else:
        from rulekit.language.usererrors import diagnose

        assert error is not None
        found = diagnose(error, rule.span)
        message, code = f"an input function of rule `{rule.name}` failed: {job.text}", "RK0405"
    span = found.span or rule.span
    labels = found.labels
    if span != rule.span and not labels:
        labels = (Label(rule.span, f"called for `{job.key}`"),)
    return PlanError(
        message,
        code=code,
        span=span,
        caret=found.caret,
        labels=labels,
        notes=(*found.notes, *notes),
        help=found.help,
    )


def ambiguous(path: str, one: Rule, two: Rule, keys: tuple[str, str]) -> PlanError:
    return PlanError(
        f"two rules can make `{path}`: `{one.name}` and `{two.name}`",
        code="RK0406",
        span=two.span,
        caret=f"gives it as `{keys[1]}`",
        labels=(Label(one.span, f"gives it as `{keys[0]}`"),),
        help=f"`ruleorder: {one.name} > {two.name}` prefers one, "
        "a wildcard constraint or a longer file name keeps them apart",
    )


def made_twice(path: str, one: Rule, two: Rule, keys: tuple[str, str]) -> PlanError:
    """The error for a file that two jobs of the plan would write."""
    return PlanError(
        f"two jobs make `{path}`: `{keys[0]}` and `{keys[1]}`",
        code="RK0411",
        span=two.span,
        caret="one of its outputs",
        labels=(Label(one.span, "one of its outputs too"),) if one is not two else (),
        help="give the file another name in one of the rules",
    )


def shortened(path: str) -> str:
    """A file name or key as it is shown: the middle of a very long one is left out."""
    return path if len(path) <= 120 else path[:58] + "..." + path[-58:]


def text_of(error: BaseException) -> str:
    """One line about an exception of user code."""
    said = str(error).strip().split("\n")[0]
    return f"{type(error).__name__}: {said}" if said else type(error).__name__
