"""Resources: names, units, values from the command line, and their values for one attempt.

``mem`` and ``disk`` are counted in MB (10^6 bytes), ``runtime`` in minutes. A table of resources
holds ``mem_mb`` and ``disk_mb`` whichever form was given; a job's `Resources` answer to all.
"""

from __future__ import annotations

import os
import re

from rulekit.errors.tree import PlanError, RuleFileError, UsageError
from rulekit.language.call import Later, accepted, call, takes
from rulekit.language.tbd import TBDString
from rulekit.model.flags import FlaggedFunction
from rulekit.model.namedlist import Resources

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping
    from typing import Any

    from rulekit.model.rule import Rule

SIZED = ("mem", "disk")
_SIZED_NAMES = frozenset(base + suffix for base in SIZED for suffix in ("", "_mb", "_mib"))

_QUANTITY = r"\s*(\d+(?:\.\d*)?|\.\d+)\s*([A-Za-z]*)\s*"
_BYTES = {
    "": 1, "b": 1, "byte": 1, "bytes": 1,
    **{
        unit: 1000**power
        for power, units in enumerate(
            ("k kb kilobyte kilobytes", "m mb megabyte megabytes", "g gb gigabyte gigabytes",
             "t tb terabyte terabytes", "p pb petabyte petabytes", "e eb exabyte exabytes"), 1,
        )
        for unit in units.split()
    },
    **{
        unit: 1024**power
        for power, units in enumerate(
            ("kib kibibyte kibibytes", "mib mebibyte mebibytes", "gib gibibyte gibibytes",
             "tib tebibyte tebibytes", "pib pebibyte pebibytes", "eib exbibyte exbibytes"), 1,
        )
        for unit in units.split()
    },
}  # fmt: skip
_SECONDS = {
    unit: seconds
    for seconds, units in (
        (1e-9, "ns nanosecond nanoseconds"),
        (1e-6, "us microsecond microseconds"),
        (1e-3, "ms millisecond milliseconds"),
        (1, "s sec secs second seconds"),
        (60, "m min mins minute minutes"),
        (3600, "h hour hours"),
        (86400, "d day days"),
        (604800, "w week weeks"),
        (31449600, "y year years"),
    )
    for unit in units.split()
}


def size_in_mb(text: str) -> int:
    """MB for a size with a unit ("1.5 GB", "100MiB"); at least 1, rounded up. Raises ValueError."""
    match = re.fullmatch(_QUANTITY, text)
    if match is None or match[2].lower() not in _BYTES:
        raise ValueError(f"`{text}` is no size such as `500MB` or `1.5 GiB`")
    import math

    return int(max(1, math.ceil(float(match[1]) * _BYTES[match[2].lower()] / 1e6)))


def time_in_minutes(text: str) -> int:
    """Minutes for a time ("2h", "1d 12h", "01:30:00", "2-12:00:00"); at least 1. Raises ValueError."""
    clock = re.fullmatch(r"\s*(?:(\d+)-)?(\d+):(\d\d)(?::(\d\d))?\s*", text)
    if clock is not None:
        days, hours, minutes, rest = (int(part or 0) for part in clock.groups())
        return max(1, days * 1440 + hours * 60 + minutes + (rest >= 30))
    quantity = re.compile(_QUANTITY)
    position, seconds = 0, 0.0
    while position < len(text):
        match = quantity.match(text, position)
        unit = match[2].lower() if match is not None else ""
        if match is None or (unit and unit not in _SECONDS):
            raise ValueError(f"`{text}` is no time such as `90m` or `2h`")
        seconds += float(match[1]) * _SECONDS.get(unit, 1)
        position = match.end()
    if not text.strip():
        raise ValueError("an empty text is no time such as `90m` or `2h`")
    return max(1, int(round(seconds) / 60))


def mb_to_mib(mb: int) -> int:
    """MiB that hold so many MB, rounded up."""
    import math

    return math.ceil(mb * 0.95367431640625)


