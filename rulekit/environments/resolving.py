"""In the worker: from environment files to locks."""

from __future__ import annotations

import asyncio

from rulekit.environments.channels import channels_of, place_of
from rulekit.environments.envfile import find_text
from rulekit.environments.lockfile import of_spec
from rulekit.environments.rattler import BadSpec, Session, Unreachable, Unsolvable
from rulekit.environments.values import (
    CondaSettings,
    EnvironmentSpec,
    Lock,
    Package,
    Progress,
    here,
)
from rulekit.environments.words import shown, split_channel
from rulekit.errors import SoftwareError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from rulekit.environments.channels import Place

    Say = Callable[[Progress], None]


def sessions_of(settings: CondaSettings, specs: Sequence[EnvironmentSpec]) -> Session:
    """One session that knows the channels of all these files."""
    places = [place for spec in specs for place in channels_of(spec, settings)]
    return Session(settings, places)


async def solve_all(
    spec: EnvironmentSpec, platforms: Sequence[str], settings: CondaSettings, *, say: Say
) -> Lock:
    """The work behind `solving.solve`."""
    session = sessions_of(settings, [spec])
    found = await asyncio.gather(
        *(solve_one(session, spec, platform, settings, say) for platform in platforms)
    )
    return of_spec(
        Lock(
            kind="solved",
            platforms=tuple(platforms),
            channels=tuple(place.url for place in channels_of(spec, settings)),
            packages=tuple(package for packages in found for package in packages),
        ),
        spec,
    )


async def solve_one(
    session: Session, spec: EnvironmentSpec, platform: str, settings: CondaSettings, say: Say
) -> list[Package]:
    """The packages of an environment file for one platform. Raises SoftwareError."""
    if settings.frozen:
        raise frozen_error(spec, platform)
    places = _all_places(spec, settings)
    say(Progress("solve", spec.path, f"solving for {platform}"))
    try:
        return await session.solve(places, spec.dependencies, platform, platform == here())
    except BadSpec as error:
        text, problem = error.args
        raise SoftwareError(
            f"`{text}` in `{shown(spec.path)}` is no match spec: {problem}",
            code="RK0519",
            span=find_text(spec.path, text),
        ) from error
    except Unreachable as error:
        raise _unreachable(spec, places, str(error)) from error
    except Unsolvable as error:
        from rulekit.environments.explain import explain

        raise await explain(session, spec, places, platform, settings, str(error)) from error


def _all_places(spec: EnvironmentSpec, settings: CondaSettings) -> tuple[Place, ...]:
    """The channels of the file, and those that only a dependency names (``channel::name``)."""
    found = {place.url: place for place in channels_of(spec, settings)}
    for text in spec.dependencies:
        channel, _ = split_channel(text)
        if channel:
            place = place_of(channel, spec, settings)
            found.setdefault(place.url, place)
    return tuple(found.values())


def frozen_error(spec: EnvironmentSpec, platform: str) -> SoftwareError:
    """Why nothing is solved under ``--conda-frozen``."""
    return SoftwareError(
        f"`{shown(spec.path)}` has no lock for {platform}, and --conda-frozen forbids solving",
        code="RK0524",
        help="make the lock by `rulekit env lock` and keep it beside the environment file",
    )


def _unreachable(spec: EnvironmentSpec, places: Sequence[Place], text: str) -> SoftwareError:
    lines = [line.removeprefix("Caused by: ").strip() for line in text.splitlines()]
    lines = [line for line in lines if line]
    named = next((place for place in places if place.url in text), None)
    which = f"the channel `{named.name}`" if named is not None else "a channel"
    help_text = "is the network there, and the proxy right? `.condarc` may name a mirror"
    if named is not None and named.url.startswith("file://"):
        help_text = "the folder of a channel has subfolders `noarch` and `linux-64` (or others), "
        help_text += "each with a `repodata.json`"
    return SoftwareError(
        f"{which} of `{shown(spec.path)}` cannot be read",
        code="RK0525",
        span=None if named is None else find_text(spec.path, named.name),
        notes=tuple(lines),
        help=help_text,
    )
