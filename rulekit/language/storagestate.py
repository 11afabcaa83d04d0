"""What stored names belong to: the load that is going on. Light, as every load comes by here."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from rulekit.language.storagenames import StorageTable
    from rulekit.language.storagerecord import RecordedStorage
    from rulekit.model.stores import StorageHook, Stores


class State:
    """`hook`: who opens the storage, None if nobody does. `remote`: whether plain paths are stored
    files. `table`: made with the first stored name. `prefix`: the folder of all relative paths in
    storage of this disk (`fs`), with a final slash; "" for none. `web`: whether there are names of
    files on web servers."""

    hook: StorageHook | None = None
    remote: bool = False
    table: StorageTable | None = None
    prefix: str = ""
    web: bool = False


def begin(hook: StorageHook | None, prefix: str = "") -> None:
    """A load begins: names of an earlier one are forgotten."""
    State.hook = hook
    State.remote = hook is not None and hook.root is not None
    State.table = None
    State.prefix = prefix
    State.web = False


def found() -> Stores:
    """What the rule files have said of storage up to now."""
    from rulekit.model.stores import NO_STORES

    return NO_STORES if State.table is None else State.table.stores()


def recorded() -> RecordedStorage | None:
    """What the load has asked of storage, for a process that reads the same files again; None if
    storage did not come up. Ends the recording."""
    if State.hook is not None and State.table is not None:
        return State.table.recorded()
    if State.hook is None or not State.remote:
        return None
    from rulekit.language.storagerecord import RecordedStorage

    return RecordedStorage(State.hook.root, State.hook.account(), {}, {})


def offline() -> None:
    """From here on a job runs in this process: its files, stored or not, are on its disk, and have
    their final paths."""
    State.prefix = ""
    if State.hook is not None or State.table is not None:
        from rulekit.language.storagerecord import OfflineStorage

        State.hook = OfflineStorage(State.hook)
        State.remote = False
        if State.table is not None:
            State.table.hook = State.hook
