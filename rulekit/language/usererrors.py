"""Exceptions of user code as diagnostics: which line of the rule file, which name was meant."""

from __future__ import annotations

import os

from rulekit.errors.diagnostic import Diagnostic, Label, did_you_mean
from rulekit.errors.tree import PlanError
from rulekit.model.namedlist import Namedlist
from rulekit.model.span import Span

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable
    from types import CodeType, FrameType, TracebackType
    from typing import Any

    from rulekit.model.rule import Rule


def span_of(code: CodeType, instruction: int, line: int) -> Span:
    """The place of a bytecode instruction, with columns where Python knows them."""
    file = code.co_filename
    try:
        positions = list(code.co_positions())[instruction // 2]
    except IndexError:
        return Span(file, line)
    start, end, column, end_column = positions
    if start is None or column is None or end is None or end_column is None:
        return Span(file, line)
    first, last = _line(file, start), _line(file, end)
    return Span(file, start, _characters(first, column), end, _characters(last, end_column))


def _characters(line: bytes, offset: int) -> int:
    """The column, from 1, of a byte offset."""
    return len(line[:offset].decode("utf-8", "replace")) + 1


def _line(file: str, number: int) -> bytes:
    try:
        with open(file, "rb") as source:
            for i, line in enumerate(source, 1):
                if i == number:
                    return line
    except OSError:
        pass
    return b""


def frames(error: BaseException) -> list[tuple[FrameType, Span]]:
    """The frames of `error` that run user code, from the outside in."""
    found = []
    trace: TracebackType | None = error.__traceback__
    while trace is not None:
        code = trace.tb_frame.f_code
        if "__rulekit__" in trace.tb_frame.f_globals and os.path.isabs(code.co_filename):
            found.append((trace.tb_frame, span_of(code, trace.tb_lasti, trace.tb_lineno)))
        trace = trace.tb_next
    return found


def diagnose(error: BaseException, fallback: Span | None = None) -> Diagnostic:
    """One diagnostic for an exception that user code let out."""
    inside = frames(error)
    span = inside[-1][1] if inside else fallback
    frame = inside[-1][0] if inside else None
    message, code, help_ = _explained(error, frame)
    labels = tuple(Label(place, "called from here") for _, place in reversed(inside[:-1]))[:6]
    notes = []
    origin = _origin(error, frame)
    if origin is not None:
        notes.append(origin)
    cause = error.__cause__
    if cause is not None:
        notes.append(f"caused by {type(cause).__name__}: {cause}")
    return Diagnostic(code, message, span, caret="", labels=labels, notes=tuple(notes), help=help_)


def _origin(error: BaseException, frame: FrameType | None) -> str | None:
    """Where the exception was raised, if not in the rule file itself nor by rulekit."""
    trace = error.__traceback__
    last = None
    while trace is not None:
        last = trace
        trace = trace.tb_next
    if last is None or last.tb_frame is frame:
        return None
    file = last.tb_frame.f_code.co_filename
    if os.sep + "rulekit" + os.sep in file and "__rulekit__" not in last.tb_frame.f_globals:
        return None
    return f"raised in {file}:{last.tb_lineno} ({last.tb_frame.f_code.co_name})"


def _explained(error: BaseException, frame: FrameType | None) -> tuple[str, str, str | None]:
    """Message, code and help."""
    from rulekit.language.exceptions import WorkflowError
    from rulekit.model.rule import CheckpointPending

    name = getattr(error, "name", None)
    if isinstance(error, WorkflowError):
        from rulekit.language.flags import FlagError

        lines = str(error).split("\n", 1)
        code = "RK0244" if isinstance(error, FlagError) else "RK0232"
        return lines[0] or "the rule file reports an error", code, lines[1] if lines[1:] else None
    if isinstance(error, NameError) and name:
        return f"the name `{name}` is not defined", "RK0231", _near_name(name, frame)
    if isinstance(error, ImportError):
        return f"{error}", "RK0233", _import_help(error)
    if isinstance(error, CheckpointPending):
        return (
            f"the checkpoint `{error.rule}` is asked for while the file is read",
            "RK0250",
            "ask in an input function: it is called when the checkpoint's job is done",
        )
    if isinstance(error, KeyError) and error.args:
        return f"there is no key `{error.args[0]}`", "RK0230", _near_key(error, frame)
    if isinstance(error, AttributeError) and name:
        return str(error), "RK0230", _near_attribute(error, name)
    if isinstance(error, OSError) and error.filename is not None:
        reason = (error.strerror or "error").lower()
        return f"`{error.filename}`: {reason}", "RK0230", None
    text = str(error)
    kind = type(error).__name__
    return (f"{kind}: {text}" if text else kind), "RK0230", None


def _near_name(name: str, frame: FrameType | None) -> str | None:
    import builtins

    from rulekit.language.names import all_names

    if name == "wildcards":
        return "wildcards are known in functions: `lambda wildcards: ...`"
    pool: Iterable[str] = (*all_names(), *dir(builtins))
    if frame is not None:
        pool = (*frame.f_locals, *frame.f_globals, *pool)
    return did_you_mean("name", name, [one for one in pool if not one.startswith("_")])


def _near_key(error: KeyError, frame: FrameType | None) -> str | None:
    key = error.args[0]
    if frame is None or not isinstance(key, str):
        return None
    config = frame.f_globals.get("config")
    pools: list[Any] = [config] if isinstance(config, dict) else []
    # Not `__builtins__`, which the globals of a file hold.
    own = [value for name, value in frame.f_locals.items() if not name.startswith("__")]
    pools += [value for value in own if isinstance(value, dict)][:20]
    for pool in pools:
        if key not in pool:
            found = did_you_mean("key", key, [one for one in pool if isinstance(one, str)])
            if found is not None:
                return found
    if isinstance(config, dict) and key not in config:
        if not config:
            return (
                "if it is meant to be in `config`: the config is empty; is there a `configfile:`?"
            )
        shown = ", ".join(f"`{one}`" for one in list(config)[:10])
        return f"if it is meant to be in `config`: that has {shown}"
    return None


def _near_attribute(error: AttributeError, name: str) -> str | None:
    owner = getattr(error, "obj", None)
    if owner is None:
        return None
    if isinstance(owner, Namedlist):
        known = list(owner.keys())
        if not known:
            return None
        shown = ", ".join(f"`{one}`" for one in known[:12])
        return did_you_mean("item", name, known) or f"there are {shown}"
    return did_you_mean("attribute", name, [one for one in dir(owner) if not one.startswith("_")])


def _import_help(error: ImportError) -> str | None:
    name = error.name or ""
    if name.startswith("snakemake"):
        return "rulekit answers for the parts of `snakemake` that rule files use; this is not one"
    if isinstance(error, ModuleNotFoundError) and name:
        return f"install `{name.split('.')[0]}` into the environment that rulekit runs in"
    return None


def function_failed(rule: Rule, what: str, wildcards: Any, error: BaseException) -> PlanError:
    """The error for a user function of a rule that raised something while a plan is made."""
    diagnostic = diagnose(error, rule.span)
    values = wildcards.with_names()
    shown = f" with wildcards {values}" if values else ""
    return PlanError(
        diagnostics=(
            Diagnostic(
                "RK0452",
                f"the {what} of rule `{rule.name}` failed{shown}: {diagnostic.message}",
                diagnostic.span,
                diagnostic.caret,
                diagnostic.labels,
                diagnostic.notes,
                diagnostic.help,
            ),
        )
    )