def mib_to_mb(mib: int) -> int:
    """MB in so many MiB, rounded down, as Snakemake does."""
    import math

    return math.floor(mib * 1.048576)


def mb_to_text(mb: int) -> str:
    """A size for people: "300 MB", "1.5 GB"."""
    for unit, factor in (("PB", 10**9), ("TB", 10**6), ("GB", 1000)):
        if mb >= factor:
            return f"{mb / factor:.2f}".rstrip("0").rstrip(".") + " " + unit
    return f"{mb} MB"


def plain_value(name: str, value: Any) -> Any:
    """A resource value as it is compared: floats rounded, sizes and times as numbers.

    Raises ValueError for a size or time that cannot be read, TypeError for any other type.
    """
    if value is None or type(value) is int or isinstance(value, TBDString):
        return value
    if isinstance(value, bool):
        return int(value)
    if isinstance(value, int):
        return int(value)
    if isinstance(value, float):
        return round(value)
    if isinstance(value, str):
        bare = value.strip("'\"")
        if name in SIZED:
            return int(bare) if bare.isdecimal() else size_in_mb(bare)
        if name == "runtime":
            return int(bare) if bare.isdecimal() else time_in_minutes(bare)
        return value
    item = getattr(value, "item", None)  # a number of numpy or pandas
    if item is not None and getattr(value, "shape", None) == ():
        return plain_value(name, item())
    if isinstance(value, os.PathLike):
        return os.fspath(value)
    raise TypeError(
        f"the resource `{name}` must be a number, a text, None or a function, not {value!r}"
    )


def _in_mb(name: str, value: Any) -> Any:
    """The value of ``X_mb``, given the value of ``X``, ``X_mb`` or ``X_mib``."""
    value = plain_value(name, value)
    if value is None or isinstance(value, TBDString):
        return value
    if name.endswith(("_mb", "_mib")):
        if not isinstance(value, int):
            # Older files give text here; it was accepted then if it is a number or has a unit.
            bare = str(value).strip("'\" ")
            value = int(bare) if bare.isdecimal() else size_in_mb(bare)
        return mib_to_mb(value) if name.endswith("_mib") else value
    return value


def standard_table(given: Mapping[str, Any]) -> dict[str, Any]:
    """Resources under their standard names: ``mem`` and ``mem_mib`` become ``mem_mb``.

    Functions stay functions. Raises ValueError or TypeError with a text for the user.
    """
    table: dict[str, Any] = {}
    for name, value in given.items():
        if name not in _SIZED_NAMES:
            plain = type(value) is int or callable(value)
            table[name] = value if plain else plain_value(name, value)
            continue
        if type(value) is int and name.endswith("_mb") and name not in table:
            table[name] = value
            continue
        base = name
        for suffix in ("_mb", "_mib"):
            if name.endswith(suffix):
                base = name[: -len(suffix)]
        key = base + "_mb"
        if key in table:
            forms = [n for n in given if n in (base, key, base + "_mib")]
            raise ValueError(
                "only one of " + ", ".join(f"`{form}`" for form in forms) + " can be given"
            )
        if not callable(value):
            table[key] = _in_mb(name, value)
        elif name == key:
            table[key] = value
        else:
            table[key] = _converted(name, value)
    return table


def _converted(name: str, function: Callable[..., Any]) -> Callable[..., Any]:
    def convert(wildcards: Any, **available: Any) -> Any:
        return _in_mb(name, function(wildcards, **available))

    return takes(convert, accepted(function))


_FULL_DEFAULTS = {
    "mem_mb": "min(max(2*input.size_mb, 1000), 8000)",
    "disk_mb": "max(2*input.size_mb, 1000) if input else 50000",
    "tmpdir": "system_tmpdir",
}

_found_tmpdir: list[str] = []


