"""`rulekit dashboard [RUN|EVENTS.jsonl]`: a page about a run, live or ended, on this machine."""

from __future__ import annotations

import os
import sys
import time

from rulekit.cli import session
from rulekit.errors.tree import InfrastructureError, UsageError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from rulekit.cli.parse import Command
    from rulekit.dashboard.server import Dashboard
    from rulekit.provenance.store import Store

_LOOK_S = 1.0  # between looks at the records


def execute(command: Command) -> int:
    options = command.options
    if options.directory is not None:
        session.enter(options.directory)
    if len(options.targets) > 1:
        raise UsageError("dashboard takes one run", code="RK0103")
    word = options.targets[0] if options.targets else None
    title = os.path.basename(os.getcwd()) or "Run"
    if word is not None and word.endswith((".jsonl", ".json")):
        if not os.path.exists(word):
            raise UsageError(f"there is no file `{word}`", code="RK0109")
        dashboard = serve(title, options.port or options.watch_port or 0)
        _say(dashboard)
        _follow_file(dashboard, word)
        return 0
    from rulekit.cli.commands.timeline import of_run

    run, _ = of_run(word)  # says now if there is none
    dashboard = serve(title, options.port or options.watch_port or 0)
    _say(dashboard)
    _follow(dashboard, run.name)
    return 0


def serve(title: str, port: int) -> Dashboard:
    """A server for a run that is read from its records. Raises `InfrastructureError`,
    `UsageError`."""
    from rulekit.dashboard.sender import check_port
    from rulekit.dashboard.server import Dashboard
    from rulekit.dashboard.state import LiveState

    check_port(port, "--port")
    try:
        dashboard = Dashboard(LiveState(title), port)
    except OSError as error:
        raise InfrastructureError(
            f"the page cannot be served: {(error.strerror or str(error)).lower()}",
            code="RK0171",
            help="leave out --port, and one is taken that is free",
        ) from error
    dashboard.start()
    return dashboard


def _say(dashboard: Dashboard) -> None:
    sys.stdout.write(f"{dashboard.url}\n")
    sys.stdout.flush()
    sys.stderr.write("Serving to this machine only, until Ctrl-C.\n")


def _follow(dashboard: Dashboard, name: str) -> None:
    """Looks at the records again and again while the run goes on; then only serves."""
    from rulekit.dashboard.recorded import RecordedRun
    from rulekit.engine.session import open_store
    from rulekit.history.runs import all_runs, live_journals, works_of

    recorded = RecordedRun()
    try:
        while True:
            pasts = live_journals(session.STATE_DIR)
            store: Store | None = open_store(session.STATE_DIR, readonly=True)
            try:
                run = next((run for run in all_runs(store, pasts) if run.name == name), None)
                works = works_of(store, name, pasts)
                jobs = next((past.jobs for past in pasts if past.run == name), {})
            finally:
                if store is not None:
                    store.close()
            with dashboard.lock:
                for event in recorded.news(run, works, jobs) if run is not None else ():
                    dashboard.state.take(event)
                if run is None or (run.ended is None and not run.live):
                    dashboard.state.lost(time.time())
            dashboard.changed()
            if dashboard.state.ended is not None:
                while True:
                    time.sleep(3600)
            time.sleep(_LOOK_S)
    except KeyboardInterrupt:
        dashboard.close()


def _follow_file(dashboard: Dashboard, path: str) -> None:
    from rulekit.dashboard.recorded import lines_of

    offset = 0
    try:
        while True:
            try:
                events, offset = lines_of(path, offset)
            except OSError as error:
                raise UsageError(f"`{path}`: {error.strerror}", code="RK0109") from error
            if events:
                with dashboard.lock:
                    for event in events:
                        dashboard.state.take(event)
                dashboard.changed()
            time.sleep(_LOOK_S)
    except KeyboardInterrupt:
        dashboard.close()
