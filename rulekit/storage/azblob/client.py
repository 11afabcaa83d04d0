"""`AzBlobStorage`: the driver's hand on stored files."""

from __future__ import annotations

import time

from rulekit.errors.tree import InfrastructureError
from rulekit.node.web import Web
from rulekit.storage.azblob.account import unknown_account
from rulekit.storage.azblob.connect import Patience, connected
from rulekit.storage.azblob.failures import (
    Refusal,
    code_of,
    ends_soon,
    refused_sas,
    translated,
)
from rulekit.storage.azblob.light import LightClient
from rulekit.storage.azblob.names import fault_of_container
from rulekit.storage.azblob.sas import parse_sas, trouble

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping
    from typing import Any

    from azure.storage.blob import BlobServiceClient

    from rulekit.errors.diagnostic import Diagnostic
    from rulekit.model.places import Location
    from rulekit.storage.azblob.account import Account
    from rulekit.storage.azblob.light import Page
    from rulekit.storage.azblob.stamp import BlobStamp

_FIRST_LOOK_S = 10.0  # how long the first request of a run is tried
_IS_THERE = ("BlobAlreadyExists", "ConditionNotMet")
BATCH = 256  # deletions in one request; the service's most
_BATCH_TRIES = 1  # repeats of it: single removals do the same, and are repeated themselves


