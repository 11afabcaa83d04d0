"""What reading a rule file asked of storage, for processes that read it again.

A process that reads the rule file again (for a `run:` body, perhaps on a node) has no way to
storage, and must see what the first reading saw. While a body runs its files are on its disk.
"""

from __future__ import annotations

from rulekit.frozen import frozen

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from rulekit.model.places import Root
    from rulekit.model.stores import StorageHook, StoredView, Stores


@frozen
class RecordedStorage:
    """A `StorageHook` that answers from a record; it can be pickled and holds no secrets.

    own: key and URL of the run's account. listed: what was below a folder. seen: what was there.
    """

    root: Root | None
    own: tuple[str, str]
    listed: Mapping[str, tuple[str, ...]]
    seen: Mapping[str, bool]

    def account(self) -> tuple[str, str]:
        """Key and URL of the run's account."""
        return self.own

    def view(self, stores: Stores) -> StoredView:
        """The record itself. What was not asked then is not there now."""
        from rulekit.model.places import Places

        return _Record(self, Places((), self.root))


class _Record:
    def __init__(self, record: RecordedStorage, places: object) -> None:
        self._record = record
        self._places = places

    def exists(self, path: str) -> bool:
        return self._record.seen.get(path, False)

    def is_stored(self, path: str) -> bool:
        return self._places.find(path) is not None  # type: ignore[attr-defined, no-any-return]

    def below(self, folder: str) -> Iterator[str]:
        return iter(self._record.listed.get(folder, ()))


class OfflineStorage:
    """A `StorageHook` for the time of a job: names lead to the same paths, which are all on this
    disk."""

    root = None

    def __init__(self, hook: StorageHook | None) -> None:
        self._hook = hook

    def account(self) -> tuple[str, str]:
        """As in the reading of the rule file."""
        from rulekit.model.stores import DEFAULT_ACCOUNT

        return (DEFAULT_ACCOUNT, "") if self._hook is None else self._hook.account()

    def view(self, stores: Stores) -> StoredView:
        """One in which nothing is stored."""
        return _Nothing()


class _Nothing:
    def exists(self, path: str) -> bool:
        return False

    def is_stored(self, path: str) -> bool:
        return False

    def below(self, folder: str) -> Iterator[str]:
        return iter(())
