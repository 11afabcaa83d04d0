"""The system's signals as plain numbers: `signal` builds three enumerations, 1.5 ms of a start."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    import signal
else:
    try:
        import _signal as signal
    except ImportError:  # another Python than the usual one
        import signal

__all__ = ["signal"]
