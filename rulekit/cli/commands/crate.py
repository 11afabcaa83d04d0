"""`--crate DIR|FILE.zip`: the last run as a Workflow Run RO-Crate."""

from __future__ import annotations

import os
import sys
import time

from rulekit.cli import session

TYPE_CHECKING = False
if TYPE_CHECKING:
    from rulekit.cli.parse import Command


def execute(command: Command) -> int:
    path = command.options.crate
    assert path is not None
    loaded = session.load(command)
    prepared = session.prepare(command, loaded, readonly=True)
    from rulekit.cli.commands.report import hider
    from rulekit.crate.facts import gather
    from rulekit.crate.graph import metadata
    from rulekit.crate.payload import choose
    from rulekit.crate.write import write_crate
    from rulekit.history.jobs import read_history
    from rulekit.history.runs import all_runs, live_journals, works_of
    from rulekit.history.select import choose_run

    pasts = live_journals(session.STATE_DIR)
    run = choose_run(all_runs(prepared.store, pasts), None)
    works = works_of(prepared.store, run.name, pasts)
    stage = prepared.stage
    history = read_history(stage.plan, stage.forecast, prepared.store)
    title = os.path.basename(os.getcwd()) or "workflow"
    facts = gather(title, stage.plan, history, run, works, hider(loaded.secrets))
    payload = choose(facts)
    write_crate(path, metadata(facts, payload, _agent(), time.time()), payload)
    sys.stderr.write(f"Crate of run {run.name} written: {path}\n")
    if payload.left_out:
        shown = ", ".join(payload.left_out[:3])
        more = f" and {len(payload.left_out) - 3} more" if len(payload.left_out) > 3 else ""
        sys.stderr.write(f"note: {shown}{more}: too large, only described in it\n")
    return 0


def _agent() -> str:
    """The name of who runs this, as the system knows it."""
    import pwd

    try:
        entry = pwd.getpwuid(os.getuid())
    except KeyError:
        return ""
    return entry.pw_gecos.split(",")[0] or entry.pw_name
