"""Lock files: ``ENV.conda-lock.yml`` (conda-lock's format) and ``ENV.<platform>.pin.txt``.

The first is conda-lock's "unified" format, version 1, read and written here without conda-lock
(importing it takes seconds); a test has conda-lock read what is written. ``content_hash`` is our
own digest of what decides about the lock; where another tool wrote the file (no ``rulekit`` in
``custom_metadata``), it is only checked that every dependency is in the lock.
"""

from __future__ import annotations

import os

from rulekit.environments.channels import without_secrets
from rulekit.environments.envfile import read_file, stem
from rulekit.environments.identities import content_hash
from rulekit.environments.lockyaml import lock_text
from rulekit.environments.values import EnvironmentSpec, Lock, Package
from rulekit.environments.words import name_of, shown
from rulekit.errors import SoftwareError
from rulekit.frozen import replace
from rulekit.model.span import Span

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

_ENDINGS = (".conda", ".tar.bz2")


def lock_path(path: str) -> str:
    """Where the lock file of an environment file is."""
    return f"{stem(path)}.conda-lock.yml"


def pin_path(path: str, platform: str) -> str:
    """Where the explicit pin file of an environment file is."""
    return f"{stem(path)}.{platform}.pin.txt"


def find_lock(spec: EnvironmentSpec, platform: str) -> Lock | None:
    """The lock file beside an environment file, if it has this platform: first
    ``ENV.conda-lock.yml``, then ``ENV.<platform>.pin.txt``.

    Raises SoftwareError if it cannot be read (RK0521) or does not fit the environment file any
    more (RK0522).
    """
    path = lock_path(spec.path)
    if os.path.isfile(path):
        lock = read_lock(path)
        if platform in lock.platforms:
            check_fit(spec, lock, platform)
            return of_spec(lock, spec)
    path = pin_path(spec.path, platform)
    if os.path.isfile(path):
        return of_spec(read_pin(path, platform), spec)
    return None


def of_spec(lock: Lock, spec: EnvironmentSpec) -> Lock:
    """A lock with what only the environment file says."""
    return replace(
        lock,
        variables=spec.variables,
        pip=spec.pip,
        post_deploy_digest=spec.post_deploy_digest,
    )


def check_fit(spec: EnvironmentSpec, lock: Lock, platform: str) -> None:
    """Raises SoftwareError (RK0522) if a lock was not made from what an environment file says
    now."""
    known = dict(lock.content_hashes).get(platform)
    if known is not None:
        fits, why = known == content_hash(spec, platform), "it was made from other content"
    else:
        there = {one.name for one in lock.packages_for(platform)}
        missing = [text for text in spec.dependencies if name_of(text) not in there]
        fits, why = not missing, f"it has no `{missing[0]}`" if missing else ""
    if not fits:
        raise SoftwareError(
            f"the lock file `{os.path.basename(lock.path)}` does not fit `{shown(spec.path)}` any more:"
            f" {why}",
            code="RK0522",
            help=f"`rulekit env lock {shown(spec.path)}` makes it anew,"
            " or remove it to solve at each first use",
        )


# -- conda-lock's file -----------------------------------------------------------------------


def read_lock(path: str) -> Lock:
    """Read an ``ENV.conda-lock.yml``. Raises SoftwareError (RK0521)."""
    import yaml

    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    try:
        values = yaml.load(read_file(path).decode(), Loader=loader)  # noqa: S506  a safe one
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        mark = getattr(error, "problem_mark", None)
        span = Span(path, mark.line + 1, mark.column + 1) if mark is not None else None
        raise _damaged(path, f"no YAML ({getattr(error, 'problem', error)})", span) from error
    try:
        if values.get("version") != 1:
            raise _damaged(path, f"a format of version {values.get('version')}, not 1")
        about = values["metadata"]
        ours = "rulekit" in (about.get("custom_metadata") or {})
        hashes = about.get("content_hash") or {}
        channels = [
            str(one["url"] if isinstance(one, dict) else one) for one in about.get("channels", ())
        ]
        packages = tuple(_package(one) for one in values.get("package") or ())
        return Lock(
            kind="lock",
            platforms=tuple(map(str, about["platforms"])),
            channels=tuple(channels),
            packages=packages,
            content_hashes=tuple((str(k), str(v)) for k, v in hashes.items()) if ours else (),
            pip_locked=any(one.manager == "pip" for one in packages),
            path=path,
        )
    except (KeyError, TypeError, AttributeError, ValueError) as error:
        what = f"not in conda-lock's format ({type(error).__name__}: {error})"
        raise _damaged(path, what) from error


