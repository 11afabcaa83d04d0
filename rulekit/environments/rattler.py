"""py-rattler behind four functions: solve, look at the channels, install, link types.

The only module that imports it, and only in the worker process (`worker`): py-rattler 0.28 crashes
at the end of one interpreter in five (a race of Rust's threads with the interpreter's end), and
its threads would make a fork of the engine unsafe. The worker leaves by `os._exit`.

Messages of rattler are texts of exceptions; they go through `without_secrets` before anyone sees
them.
"""

from __future__ import annotations

import json
import os
import re

import rattler
from rattler.exceptions import (
    GatewayError,
    InvalidChannelError,
    InvalidMatchSpecError,
    SolverError,
)

from rulekit.environments.channels import Place, without_secrets
from rulekit.environments.values import CondaSettings, Package, here
from rulekit.environments.words import name_of, split_channel
from rulekit.errors import SoftwareError
from rulekit.frozen import frozen

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from typing import Any

_PRIORITIES = {
    "strict": rattler.ChannelPriority.Strict,
    # conda's "flexible" prefers higher channels but takes the others; rattler knows two ways.
    "flexible": rattler.ChannelPriority.Disabled,
    "disabled": rattler.ChannelPriority.Disabled,
}

# What a machine of another platform is taken to have: what conda-forge's packages ask for today.
_ASSUMED = {
    "linux": (("__unix", "0"), ("__linux", "5.10"), ("__glibc", "2.28")),
    "osx": (("__unix", "0"), ("__osx", "13.0")),
    "win": (("__win", "10"),),
}


class Unsolvable(Exception):
    """No set of packages fits; the text is the solver's."""


class Unreachable(Exception):
    """A channel that is not there or does not answer."""


class BadSpec(Exception):
    """A match spec that is none."""


@frozen
class Candidate:
    """One build of a package in a channel; `fits`: the spec that was asked about takes it."""

    place: Place
    version: str
    depends: tuple[str, ...]
    fits: bool


class Session:
    """The network client, the repodata and the package cache of one worker."""

    def __init__(self, settings: CondaSettings, places: Sequence[Place]) -> None:
        os.makedirs(settings.package_cache, exist_ok=True)
        self._settings = settings
        config = rattler.Config.from_toml(_toml(settings, places))
        self.client = rattler.Client.from_config(config, user_agent="rulekit")
        action: Any = "force-cache-only" if settings.offline else "cache-or-fetch"
        self._gateway = rattler.Gateway(
            cache_dir=os.path.join(settings.package_cache, "repodata"),  # type: ignore[arg-type]
            client=self.client,
            default_config=rattler.SourceConfig(cache_action=action),
        )
        self._cache = rattler.PackageCache(settings.package_cache)

    async def solve(
        self, places: Sequence[Place], specs: Sequence[str], platform: str, own: bool
    ) -> list[Package]:
        """The packages for a platform, sorted by name. `own`: it is that of this machine.

        Raises `Unsolvable`, `Unreachable`, `BadSpec`.
        """
        wanted = match_specs(specs, places)
        try:
            records = await rattler.solve(
                sources=[rattler.Channel(place.url) for place in places],
                specs=wanted,
                platforms=_subdirs(platform),
                virtual_packages=_virtual(platform, own),
                gateway=self._gateway,
                channel_priority=_PRIORITIES[self._settings.channel_priority],
            )
        except SolverError as error:
            raise Unsolvable(without_secrets(str(error))) from error
        except (GatewayError, InvalidChannelError) as error:
            raise Unreachable(without_secrets(str(error))) from error
        found = [_package(record, platform) for record in records]
        return sorted(found, key=lambda one: one.name)

    async def names(self, places: Sequence[Place], platform: str) -> list[str]:
        """The names of all packages of the channels for a platform."""
        found = await self._gateway.names(
            [rattler.Channel(place.url) for place in places], _subdirs(platform)
        )
        return [name.normalized for name in found]

    async def candidates(
        self, places: Sequence[Place], spec: str, platform: str
    ) -> list[Candidate]:
        """All records of the package that a spec names, channel by channel, oldest version first.

        Raises `Unreachable`, `BadSpec`.
        """
        wanted = match_specs([spec], places)[0]
        found = []
        for place in places:
            try:
                groups = await self._gateway.query(
                    [rattler.Channel(place.url)],
                    _subdirs(platform),
                    [name_of(spec)],
                    recursive=False,
                )
            except (GatewayError, InvalidChannelError) as error:
                raise Unreachable(without_secrets(str(error))) from error
            records = sorted((one for group in groups for one in group), key=lambda r: r.version)
            found += [
                Candidate(place, str(one.version), tuple(one.depends), one.matches(wanted))
                for one in records
            ]
        return found

    async def solvable(self, places: Sequence[Place], specs: Sequence[str], platform: str) -> bool:
        """Whether some specs have a solution together."""
        try:
            await self.solve(places, specs, platform, platform == here())
        except Unsolvable:
            return False
        return True

    async def install(
        self, packages: Sequence[tuple[Package, str]], prefix: str, platform: str, told: Told
    ) -> None:
        """Install packages (each with the URL to get it from) into an empty folder. Raises what
        rattler raises."""
        await rattler.install(
            [_record(package, url) for package, url in packages],
            target_prefix=prefix,
            cache_dir=self._settings.package_cache,  # type: ignore[arg-type]
            package_cache=self._cache,
            installed_packages=[],
            platform=rattler.platform.Subdir(platform),
            execute_link_scripts=True,
            client=self.client,
            reporter=told,
            show_progress=False,
        )


