"""Why an environment cannot be solved, in plain words.

The solver's own text is a tree of all it tried. Here each dependency is looked at by itself first
(is there such a package, such a version, on this platform, in a channel that counts?); if all are
fine alone, the smallest set of them that excludes each other is found by leaving out one after the
other, and what they need is compared. The tree follows as it is.
"""

from __future__ import annotations

import asyncio
import re
import time

from rulekit.environments.channels import place_of
from rulekit.environments.envfile import find_text
from rulekit.environments.rattler import Session, Unreachable
from rulekit.environments.values import here
from rulekit.environments.words import name_of, shown, split_channel
from rulekit.errors import SoftwareError, closest

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

    from rulekit.environments.channels import Place
    from rulekit.environments.rattler import Candidate
    from rulekit.environments.values import CondaSettings, EnvironmentSpec
    from rulekit.model.span import Span

_PLATFORMS = ("linux-64", "linux-aarch64", "osx-64", "osx-arm64", "win-64")
_ELSEWHERE = ("conda-forge", "bioconda")
_PATIENCE_S = 20.0  # for all that is looked up to explain
_MOST_SPECS = 60
_VIRTUAL = re.compile(r"(__[a-z0-9_]+)( [^,]+)?, for which no candidates")


async def explain(
    session: Session,
    spec: EnvironmentSpec,
    places: Sequence[Place],
    platform: str,
    settings: CondaSettings,
    text: str,
) -> SoftwareError:
    """The error for an environment that has no solution; `text` is the solver's own."""
    story = _Story(session, spec, places, platform, settings)
    try:
        await asyncio.wait_for(story.tell(text), _PATIENCE_S)
    except Exception:  # noqa: S110  an explanation that fails must not hide what it explains
        pass  # what was found until then; the solver's own text is there in any case
    tree = [line for line in text.splitlines() if line.strip()]
    tree[0] = tree[0].removeprefix("Cannot solve the request because of: ")
    notes = [*story.sentences]
    # One line that says what a sentence said before needs no saying.
    if not notes or len(tree) > 1:
        notes.append("\n".join(["the solver says:", *tree[:40]]))
    return SoftwareError(
        f"`{shown(spec.path)}` cannot be solved for {platform}",
        code="RK0523",
        span=story.span,
        caret=story.caret,
        notes=tuple(notes),
        help=story.help or "`rulekit explain RK0523` says what helps",
    )


