"""`--touch`: outputs are declared up to date instead of made."""

from __future__ import annotations

import os
import time

from rulekit.engine.facts import touched_facts
from rulekit.engine.session import make_stage
from rulekit.events import Note
from rulekit.frozen import replace
from rulekit.model.spec import FileResult, JobResult
from rulekit.storage.local import DIRECTORY_MARKER, LocalFiles

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from rulekit.engine.session import Prepared
    from rulekit.model.files import FileView

    Listener = Callable[[object], None]


def touch(prepared: Prepared, listeners: Sequence[Listener]) -> int:
    """Gives the outputs of jobs that would run the present time, in order, and records them.

    Missing flag files (`touch`) are made; any other missing output stays missing, which is no
    error. The result is the number of jobs whose outputs were touched. Raises
    `InfrastructureError` if the store does not take the records.
    """
    from rulekit.provenance.facts import Finished

    prepared = _with_checkpoints(prepared)
    plan, forecast = prepared.stage.plan, prepared.stage.forecast
    store = prepared.store
    assert store is not None
    run = f"touch-{time.strftime('%Y%m%dT%H%M%S')}-{os.getpid()}"
    store.begin_run(run, time.time(), os.uname().nodename, prepared.settings.command)
    finished = []
    for number in range(len(plan)):
        if not forecast.run[number]:
            continue
        flags = dict(plan.output_flags(number))
        present = []
        for i, path in enumerate(plan.outputs[number]):
            if _is_there_or_touched(prepared, path, "touch" in flags.get(i, ())):
                present.append(path)
        if not present:
            continue
        files: FileView = LocalFiles(prepared.settings.digest_limit)
        if prepared.stored is not None:
            prepared.files.forget()
            files = prepared.files
        now = time.time()
        result = JobResult(
            number,
            f"{run}.{number}",
            True,
            0,
            None,
            "",
            _results(files, present),
            _results(files, plan.inputs[number], missing=True),
            now,
            now,
            {},
            (),
        )
        finished.append(Finished(touched_facts(prepared.stage, number, result.token), result))
        for listener in listeners:
            listener(Note("info", f"touching {', '.join(present)}"))
    store.commit(finished, run)
    store.end_run(run, time.time(), True)
    return len(finished)


def _with_checkpoints(prepared: Prepared) -> Prepared:
    """The plan as it is with the checkpoints as done whose outputs are there."""
    gate, files = prepared.workflow.checkpoints, prepared.files
    while True:
        plan = prepared.stage.plan
        keys = {
            (plan.rule_of(job).name, plan.wildcards[job])
            for job in plan.waits.values()
            if job >= 0 and all(files.exists(path) for path in plan.outputs[job])
        }
        if keys <= gate.done:
            return prepared
        gate.done |= keys
        prepared = replace(prepared, stage=make_stage(prepared, frozenset()))


def _is_there_or_touched(prepared: Prepared, path: str, make: bool) -> bool:
    """A stored file keeps its time: records go by its content."""
    if prepared.stored is not None and prepared.stored.files.is_stored(path):
        return prepared.stored.files.exists(path)
    return _touch_one(path, make)


def _touch_one(path: str, make: bool) -> bool:
    """Whether the file is there and has the present time now."""
    try:
        if os.path.isdir(path):
            marker = os.path.join(path, DIRECTORY_MARKER)
            with open(marker, "a"):
                os.utime(marker)
        elif os.path.lexists(path):
            os.utime(path, follow_symlinks=False)
        elif make:
            folder = os.path.dirname(path)
            if folder:
                os.makedirs(folder, exist_ok=True)
            with open(path, "a"):
                pass
        else:
            return False
    except OSError:
        return False
    return True


def _results(
    files: FileView, paths: Sequence[str], *, missing: bool = False
) -> tuple[FileResult, ...]:
    """What is told of files. `missing`: also those that are not there, so that a temporary input
    that is gone belongs to the recorded set of inputs."""
    found = []
    for path in paths:
        stamp = files.stamp(path)
        if stamp is not None:
            digest = files.digest(path) if stamp[1] >= 0 else None
            found.append(FileResult(path, stamp[0], stamp[1], digest))
        elif missing:
            found.append(FileResult(path, 0, 0, None))
    return tuple(found)
