"""What a shared access signature says of itself: rights, reach and dates.

Source: Microsoft's pages "Create an account SAS", "Create a service SAS" and "Create a user
delegation SAS". The signature itself can only be judged by the service.
"""

from __future__ import annotations

from rulekit.frozen import frozen

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

# What a right is called in messages, in the order of the service.
RIGHTS = {
    "r": "Read",
    "a": "Add",
    "c": "Create",
    "w": "Write",
    "d": "Delete",
    "l": "List",
}
# What a run needs: reading and listing always, writing and creating for outputs, deleting for
# temporary files.
NEEDED = "rlcw"


@frozen
class Sas:
    """A token's own words. Times are seconds since the epoch, None if the token has none (a stored
    access policy may hold them then). `resource`: ``account``, ``c`` (container), ``b``, ``d``."""

    starts: float | None
    expires: float | None
    permissions: str
    resource: str
    services: str
    resource_types: str
    policy: str
    https_only: bool
    delegated: bool

    def may(self, right: str) -> bool:
        """Whether a right (one letter) is given; unknown counts as given."""
        return right in self.permissions or bool(self.policy and not self.permissions)


def parse_sas(token: str) -> Sas:
    """The parts of a token, with or without ``?``. What is missing or unreadable is None or empty."""
    from urllib.parse import parse_qsl

    values = {key.lower(): value for key, value in parse_qsl(token.strip().lstrip("?&"))}
    return Sas(
        _time(values.get("st")),
        _time(values.get("se")),
        values.get("sp", ""),
        values.get("sr") or ("account" if "ss" in values else ""),
        values.get("ss", ""),
        values.get("srt", ""),
        values.get("si", ""),
        values.get("spr", "") == "https",
        "skoid" in values,
    )


def _time(text: str | None) -> float | None:
    """``2026-11-22``, ``2026-11-22T01:00Z`` or with seconds and fractions, always in UTC."""
    if not text:
        return None
    from datetime import UTC, datetime

    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        return None
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    return moment.timestamp()


def spoken_time(seconds: float) -> str:
    """A time for messages: ``2026-11-22 01:00 UTC``."""
    from datetime import UTC, datetime

    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%d %H:%M UTC")


def lacking(sas: Sas, rights: str = NEEDED) -> str:
    """Those of the wanted rights (letters) that the token does not give."""
    missing = "".join(right for right in rights if not sas.may(right))
    # `w` allows to create as well.
    return missing.replace("c", "") if sas.may("w") else missing


def spoken_rights(letters: str) -> str:
    """``Read (r), List (l)``."""
    return ", ".join(f"{RIGHTS.get(one, 'right')} ({one})" for one in letters)


def trouble(sas: Sas, url: str, now: float, rights: str = NEEDED) -> Mapping[str, str]:
    """What is wrong with a token before any request is made: kind to a sentence.

    Kinds: ``expired``, ``early``, ``service``, ``reach``, ``rights``, ``scheme``. `now` is in
    seconds since the epoch.
    """
    found: dict[str, str] = {}
    if sas.expires is not None and sas.expires <= now:
        found["expired"] = f"it expired at {spoken_time(sas.expires)}"
    if sas.starts is not None and sas.starts > now:
        found["early"] = f"it is valid from {spoken_time(sas.starts)} on"
    if sas.services and "b" not in sas.services:
        found["service"] = f"it is not for the blob service (`ss={sas.services}` has no `b`)"
    if sas.resource == "account" and "o" not in sas.resource_types:
        found["reach"] = f"it does not reach blobs (`srt={sas.resource_types}` has no `o`)"
    elif sas.resource == "account" and "c" not in sas.resource_types and "l" in rights:
        found["reach"] = f"it cannot list containers (`srt={sas.resource_types}` has no `c`)"
    elif sas.resource == "b":
        found["reach"] = "it is for a single blob (`sr=b`)"
    missing = lacking(sas, rights)
    if missing:
        found["rights"] = f"it does not give {spoken_rights(missing)}"
    if sas.https_only and url.startswith("http://"):
        found["scheme"] = "it is for https only (`spr=https`)"
    return found
