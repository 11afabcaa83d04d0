"""Which executor runs the jobs of a run: this machine, a cluster, Azure Batch; with stored files or
without."""

from __future__ import annotations

import os

from rulekit.engine.body import bodies_of
from rulekit.events import CloudState, Note
from rulekit.executors.local import LocalExecutor

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from rulekit.engine.loop import Stage
    from rulekit.engine.session import Prepared
    from rulekit.engine.stored import RunStorage
    from rulekit.executors.split import SplitExecutor

    Listener = Callable[[object], None]


def make_executor(
    prepared: Prepared,
    *,
    run: str,
    journal: str,
    wake_fd: int,
    listeners: Sequence[Listener],
    stage: Callable[[], Stage],
) -> LocalExecutor | SplitExecutor:
    """The executor of a run. `stage()` is the stage of now. Raises `InfrastructureError`."""
    settings, workflow = prepared.settings, prepared.workflow

    def say(level: str, text: str) -> None:
        event: CloudState | Note = Note(level, text)
        if level == "cloud":
            import json

            event = CloudState(**json.loads(text))
        for listener in listeners:
            listener(event)

    if prepared.stored is None:
        local = LocalExecutor(
            settings.state_dir, journal, wake_fd=wake_fd, bodies=bodies_of(workflow)
        )
    else:
        local = _staged(prepared, prepared.stored, run, journal, wake_fd)
    if settings.cluster is not None:
        from rulekit.engine import cluster

        return cluster.make_executor(
            settings,
            run=run,
            journal=journal,
            wake_fd=wake_fd,
            say=lambda text: say("info", text),
            stage=stage,
            local=local,
        )
    if settings.azure is not None:
        from rulekit.engine import azure

        assert prepared.stored is not None
        return azure.make_executor(
            settings,
            workflow,
            prepared.stored,
            run=run,
            journal=journal,
            wake_fd=wake_fd,
            say=say,
            stage=stage,
            local=local,
        )
    return local


def _staged(
    prepared: Prepared, stored: RunStorage, run: str, journal: str, wake_fd: int
) -> LocalExecutor:
    from rulekit.executors.staged import StagedExecutor
    from rulekit.storage.azblob.credentials import node_access
    from rulekit.storage.azblob.remote import kept_patterns

    every = prepared.settings.keep_copies
    kept = () if every else kept_patterns(prepared.workflow)
    executor = StagedExecutor(
        prepared.settings.state_dir,
        journal,
        run=run,
        find=stored.find,
        access=lambda used, seconds: {
            key: node_access(stored.client.account(key), containers, lifetime_s=seconds)
            for key, containers in used.items()
        },
        wake_fd=wake_fd,
        bodies=bodies_of(prepared.workflow),
        copies=(
            os.path.join(prepared.settings.state_dir, "storage", "cache") if every or kept else None
        ),
        kept=None if every else lambda path: any(one.match(path) is not None for one in kept),
    )
    # The process that runs jobs is a fork of this one: before the storage's threads are there.
    executor.start()
    return executor
