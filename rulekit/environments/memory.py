"""What is remembered between runs: solved locks by content, and the index of known files.

    MEMORY/solved/<key>.<platform>.json     the lock an environment's content was solved to
    MEMORY/known/<digest>.json              key and identities of a file with these very bytes

An environment file without a lock file is solved once; from then on its content means that lock,
until `rulekit env lock --update` or another content. The first that is written stays: two runs
that solve at the same time agree on one.
"""

from __future__ import annotations

import os

from rulekit.environments.channels import is_portable
from rulekit.environments.envfile import stem
from rulekit.environments.values import EnvironmentSpec, Lock, Package

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Any

_KEY = 32


# -- JSON ------------------------------------------------------------------------------------


def record_to_json(record: Any) -> dict[str, Any]:
    """A frozen record of `values` as an object for JSON."""
    found: dict[str, Any] = {}
    for name in record.__match_args__:
        value = getattr(record, name)
        if isinstance(value, tuple) and value and isinstance(value[0], Package):
            value = [record_to_json(one) for one in value]
        found[name] = value
    return found


def _tuples(value: Any) -> Any:
    return tuple(_tuples(one) for one in value) if isinstance(value, list) else value


def lock_from_json(values: dict[str, Any]) -> Lock:
    """The reverse of `record_to_json`. Raises TypeError, KeyError."""
    values = dict(values)
    packages = tuple(
        Package(**{name: _tuples(value) for name, value in one.items()})
        for one in values.pop("packages")
    )
    return Lock(packages=packages, **{name: _tuples(value) for name, value in values.items()})


def spec_from_json(values: dict[str, Any]) -> EnvironmentSpec:
    """The reverse of `record_to_json`. Raises TypeError."""
    return EnvironmentSpec(**{name: _tuples(value) for name, value in values.items()})


def read_json(path: str) -> Any:
    """The content of a JSON file, None if there is none or it is damaged."""
    try:
        with open(path, "rb") as file:
            data = file.read()
    except OSError:
        return None
    import json

    try:
        return json.loads(data)
    except ValueError:
        return None


def write_json(path: str, value: Any, *, keep: bool = False) -> bool:
    """Write a whole file or none. `keep`: one that is there stays; then False. Raises OSError."""
    import json

    os.makedirs(os.path.dirname(path), exist_ok=True)
    part = f"{path}.{os.getpid()}.part"
    with open(part, "w", encoding="utf-8") as file:
        json.dump(value, file, indent=1)
        file.flush()
        os.fsync(file.fileno())
    if not keep:
        os.replace(part, path)
        return True
    try:
        os.link(part, path)
        return True
    except FileExistsError:
        if read_json(path) is not None:
            return False
        os.replace(part, path)  # what stood there was damaged
        return True
    finally:
        try:
            os.unlink(part)
        except FileNotFoundError:
            pass


# -- solved locks ----------------------------------------------------------------------------


def _solved(memory: str, key: str, platform: str) -> str:
    return os.path.join(memory, "solved", f"{key[:_KEY]}.{platform}.json")


def solved_lock(memory: str, key: str, platform: str) -> Lock | None:
    """The lock that a content was solved to."""
    values = read_json(_solved(memory, key, platform))
    if not isinstance(values, dict) or values.get("key") != key:
        return None
    try:
        return lock_from_json(values["lock"])
    except (KeyError, TypeError):
        return None


def keep_solved(memory: str, key: str, platform: str, lock: Lock, *, anew: bool = False) -> Lock:
    """Remember a solved lock; the one that holds from now on, which may be that of another run.
    `anew` replaces what was remembered. Raises OSError."""
    values = {"key": key, "lock": record_to_json(lock)}
    if not write_json(_solved(memory, key, platform), values, keep=not anew):
        return solved_lock(memory, key, platform) or lock
    return lock


def trusted(memories: Sequence[str], spec: EnvironmentSpec) -> Sequence[str]:
    """The folders in which a content means the same as here: a memory that several workflows share
    says nothing of channels that are near the file."""
    return memories if is_portable(spec) else memories[:1]


def remembered(memories: Sequence[str], spec: EnvironmentSpec, platform: str) -> Lock | None:
    """What a content was solved to before."""
    for folder in trusted(memories, spec):
        lock = solved_lock(folder, spec.key, platform)
        if lock is not None:
            return lock
    return None


# -- known files -----------------------------------------------------------------------------


def file_digest(path: str, platform: str, data: bytes) -> str:
    """A digest of an environment file's bytes and of the files beside it that count: lock, pins,
    post-deploy script. What each of them is called does not matter."""
    from rulekit.environments.envfile import digest

    base = stem(path)
    parts = [b"1", platform.encode(), data]
    for ending in (".conda-lock.yml", f".{platform}.pin.txt", ".post-deploy.sh"):
        try:
            with open(base + ending, "rb") as file:
                parts.append(b"+" + file.read())
        except OSError:
            parts.append(b"-")
    return digest(b"".join(b"%d:%s" % (len(part), part) for part in parts))


def known_file(memory: str, digest: str, path: str) -> dict[str, Any] | None:
    """``{"key": ..., "identity": ...}`` of a file whose digest was seen before, if what its `pip:`
    list names is unchanged too."""
    values = read_json(os.path.join(memory, "known", f"{digest[:_KEY]}.json"))
    if not isinstance(values, dict) or values.get("digest") != digest:
        return None
    folder = os.path.dirname(path)
    for name, seen in values.get("files", {}).items():
        from rulekit.environments.envfile import digest as digest_of

        try:
            with open(os.path.join(folder, name), "rb") as file:
                if digest_of(file.read()) != seen:
                    return None
        except OSError:
            return None
    return values


def keep_known(memory: str, digest: str, spec: EnvironmentSpec, identity: str) -> None:
    """Remember a file. Raises OSError."""
    from rulekit.environments.envfile import digest as digest_of
    from rulekit.environments.envfile import read_file

    folder = os.path.dirname(spec.path)
    files = {os.path.relpath(name, folder): digest_of(read_file(name)) for name in spec.pip_files}
    values = {"digest": digest, "key": spec.key, "identity": identity, "files": files}
    write_json(os.path.join(memory, "known", f"{digest[:_KEY]}.json"), values)
