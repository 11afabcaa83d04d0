"""JSON text without the package `json`, whose four modules cost a start a millisecond.

The encoder is the same C code that `json.dumps` uses; it also need not be made anew for each call.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any


def _refuse(value: Any) -> Any:
    raise TypeError(f"a value of type `{type(value).__name__}` cannot be written as JSON")


try:
    from _json import encode_basestring_ascii, make_encoder

    # Marks, default, strings, indent, separators, no sorting, no skipping, NaN as it is.
    _pieces = make_encoder(
        None, _refuse, encode_basestring_ascii, None, ": ", ", ", False, False, True
    )
    _pieces({"a": [1, 2.5, None, True, "é"]}, 0)
except (ImportError, TypeError):  # another Python than the usual one
    import json

    def dumps(value: Any) -> str:
        """As `json.dumps`."""
        return json.dumps(value, default=_refuse)

else:

    def dumps(value: Any) -> str:
        """As `json.dumps`. Raises TypeError for what JSON does not have."""
        return "".join(_pieces(value, 0))
