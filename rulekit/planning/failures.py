"""Why a file could not be planned, as values, and the message made of them."""

from __future__ import annotations

from rulekit.errors import Label, PlanError, RulekitError, did_you_mean
from rulekit.frozen import frozen

TYPE_CHECKING = False
if TYPE_CHECKING:
    from rulekit.model.rule import Rule, Workflow
    from rulekit.model.span import Span


@frozen
class FileFailure:
    """Nothing makes `path` and it is not there. `tried`: the jobs that could have, with why not."""

    path: str
    tried: tuple[JobFailure, ...]


@frozen
class JobFailure:
    """A job that cannot be planned.

    kind: ``missing`` (inputs in `files`) | ``cycle`` | ``function`` (`text` says what it raised)
          | ``periodic``
    """

    rule: Rule
    key: str
    kind: str
    files: tuple[FileFailure, ...] = ()
    text: str = ""
    error: BaseException | None = None


def missing_target(workflow: Workflow, path: str, failure: FileFailure) -> PlanError:
    """The error for a file that was asked for on the command line or by the default target."""
    names = [rule.name for rule in workflow.rules]
    outputs = [
        item.text
        for rule in workflow.rules
        for entry in rule.outputs
        for item in entry.items
        if item.pattern is not None and not item.pattern.slots
    ]
    if failure.tried:
        return _explain(failure, [])
    return PlanError(
        f"no rule makes `{path}`, and there is no such file",
        code="RK0401",
        help=did_you_mean("rule", path, names)
        or did_you_mean("file", path, outputs)
        or "`rulekit --list-rules` shows the rules",
    )


def job_failed(failure: JobFailure) -> PlanError:
    """The error for a rule that was asked for by name."""
    return _explain(FileFailure("", (failure,)), [])


def _explain(failure: FileFailure, chain: list[str]) -> PlanError:
    """Follows the first candidate down to the deepest cause; the chain of targets is a note."""
    job = failure.tried[0]
    while True:
        if failure.path:
            chain.append(f"`{failure.path}` is made by `{job.key}`")
        else:
            chain.append(f"`{job.key}` was asked for")
        deeper = next((file for file in job.files if file.tried), None)
        if job.kind != "missing" or deeper is None:
            break
        failure, job = deeper, deeper.tried[0]
    rule = job.rule
    chain_note = "needed because " + ",\nwhich needs something: ".join(chain)
    if len(chain) > 12:
        kept = [*chain[:4], f"... {len(chain) - 8} more ...", *chain[-4:]]
        chain_note = "needed because " + ",\nwhich needs something: ".join(kept)
    if job.kind == "missing":
        files = [file.path for file in job.files if not file.tried]
        shown = ", ".join(f"`{path}`" for path in files[:5])
        if len(files) > 5:
            shown += f" and {len(files) - 5} more"
        plural = "s" if len(files) > 1 else ""
        return PlanError(
            f"missing input file{plural} for rule `{rule.name}`: {shown}",
            code="RK0402",
            span=rule.span,
            caret="this rule needs them" if plural else "this rule needs it",
            notes=(chain_note,),
            help="no rule makes them; check the names, or the rule whose output they should be"
            if plural
            else "no rule makes it; check the name, or the rule whose output it should be",
        )
    if job.kind == "cycle":
        return PlanError(
            f"rule `{rule.name}` needs its own output: {job.text}",
            code="RK0403",
            span=rule.span,
            caret="in a cycle",
            notes=(chain_note,),
            help="a wildcard constraint or another file name takes the file out of the cycle",
        )
    if job.kind == "periodic":
        return PlanError(
            f"rule `{rule.name}` would be applied to its own output without end: {job.text}",
            code="RK0404",
            span=rule.span,
            caret="matches what it reads",
            notes=(chain_note,),
            help="a wildcard constraint stops the rule from matching its own input",
        )
    error = job.error
    if isinstance(error, RulekitError):
        first = error.diagnostics[0]
        return PlanError(
            first.message,
            code=first.code,
            span=first.span or rule.span,
            caret=first.caret,
            labels=first.labels or ((Label(rule.span, "in this rule"),) if first.span else ()),
            notes=(*first.notes, chain_note),
            help=first.help,
        )
    return PlanError(
        f"an input function of rule `{rule.name}` failed: {job.text}",
        code="RK0405",
        span=_innermost(error, rule) or rule.span,
        labels=(Label(rule.span, "called for this rule"),),
        notes=(f"for job `{job.key}`", chain_note),
        help="call it with these wildcards to see why",
    )


def _innermost(error: BaseException | None, rule: Rule) -> Span | None:
    """The place in a rule file where the user's function raised."""
    from rulekit.model.span import Span

    found = None
    trace = error.__traceback__ if error is not None else None
    known = rule.span.file
    while trace is not None:
        file = trace.tb_frame.f_code.co_filename
        if file == known or file.endswith((".smk", "Snakefile", "Rulefile")):
            found = Span(file, trace.tb_lineno)
        trace = trace.tb_next
    return found


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


def text_of(error: BaseException) -> str:
    """One line about an exception of user code."""
    said = str(error).strip().split("\n")[0]
    return f"{type(error).__name__}: {said}" if said else type(error).__name__