def system_tmpdir() -> str:
    """The folder for temporary files, as Python's `tempfile` finds it."""
    if not _found_tmpdir:
        for path in (
            *(os.environ.get(name) for name in ("TMPDIR", "TEMP", "TMP")),
            "/tmp",  # noqa: S108  the same places as `tempfile`
            "/var/tmp",  # noqa: S108
            "/usr/tmp",
        ):
            if path and os.path.isdir(path) and os.access(path, os.W_OK | os.X_OK):
                _found_tmpdir.append(os.path.abspath(path))
                break
        else:
            _found_tmpdir.append(os.getcwd())
    return _found_tmpdir[0]


class Expression:
    """A resource or thread number given as a Python expression on the command line.

    Called with the wildcards and by name `input`, `attempt` and `threads`. What does not parse, or
    uses names that are unknown, is a plain text.
    """

    def __init__(self, name: str, text: str) -> None:
        self.name = name
        self.text = os.path.expanduser(os.path.expandvars(text))
        try:
            self._code: Any = compile(self.text.strip(), f"<resource {name}>", "eval")
        except (SyntaxError, ValueError):
            self._code = None

    def constant(self) -> tuple[Any] | None:
        """The value in a tuple if it is always the same, else None."""
        if self._code is None:
            return (self.text,)
        names = self._code.co_names
        if not names and not any(hasattr(one, "co_code") for one in self._code.co_consts):
            try:
                return (eval(self._code, {"__builtins__": {}}),)  # noqa: S307
            except Exception:
                return None
        if names == ("system_tmpdir",) and self.text.strip() == "system_tmpdir":
            return (system_tmpdir(),)
        return None

    def __call__(
        self,
        wildcards: Any,
        input: Any = (),  # noqa: A002
        attempt: int = 1,
        threads: int = 1,
    ) -> Any:
        if self._code is None:
            return self.text
        from rulekit.language.names import provide

        scope: dict[str, Any] = {
            "wildcards": wildcards,
            "input": input,
            "attempt": attempt,
            "threads": threads,
            "system_tmpdir": system_tmpdir(),
        }
        if "shutil" in self._code.co_names:
            import shutil

            scope["shutil"] = shutil
        provide(scope, self._code.co_names)
        try:
            return eval(self._code, scope)  # noqa: S307  the user's own command line
        except (NameError, SyntaxError):
            return self.text
        except Exception as error:
            if isinstance(error, FileNotFoundError):
                raise
            if _is_ordinary(self.text):
                return self.text
            raise UsageError(
                f"the value `{self.text}` of the resource `{self.name}` cannot be computed: "
                f"{type(error).__name__}: {error}",
                help="a text that looks like an expression needs quotes of its own: "
                f"{self.name}=\"'...'\"",
            ) from None


_EXPRESSION = r"[a-zA-Z_]\w*\(.*\)$|\{.*\}$|lambda\s.*:.*$|.*[+\-*/%].*|.*\.\w+.*"


def _is_ordinary(text: str) -> bool:
    return re.match(_EXPRESSION, text, re.DOTALL) is None


def parse_assignments(
    texts: Iterable[str], *, option: str, expressions: bool = True
) -> dict[str, Any]:
    """``NAME=VALUE`` words as a standard table; values are numbers, text or `Expression`s.

    `option` is named in errors. Raises `UsageError`.
    """
    given: dict[str, Any] = {}
    for word in texts:
        name, sign, text = word.partition("=")
        name = name.strip()
        if not sign or not re.fullmatch(r"[a-zA-Z_]\w*", name):
            raise UsageError(
                f"`{option}` takes NAME=VALUE, not `{word}`",
                code="RK0106",
                help=f"for example `{option} mem_mb=4000`",
            )
        given[name] = _parse_value(name, text, option, expressions)
    try:
        return standard_table(given)
    except (ValueError, TypeError) as error:
        raise UsageError(f"`{option}`: {error}", code="RK0106") from None