class _Story:
    """Sentences as they are found."""

    def __init__(
        self,
        session: Session,
        spec: EnvironmentSpec,
        places: Sequence[Place],
        platform: str,
        settings: CondaSettings,
    ) -> None:
        self.session = session
        self.spec = spec
        self.places = tuple(places)
        self.platform = platform
        self.settings = settings
        self.sentences: list[str] = []
        self.span: Span | None = None
        self.caret = ""
        self.help: str | None = None
        self._found: dict[str, list[Candidate]] = {}

    async def tell(self, text: str) -> None:
        for one in self.spec.dependencies:
            self._found[one] = await self.session.candidates(self.places, one, self.platform)
        for one in self.spec.dependencies:
            if not self._found[one]:
                await self._no_package(one)
            elif not any(candidate.fits for candidate in self._found[one]):
                self._no_version(one, self._found[one])
        if not self.sentences:
            self._virtual(text)
        if not self.sentences:
            await self._conflict()

    def _say(self, sentence: str, about: str, caret: str, help_text: str | None = None) -> None:
        self.sentences.append(sentence)
        if self.span is None:
            self.span, self.caret = find_text(self.spec.path, about), caret
        self.help = self.help or help_text

    # -- one dependency alone ----------------------------------------------------------------

    async def _no_package(self, one: str) -> None:
        name = name_of(one)
        others = []
        for platform in _PLATFORMS:
            if platform != self.platform:
                try:
                    found = await self.session.candidates(self.places, one, platform)
                except Unreachable:
                    continue
                if found:
                    others.append(platform)
        if others:
            self._say(
                f"`{name}` is there for {_listed(others)} only, not for {self.platform}",
                one,
                f"not for {self.platform}",
                "leave it out here, or make the environment on another platform",
            )
            return
        near = closest(name, await self.session.names(self.places, self.platform))
        channels = _listed([f"`{place.name}`" for place in self.places])
        sentence = f"no package is named `{name}` in {channels}"
        if near is not None:
            self._say(sentence, one, f"is it `{near}`?", f"there is a package `{near}`")
            return
        self._say(sentence, one, "not in these channels", await self._channel_help(one))

    async def _channel_help(self, one: str) -> str | None:
        channel = await self._in_other_channel(one)
        return f"the channel `{channel}` has it: add it to `channels`" if channel else None

    async def _in_other_channel(self, one: str) -> str | None:
        if split_channel(one)[0] or self.settings.offline:
            return None
        for name in (*self.settings.channels, *_ELSEWHERE):
            place = place_of(name, self.spec, self.settings)
            if place.url in {known.url for known in self.places}:
                continue
            try:
                asked = self.session.candidates([place], one, self.platform)
                if await asyncio.wait_for(asked, 5.0):
                    return name
            except (TimeoutError, Unreachable):
                continue
        return None

    def _no_version(self, one: str, found: list[Candidate], about: str = "") -> None:
        versions = list(dict.fromkeys(candidate.version for candidate in found))
        shown = versions[-8:]
        more = f" and {len(versions) - 8} older" if len(versions) > 8 else ""
        there = f"there {'is' if len(versions) == 1 else 'are'} {_listed(shown)}{more}"
        needed = f", which `{about}` needs" if about else ""
        self._say(
            f"no version of `{name_of(one)}` fits `{one}`{needed}: {there}",
            about or one,
            "needs what is not there" if about else "no such version",
        )

    # -- together ----------------------------------------------------------------------------

    def _virtual(self, text: str) -> None:
        """What a package asks of the machine: ``__glibc >=2.34``."""
        for found in _VIRTUAL.finditer(text):
            name, version = found[1], (found[2] or "").strip()
            where = "this machine" if self.platform == here() else f"a {self.platform} machine"
            sentence = f"a package needs {name.strip('_')} {version}".rstrip()
            sentence += f" of the machine, which {where} is not known to have"
            if sentence not in self.sentences:
                variable = f"CONDA_OVERRIDE_{name[2:].upper()}"
                self._say(
                    sentence, "", "", f"{variable}=VERSION says what the machine has, if it is more"
                )

    async def _conflict(self) -> None:
        """The smallest set that excludes each other, and what its members need."""
        specs = list(self.spec.dependencies)
        if len(specs) > _MOST_SPECS:
            return
        end = time.monotonic() + _PATIENCE_S * 0.8
        for one in list(specs):
            rest = [other for other in specs if other is not one]
            if time.monotonic() > end:
                return
            if rest and not await self.session.solvable(self.places, rest, self.platform):
                specs = rest
        if len(specs) == 1:
            await self._missing(specs[0])
        else:
            self._say(
                f"these exclude each other: {_listed([f'`{one}`' for one in specs])}",
                specs[-1],
                "excludes another one",
                "loosen one of them, or give them to two rules with an environment each",
            )
        self.sentences += self._needs(specs)

    async def _missing(self, one: str) -> None:
        """What the newest fitting version of a package needs that cannot be had."""
        newest = [candidate for candidate in self._found[one] if candidate.fits][-1]
        about = f"{name_of(one)} {newest.version}"
        for wish in newest.depends:
            if wish.startswith("__"):
                continue
            found = await self.session.candidates(self.places, wish, self.platform)
            fitting = [candidate for candidate in found if candidate.fits]
            if not found:
                self._say(
                    f"`{about}` needs `{wish}`, which is in none of the channels",
                    one,
                    "needs what is not there",
                    await self._channel_help(wish),
                )
            elif not fitting:
                self._no_version(wish, found, one)
            elif self._hidden(found, fitting):
                self._say_hidden(wish, found, fitting, one)
        if not self.sentences:
            self._say(f"`{one}` cannot be installed: it needs what does not go together", one, "")

    def _hidden(self, found: list[Candidate], fitting: list[Candidate]) -> bool:
        """Whether strict priority takes a package from a channel where no version fits."""
        strict = self.settings.channel_priority == "strict"
        first = found[0].place.url
        return strict and not any(candidate.place.url == first for candidate in fitting)

    def _say_hidden(
        self, wish: str, found: list[Candidate], fitting: list[Candidate], one: str
    ) -> None:
        first, other = found[0].place.name, fitting[-1].place.name
        name = name_of(wish)
        self._say(
            f"`{name_of(one)}` needs `{wish}`, but `{name}` is taken from `{first}` only, as that"
            f" is the first channel that has it; {fitting[-1].version}, which would fit, is in"
            f" `{other}`",
            one,
            f"`{name}` of `{first}` does not fit",
            f"put `{other}` first, add `{other}::{name}` to the dependencies,"
            " or set `channel_priority: flexible` in .condarc",
        )

    def _needs(self, specs: list[str]) -> list[str]:
        """What of the newest fitting version of each concerns another member, or a package that
        another one needs too."""
        needs: dict[str, dict[str, list[str]]] = {}  # package to spec to its wishes
        for one in specs:
            rest = one.partition(" ")[2] or one[len(name_of(one)) :]
            if rest:
                needs.setdefault(name_of(one), {})[one] = [f"`{one}` is asked for"]
            fitting = [c for c in self._found[one] if c.fits]
            by_wish: dict[str, list[str]] = {}
            for candidate in fitting:
                for wish in candidate.depends:
                    versions = by_wish.setdefault(wish, [])
                    if candidate.version not in versions:
                        versions.append(candidate.version)
            for wish, versions in by_wish.items():
                which = f"{name_of(one)} {_listed(versions[-3:])}"
                sentence = f"`{which}` needs `{wish}`"
                needs.setdefault(name_of(wish), {}).setdefault(one, []).append(sentence)
        return [
            "; ".join(text for texts in by_spec.values() for text in texts[-3:])
            for name, by_spec in needs.items()
            if len(by_spec) > 1
            and not name.startswith("__")
            and any(name_of(one) != name for one in by_spec)
        ]


def _listed(names: Sequence[str]) -> str:
    """``a, b and c``."""
    if len(names) < 2:
        return "".join(names)
    return f"{', '.join(names[:-1])} and {names[-1]}"
