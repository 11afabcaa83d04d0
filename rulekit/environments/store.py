"""The store of environments: one folder per identity, complete or absent (see `layout`).

What is asked often (`known`) reads a few small files and imports nothing heavy. What makes
something is done by the worker process.
"""

from __future__ import annotations

import os
import time

from rulekit.environments import layout
from rulekit.environments.foreign import is_file, known_foreign, missing
from rulekit.environments.values import (
    CondaSettings,
    Entry,
    EnvironmentSpec,
    Known,
    Lock,
    Made,
    Package,
    Progress,
    here,
)
from rulekit.errors import SoftwareError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from typing import Any

    from rulekit.environments.places import Places

    Say = Callable[[Progress], None]
    Source = str | EnvironmentSpec


class EnvironmentStore:
    """Environments below `folder`. `memory` keeps what was solved (default: in `folder`); give the
    state folder of the workflow, so that another `folder` does not solve anew. `settings` may be a
    function, which is called when they are first needed."""

    def __init__(
        self,
        folder: str,
        settings: CondaSettings | Callable[[], CondaSettings] | None = None,
        *,
        memory: str | None = None,
    ) -> None:
        # Links in the path must not make two prefixes of one environment.
        self.folder = os.path.realpath(folder)
        self._settings = settings
        shared = os.path.join(self.folder, ".memory")
        own = shared if memory is None else os.path.realpath(memory)
        self._memories = (own,) if own == shared else (own, shared)

    @property
    def settings(self) -> CondaSettings:
        """The settings that were given, else those of the user, read when first needed."""
        if self._settings is None:
            from rulekit.environments.settings import read_settings

            self._settings = read_settings()
        if not isinstance(self._settings, CondaSettings):
            self._settings = self._settings()
        return self._settings

    # -- what is known -----------------------------------------------------------------------

    def known(self, source: Source, platform: str | None = None) -> Known:
        """What is known of an environment: for dry runs and staleness. Never solves, never writes,
        never starts a process. Raises RulekitError if an environment file is wrong or missing.

        A named environment or folder that is not there has ``complete=False`` and prefix "".
        """
        platform = platform or here()
        if isinstance(source, EnvironmentSpec):
            path = source.path
        elif is_file(source):
            path = os.path.abspath(source)
        else:
            return known_foreign(source, self.settings)
        name = source if isinstance(source, str) else path
        found, locked, problem = self._identity(source, path, platform)
        if not locked:
            return Known(name, found, "", False, problem=problem)
        prefix = layout.prefix_of(self.folder, found)
        complete = layout.is_complete(self.folder, found)
        return Known(name, found, prefix, complete, True, layout.activate_of(prefix))

    def _identity(self, source: Source, path: str, platform: str) -> tuple[str, bool, str]:
        """The identity, whether it is that of a lock, and what is wrong with the lock."""
        from rulekit.environments import memory
        from rulekit.environments.envfile import parse_environment, read_file

        data = read_file(path)
        digest = memory.file_digest(path, platform, data)
        seen = memory.known_file(self._memories[0], digest, path)
        if seen is not None:
            return str(seen["identity"]), True, ""
        spec = source if isinstance(source, EnvironmentSpec) else parse_environment(data, path)
        try:
            lock = self._present_lock(spec, platform)
        except SoftwareError as error:
            if error.diagnostics[0].code != "RK0522":
                raise
            # Making it will say so; until then its content is what is known.
            return spec.key, False, error.diagnostics[0].message
        if lock is None:
            return spec.key, False, ""
        from rulekit.environments.identities import identity

        return identity(lock, platform), True, ""

    def _present_lock(self, spec: EnvironmentSpec, platform: str) -> Lock | None:
        from rulekit.environments import memory
        from rulekit.environments.lockfile import find_lock

        return find_lock(spec, platform) or memory.remembered(self._memories, spec, platform)

    # -- making ------------------------------------------------------------------------------

    def make(
        self,
        sources: Iterable[Source],
        *,
        say: Say | None = None,
        jobs: int = 4,
        secrets: tuple[str, ...] = (),
    ) -> dict[str, Made]:
        """Have these environments, solving and installing what is not there, at most `jobs` at the
        same time. Keys are the sources as given (the path, of a spec). Values of `secrets` are
        left out of what is said.

        Raises SoftwareError for the first that fails (what was begun comes to its end before).
        """
        made: dict[str, Made] = {}
        wanted: dict[str, EnvironmentSpec] = {}
        asked: dict[str, str] = {}
        for source in sources:
            name = source if isinstance(source, str) else source.path
            if name in made or name in asked:
                continue
            if isinstance(source, str) and not is_file(source):
                made[name] = self._foreign(source)
                continue
            known = self.known(source)
            if known.complete:
                made[name] = Made(name, known.identity, known.prefix, known.activate, "found")
                continue
            spec = self._spec(source, say)
            asked[name] = spec.path
            wanted[spec.path] = spec
        if wanted:
            results = self._ask_make(
                list(wanted.values()), here(), jobs, True, say, secrets=secrets
            )
            for name, path in asked.items():
                one = results[path][1]
                assert one is not None
                made[name] = Made(name, one.identity, one.prefix, one.activate, one.how)
        self.used(one.identity for one in made.values() if one.how != "foreign")
        return made

    def _foreign(self, source: str) -> Made:
        known = known_foreign(source, self.settings)
        if not known.complete:
            raise missing(source, self.settings)
        from rulekit.environments.activation import activation_text, variables_of
        from rulekit.environments.envfile import digest

        activate = os.path.join(known.prefix, layout.META, "activate.sh")
        if layout.read_mark(known.prefix) is None:
            # Nothing is written into the environments of others.
            mark = digest(known.prefix.encode("utf-8", "surrogateescape"))
            activate = layout.side(self.folder, "foreign", mark, ".sh")
            text = activation_text(known.prefix, variables_of(known.prefix))
            _write_if_other(activate, text)
        return Made(source, known.identity, known.prefix, activate, "foreign")

    def _spec(self, source: Source, say: Say | None) -> EnvironmentSpec:
        from rulekit.environments.envfile import read_environment

        spec = source if isinstance(source, EnvironmentSpec) else read_environment(source)
        if say is not None:
            for warning in spec.warnings:
                say(Progress("note", spec.path, warning))
        return spec

    def _places(self) -> Places:
        from rulekit.environments.places import Places

        return Places(self.folder, self._memories, self.settings)

    def _ask_make(
        self,
        specs: list[EnvironmentSpec],
        platform: str,
        jobs: int,
        install: bool,
        say: Say | None,
        anew: bool = False,
        secrets: tuple[str, ...] = (),
    ) -> dict[str, tuple[str, Made | None]]:
        from rulekit.environments.client import ask

        try:
            for folder in (self.folder, *self._memories):
                os.makedirs(folder, exist_ok=True)
        except OSError as error:
            raise SoftwareError(
                f"environments cannot be kept in `{self.folder}`: {(error.strerror or '').lower()}",
                code="RK0526",
                help="--conda-prefix DIR keeps them elsewhere",
            ) from error
        results: dict[str, tuple[str, Made | None]] = ask(
            "make", self._places(), specs, platform, jobs, install, anew, say=say, secrets=secrets
        )
        return results

    def lock_for(
        self,
        source: Source,
        platform: str | None = None,
        *,
        say: Say | None = None,
        anew: bool = False,
    ) -> tuple[str, Lock]:
        """Identity and lock of an environment file for a platform; solved if it has to be, but not
        installed. For other machines: pack what this names. `anew` solves in any case and looks at
        no lock file."""
        from rulekit.environments.memory import lock_from_json

        spec = self._spec(source, say)
        results = self._ask_make([spec], platform or here(), 1, False, say, anew)
        found = results[spec.path][0]
        return found, lock_from_json(self.recipe(found)["lock"])

    @property
    def memories(self) -> tuple[str, ...]:
        """The folders of what was solved before."""
        return self._memories

    def pip_packages(
        self, spec: EnvironmentSpec, lock: Lock, platform: str, *, say: Say | None = None
    ) -> list[Package]:
        """What pip would install for the `pip:` list, on this machine's platform. Raises
        SoftwareError (RK0527)."""
        from rulekit.environments.client import ask

        found: list[Package] = ask("pip_lock", self._places(), spec, lock, platform, say=say)
        return found

    def recipe(self, identity: str) -> dict[str, Any]:
        """What an environment is made from (JSON values). Raises SoftwareError (RK0526)."""
        from rulekit.environments.memory import read_json

        values = read_json(layout.side(self.folder, "recipes", identity, ".json"))
        if not isinstance(values, dict) or values.get("identity") != identity:
            raise SoftwareError(
                f"the store `{self.folder}` does not know the environment {identity[:16]}",
                code="RK0526",
            )
        return values

    def pack(self, identity: str, *, say: Say | None = None) -> str:
        """The path of a relocatable archive of an environment whose lock is known here (after
        `make` or `lock_for`), for its platform. Kept in the store, made once. See `packing`."""
        path = layout.side(self.folder, "packs", identity, ".tar.gz")
        if not os.path.exists(path):
            from rulekit.environments.client import ask

            ask("pack", self._places(), self.recipe(identity), say=say)
        return path

    # -- upkeep ------------------------------------------------------------------------------

    def used(self, identities: Iterable[str]) -> None:
        """Note that environments are used now (for `entries` and cleaning up)."""
        now = time.time()
        for identity in identities:
            path = layout.side(self.folder, "used", identity)
            try:
                os.utime(path, (now, now))
            except FileNotFoundError:
                try:
                    os.makedirs(os.path.dirname(path), exist_ok=True)
                    with open(path, "ab"):
                        pass
                except OSError:
                    pass  # a store of others: it counts its own use
            except OSError:
                pass

    def entries(self, *, sizes: bool = False) -> list[Entry]:
        """The environments of the store, complete or not, by time of last use."""
        from rulekit.environments.upkeep import entries

        return entries(self.folder, sizes=sizes)

    def remove(self, identities: Iterable[str]) -> list[str]:
        """Remove environments that nobody makes just now; the identities that were removed."""
        from rulekit.environments.upkeep import remove

        return remove(self.folder, identities)

    def clean_packages(self, what: str = "unused") -> int:
        """Remove packages from the cache: ``tarballs`` (archives only), ``unused`` (what no
        environment shares), ``cache`` (all). The bytes that were freed."""
        from rulekit.environments.upkeep import clean_packages

        return clean_packages(self.settings.package_cache, what)


def _write_if_other(path: str, text: str) -> None:
    try:
        with open(path, encoding="utf-8") as file:
            if file.read() == text:
                return
    except OSError:
        pass
    os.makedirs(os.path.dirname(path), exist_ok=True)
    part = f"{path}.{os.getpid()}.part"
    with open(part, "w", encoding="utf-8") as file:
        file.write(text)
    os.replace(part, path)
