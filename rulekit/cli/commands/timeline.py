"""`rulekit timeline [RUN]`: when each attempt of a run ran, as a table, a page or a trace."""

from __future__ import annotations

import os
import sys
import time

from rulekit.cli import session
from rulekit.cli.values import only_one
from rulekit.errors.tree import UsageError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from rulekit.cli.parse import Command, Options
    from rulekit.history.runs import RunInfo, Work

_ENDINGS = {".tsv": "tsv", ".txt": "tsv", ".html": "html", ".htm": "html", ".json": "trace"}


def execute(command: Command) -> int:
    options = command.options
    form = _form(options)
    if options.directory is not None:
        session.enter(options.directory)
    run, works = of_run(options.targets[0] if options.targets else None)
    if form == "html":
        from rulekit.report.timelinepage import timeline_page

        title = os.path.basename(os.getcwd()) or "Timeline"
        text = timeline_page(title, run, works, time.time())
    elif form == "trace":
        import json

        from rulekit.history.timeline import chrome_trace

        text = json.dumps(chrome_trace(run, works, time.time()), separators=(",", ":")) + "\n"
    else:
        from rulekit.history.timeline import tsv

        text = tsv(works)
    if options.output is None:
        sys.stdout.write(text)
        return 0
    from rulekit.cli.commands.report import replace_file

    try:
        replace_file(options.output, text.encode("utf-8", "backslashreplace"))
    except OSError as error:
        raise UsageError(
            f"cannot write `{options.output}`: {error.strerror}", code="RK0109"
        ) from error
    return 0


def of_run(word: str | None) -> tuple[RunInfo, list[Work]]:
    """A run of the working directory, and what was worked on in it. Raises `UsageError`,
    `StateError`."""
    from rulekit.engine.session import open_store
    from rulekit.history.runs import all_runs, live_journals, works_of
    from rulekit.history.select import choose_run

    store = open_store(session.STATE_DIR, readonly=True)
    try:
        pasts = live_journals(session.STATE_DIR)
        run = choose_run(all_runs(store, pasts), word)
        return run, works_of(store, run.name, pasts)
    finally:
        if store is not None:
            store.close()


def _form(options: Options) -> str:
    chosen = only_one(
        {"tsv": options.form_tsv, "html": options.form_html, "trace": options.form_trace}
    )
    if len(options.targets) > 1:
        raise UsageError("timeline takes one run", code="RK0103")
    if chosen is not None:
        return chosen
    if options.output is None:
        return "tsv"
    ending = os.path.splitext(options.output)[1].lower()
    if ending not in _ENDINGS:
        raise UsageError(
            f"--output: `{options.output}` is of no known form",
            code="RK0103",
            help="the name ends in .tsv, .html or .json; or say --tsv, --html, --trace",
        )
    return _ENDINGS[ending]
