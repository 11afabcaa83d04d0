"""`snakemake.utils`."""

from __future__ import annotations

import os
import re
import shlex
import string
import sys

from rulekit import SNAKEMAKE_LEVEL
from rulekit.language.compat import ON_WINDOWS, simplify_path
from rulekit.language.configs import update_config
from rulekit.language.exceptions import WorkflowError
from rulekit.language.format import format_text
from rulekit.language.logger import logger
from rulekit.language.paramspace import Paramspace
from rulekit.language.validation import validate_data
from rulekit.model.namedlist import Namedlist, Wildcards
from rulekit.patterns import Pattern

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping
    from typing import Any

__all__ = [
    "ON_WINDOWS",
    "AlwaysQuotedFormatter",
    "Namedlist",
    "Paramspace",
    "QuotedFormatter",
    "R",
    "SequenceFormatter",
    "Unformattable",
    "Wildcards",
    "argvquote",
    "available_cpu_count",
    "cmd_exe_quote",
    "find_bash_on_windows",
    "format",
    "linecount",
    "listfiles",
    "logger",
    "makedirs",
    "min_version",
    "os_sync",
    "read_job_properties",
    "report",
    "simplify_path",
    "update_config",
    "validate",
]


def _version(text: object) -> tuple[tuple[int, ...], bool]:
    """The numbers of a version, and whether it is a final one (which comes after its betas)."""
    match = re.match(r"\s*v?(\d+(?:\.\d+)*)(.*)", str(text))
    if match is None:
        raise WorkflowError(f"`{text}` is no version such as `7.32.0`")
    numbers = [int(part) for part in match[1].split(".")]
    while numbers and numbers[-1] == 0:
        numbers.pop()
    beta = re.match(r"[-_.]?(a|b|c|rc|alpha|beta|pre|preview|dev)", match[2].strip().lower())
    return tuple(numbers), beta is None


def min_version(version: str) -> None:
    """Raise `WorkflowError` if a file needs a newer Snakemake than the one whose language this is."""
    if _version(SNAKEMAKE_LEVEL) < _version(version):
        raise WorkflowError(
            f"the rule file needs Snakemake {version} or newer",
            f"rulekit understands the language of Snakemake {SNAKEMAKE_LEVEL}",
        )


def validate(data: Any, schema: str, set_default: bool = True) -> None:
    """Check `data` (a dict or a data frame) with a JSON schema; fill in defaults in place.

    The schema's path is relative to the rule file that calls this. Raises `WorkflowError`.
    """
    frame = sys._getframe(1)
    scope = frame.f_globals.get("__rulekit__")
    if scope is not None and scope.space.skip_validation:
        return
    folder = os.path.dirname(frame.f_code.co_filename) if scope is not None else ""
    validate_data(data, os.path.join(folder, os.fspath(schema)), set_default)


def format(  # noqa: A001  the name that files import
    _pattern: str,
    *args: Any,
    stepout: int = 1,
    _quote_all: bool = False,
    quote_func: Any = None,
    **kwargs: Any,
) -> str:
    """`_pattern` filled from the caller's variables and `kwargs`, as shell commands are."""
    frame: Any = sys._getframe(1)
    while stepout > 1 and frame.f_back is not None:
        frame = frame.f_back
        stepout -= 1
    names = {**frame.f_locals, **kwargs, **{str(i): value for i, value in enumerate(args)}}
    return format_text(_pattern, names, frame.f_globals, quote_all=_quote_all)


def listfiles(
    pattern: str,
    restriction: Mapping[str, Any] | None = None,
    omit_value: str | None = None,
) -> Iterator[tuple[str, Wildcards]]:
    """All files and directories that match, each with its wildcard values.

    `restriction`: only these values; `omit_value` in a value lifts its restriction.
    """
    from rulekit.language.filenames import _walk

    text = os.path.normpath(pattern)
    compiled = Pattern(text)
    first = text.find("{")
    folder = os.path.dirname(text[:first] if first >= 0 else text) or "."
    for path in _walk(folder, False):
        values = compiled.match(path)
        if values is None:
            continue
        wildcards = Wildcards(values, {name: i for i, name in enumerate(compiled.names)})
        if restriction is not None and any(
            wildcards[name] != value and not (omit_value is not None and omit_value in value)
            for name, value in restriction.items()
        ):
            continue
        yield path, wildcards


def makedirs(dirnames: str | Iterable[str]) -> None:
    """Make one or several directories with their parents, if they are not there."""
    for name in (dirnames,) if isinstance(dirnames, str) else dirnames:
        os.makedirs(name, exist_ok=True)


def linecount(filename: str) -> int:
    """The number of lines of a file."""
    with open(filename, "rb") as file:
        return sum(1 for _ in file)


def read_job_properties(
    jobscript: str,
    prefix: str = "# properties",
    pattern: re.Pattern[str] = re.compile("# properties = (.*)"),
) -> Any:
    """The properties of a job, from the line of its script that holds them; None without it."""
    import json

    with open(jobscript, encoding="utf-8") as file:
        for line in file:
            match = pattern.match(line)
            if match is not None:
                return json.loads(match[1])
    return None


