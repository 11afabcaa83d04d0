"""`--report [FILE]`: results with captions, as one HTML page or as a zip archive."""

from __future__ import annotations

import os
import sys

from rulekit.cli import session
from rulekit.errors.tree import PlanError, UsageError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from rulekit.cli.parse import Command, Options
    from rulekit.engine.session import Prepared
    from rulekit.report.items import Item


def execute(command: Command) -> int:
    loaded = session.load(command)
    prepared = session.prepare(command, loaded, readonly=True)
    make_report(command.options, prepared, loaded.secrets)
    return 0


def make_report(options: Options, prepared: Prepared, secrets: tuple[str, ...] = ()) -> None:
    """Writes the report that the options ask for, without `secrets`. Raises `PlanError`,
    `UsageError`."""
    path = os.path.abspath(options.report or "report.html")
    if not path.endswith((".html", ".htm", ".zip")):
        raise UsageError(
            f"--report: `{options.report}` is of no known form",
            code="RK0103",
            help="the name ends in .html or .zip",
        )
    style = _read(options.report_stylesheet, "--report-stylesheet")
    metadata = _metadata(options)
    left_out = write(prepared, path, style, metadata, secrets)
    sys.stderr.write(f"Report created: {path}.\n")
    if left_out:
        total = sum(size for _, size in left_out) / 1e6
        named = ", ".join(one for one, _ in left_out[:3])
        more = f" and {len(left_out) - 3} more" if len(left_out) > 3 else ""
        sys.stderr.write(
            f"note: {named}{more} ({total:,.0f} MB) are too large for one page and only named there;"
            " --report report.zip takes them along\n"
        )


def write(
    prepared: Prepared,
    path: str,
    style: str,
    metadata: dict[str, Any],
    secrets: tuple[str, ...] = (),
) -> tuple[tuple[str, int], ...]:
    """Writes the report of what a plan has made. Results that are too large for one page are left
    out of it: their paths and sizes (bytes). Raises `PlanError`, `UsageError`."""
    from rulekit.history.jobs import read_history
    from rulekit.history.runs import running_jobs
    from rulekit.report.items import caption, items_of
    from rulekit.report.page import Content, report_page

    stage, workflow = prepared.stage, prepared.workflow
    plan = stage.plan
    items = items_of(plan, stage.values.names)
    content = Content(
        title=os.path.basename(os.getcwd()) or "Report",
        description=caption(workflow.report, {}, plan, None),
        description_path=workflow.report,
        items=items,
        metadata=metadata,
        plan=plan,
        forecast=stage.forecast,
        values=stage.values,
        history=read_history(
            plan, stage.forecast, prepared.store, running_jobs(prepared.settings.state_dir)
        ),
        hide=hider(secrets),
        style=style,
    )
    try:
        if path.endswith(".zip"):
            _zip(path, report_page(content, _beside).text, items)
            return ()
        _fits_in_a_page(items)
        made = report_page(content)
        replace_file(path, made.text.encode("utf-8", "backslashreplace"))
        return tuple(made.left_out)
    except OSError as error:
        wrong = error.filename or path
        if wrong == _part(path):
            wrong = path  # what stands beside its place for a while is nobody's business
        raise UsageError(f"--report: `{wrong}`: {error.strerror}", code="RK0109") from error


def hider(secrets: tuple[str, ...]) -> Callable[[str], str]:
    """A function that takes secrets out of a text."""
    if not secrets:
        return lambda text: text
    from rulekit.model.veil import Veil

    return Veil(secrets)


def replace_file(path: str, content: bytes) -> None:
    """Writes a file beside its place and puts it there when it is whole. Raises `OSError`."""
    part = _part(path)
    try:
        with open(part, "wb") as file:
            file.write(content)
        os.replace(part, path)
    except OSError:
        try:
            os.unlink(part)
        except OSError:
            pass
        raise


def _part(path: str) -> str:
    return f"{path}.part-{os.getpid()}"


def _fits_in_a_page(items: tuple[Item, ...]) -> None:
    from rulekit.runner.files import MARKER

    for item in items:
        if item.index is not None and len(set(os.listdir(item.path)) - {MARKER}) > 1:
            raise PlanError(
                f"the folder `{item.path}` is a page of several files, which no single page can hold",
                code="RK0190",
                help="write an archive: --report report.zip",
            )


def _beside(path: str, quoted: bool = True) -> str:
    """Where a file lies in the archive; `quoted`: as an address."""
    place = "data/" + os.path.normpath(path).lstrip("/").replace("../", "__/")
    # Names in an archive are UTF-8; of others the odd bytes are written out.
    place = place.encode("utf-8", "backslashreplace").decode()
    if not quoted:
        return place
    from urllib.parse import quote

    return quote(place)


def _zip(path: str, text: str, items: tuple[Item, ...]) -> None:
    import zipfile

    from rulekit.runner.files import MARKER

    part = _part(path)
    try:
        with zipfile.ZipFile(part, "w", zipfile.ZIP_DEFLATED) as archive:
            archive.writestr("report/report.html", text.encode("utf-8", "backslashreplace"))
            packed: set[str] = set()
            for item in items:
                files = [item.path]
                if os.path.isdir(item.path):
                    walked = os.walk(item.path)
                    files = [
                        os.path.join(folder, name)
                        for folder, _, names in walked
                        for name in names
                        if name != MARKER
                    ]
                for name in files:
                    if name not in packed:
                        packed.add(name)
                        archive.write(name, f"report/{_beside(name, quoted=False)}")
        os.replace(part, path)
    except BaseException:
        try:
            os.unlink(part)
        except OSError:
            pass
        raise


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
