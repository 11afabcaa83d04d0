"""Nothing secret in what is said: signatures of URLs, keys, and values known to be secret."""

from __future__ import annotations

import re

from rulekit.model.veil import HIDDEN, Veil

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

_SIGNATURE = re.compile(r"(?i)\b(sig|sv_sig|skoid|code|token|accountkey|sharedkey)=[^&\s'\"<>;]+")
_HEADER = re.compile(r"(?i)\b(bearer|sharedkey(?:lite)?)\s+[A-Za-z0-9+/=_.:~-]{16,}")


def masker(secrets: Iterable[str] = ()) -> Callable[[str], str]:
    """A function that gives a text without secrets, whoever wrote it."""
    known = tuple(secret for secret in secrets if len(secret) >= 6)
    veil = Veil(known) if known else None

    def masked(text: str) -> str:
        if veil is not None:
            text = veil(text)
        text = _SIGNATURE.sub(lambda found: f"{found[1]}={HIDDEN}", text)
        return _HEADER.sub(lambda found: f"{found[1]} {HIDDEN}", text)

    return masked
