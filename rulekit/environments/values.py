"""The values that pass between the modules of this room and out of it. Nothing is read here."""

from __future__ import annotations

from rulekit.frozen import frozen

# Platforms (conda's subdirs) by what `os.uname` says.
_SYSTEMS = {"Linux": "linux", "Darwin": "osx"}
_MACHINES = {"x86_64": "64", "aarch64": "aarch64", "arm64": "arm64", "ppc64le": "ppc64le"}


def here() -> str:
    """The conda platform of this machine: ``linux-64``, ``osx-arm64``, ...

    ``CONDA_SUBDIR`` overrides it, as for conda.
    """
    import os

    given = os.environ.get("CONDA_SUBDIR")
    if given:
        return given
    about = os.uname()
    system = _SYSTEMS.get(about.sysname, about.sysname.lower())
    return f"{system}-{_MACHINES.get(about.machine, about.machine)}"


@frozen
class EnvironmentSpec:
    """An environment file as it was read.

    `path` is absolute. `key` is the digest (sha256, hex) of the content without what does not
    matter: name, prefix, comments, layout, order of the dependencies; it covers the post-deploy
    script and the files that the `pip:` section names. `channels` are as written. `dependencies`
    are match specs with single blanks. `variables` are sorted pairs. `post_deploy` is the path of
    the script or "". `warnings` are sentences for the user.
    """

    path: str
    key: str
    name: str
    channels: tuple[str, ...]
    dependencies: tuple[str, ...]
    pip: tuple[str, ...]
    pip_files: tuple[str, ...]
    variables: tuple[tuple[str, str], ...]
    post_deploy: str
    post_deploy_digest: str
    platforms: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()


@frozen
class Package:
    """One locked package. `platform` is the platform it was locked for, not the folder (`subdir`)
    of the channel it lies in. `manager` is ``conda`` or ``pip``. Hashes are hex or ""."""

    name: str
    version: str
    platform: str
    url: str
    sha256: str = ""
    md5: str = ""
    build: str = ""
    depends: tuple[str, ...] = ()
    manager: str = "conda"


@frozen
class Lock:
    """The exact packages of an environment for some platforms.

    `kind` is ``lock`` (ENV.conda-lock.yml), ``pin`` (ENV.<platform>.pin.txt) or ``solved``.
    `content_hashes` says for each platform what the lock was made from; `path` is the file it was
    read from or "". Variables, pip requirements and the post-deploy script are of the environment
    file the lock belongs to. `pip_locked` says whether `packages` has the pip packages too.
    """

    kind: str
    platforms: tuple[str, ...]
    channels: tuple[str, ...]
    packages: tuple[Package, ...]
    content_hashes: tuple[tuple[str, str], ...] = ()
    variables: tuple[tuple[str, str], ...] = ()
    pip: tuple[str, ...] = ()
    post_deploy_digest: str = ""
    pip_locked: bool = False
    path: str = ""

    def packages_for(self, platform: str) -> tuple[Package, ...]:
        """The packages of one platform, in the order of the lock."""
        return tuple(one for one in self.packages if one.platform == platform)


@frozen
class Known:
    """What is known of an environment without solving or making anything.

    `identity` is what staleness compares: the identity of the lock if there is one (`locked`),
    else the key of the file's content; for environments that others keep (names, folders) the
    digest of the list of packages in it. `prefix` is where it is or will be ("" while that is not
    known: it has to be solved first). `complete`: it can be used now. `activate` is the path of
    its activation script ("" if it has to be made or brings none of its own).
    `source` is what was asked about. `problem` says why it cannot be made: its lock does not fit.
    """

    source: str
    identity: str
    prefix: str
    complete: bool
    locked: bool = False
    activate: str = ""
    problem: str = ""


@frozen
class Made:
    """An environment that can be used now. `activate` is a script for `. activate` in any POSIX
    shell. `how` is ``found``, ``made`` or ``foreign`` (kept by others)."""

    source: str
    identity: str
    prefix: str
    activate: str
    how: str


@frozen
class Progress:
    """News while environments are made.

    `stage` is ``solve``, ``wait`` (another process makes it), ``install``, ``pip``,
    ``post-deploy``, ``pack``, ``done`` or ``note`` (a warning). `source` is the path of the environment file.
    `done` and `total` count packages in ``install``, else both are 0. `text` is a sentence without
    secrets.
    """

    stage: str
    source: str
    text: str
    done: int = 0
    total: int = 0


@frozen
class Entry:
    """An environment in the store. Times are seconds since 1970; `size` is in bytes, without what
    it shares with the package cache by hard links. `sources` are the files it was made for."""

    identity: str
    prefix: str
    complete: bool
    platform: str
    sources: tuple[str, ...]
    made_at: float
    used_at: float
    size: int = 0


@frozen
class CondaSettings:
    """What `.condarc`, ``CONDA_*`` and the command line say. Paths are absolute.

    `package_cache` is the folder of the package cache. `channel_priority` is ``strict``,
    ``flexible`` or ``disabled``. `custom_channels` and `mirrors` are pairs of a name (or URL) and
    URLs. `proxies` and URLs may hold passwords: the repr shows neither.
    """

    package_cache: str
    channels: tuple[str, ...] = ()
    channel_alias: str = "https://conda.anaconda.org"
    default_channels: tuple[str, ...] = ()
    custom_channels: tuple[tuple[str, str], ...] = ()
    mirrors: tuple[tuple[str, tuple[str, ...]], ...] = ()
    channel_priority: str = "strict"
    proxies: tuple[tuple[str, str], ...] = ()
    ssl_verify: str = ""
    offline: bool = False
    base_path: str = ""
    envs_dirs: tuple[str, ...] = ()
    frozen: bool = False
    warnings: tuple[str, ...] = ()

    def __repr__(self) -> str:
        return f"CondaSettings(package_cache={self.package_cache!r}, ...)"