class Told:
    """Hears of each package that was linked (an `InstallerReporter`)."""

    def __init__(self, linked: Callable[[int], None]) -> None:
        self._linked = linked
        self._count = 0
        self.scripts: list[str] = []
        self.failed: list[str] = []

    def on_transaction_start(self, total_operations: int) -> None: ...
    def on_transaction_operation_start(self, operation: int) -> None: ...
    def on_populate_cache_start(self, operation: int, package_name: str) -> int:
        return 0

    def on_validate_start(self, cache_entry: int) -> int:
        return 0

    def on_validate_complete(self, validate_idx: int) -> None: ...
    def on_download_start(self, cache_entry: int) -> int:
        return 0

    def on_download_progress(self, download_idx: int, progress: int, total: int | None) -> None: ...
    def on_download_completed(self, download_idx: int) -> None: ...
    def on_populate_cache_complete(self, cache_entry: int) -> None: ...
    def on_unlink_start(self, operation: int, package_name: str) -> int:
        return 0

    def on_unlink_complete(self, index: int) -> None: ...
    def on_link_start(self, operation: int, package_name: str) -> int:
        return 0

    def on_link_complete(self, index: int) -> None:
        self._count += 1
        self._linked(self._count)

    def on_transaction_operation_complete(self, operation: int) -> None: ...
    def on_transaction_complete(self) -> None: ...
    def on_post_link_start(self, package_name: str, script_path: str) -> int:
        self.scripts.append(package_name)
        return len(self.scripts) - 1

    def on_post_link_complete(self, index: int, success: bool) -> None:
        if not success:
            self.failed.append(self.scripts[index])

    def on_pre_unlink_start(self, package_name: str, script_path: str) -> int:
        return 0

    def on_pre_unlink_complete(self, index: int, success: bool) -> None: ...


def match_specs(specs: Sequence[str], places: Sequence[Place]) -> list[rattler.MatchSpec]:
    """Specs as the solver takes them; a channel's name before ``::`` becomes its URL. Raises
    `BadSpec` with the spec and what is wrong."""
    urls = {place.name: place.url for place in places}
    found = []
    for text in specs:
        channel, rest = split_channel(text)
        whole = f"{urls.get(channel, channel)}::{rest}" if channel else rest
        try:
            found.append(rattler.MatchSpec(whole, strict=False))
        except InvalidMatchSpecError as error:
            raise BadSpec(text, without_secrets(str(error))) from error
    return found


def _subdirs(platform: str) -> list[Any]:
    return [platform, "noarch"] if platform != "noarch" else ["noarch"]