class AzBlobStorage:
    """Blobs of the accounts of a run. All errors are `InfrastructureError`; none holds a secret.

    `threads` is how many parts of a file travel at once. Safe for use from several threads.
    """

    def __init__(
        self,
        accounts: Mapping[str, Account],
        *,
        patience: Patience | None = None,
        threads: int = 8,
    ) -> None:
        self.accounts = dict(accounts)
        self.patience = patience or Patience()
        self.threads = threads
        self._clients: dict[str, BlobServiceClient] = {}
        self._light_clients: dict[str, LightClient] = {}
        self.gone: set[tuple[str, str]] = set()  # accounts and containers that `check` did not find
        self.web = Web(self.patience.question_s(), self.patience.read_s)

    def __repr__(self) -> str:
        return f"AzBlobStorage({', '.join(self.accounts)})"

    def close(self) -> None:
        """Ends all connections."""
        for client in self._clients.values():
            client.close()
        self._clients.clear()
        self._light_clients.clear()
        self.web.close()

    def use_accounts(self, accounts: Mapping[str, Account]) -> None:
        """Takes in accounts that came up later; connections to changed ones are ended."""
        for key, account in accounts.items():
            if self.accounts.get(key) != account:
                self.accounts[key] = account
                self._light_clients.pop(key, None)
                client = self._clients.pop(key, None)
                if client is not None:
                    client.close()

    def account(self, key: str) -> Account:
        """The account of that key. Raises `InfrastructureError` (RK0640)."""
        found = self.accounts.get(key)
        if found is None:
            raise unknown_account(key)
        return found

    def _light(self, key: str) -> LightClient:
        client = self._light_clients.get(key)
        if client is None:
            client = self._light_clients[key] = LightClient(self.account(key), self.web)
        return client

    def service(self, key: str) -> BlobServiceClient:
        """The SDK's client of an account."""
        client = self._clients.get(key)
        if client is None:
            client = self._clients[key] = connected(self.account(key), self.patience)
        return client

    def _blob(self, location: Location) -> Any:
        return self.service(location.account).get_blob_client(location.container, location.name)

    def _error(self, error: Exception, location: Location, doing: str) -> Exception:
        account = self.account(location.account)
        return translated(error, account, location.container, doing, location.name)

    # -- listing -------------------------------------------------------------------------------

    def inventory(
        self, account: str, container: str, prefix: str = "", *, limit: int | None = None
    ) -> dict[str, BlobStamp] | None:
        """All blobs whose names begin with `prefix`, by name: one request for each 5,000.

        Folder entries of hierarchical namespaces and what is rulekit's own below the prefix
        (``.rulekit/``) are left out. With more than `limit` names: None, and no more is asked. A
        container that is not there is empty.
        """
        found: dict[str, BlobStamp] = {}
        ours = prefix + ".rulekit/"
        for page in self._pages(account, container, prefix):
            for name, stamp, _ in page.blobs:
                if not name.startswith(ours):
                    found[name] = stamp
            if limit is not None and len(found) > limit:
                return None
        return found

    def folder(
        self, account: str, container: str, prefix: str
    ) -> tuple[dict[str, BlobStamp], set[str]]:
        """The blobs directly in a folder (`prefix` ends with ``/`` or is empty), by name, and the
        names of the folders in it, without a final slash."""
        names: dict[str, BlobStamp] = {}
        folders: set[str] = set()
        for page in self._pages(account, container, prefix, "/"):
            folders.update(name[:-1] for name in page.folders)
            for name, stamp, _ in page.blobs:
                names[name] = stamp
        return names, folders

    def list_results(self, location: Location) -> Iterator[tuple[str, dict[str, str], BlobStamp]]:
        """Blobs whose names begin with the location's: name, metadata and stamp."""
        for page in self._pages(location.account, location.container, location.name):
            for name, stamp, metadata in page.blobs:
                yield name, dict(metadata), stamp

    def _pages(
        self, account: str, container: str, prefix: str, delimiter: str = ""
    ) -> Iterator[Page]:
        pages = self._light(account).pages(container, prefix, delimiter=delimiter)
        while True:
            try:
                page = next(pages, None)
            except Exception as error:
                if code_of(error) == "ContainerNotFound":
                    return
                raise translated(error, self.account(account), container, "list") from None
            if page is None:
                return
            yield page

    def stamp(self, location: Location) -> BlobStamp | None:
        """What the service says of one blob; None if it is not there."""
        try:
            return self._light(location.account).stamp(location.container, location.name)
        except Exception as error:
            if _is_missing(error):
                return None
            raise self._error(error, location, "read") from None

    # -- small blobs ---------------------------------------------------------------------------

    def get(self, location: Location) -> bytes:
        """The content of a small blob. Raises RK0650 if it is not there."""
        try:
            return self._light(location.account).get(location.container, location.name)
        except Exception as error:
            raise self._error(error, location, "read") from None

    def put(
        self,
        location: Location,
        data: bytes,
        overwrite: bool = True,
        metadata: Mapping[str, str] | None = None,
    ) -> BlobStamp | None:
        """Writes a small blob in one request. Readers see the old or the new content.

        Without `overwrite`, None if there is a blob already. The container is made if it is not
        there.
        """

        from rulekit.storage.azblob import files

        def write() -> BlobStamp:
            return files.put(self._blob(location), data, overwrite, metadata)

        try:
            return self._written(location, write)
        except Exception as error:
            if not overwrite and type(error).__name__ == "ResourceExistsError":
                return None
            raise self._error(error, location, "write") from None

    # -- files ---------------------------------------------------------------------------------

    def upload_file(
        self,
        path: str,
        location: Location,
        progress: Callable[[int], None] | None = None,
        metadata: Mapping[str, str] | None = None,
        overwrite: bool = True,
    ) -> BlobStamp | None:
        """Uploads a file in parallel blocks; the blob is there with the last request or as before.

        Without `overwrite`, None if there is a blob already. `progress` is told the number of bytes
        of each part, perhaps from several threads.
        """
        from rulekit.storage.azblob import files

        def write() -> BlobStamp:
            return files.upload(
                self._blob(location), path, self.threads, progress, metadata, overwrite
            )

        try:
            return self._written(location, write)
        except OSError as error:
            if getattr(error, "filename", None):
                raise files.local_trouble(error, path) from None
            raise self._error(error, location, "write") from None
        except Exception as error:
            if not overwrite and code_of(error) in _IS_THERE:
                return None
            raise self._error(error, location, "write") from None

    def mark(self, location: Location, metadata: Mapping[str, str]) -> None:
        """Gives a blob the time of now, and these metadata."""
        try:
            self._blob(location).set_blob_metadata(dict(metadata))
        except Exception as error:
            raise self._error(error, location, "write") from None

    def download_file(
        self, location: Location, path: str, progress: Callable[[int], None] | None = None
    ) -> BlobStamp:
        """Downloads a blob in parallel parts, checks it, and puts it in place by a rename.

        The file gets the blob's time. Raises RK0650 if the blob is not there, RK0651 if what came
        is not what the service has.
        """
        from rulekit.storage.azblob import files

        try:
            return files.download(self._blob(location), path, self.threads, progress)
        except files.Damaged as error:
            raise files.damaged(location, str(error)) from None
        except OSError as error:
            if getattr(error, "filename", None):
                raise files.local_trouble(error, path) from None
            raise self._error(error, location, "read") from None
        except Exception as error:
            raise self._error(error, location, "read") from None

    def _written(self, location: Location, write: Callable[[], BlobStamp]) -> BlobStamp:
        """`write()`, with the container made if that is what is missing."""
        try:
            return write()
        except Exception as error:
            if code_of(error) != "ContainerNotFound":
                raise
        self._make_container(location)
        return write()

    def _make_container(self, location: Location) -> None:
        account, container = location.account, location.container
        try:
            self._light(account).make(container)
        except Exception as error:
            status = getattr(error, "status_code", None)
            # Not allowed to make it: that it is not there is the news.
            refused = Refusal(404, "ContainerNotFound", {}, "") if status == 403 else error
            raise translated(refused, self.account(account), container, "create") from None
        self.gone.discard((account, container))

    def make_ready(self, location: Location) -> bool:
        """Before jobs write to a container: makes it if `check` did not find it (True then), and
        asks whether a blob could be written there. Changes nothing else."""
        made = (location.account, location.container) in self.gone
        if made:
            self._make_container(location)
        try:
            self._light(location.account).may_write(location.container, location.name)
        except Exception as error:
            raise self._error(error, location, "write") from None
        return made

    # -- removal -------------------------------------------------------------------------------

    def delete(self, locations: Iterable[Location]) -> int:
        """Removes blobs, 256 with one request; those that are not there are passed over. Gives the
        number of those that were removed."""
        groups: dict[tuple[str, str], list[str]] = {}
        for location in locations:
            groups.setdefault((location.account, location.container), []).append(location.name)
        removed = 0
        for (account, container), names in groups.items():
            for start in range(0, len(names), BATCH):
                removed += self._delete(account, container, names[start : start + BATCH])
        return removed

    def _delete(self, account: str, container: str, names: list[str]) -> int:
        client = self.service(account).get_container_client(container)
        removed = 0
        try:
            answers = list(
                client.delete_blobs(
                    *names,
                    delete_snapshots="include",
                    raise_on_any_failure=False,
                    retry_total=_BATCH_TRIES,
                )
            )
            statuses = {answer.status_code for answer in answers}
            removed = sum(answer.status_code == 202 for answer in answers)
            if statuses <= {202, 404} and len(answers) == len(names):
                return removed
        except Exception as error:
            if _is_missing(error):
                return 0
            if "Timeout" in type(error).__name__:  # single requests would not be answered either
                raise translated(error, self.account(account), container, "delete") from None
        # One by one: for accounts without batches, and to know what is refused.
        for name in names:
            try:
                client.delete_blob(name, delete_snapshots="include")
                removed += 1
            except Exception as error:
                if not _is_missing(error):
                    raise translated(
                        error, self.account(account), container, "delete", name
                    ) from None
        return removed

    # -- before a run --------------------------------------------------------------------------

    def check(
        self, account: str, container: str, rights: str = "rlcw", lifetime_s: float = 3600.0
    ) -> tuple[Diagnostic, ...]:
        """Whether stored files can be worked with, as far as one request and the token's own words
        tell. Raises the error for what is wrong; gives warnings for what may become so, such as a
        SAS that ends within `lifetime_s` seconds.

        A container that is not there is no error, but gets into `gone`.
        """
        known = self.account(account)
        now = time.time()
        warnings: list[Diagnostic] = []
        if known.kind == "sas":
            sas = parse_sas(known.secret)
            found = trouble(sas, known.url, now, rights)
            for what, doing in (("expired", "list"), ("early", "list"), ("scheme", "list"),
                                ("service", "list"), ("reach", "list")):  # fmt: skip
                if what in found:
                    raise refused_sas(known, container, doing, now)
            for right, doing in (("l", "list"), ("r", "read"), ("w", "write")):
                if right in rights and not sas.may(right) and not (right == "w" and sas.may("c")):
                    raise refused_sas(known, container, doing, now)
            if sas.expires is not None and sas.expires < now + lifetime_s:
                warnings.append(ends_soon(known, sas.expires, now))
        fault = fault_of_container(container)
        if fault is not None:
            raise InfrastructureError(
                f"`{container}` cannot be the name of a container: {fault}", code="RK0644"
            )
        quick = Web(min(self.patience.question_s(), _FIRST_LOOK_S), self.patience.connect_s)
        try:
            next(LightClient(known, quick).pages(container, "", page=1))
        except Exception as error:
            if code_of(error) != "ContainerNotFound":
                raise translated(error, known, container, "list") from None
            self.gone.add((account, container))
        finally:
            quick.close()
        return tuple(warnings)


def _is_missing(error: Exception) -> bool:
    """No such blob or container. A missing account is another matter: its name is not known."""
    return getattr(error, "status_code", None) == 404