def _parse_value(name: str, text: str, option: str, expressions: bool) -> Any:
    bare = text.strip()
    try:
        number = int(bare)
    except ValueError:
        pass
    else:
        if number < 0:
            raise UsageError(
                f"`{option}`: the resource `{name}` cannot be negative: {number}", code="RK0106"
            )
        return number
    if name in SIZED or name == "runtime":
        try:
            return plain_value(name, os.path.expandvars(bare))
        except ValueError:
            pass
    if not expressions:
        raise UsageError(
            f"`{option}`: the resource `{name}` must be a whole number, not `{text}`",
            code="RK0106",
        )
    expression = Expression(name, text)
    constant = expression.constant()
    return expression if constant is None else constant[0]


def parse_limits(texts: Iterable[str]) -> dict[str, int]:
    """``--resources``: upper limits, whole numbers (sizes and times may have units)."""
    return parse_assignments(texts, option="--resources", expressions=False)


def parse_defaults(texts: Iterable[str] | None, *, full: bool) -> dict[str, Any]:
    """``--default-resources``: None if it was not given. `full`: with memory and disk by input size.

    A local run without the option only has `tmpdir`.
    """
    table: dict[str, Any] = {}
    if full or texts is not None:
        for name, text in _FULL_DEFAULTS.items():
            table[name] = _parse_value(name, text, "--default-resources", True)
    else:
        table["tmpdir"] = system_tmpdir()
    table.update(parse_assignments(texts or (), option="--default-resources"))
    return table


def parse_overrides(texts: Iterable[str]) -> dict[str, dict[str, Any]]:
    """``--set-resources RULE:NAME=VALUE``: a table for each rule."""
    words: dict[str, list[str]] = {}
    for word in texts:
        rule, sign, assignment = word.partition(":")
        if not sign:
            raise UsageError(
                f"`--set-resources` takes RULE:NAME=VALUE, not `{word}`", code="RK0106"
            )
        words.setdefault(rule.strip(), []).append(assignment)
    return {
        rule: parse_assignments(assignments, option="--set-resources")
        for rule, assignments in words.items()
    }


def parse_threads(texts: Iterable[str]) -> dict[str, Any]:
    """``--set-threads RULE=N``: a number or an `Expression` for each rule."""
    found: dict[str, Any] = {}
    for word in texts:
        rule, sign, text = word.partition("=")
        if not sign:
            raise UsageError(f"`--set-threads` takes RULE=NUMBER, not `{word}`", code="RK0106")
        found[rule.strip()] = _parse_value("threads", text, "--set-threads", True)
    return found


def job_resources(
    table: Mapping[str, Any], threads: int, limits: Mapping[str, int] | None = None
) -> Resources:
    """A job's `Resources` from plain values: limits applied, sizes under all their names."""
    values: dict[str, Any] = {"_cores": threads, "_nodes": 1}
    for name, asked in table.items():
        if asked is None:
            continue
        value = _limited(name, asked, limits[name]) if limits and name in limits else asked
        values[name] = value
        if name.endswith("_mb") and name[:-3] in SIZED:
            if isinstance(value, TBDString):
                values[name[:-3]] = values[name[:-3] + "_mib"] = value
            else:
                values[name[:-3]] = mb_to_text(value)
                values[name[:-3] + "_mib"] = mb_to_mib(value)
    return Resources(values.values(), {name: i for i, name in enumerate(values)})


def _limited(name: str, value: Any, limit: int) -> Any:
    if isinstance(value, TBDString):
        return value
    if not isinstance(value, int):
        raise PlanError(
            f"the resource `{name}` is limited to the number {limit}, but a rule asks for "
            f"{value!r}",
            code="RK0461",
        )
    return min(value, limit)


def constant_resources(
    rule: Rule,
    defaults: Mapping[str, Any],
    overrides: Mapping[str, Any],
) -> dict[str, Any] | None:
    """The table of a rule whose resources are the same for all its jobs, else None.

    Give it to `job_resources` once for each number of threads and keep the result.
    """
    table = _merged(rule, defaults, overrides)
    return None if any(callable(value) for value in table.values()) else table