def _virtual(platform: str, own: bool) -> list[Any]:
    if own:
        overrides = rattler.VirtualPackageOverrides.from_env()
        return list(rattler.VirtualPackage.detect(overrides))
    system, _, machine = platform.partition("-")
    pairs = [(name, version, "0") for name, version in _ASSUMED.get(system, (("__unix", "0"),))]
    machines = {"64": "x86_64", "32": "x86", "arm64": "m1" if system == "osx" else "arm64"}
    pairs.append(("__archspec", "1", machines.get(machine, machine or "0")))
    for index, (name, _, build) in enumerate(pairs):
        given = os.environ.get(f"CONDA_OVERRIDE_{name[2:].upper()}")
        if given:
            pairs[index] = (name, given, build)
    return [
        rattler.GenericVirtualPackage(
            rattler.PackageName(name), rattler.Version(version), rattler.BuildString(build)
        )
        for name, version, build in pairs
    ]


def _package(record: Any, platform: str) -> Package:
    return Package(
        name=record.name.normalized,
        version=str(record.version),
        platform=platform,
        url=without_secrets(record.url),
        sha256=record.sha256.hex() if record.sha256 else "",
        md5=record.md5.hex() if record.md5 else "",
        build=str(record.build),
        depends=tuple(record.depends),
    )


def _record(package: Package, url: str) -> Any:
    """What rattler installs: all that it does not read from the package itself."""
    folder, _, base = url.rpartition("/")
    channel, _, subdir = folder.rpartition("/")
    site = None
    if package.name == "python" and re.search(r"_cp\d+t$", package.build):
        short = ".".join(package.version.split(".")[:2])
        site = f"lib/python{short}t/site-packages"  # a build without the GIL
    about = rattler.PackageRecord(
        name=package.name,
        version=package.version,
        build=rattler.BuildString(package.build),
        build_number=_number(package.build),
        subdir=subdir,
        depends=list(package.depends),
        sha256=bytes.fromhex(package.sha256) if package.sha256 else None,
        md5=bytes.fromhex(package.md5) if package.md5 else None,
        python_site_packages_path=site,
    )
    return rattler.RepoDataRecord(about, base, url, channel)


def _number(build: str) -> int:
    tail = build.rpartition("_")[2]
    return int(tail) if tail.isdigit() else 0


def _toml(settings: CondaSettings, places: Sequence[Place]) -> str:
    """rattler's own form of settings; kept in memory, as it may hold tokens."""
    lines = []
    logins = {_host(place.url): place.login for place in places if place.login}
    if logins:
        lines.append(f"authentication-override-file = {json.dumps(_logins(logins))}")
    if settings.ssl_verify == "no":
        lines.append("tls-no-verify = true")
    elif settings.ssl_verify:
        os.environ.setdefault("SSL_CERT_FILE", settings.ssl_verify)
        lines.append('tls-root-certs = "system"')
    proxies = dict(settings.proxies)
    if proxies:
        lines.append("[proxy-config]")
        for scheme in ("http", "https"):
            if scheme in proxies:
                lines.append(f"{scheme} = {json.dumps(proxies[scheme])}")
    asked = [(place.url, place.ask) for place in places if place.ask]
    if asked:
        lines.append("[mirrors]")
        lines += [f"{json.dumps(url)} = {json.dumps(urls)}" for url, urls in dict(asked).items()]
    return "\n".join(lines)


def _host(url: str) -> str:
    from urllib.parse import urlsplit

    return urlsplit(url).hostname or ""


def _logins(logins: dict[str, str]) -> str:
    """A file with passwords by host, together with those that the user has stored for rattler. It
    is in memory only and gone with this process. Its path."""
    found: dict[str, Any] = {}
    stored = os.environ.get("RATTLER_AUTH_FILE") or "~/.rattler/credentials.json"
    try:
        with open(os.path.expanduser(stored), encoding="utf-8") as file:
            found.update(json.load(file))
    except (OSError, ValueError):
        pass
    for host, login in logins.items():
        name, _, word = login.partition(":")
        found[host] = {"BasicHTTP": {"username": name, "password": word}}
    if not hasattr(os, "memfd_create"):
        raise SoftwareError(
            "passwords in the URLs of channels can only be used on Linux",
            code="RK0525",
            help="store them in the file that RATTLER_AUTH_FILE names",
        )
    handle = os.memfd_create("logins", os.MFD_CLOEXEC)
    os.write(handle, json.dumps(found).encode())
    return f"/proc/{os.getpid()}/fd/{handle}"
