"""Secret values do not go where others can read them: what jobs said is stored without them."""

from __future__ import annotations

import os

from rulekit.model.veil import Veil, secrets_among

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable


def hush(path: str, values: Iterable[str]) -> None:
    """Puts stars in the place of `values` in a file of text, line by line. Raises OSError.

    Short values and paths that exist are no secrets. A value that somebody writes in another form
    (reversed, encoded) is not found.
    """
    secrets = secrets_among(values, os.path.exists)
    if not secrets:
        return
    veil = Veil(secrets)
    part = f"{path}.part"
    with (
        open(path, encoding="utf-8", errors="surrogateescape", newline="") as old,
        open(part, "w", encoding="utf-8", errors="surrogateescape", newline="") as new,
    ):
        for line in old:
            new.write(veil(line))
    os.replace(part, path)
