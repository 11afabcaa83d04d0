"""The store of environments: one folder per identity, complete or absent.

FOLDER/<first 16 of the identity>/            the environment (a conda prefix)
FOLDER/<...>/.rulekit/complete.json           its mark: written last
FOLDER/<...>/.rulekit/activate.sh             activation, for any POSIX shell
FOLDER/.locks/<...>                           held by whoever makes or removes it
MEMORY/<...>                                  solved locks by content, index of known files
"""

from __future__ import annotations

from rulekit.environments.values import CondaSettings, Entry, EnvironmentSpec, Known, Lock, Made

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from rulekit.environments.values import Progress

    Say = Callable[[Progress], None]
    Source = str | EnvironmentSpec


class EnvironmentStore:
    """Environments below `folder`. `memory` keeps what was solved (default: in `folder`); give the
    state folder of the workflow, so that another `folder` does not solve anew."""

    def __init__(
        self, folder: str, settings: CondaSettings | None = None, *, memory: str | None = None
    ) -> None:
        self.folder = folder

    def known(self, source: Source, platform: str | None = None) -> Known:
        """What is known of an environment: for dry runs and staleness. Never solves, never writes,
        never starts a process. Raises RulekitError if an environment file is wrong or missing.

        A named environment or folder that is not there has ``complete=False`` and prefix "".
        """
        raise NotImplementedError

    def make(
        self,
        sources: Iterable[Source],
        *,
        say: Say | None = None,
        jobs: int = 4,
        secrets: tuple[str, ...] = (),
    ) -> dict[str, Made]:
        """Have these environments, solving and installing what is not there, at most `jobs` at the
        same time. Keys are the sources as given (the path, of a spec).

        Raises SoftwareError for the first that fails (what was begun comes to its end before).
        """
        raise NotImplementedError

    def lock_for(
        self, source: Source, platform: str | None = None, *, say: Say | None = None
    ) -> tuple[str, Lock]:
        """Identity and lock of an environment file for a platform; solved if it has to be, but not
        installed. For other machines: pack what this names."""
        raise NotImplementedError

    def pack(self, identity: str, *, say: Say | None = None) -> str:
        """The path of a relocatable archive of an environment whose lock is known here (after
        `make` or `lock_for`), for its platform. Kept in the store, made once. See `packing`."""
        raise NotImplementedError

    def used(self, identities: Iterable[str]) -> None:
        """Note that environments are used now (for `entries` and cleaning up)."""
        raise NotImplementedError

    def entries(self, *, sizes: bool = False) -> list[Entry]:
        """The environments of the store, complete or not, by time of last use."""
        raise NotImplementedError

    def remove(self, identities: Iterable[str]) -> list[str]:
        """Remove environments that nobody makes just now; the identities that were removed."""
        raise NotImplementedError

    def clean_packages(self, what: str = "unused") -> int:
        """Remove packages from the cache: ``tarballs`` (archives only), ``unused`` (what no
        environment shares), ``cache`` (all). The bytes that were freed."""
        raise NotImplementedError
