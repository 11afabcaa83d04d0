"""Bodies other than shell commands and Python of the rule file: scripts, wrappers, notebooks,
templates. Files are read here, on the machine that plans; the order carries their text.
"""

from __future__ import annotations

import os
import sys

from rulekit.errors import RuleFileError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from rulekit.engine.loop import Stage
    from rulekit.planning.plan import Job

    Made = tuple[dict[str, Any], dict[str, Any]]

LANGUAGES = {
    ".py": "python",
    ".sh": "bash",
    ".bash": "bash",
    ".r": "r",
    ".R": "r",
    ".Rmd": "rmarkdown",
    ".jl": "julia",
    ".rs": "rust",
    ".hy": "hy",
    ".xsh": "xonsh",
}
NOTEBOOK_LANGUAGES = ("python", "r")
# Languages whose programs can read what Python has pickled.
_PYTHONIC = ("python", "hy", "xonsh")


def script_body(stage: Stage, job: Job, names: dict[str, Any]) -> Made:
    """Body and context of the order for a `script:` or `wrapper:` rule. Raises `RuleFileError`."""
    rule = job.rule
    path = local_path(stage, job)
    language = LANGUAGES.get(os.path.splitext(path)[1])
    if language is None:
        suffix = os.path.splitext(path)[1]
        if suffix == ".ipynb":
            raise RuleFileError(
                f"rule `{rule.name}` gives the notebook `{path}` to `script:`",
                code="RK0292",
                span=rule.body.span or rule.span,
                help="`notebook:` runs notebooks",
            )
        raise RuleFileError(
            f"no language is known for the script `{path}`",
            code="RK0292",
            span=rule.body.span or rule.span,
            help="the suffix tells the language: " + ", ".join(sorted(LANGUAGES)),
        )
    body: dict[str, Any] = {
        "kind": "script",
        "language": language,
        "path": os.path.abspath(path),
        "source": read_source(stage, job, path),
    }
    if language == "python":
        body["interpreter"] = [sys.executable]
    return body, _context(stage, job, names, path, language in _PYTHONIC)


def notebook_body(stage: Stage, job: Job, names: dict[str, Any]) -> Made:
    """Body and context of the order for a `notebook:` rule. Raises `RuleFileError`."""
    from rulekit.runner.files import Refused
    from rulekit.runner.notebook import language_of, read

    rule = job.rule
    path = local_path(stage, job)
    source = read_source(stage, job, path)
    try:
        language = language_of(read(source, path), path)
    except Refused as error:
        raise RuleFileError(
            f"rule `{rule.name}`: {error.detail}",
            code="RK0287",
            span=rule.body.span or rule.span,
        ) from None
    if language not in NOTEBOOK_LANGUAGES:
        raise RuleFileError(
            f"the notebook `{path}` of rule `{rule.name}` is in the language `{language}`",
            code="RK0288",
            span=rule.body.span or rule.span,
            help="known are " + " and ".join(NOTEBOOK_LANGUAGES),
        )
    body = {
        "kind": "notebook",
        "language": language,
        "path": os.path.abspath(path),
        "source": source,
        "interpreter": [sys.executable],
    }
    return body, _context(stage, job, names, path, language == "python")


def template_body(stage: Stage, job: Job, names: dict[str, Any]) -> Made:
    """Body and context for a `template_engine:` rule: a script of ours renders the template."""
    from rulekit.runner.template import ENGINES, script, template_of

    rule = job.rule
    engine = rule.body.text
    if engine not in ENGINES:
        raise RuleFileError(
            f"there is no template engine `{engine}` (rule `{rule.name}`)",
            code="RK0281",
            span=rule.body.span or rule.span,
            help="known are " + ", ".join(f"`{name}`" for name in ENGINES),
        )
    context = _context(stage, job, names, rule.basedir, True)
    try:
        template_of(context)
    except ValueError as error:
        raise RuleFileError(
            f"rule `{rule.name}`: {error}", code="RK0282", span=rule.body.span or rule.span
        ) from None
    body = {
        "kind": "script",
        "language": "python",
        "path": os.path.join(os.path.abspath(rule.basedir), "template_engine.py"),  # not there
        "source": script(engine),
        "interpreter": [sys.executable],
    }
    return body, context


def local_path(stage: Stage, job: Job) -> str:
    """The path of a body's code; what is behind an address is fetched. Raises `RuleFileError`."""
    path = stage.definitions.script_path(job.number)
    if "://" not in path:
        return path
    from rulekit.compiler.fetch import web_copy
    from rulekit.language.exceptions import WorkflowError

    rule = job.rule
    try:
        return web_copy(path)
    except WorkflowError as error:
        reason = str(error).split("\n")[0]
        raise RuleFileError(
            f"{rule.body.kind} `{path}` of rule `{rule.name}` cannot be fetched: {reason}",
            code="RK0291",
            span=rule.body.span or rule.span,
        ) from None


def read_source(stage: Stage, job: Job, path: str) -> str:
    """The text of a script. Raises `RuleFileError` if it cannot be read."""
    rule = job.rule
    try:
        with open(path, encoding="utf-8", errors="surrogateescape") as file:
            return file.read()
    except OSError as error:
        raise RuleFileError(
            f"{rule.body.kind} `{path}` of rule `{rule.name}` cannot be read: {error.strerror}",
            code="RK0291",
            span=rule.body.span or rule.span,
            help="a script's path is relative to the file that holds the rule",
        ) from None


def _context(
    stage: Stage, job: Job, names: dict[str, Any], path: str, pythonic: bool
) -> dict[str, Any]:
    from rulekit.runner.context import encode_context

    folder = path if os.path.isdir(path) else os.path.dirname(os.path.abspath(path))
    try:
        return encode_context(
            {**names, "config": stage.plan.workflow.config},
            rule=job.rule.name,
            scriptdir=folder,
            foreign=not pythonic,
        )
    except TypeError as error:
        raise RuleFileError(
            f"rule `{job.rule.name}`: {error}",
            code="RK0283",
            span=job.rule.body.span or job.rule.span,
            help="hand over texts, numbers, lists and dictionaries of such",
        ) from None