def _package(values: dict[str, Any]) -> Package:
    url = str(values["url"])
    hashes = values.get("hash") or {}
    manager = str(values.get("manager", "conda"))
    build = values.get("build") or (split_file(url)[2] if manager == "conda" else "")
    depends = tuple(
        f"{name} {version}".strip() for name, version in (values.get("dependencies") or {}).items()
    )
    return Package(
        name=str(values["name"]),
        version=str(values["version"]),
        platform=str(values["platform"]),
        url=url,
        sha256=str(hashes.get("sha256") or ""),
        md5=str(hashes.get("md5") or ""),
        build=str(build),
        depends=depends,
        manager=manager,
    )


def write_lock(spec: EnvironmentSpec, lock: Lock, path: str | None = None) -> str:
    """Write ``ENV.conda-lock.yml`` beside the environment file (or at `path`); its path. The same
    lock gives the same bytes."""
    path = path or lock_path(spec.path)
    hashes = {platform: content_hash(spec, platform) for platform in lock.platforms}
    source = os.path.relpath(spec.path, os.path.dirname(os.path.abspath(path)))
    write_beside(path, lock_text(lock, hashes, source))
    return path


# -- explicit pin files ----------------------------------------------------------------------


def read_pin(path: str, platform: str) -> Lock:
    """Read an explicit file: one URL a line, with ``#md5`` or ``#sha256:...``. Raises
    SoftwareError (RK0521)."""
    text = read_file(path).decode("utf-8", "replace")
    packages = []
    explicit = False
    for number, raw in enumerate(text.splitlines(), 1):
        line = raw.strip()
        if line == "@EXPLICIT":
            explicit = True
        if not line or line[0] in "#@":
            continue
        url, _, mark = line.partition("#")
        name, version, build = split_file(url)
        if not name:
            span = Span(path, number, 1, number, len(line) + 1)
            raise _damaged(path, "no URL of a package in this line", span)
        mark = mark.removeprefix("sha256:")
        md5, sha256 = (mark, "") if len(mark) == 32 else ("", mark if len(mark) == 64 else "")
        packages.append(Package(name, version, platform, url, sha256, md5, build))
    if not explicit:
        raise _damaged(path, "no line `@EXPLICIT`")
    return Lock("pin", (platform,), (), tuple(packages), path=path)


def write_pin(spec: EnvironmentSpec, lock: Lock, platform: str, path: str | None = None) -> str:
    """Write an explicit pin file for one platform; its path."""
    path = path or pin_path(spec.path, platform)
    write_beside(path, pin_text(lock, platform))
    return path


def pin_text(lock: Lock, platform: str) -> str:
    """The content of an explicit file: conda, mamba and micromamba install it."""
    lines = [f"# platform: {platform}", "@EXPLICIT"]
    for one in lock.packages_for(platform):
        if one.manager == "conda":
            mark = one.md5 or (f"sha256:{one.sha256}" if one.sha256 else "")
            lines.append(without_secrets(one.url) + (f"#{mark}" if mark else ""))
    return "\n".join(lines) + "\n"


# -- both ------------------------------------------------------------------------------------


def split_file(url: str) -> tuple[str, str, str]:
    """Name, version and build of a package's file name or URL; empty if it is none."""
    base = url.partition("#")[0].rpartition("/")[2]
    for ending in _ENDINGS:
        if base.endswith(ending):
            parts = base[: -len(ending)].rsplit("-", 2)
            if len(parts) == 3:
                from urllib.parse import unquote

                return unquote(parts[0]).lower(), unquote(parts[1]), unquote(parts[2])
    return "", "", ""


def write_beside(path: str, text: str) -> None:
    """A whole file or none: written beside, synced, renamed. Raises SoftwareError (RK0521)."""
    part = f"{path}.{os.getpid()}.part"
    try:
        with open(part, "w", encoding="utf-8") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        os.replace(part, path)
    except OSError as error:
        try:
            os.unlink(part)
        except OSError:
            pass
        raise SoftwareError(
            f"`{path}` cannot be written: {(error.strerror or '').lower()}", code="RK0521"
        ) from error


def _damaged(path: str, what: str, span: Span | None = None) -> SoftwareError:
    return SoftwareError(
        f"the lock file `{path}` cannot be used: {what}",
        code="RK0521",
        span=span,
        help="make it anew by `rulekit env lock`",
    )
