"""What a rule file says about stored files: accounts that it names, roots of names that it uses."""

from __future__ import annotations

from rulekit.frozen import frozen

TYPE_CHECKING = False
if TYPE_CHECKING:
    from rulekit.model.places import Root

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


NO_STORES = Stores()
