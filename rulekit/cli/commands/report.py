"""`--report [FILE]`: results with captions, as one HTML page or as a zip archive."""

from __future__ import annotations

import os
import sys

from rulekit.cli import session
from rulekit.errors.tree import PlanError, UsageError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from rulekit.cli.parse import Command, Options
    from rulekit.engine.session import Prepared
    from rulekit.report.items import Item


def execute(command: Command) -> int:
    loaded = session.load(command)
    make_report(command.options, session.prepare(command, loaded, readonly=True))
    return 0


def make_report(options: Options, prepared: Prepared) -> None:
    """Writes the report that the options ask for. Raises `PlanError`, `UsageError`."""
    path = os.path.abspath(options.report or "report.html")
    if not path.endswith((".html", ".htm", ".zip")):
        raise UsageError(
            f"--report: `{options.report}` is of no known form",
            code="RK0103",
            help="the name ends in .html or .zip",
        )
    style = _read(options.report_stylesheet, "--report-stylesheet")
    metadata = _metadata(options)
    write(prepared, path, style, metadata)
    sys.stderr.write(f"Report created: {path}.\n")


def write(prepared: Prepared, path: str, style: str, metadata: dict[str, Any]) -> None:
    """Writes the report of what a plan has made. Raises `PlanError`, `UsageError`."""
    from rulekit.report.items import caption, items_of
    from rulekit.report.page import page
    from rulekit.reporting.dryrun import jobs_by_rule

    plan = prepared.stage.plan
    items = items_of(plan, prepared.stage.values.names)
    description = caption(prepared.workflow.report, {}, plan, None)
    title = os.path.basename(os.getcwd()) or "Report"
    counts = jobs_by_rule(plan, bytearray(b"\1") * len(plan))
    try:
        if path.endswith(".zip"):
            text = page(title, description, items, metadata, counts, style=style, link=_beside)
            _zip(path, text, items)
            return
        _fits_in_a_page(items)
        text = page(title, description, items, metadata, counts, style=style)
        with open(path, "w", encoding="utf-8") as file:
            file.write(text)
    except OSError as error:
        raise UsageError(
            f"--report: `{error.filename or path}`: {error.strerror}", code="RK0109"
        ) from error


def _fits_in_a_page(items: tuple[Item, ...]) -> None:
    for item in items:
        if item.index is not None and len(os.listdir(item.path)) > 1:
            raise PlanError(
                f"the folder `{item.path}` is a page of several files, which no single page can hold",
                code="RK0190",
                help="write an archive: --report report.zip",
            )


def _beside(path: str) -> str:
    return "data/" + os.path.normpath(path).lstrip("/").replace("../", "__/")


def _zip(path: str, text: str, items: tuple[Item, ...]) -> None:
    import zipfile

    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("report/report.html", text)
        packed: set[str] = set()
        for item in items:
            files = [item.path]
            if os.path.isdir(item.path):
                walked = os.walk(item.path)
                files = [
                    os.path.join(folder, name) for folder, _, names in walked for name in names
                ]
            for name in files:
                if name not in packed:
                    packed.add(name)
                    archive.write(name, f"report/{_beside(name)}")


def _read(path: str | None, option: str) -> str:
    if path is None:
        return ""
    try:
        with open(path, encoding="utf-8") as file:
            return file.read()
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or "it is not text"
        raise UsageError(f"{option}: `{path}`: {reason}", code="RK0109") from error


def _metadata(options: Options) -> dict[str, Any]:
    """``--report-metadata``: YAML, with the templates of YTE where that is installed."""
    path = options.report_metadata
    if path is None:
        return {}
    text = _read(path, "--report-metadata")
    try:
        import yte  # type: ignore[import-untyped, import-not-found, unused-ignore]

        found = yte.process_yaml(text)
    except ImportError:
        from rulekit.language.configs import parse_data

        found = parse_data(text, path, "metadata file")
    except Exception as error:
        raise UsageError(f"--report-metadata: `{path}`: {error}", code="RK0103") from error
    if not isinstance(found, dict):
        raise UsageError(f"--report-metadata: `{path}` has no table of values", code="RK0103")
    for key, value in found.items():
        flat = value if isinstance(value, list) else [value]
        if any(isinstance(one, (dict, list)) for one in flat):
            raise UsageError(
                f"--report-metadata: `{key}` in `{path}` is nested",
                code="RK0103",
                help="values are texts, numbers, or lists of these",
            )
    return found
