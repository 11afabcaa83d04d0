"""Values that must not be written down: what `envvars:` and `--envvars` name."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

HIDDEN = "***"
_SHORTEST = 6  # characters; shorter values (`4`, `yes`, `home`) are no secrets


def secrets_among(values: Iterable[str], is_path: Callable[[str], bool]) -> tuple[str, ...]:
    """Those values that are to be hidden: not short ones, and not paths of files that exist."""
    return tuple(dict.fromkeys(v for v in values if len(v) >= _SHORTEST and not is_path(v)))


class Veil:
    """Writes stars in the place of secrets, also where they are escaped for JSON, Python or a
    shell."""

    __slots__ = ("_forms",)

    def __init__(self, secrets: Iterable[str]) -> None:
        import json

        forms: set[str] = set()
        for secret in secrets:
            for one in (secret, *(line for line in secret.split("\n") if len(line) >= _SHORTEST)):
                shell = (one, one.replace("'", "'\"'\"'"), one.replace("'", "'\\''"))
                for text in (*shell, _in_double_quotes(one)):
                    forms |= {text, repr(text)[1:-1], json.dumps(text)[1:-1]}
        # The longest first: a secret may be a part of another one.
        self._forms = sorted(forms, key=len, reverse=True)

    def __call__(self, text: str) -> str:
        """`text` without secrets."""
        for form in self._forms:
            if form in text:
                text = text.replace(form, HIDDEN)
        return text


def _in_double_quotes(text: str) -> str:
    for character in '\\$`"':
        text = text.replace(character, "\\" + character)
    return text
