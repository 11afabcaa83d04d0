"""What a rule file says about stored files: accounts that it names, roots of names that it uses."""

from __future__ import annotations

from rulekit.frozen import frozen

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from typing import Protocol

    from rulekit.model.places import Root

    class StoredView(Protocol):
        """What reading a rule file may ask of stored files. Paths are those of the plan."""

        def exists(self, path: str) -> bool: ...

        def is_stored(self, path: str) -> bool: ...

        def below(self, folder: str) -> Iterator[str]:
            """Files and directories below a folder ("" for all), unsorted."""

    class StorageHook(Protocol):
        """What a load asks of whoever opens the storage. Nothing is opened for local files."""

        @property
        def root(self) -> Root | None:
            """Where all relative paths are; None for this disk."""

        def account(self) -> tuple[str, str]:
            """The run's account: its key and URL; ``("default", "")`` if nothing tells it."""

        def view(self, stores: Stores) -> StoredView:
            """Stored files as they are now, with the accounts and roots that are known so far."""


# The account of names that tell none, as long as the environment tells none either.
DEFAULT_ACCOUNT = "default"


@frozen
class StoreSettings:
    """An account that a rule file configures. `key` is what Locations call it. `url` may be empty:
    the environment's. `credential` is a key, a SAS, or empty; it is shown nowhere."""

    key: str
    url: str = ""
    credential: str = ""

    def __repr__(self) -> str:
        shown = "***" if self.credential else ""
        return f"StoreSettings(key={self.key!r}, url={self.url!r}, credential={shown!r})"


@frozen
class Stores:
    """All that a workflow says of storage. `roots` are the folders its stored names lie in, each
    without those inside of it."""

    settings: tuple[StoreSettings, ...] = ()
    roots: tuple[Root, ...] = ()

    def secrets(self) -> Iterable[str]:
        """Values that must not be shown."""
        return [one.credential for one in self.settings if one.credential]


NO_STORES = Stores()
