"""The files of a run in the storage, below `.rulekit/runs/RUN/` of the default prefix.

rulekit.pyz               the node program
bundle.sealed             secrets of the run, sealed; the key goes by the Batch API
sources.tar.gz            what rules need beside their inputs
orders/BATCH.jsonl        the orders of the tasks that were submitted together
results/BATCH/TOKEN.json  the results, also as metadata `rulekit`
output/BATCH/TOKEN.txt    what the jobs wrote to stdout and stderr
"""

from __future__ import annotations

import json
import os

from rulekit.executors.azure.definitions import PROGRAM
from rulekit.model.places import Location
from rulekit.runner.files import Refused

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence
    from typing import Any, Protocol

    from rulekit.model.places import Root
    from rulekit.model.spec import JobResult
    from rulekit.node.blob import Account

    class Storage(Protocol):
        """What is asked of the storage client (`storage.azblob.client.AzBlobStorage`)."""

        def put(self, location: Location, data: bytes, overwrite: bool = ...) -> Any: ...
        def get(self, location: Location) -> bytes: ...
        def delete(self, locations: Sequence[Location]) -> Any: ...
        def list_results(
            self, location: Location
        ) -> Iterator[tuple[str, Mapping[str, str], Any]]: ...


FOLDER = ".rulekit/runs/"
RESULT_METADATA = "rulekit"
_PATIENCE_S = 30.0


class RunFiles:
    """The folder of one run."""

    def __init__(self, storage: Storage, root: Root, run: str) -> None:
        self._storage = storage
        self.root = root
        self.run = run
        self.base = f"{root.below}{FOLDER}{run}/"
        self._quick: Account | None = None

    def quicken(self, given: Mapping[str, Any], sas: str | None) -> None:
        """Read results by the node program's own client from now on: the SDK takes ten times as
        long over a listing. `given`, `sas`: what nodes get of this account."""
        if given["auth"] != "identity":  # that would be the identity of a machine on Azure
            from rulekit.node.blob import account_of
            from rulekit.node.web import Web

            self.close()  # those that were opened before, with an older token
            self._quick = account_of(given, sas, Web(_PATIENCE_S))

    def close(self) -> None:
        """Give the connections back."""
        if self._quick is not None:
            self._quick.web.close()
            self._quick = None

    def at(self, name: str) -> Location:
        """A file of the run."""
        return Location(self.root.account, self.root.container, self.base + name)

    # --- before the first task ------------------------------------------------------------

    def put(self, name: str, data: bytes) -> Location:
        """Store a file of the run."""
        location = self.at(name)
        self._storage.put(location, data)
        return location

    def put_program(self, everything: bool) -> Location:
        """Store the node program; `everything` for `run:` bodies."""
        import tempfile

        from rulekit.node import archive

        with tempfile.TemporaryDirectory(prefix="rulekit-") as folder:
            path = os.path.join(folder, PROGRAM)
            archive.build(path, everything=everything)
            with open(path, "rb") as file:
                return self.put(PROGRAM, file.read())

    # --- orders and results ---------------------------------------------------------------

    def put_orders(self, batch: int, orders: Sequence[Mapping[str, Any]]) -> list[tuple[int, int]]:
        """Store orders in one blob; where each of them is: offset and length in bytes."""
        parts: list[bytes] = []
        ranges: list[tuple[int, int]] = []
        at = 0
        for order in orders:
            part = json.dumps(order, separators=(",", ":")).encode() + b"\n"
            ranges.append((at, len(part) - 1))
            parts.append(part)
            at += len(part)
        self.put(orders_name(batch), b"".join(parts))
        return ranges

    def results(self, batch: int) -> dict[str, list[JobResult]]:
        """The results of a batch that are there, by the token of their order. Those that are too
        long for a listing are left out."""
        at = self.at(f"results/{batch}/")
        found: dict[str, list[JobResult]] = {}
        for name, metadata in self._listed(at):
            text = metadata.get(RESULT_METADATA)
            results = None if text is None else read_results(text)
            if results is not None:
                found[name.rpartition("/")[2].removesuffix(".json")] = results
        return found

    def _listed(self, at: Location) -> list[tuple[str, Mapping[str, str]]]:
        if self._quick is not None:
            try:
                return [
                    (b.name, b.blob.metadata) for b in self._quick.listing(at.container, at.name)
                ]
            except Refused:
                pass  # the SDK has better words for it
        return [(name, metadata) for name, metadata, _ in self._storage.list_results(at)]

    def result(self, batch: int, token: str) -> list[JobResult] | None:
        """The result of one order, None if there is none."""
        at = self.at(result_name(batch, token))
        if self._quick is not None:
            try:
                blob = self._quick.head(at.container, at.name)
            except Refused:
                blob = None
            text = None if blob is None else blob.metadata.get(RESULT_METADATA)
            results = None if text is None else read_results(text)
            if results is not None:
                return results
        data = self.read(at)
        return None if data is None else read_results(data.decode("utf-8", "replace"))

    def output(self, batch: int, token: str) -> bytes | None:
        """What the jobs of an order wrote to stdout and stderr, None if nothing was kept."""
        return self.read(self.at(output_name(batch, token)))

    def read(self, location: Location) -> bytes | None:
        """A blob's content, None if there is no such blob."""
        from rulekit.executors.azure.missing import is_missing

        try:
            return self._storage.get(location)
        except Exception as error:
            if is_missing(error):
                return None
            raise

    # --- after the last task --------------------------------------------------------------

    def clean(self, keep: Callable[[str], bool] = lambda _name: False) -> None:
        """Remove the files of the run but those that `keep` says (names below the folder)."""
        names = [name for name, _, _ in self._storage.list_results(self.at(""))]
        start = len(self.base)
        gone = [
            Location(self.root.account, self.root.container, name)
            for name in names
            if not keep(name[start:])
        ]
        if gone:
            self._storage.delete(gone)


def orders_name(batch: int) -> str:
    """Where the orders of a batch are, below the folder of the run."""
    return f"orders/{batch}.jsonl"


def result_name(batch: int, token: str) -> str:
    """Where the result of an order goes, below the folder of the run."""
    return f"results/{batch}/{token}.json"


def output_name(batch: int, token: str) -> str:
    """Where stdout and stderr of an order go, below the folder of the run."""
    return f"output/{batch}/{token}.txt"


def read_results(text: str) -> list[JobResult] | None:
    """The answers in a result blob or its metadata; None if it cannot be read."""
    from rulekit.node.orders import results_from_text

    try:
        return results_from_text(text)
    except (ValueError, TypeError, KeyError):
        return None
