"""What stored names belong to: the load that is going on. Light, as every load comes by here."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from rulekit.language.storagenames import StorageTable
    from rulekit.model.stores import StorageHook, Stores


class State:
    """`hook`: who opens the storage, None if nobody does. `table`: made with the first stored
    name."""

    hook: StorageHook | None = None
    table: StorageTable | None = None


def begin(hook: StorageHook | None) -> None:
    """A load begins: names of an earlier one are forgotten."""
    State.hook = hook
    State.table = None


def found() -> Stores:
    """What the rule files have said of storage up to now."""
    from rulekit.model.stores import NO_STORES

    return NO_STORES if State.table is None else State.table.stores()
