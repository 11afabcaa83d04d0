"""What an emulator is started with."""

from __future__ import annotations

from rulekit.frozen import frozen

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping


@frozen
class Delays:
    """How long the service takes for things, in seconds before division by the speed.

    Seen on the real service: a node is created in about 10 s and ready after 45 s; images, pulls
    and deletions take from seconds to minutes.
    """

    allocating: float = 5.0
    creating: float = 10.0
    starting: float = 30.0
    rebooting: float = 30.0
    leaving: float = 5.0
    deleting: float = 5.0
    pulling: float = 30.0
    restoring: float = 120.0


@frozen
class Quotas:
    """The limits of the account. Cores for one family are counted only when `families` is given."""

    dedicated_cores: int = 4000
    spot_cores: int = 4000
    families: Mapping[str, int] | None = None
    pools: int = 100
    active_jobs: int = 300


@frozen
class Settings:
    """`speed` divides the service's own delays; `auth` is a set out of `key`, `token`."""

    speed: float = 1000.0
    root: str = ""
    delays: Delays = Delays()
    quotas: Quotas = Quotas()
    auth: frozenset[str] = frozenset({"key", "token"})
    workers: int = 16
    page_size: int = 1000
    location: str = "emulated"
    environment: Mapping[str, str] | None = None
    verify: bool = True
