"""Orders and answers as plain values: tuples for a pipe, dicts for JSON."""

from __future__ import annotations

from rulekit.model.spec import FileResult, JobResult, JobSpec, OutputSpec

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

FORMAT = 1  # version of the JSON form of orders and answers

_SPEC_FIELDS: tuple[str, ...] = JobSpec.__match_args__
_RESULT_FIELDS: tuple[str, ...] = JobResult.__match_args__
_OUTPUTS = _SPEC_FIELDS.index("outputs")


def plain(value: Any) -> Any:
    """A deep copy made of builtin types only: what marshal and JSON take.

    Subclasses of str (names with flags) become str, mappings dicts, other sequences tuples.
    """
    kind = type(value)
    if kind in (str, int, float, bool, bytes) or value is None:
        return value
    if isinstance(value, str):
        return str.__str__(value)
    if isinstance(value, (list, tuple)):
        return tuple(plain(item) for item in value)
    if isinstance(value, int):
        return int(value)
    if isinstance(value, float):
        return float(value)
    if hasattr(value, "items"):
        return {plain(key): plain(item) for key, item in value.items()}
    if hasattr(value, "__fspath__"):
        return str(value.__fspath__())
    raise TypeError(f"a job cannot carry a value of type `{kind.__name__}`: {value!r}")


def spec_to_tuple(spec: JobSpec) -> tuple[Any, ...]:
    """The order as a tuple, in the order of the fields."""
    values = [getattr(spec, name) for name in _SPEC_FIELDS]
    values[_OUTPUTS] = tuple((output.path, output.flags) for output in spec.outputs)
    return tuple(values)


def spec_from_tuple(values: Any) -> JobSpec:
    """The reverse of `spec_to_tuple`."""
    values = list(values)
    values[_OUTPUTS] = tuple(OutputSpec(path, flags) for path, flags in values[_OUTPUTS])
    return JobSpec(*values)


def result_to_tuple(result: JobResult) -> tuple[Any, ...]:
    """The answer as a tuple, in the order of the fields."""
    return (
        result.id,
        result.token,
        result.ok,
        result.exit_code,
        result.problem,
        result.detail,
        tuple((f.path, f.mtime_ns, f.size, f.digest) for f in result.outputs),
        tuple((f.path, f.mtime_ns, f.size, f.digest) for f in result.inputs),
        result.started,
        result.ended,
        result.usage,
        result.removed,
    )


def result_from_tuple(values: Any) -> JobResult:
    """The reverse of `result_to_tuple`; lists (from JSON) will do as well as tuples.

    Raises TypeError or ValueError if the values do not have the form of an answer.
    """
    id_, token, ok, exit_code, problem, detail, outputs, inputs, began, ended, usage, gone = values
    return JobResult(
        id_,
        token,
        ok,
        exit_code,
        problem,
        detail,
        tuple([FileResult(*item) for item in outputs]),
        tuple([FileResult(*item) for item in inputs]),
        began,
        ended,
        usage,
        tuple(gone),
    )


def spec_to_json(spec: JobSpec) -> dict[str, Any]:
    """The order as an object that `json` can write."""
    body = dict(zip(_SPEC_FIELDS, plain(spec_to_tuple(spec)), strict=True))
    return {"format": FORMAT, "spec": body}


def spec_from_json(document: Any) -> JobSpec:
    """The reverse of `spec_to_json`. Raises ValueError if it is not an order of this format."""
    if not isinstance(document, dict) or document.get("format") != FORMAT:
        raise ValueError("not a job order of a format that this version can read")
    body = dict(document.get("spec") or {})
    try:
        body["outputs"] = tuple(OutputSpec(path, flags) for path, flags in body["outputs"])
        for name in ("inputs", "logs"):
            body[name] = tuple(body[name])
        return JobSpec(**body)
    except (TypeError, KeyError, ValueError) as error:
        raise ValueError(f"not a complete job order: {error}") from error


def result_to_json(result: JobResult) -> dict[str, Any]:
    """The answer as an object that `json` can write."""
    body = dict(zip(_RESULT_FIELDS, result_to_tuple(result), strict=True))
    return {"format": FORMAT, "result": body}


def result_from_json(document: Any) -> JobResult:
    """The reverse of `result_to_json`. Raises ValueError if it is not such an answer."""
    if not isinstance(document, dict) or document.get("format") != FORMAT:
        raise ValueError("not a job answer of a format that this version can read")
    try:
        body = document["result"]
        return result_from_tuple([body[name] for name in _RESULT_FIELDS])
    except (TypeError, KeyError, ValueError) as error:
        raise ValueError(f"not a complete job answer: {error}") from error
