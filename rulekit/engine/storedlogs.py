"""Ends of stored logs, copied to this disk so that they can be shown when the storage is not at hand."""

from __future__ import annotations

import os

TYPE_CHECKING = False
if TYPE_CHECKING:
    from rulekit.model.places import Location
    from rulekit.storage.azblob.client import AzBlobStorage

_MOST_BYTES = 65_536


def copy_of(path: str, state_dir: str) -> str:
    """Where the copy of a stored log is, if there is one."""
    from rulekit.model.places import normal

    return os.path.join(state_dir, "log", "stored", normal(path) or "none")


def fetch(client: AzBlobStorage, location: Location, path: str, state_dir: str) -> str | None:
    """The last part of a stored log, at most 64 KiB of it; None if it is not there or cannot be
    read: the failure that it belongs to must be told all the same."""
    try:
        stamp = client.stamp(location)
        if stamp is None:
            return None
        blob = client.service(location.account).get_blob_client(location.container, location.name)
        start = max(0, stamp.size - _MOST_BYTES)
        data = blob.download_blob(offset=start).readall() if stamp.size else b""
    except Exception:
        return None
    assert isinstance(data, bytes)
    if start:
        data = data.partition(b"\n")[2]
    target = copy_of(path, state_dir)
    try:
        os.makedirs(os.path.dirname(target), exist_ok=True)
        with open(target, "wb") as file:
            file.write(data)
    except OSError:
        pass
    return data.decode("utf-8", "replace")
