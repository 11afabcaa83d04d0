"""Which errors of the storage mean that a blob is not there."""

from __future__ import annotations

from rulekit.errors import RulekitError

_NO_BLOB = "RK0650"


def is_missing(error: BaseException) -> bool:
    """Whether a blob was not found, by our storage client's error."""
    return isinstance(error, RulekitError) and error.diagnostics[0].code == _NO_BLOB
