"""What all tests share: hypothesis without deadlines, `tests/support` importable as `support`,
and the servers of `tests/azure` as fixtures."""

from __future__ import annotations

import os
import signal
import sys

# Not as a package: `azure` is the real SDK's.
sys.path.append(os.path.join(os.path.dirname(os.path.abspath(__file__)), "azure"))
from azurite import azurite, container  # noqa: F401  fixtures for every room
from containers import containers, docker_socket, registry  # noqa: F401

# Shells let what they start in the background ignore Ctrl-C, and all that it starts, too.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)

try:
    from hypothesis import HealthCheck, settings
except ImportError:  # the tests that need it fail by themselves and say so
    pass
else:
    settings.register_profile("short", deadline=None, suppress_health_check=[HealthCheck.too_slow])
    settings.register_profile(
        "long",
        deadline=None,
        max_examples=10_000,
        suppress_health_check=[HealthCheck.too_slow],
    )
    settings.load_profile("long" if os.environ.get("RULEKIT_LONG") else "short")
