"""The storage of one order, opened: its accounts, its connections, its lanes."""

from __future__ import annotations

from rulekit.node.blob import Account, account_of
from rulekit.node.lanes import WIDTH, Lanes
from rulekit.node.web import PATIENCE_S, Web

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

    from rulekit.node.lanes import Listener

MANIFEST = ".rulekit_directory"  # in a stored directory: what it holds


class Depot:
    """What fetching and storing need. Its repr shows no secret."""

    def __init__(
        self,
        accounts: Mapping[str, Mapping[str, Any]],
        sas: Mapping[str, str],
        watch: Listener,
        patience_s: float = PATIENCE_S,
        width: int = WIDTH,
        deadline: float | None = None,
    ) -> None:
        self._deadline = deadline
        self._given = accounts
        self._sas = sas
        self._watch = watch
        self._width = width
        self._opened: dict[str, Account] = {}
        self.fetched_bytes = 0
        self.stored_bytes = 0
        self.web = Web(patience_s)

    def account(self, key: str) -> Account:
        """An account by its key in the order."""
        found = self._opened.get(key)
        if found is None:
            made = account_of(self._given[key], self._sas.get(key), self.web)
            found = self._opened.setdefault(key, made)
        return found

    def lanes(self) -> Lanes:
        """For calls side by side."""
        return Lanes(self._watch, self.web, self._width, self._deadline)

    def renewed(self, patience_s: float) -> Depot:
        """The same storage once more, after everything else was ended: for last words."""
        return Depot(self._given, self._sas, _Patient(self._watch), patience_s, self._width)

    def close(self) -> None:
        self.web.close()


class _Patient:
    """A watch that hears only those who insist after this moment."""

    def __init__(self, watch: Listener) -> None:
        self._watch = watch
        self._before = watch.asked

    @property
    def asked(self) -> int:
        return max(0, self._watch.asked - self._before - 1)

    def pause(self, seconds: float | None) -> None:
        self._watch.pause(seconds)

    def wake(self) -> None:
        self._watch.wake()
