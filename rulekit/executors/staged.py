"""Local jobs whose files are stored elsewhere: fetched, run here, and stored, by `rulekit.node`."""

from __future__ import annotations

import os
import time

from rulekit.errors.tree import PlanError
from rulekit.executors.local import LocalExecutor

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping, Sequence
    from typing import Any

    from rulekit.model.places import Location
    from rulekit.model.spec import JobSpec
    from rulekit.storage.azblob.credentials import NodeAccess

    # Accounts and their containers → how to open each account, for so many seconds.
    Open = Callable[[Mapping[str, Collection[str]], float], Mapping[str, NodeAccess]]

_LIFETIME_S = 7 * 24 * 3600.0  # a login gives no token for longer


class StagedExecutor(LocalExecutor):
    """A `LocalExecutor` that also takes orders with stored files.

    `find(path)` gives the place of a stored file. `access` opens accounts; what it gave is used
    for half of its life. `copies`: a folder for copies of what is fetched; `kept(path)`: whether a
    file's job leaves some there, None if all do.
    """

    def __init__(
        self,
        state_dir: str,
        journal_path: str | None = None,
        *,
        run: str,
        find: Callable[[str], Location | None],
        access: Open,
        wake_fd: int | None = None,
        bodies: Callable[[JobSpec, int], int] | None = None,
        copies: str | None = None,
        kept: Callable[[str], bool] | None = None,
    ) -> None:
        super().__init__(state_dir, journal_path, wake_fd=wake_fd, bodies=bodies)
        self._run = run
        self._find = find
        self._access = access
        self._copies = None if copies is None else os.path.abspath(copies)
        self._kept = kept
        self._opened: dict[tuple[str, str], tuple[float, NodeAccess]] = {}

    def submit(self, spec: JobSpec) -> None:
        """Queue an order. Raises InfrastructureError if there can be no runner process, or if no
        access to the storage can be had."""
        from rulekit.node.orders import make_order, paths_of

        used: dict[str, set[str]] = {}
        for path in paths_of(spec):
            location = self._find(path)
            if location is not None:
                used.setdefault(location.account, set()).add(location.container)
        if not used:
            super().submit(spec)
            return
        opened = self._open(used)
        accounts: dict[str, Any] = {
            key: {"url": one.url, "auth": one.auth, "client_id": one.client_id}
            for key, one in opened.items()
        }
        secrets = {"sas": {key: one.sas for key, one in opened.items() if one.sas}}
        order = make_order([spec], self._find, accounts, self._run)
        copies = self._copies
        if self._kept is not None and not any(map(self._kept, spec.inputs)):
            copies = None
        self.submit_order([spec], order, {**secrets, "environment": {}}, copies)

    def submit_together(
        self,
        specs: Sequence[JobSpec],
        amounts: Sequence[Mapping[str, int]],
        budget: Mapping[str, int],
    ) -> None:
        """Queue attempts that run together. Raises `PlanError` if they have stored files."""
        from rulekit.node.orders import paths_of

        for spec in specs:
            stored = next((path for path in paths_of(spec) if self._find(path)), None)
            if stored is not None:
                raise PlanError(
                    f"`{spec.key}` runs together with others, by a pipe or a service, and its file"
                    f" `{stored}` is stored elsewhere",
                    code="RK0607",
                    help="pipes and services need all of their files on this disk: `local(...)`",
                )
        super().submit_together(specs, amounts, budget)

    def _open(self, used: Mapping[str, set[str]]) -> dict[str, NodeAccess]:
        found: dict[str, NodeAccess] = {}
        for account, containers in used.items():
            key = (account, " ".join(sorted(containers)))
            held = self._opened.get(key)
            if held is None or time.monotonic() - held[0] > _LIFETIME_S / 2:
                opened = self._access({account: containers}, _LIFETIME_S)[account]
                held = self._opened[key] = (time.monotonic(), opened)
            found[account] = held[1]
        return found