def available_cpu_count() -> int:
    """The number of CPUs that this process may use."""
    try:
        return len(os.sched_getaffinity(0)) or 1
    except (AttributeError, OSError):
        return os.cpu_count() or 1


def argvquote(arg: str, force: bool = True) -> str:
    """`arg` in double quotes as Windows programs read their arguments."""
    if not force and arg and not any(one in arg for one in ' \t\n\v"'):
        return arg
    # Backslashes count double before a quote, and before the closing one.
    inner = re.sub(r'(\\*)"', lambda match: match[1] * 2 + '\\"', arg)
    inner = re.sub(r"(\\+)\Z", lambda match: match[1] * 2, inner)
    return f'"{inner}"'


def cmd_exe_quote(arg: str) -> str:
    """`arg` as the command interpreter of Windows takes it."""
    return argvquote(arg)


def find_bash_on_windows() -> None:
    """There is no Windows here, so no bash on it."""


class Unformattable:
    """Stands for a name that must not be used in a text; using it raises `ValueError`."""

    def __init__(self, errormsg: str = "This cannot be used for formatting") -> None:
        self._message = errormsg

    def _refuse(self, *_: Any) -> Any:
        raise ValueError(self._message)

    __str__ = __format__ = __getitem__ = _refuse

    def __getattr__(self, name: str) -> Any:
        raise AttributeError(self._message)


class SequenceFormatter(string.Formatter):
    """Formats lists, tuples and sets item by item, joined by `separator`."""

    def __init__(
        self,
        separator: str = " ",
        element_formatter: string.Formatter | None = None,
        *_: Any,
        **__: Any,
    ) -> None:
        self.separator = separator
        self.element_formatter = element_formatter or string.Formatter()

    def format_element(self, elem: Any, format_spec: str) -> str:
        return str(self.element_formatter.format_field(elem, format_spec))

    def format_field(self, value: Any, format_spec: str) -> Any:
        if isinstance(value, Wildcards):
            parts = sorted(f"{name}={item}" for name, item in value.items())
            return ",".join(self.format_element(part, format_spec) for part in parts)
        if isinstance(value, (list, tuple, set, frozenset)):
            return self.separator.join(self.format_element(one, format_spec) for one in value)
        return self.format_element(value, format_spec)


class QuotedFormatter(string.Formatter):
    """Understands the format ``q``: what is formatted is quoted for the shell."""

    def __init__(self, quote_func: Any = None, *_: Any, **__: Any) -> None:
        self.quote_func = quote_func or shlex.quote

    def format_field(self, value: Any, format_spec: str) -> Any:
        if format_spec.endswith("u"):
            return super().format_field(value, format_spec[:-1])
        if not format_spec.endswith("q"):
            return super().format_field(value, format_spec)
        text = super().format_field(value, format_spec[:-1])
        return self.quote_func(text) if text else text


class AlwaysQuotedFormatter(QuotedFormatter):
    """Quotes everything but what has the format ``u``."""

    def format_field(self, value: Any, format_spec: str) -> Any:
        if not format_spec.endswith(("q", "u")):
            format_spec += "q"
        return super().format_field(value, format_spec)


def os_sync() -> None:
    """Write what is in memory to the disks."""
    os.sync()


def R(code: str) -> None:  # noqa: N802  the name that files import
    """Run R code, filled in from the caller's variables, in R itself.

    Only for older files: `script:` is the way to run R.
    """
    import subprocess
    import textwrap

    from rulekit.language.shell import which

    frame = sys._getframe(1)
    text = format_text(textwrap.dedent(code), dict(frame.f_locals), frame.f_globals)
    try:
        import rpy2.robjects as robjects  # type: ignore[import-not-found,import-untyped,unused-ignore]
    except ImportError:
        program = which("Rscript")
        if program is None:
            raise WorkflowError("R() needs `Rscript` or the package rpy2") from None
        subprocess.run([program, "-e", text], check=True)
        return
    robjects.r(text)


def report(
    text: str,
    path: str,
    stylesheet: str | None = None,
    defaultenc: str = "utf8",
    template: str | None = None,
    metadata: str | None = None,
    **files: Any,
) -> None:
    """Write an HTML page from reStructuredText, with files embedded as links.

    Only for older files. Without docutils the text is written as it is.
    """
    import textwrap

    from rulekit.language.snakemake_modules.report import data_uri_from_file

    frame = sys._getframe(1)
    body = format_text(textwrap.dedent(text), dict(frame.f_locals), frame.f_globals)
    links = []
    for name, value in sorted(files.items()):
        paths = [value] if isinstance(value, (str, os.PathLike)) else value
        for one in paths:
            links.append(f".. _{name}: {data_uri_from_file(os.fspath(one), defaultenc)}")
    source = "\n\n".join([body, *links, f"|  {metadata}" if metadata else ""])
    try:
        from docutils.core import (  # type: ignore[import-not-found,import-untyped,unused-ignore]
            publish_string,
        )
    except ImportError:
        import html

        page = f"<!DOCTYPE html><meta charset=utf-8><pre>{html.escape(body)}</pre>"
        with open(path, "w", encoding=defaultenc) as file:
            file.write(page)
        return
    page_bytes = publish_string(source, writer_name="html")
    with open(path, "wb") as binary:
        binary.write(page_bytes)
