"""The script that BATCH_NODE_START_TASK_SAS_URL names: read once, here."""

from __future__ import annotations

from rulekit.errors import InfrastructureError

_MOST = 1 << 20


def fetch(url: str) -> bytes:
    """Its content. Raises InfrastructureError, without the URL's signature."""
    from urllib.error import HTTPError, URLError
    from urllib.parse import urlsplit
    from urllib.request import urlopen

    plain = url.partition("?")[0]
    if urlsplit(url).scheme not in ("http", "https"):
        raise _trouble(plain, "it is not an http or https address")
    try:
        with urlopen(url, timeout=60) as answer:  # noqa: S310  the scheme was looked at
            data: bytes = answer.read(_MOST + 1)
    except HTTPError as error:
        raise _trouble(plain, f"the server says {error.code} {error.reason}") from None
    except (URLError, OSError, ValueError) as error:
        raise _trouble(plain, str(getattr(error, "reason", error))) from None
    if len(data) > _MOST:
        raise _trouble(plain, "it is larger than 1 MiB")
    return data


def _trouble(plain: str, reason: str) -> InfrastructureError:
    return InfrastructureError(
        f"the start script of the machines ({plain}) cannot be read: {reason}",
        code="RK0611",
        help="BATCH_NODE_START_TASK_SAS_URL is the URL of a script, with a signature that may read",
    )