def _merged(
    rule: Rule, defaults: Mapping[str, Any], overrides: Mapping[str, Any]
) -> dict[str, Any]:
    return {**defaults, **rule.resources, **overrides}


def evaluate_resources(
    rule: Rule,
    wildcards: Any,
    input: Any,  # noqa: A002  the name that user functions take
    threads: int,
    attempt: int,
    defaults: Mapping[str, Any],
    overrides: Mapping[str, Any],
    limits: Mapping[str, int] | None = None,
) -> Resources:
    """The resources of one attempt of a job.

    A function that does not find an input file gives ``<TBD>``. Raises `PlanError`.
    """
    available = {"input": input, "threads": threads, "attempt": attempt}
    table: dict[str, Any] = {}
    for name, given in _merged(rule, defaults, overrides).items():
        value = given
        if callable(given):
            value = evaluate(rule, f"resource `{name}`", given, wildcards, available)
            try:
                value = _in_mb(name, value) if name[:-3] in SIZED else plain_value(name, value)
            except (ValueError, TypeError) as error:
                raise PlanError(
                    f"rule `{rule.name}`: {error}", code="RK0461", span=rule.span
                ) from None
        table[name] = value
    return job_resources(table, threads, limits)


def evaluate_threads(
    rule: Rule,
    wildcards: Any,
    input: Any,  # noqa: A002
    attempt: int = 1,
    override: Any = None,
) -> int:
    """The number of threads of one attempt, not yet limited by the cores. Raises `PlanError`."""
    value = rule.threads if override is None else override
    if type(value) is int:
        return value
    if callable(value):
        available = {"input": input, "attempt": attempt}
        value = evaluate(rule, "number of threads", value, wildcards, available)
    try:
        value = plain_value("threads", value)
    except TypeError:
        pass
    if isinstance(value, str) and value.strip().isdecimal():
        value = int(value)
    if isinstance(value, TBDString):
        return 1
    if not isinstance(value, int) or value < 0:
        raise PlanError(
            f"rule `{rule.name}`: the number of threads must be a whole number, not {value!r}",
            code="RK0462",
            span=rule.span,
        )
    return value


def evaluate(
    rule: Rule,
    what: str,
    function: Any,
    wildcards: Any,
    available: Mapping[str, Any],
) -> Any:
    """What a user function gives; ``<TBD>`` if an input file or a checkpoint's output is missing.

    Raises `PlanError` if the function fails.
    """
    from rulekit.language.tbd import TBD
    from rulekit.model.rule import CheckpointPending

    if isinstance(function, FlaggedFunction):
        function = function.function
    try:
        for _ in range(10):
            value = call(function, wildcards, available)
            if not callable(value) or isinstance(value, TBDString):
                return list(value) if type(value).__name__ == "generator" else value
            function = value
    except CheckpointPending:
        return TBD  # asked again when the job starts
    except (RuleFileError, PlanError, UsageError):
        raise
    except Exception as error:
        files = available.get("input", ())
        if _is_missing_input(error, files() if isinstance(files, Later) else files):
            return TBD
        from rulekit.language.usererrors import function_failed

        raise function_failed(rule, what, wildcards, error) from error
    raise PlanError(
        f"rule `{rule.name}`: the {what} is a function that gives a function, ten times over",
        code="RK0450",
        span=rule.span,
    )


def _is_missing_input(error: BaseException, files: Iterable[str]) -> bool:
    """True if `error`, or what caused it, is that one of `files` is not there."""
    seen = 0
    cause: BaseException | None = error
    while cause is not None and seen < 20:
        if isinstance(cause, FileNotFoundError):
            name = cause.filename
            if name is None:
                text = str(cause)
                return any(str(file) in text for file in files)
            name = os.fspath(name)
            return any(
                name == file or os.path.abspath(name) == os.path.abspath(file) for file in files
            )
        cause = cause.__cause__ or cause.__context__
        seen += 1
    return False
