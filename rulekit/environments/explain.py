"""Why an environment cannot be solved, in plain words."""

from __future__ import annotations

from rulekit.errors import SoftwareError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

    from rulekit.environments.channels import Place
    from rulekit.environments.rattler import Session
    from rulekit.environments.values import CondaSettings, EnvironmentSpec


async def explain(
    session: Session,
    spec: EnvironmentSpec,
    places: Sequence[Place],
    platform: str,
    settings: CondaSettings,
    text: str,
) -> SoftwareError:
    """The error for an environment that has no solution; `text` is the solver's own."""
    return SoftwareError(
        f"`{spec.path}` cannot be solved for {platform}",
        code="RK0523",
        notes=tuple(text.splitlines()),
    )
