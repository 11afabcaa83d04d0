"""The one place that takes secrets out of texts about storage: exceptions, URLs, logs."""

from __future__ import annotations

import re

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable

HIDDEN = "***"
_SECRET_PARTS = re.compile(
    r"(?i)\b(sig|AccountKey|SharedAccessSignature|skoid|client_secret|Authorization:?\s*"
    r"(?:SharedKey|Bearer))(=|%3D|\s)[^\s&;'\"<>]+"
)
# An account key: 64 bytes in base64.
_KEY = re.compile(r"(?<![A-Za-z0-9+/])[A-Za-z0-9+/]{86}==")


def masked(text: str, secrets: Iterable[str] = ()) -> str:
    """`text` without signatures, keys and the given secrets (also where they are URL-quoted)."""
    for secret in secrets:
        if len(secret) >= 6:
            from urllib.parse import quote, unquote

            for form in {secret, quote(secret, safe=""), quote(secret), unquote(secret)}:
                text = text.replace(form, HIDDEN)
    text = _SECRET_PARTS.sub(lambda m: m[1] + m[2] + HIDDEN, text)
    return _KEY.sub(HIDDEN, text)
