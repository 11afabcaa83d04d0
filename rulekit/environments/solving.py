"""From an environment file to a lock, for any platforms."""

from __future__ import annotations

from rulekit.environments.values import CondaSettings, EnvironmentSpec, Lock

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from rulekit.environments.values import Progress


def solve(
    spec: EnvironmentSpec,
    platforms: Sequence[str],
    settings: CondaSettings,
    *,
    say: Callable[[Progress], None] | None = None,
) -> Lock:
    """Solve for each platform. Raises SoftwareError (RK0523 with an explanation in words; RK0524
    when `settings.frozen`; RK0525 when a channel cannot be reached)."""
    from rulekit.environments.client import ask

    lock: Lock = ask("solve", spec, tuple(platforms), settings, say=say)
    return lock
