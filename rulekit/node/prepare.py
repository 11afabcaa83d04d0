"""What is done once on a node before the tasks of a run: see that things work, fetch what all
tasks need.

In the folder of the preparation lie ``prepare.json`` (accounts, sources, images: no secrets),
``secrets.sealed`` (where there are secrets) and the program. After it there are ``app/`` (the
program, unpacked and compiled) and, in the folder that the node's tasks share, the sources.
"""

from __future__ import annotations

import json
import os
import sys

from rulekit.node.sources import sources_here
from rulekit.node.trouble import Trouble

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from typing import Any

SETTINGS = "prepare.json"
SEALED = "secrets.sealed"
APP = "app"
KEY = "RK_SEAL_KEY"
ENVIRONMENTS = "environments"  # the name of what runs share on a machine: no run has it


def make_settings(
    accounts: Mapping[str, Mapping[str, Any]],
    run: str,
    *,
    sources: tuple[Sequence[str], str] | None = None,
    images: Iterable[str] = (),
) -> dict[str, Any]:
    """What the driver stores as ``prepare.json``."""
    return {
        "format": 1,
        "run": run,
        "accounts": {key: dict(value) for key, value in accounts.items()},
        "sources": [list(sources[0]), sources[1]] if sources else None,
        "images": sorted(set(images)),
    }


def read_settings(folder: str) -> dict[str, Any]:
    """The settings of a preparation. Raises `Trouble` (``node``)."""
    path = os.path.join(folder, SETTINGS)
    try:
        with open(path, encoding="utf-8") as file:
            settings = json.load(file)
    except (OSError, ValueError) as error:
        raise Trouble("node", f"`{path}` cannot be read: {_short(error)}", True) from None
    if not isinstance(settings, dict) or settings.get("format") != 1:
        raise Trouble("node", f"`{path}` is not of a format that this program can read")
    return settings


def read_secrets(folder: str, key: str | None) -> dict[str, Any]:
    """The secrets of a run; none if nothing was sealed. Raises `Trouble` (``node``)."""
    from rulekit.node.seal import key_of, unseal

    path = os.path.join(folder, SEALED)
    if not os.path.exists(path):
        return {}
    if not key:
        raise Trouble("node", f"there is a sealed bundle, but no key for it in `{KEY}`")
    try:
        with open(path, "rb") as file:
            found = json.loads(unseal(file.read(), key_of(key)))
    except (OSError, ValueError) as error:
        # Errors of JSON hold what they could not read.
        why = "it holds something else" if isinstance(error, json.JSONDecodeError) else str(error)
        raise Trouble("node", f"the secrets cannot be unsealed: {why}") from None
    if not isinstance(found, dict):
        raise Trouble("node", "the secrets cannot be unsealed: they are something else")
    return found


def prepare(folder: str, key: str | None) -> None:
    """All of it. Raises `Trouble`; may be done again at any time."""
    from rulekit.node.depot import Depot
    from rulekit.runner.drive import Watch

    settings = read_settings(folder)
    secrets = read_secrets(folder, key)
    unpack_program(folder)
    sources = settings.get("sources")
    if sources:
        watch = Watch()
        depot = Depot(settings["accounts"], secrets.get("sas") or {}, watch)
        try:
            sources_here(depot, sources[0], sources[1], shared_folder(folder, settings["run"]))
        finally:
            depot.close()
            watch.close()
    images = settings.get("images") or ()
    if images:
        from rulekit.node.container import find_engine

        engine = find_engine()
        engine.registries = secrets.get("registries") or ()
        for image in images:
            try:
                engine.pull(image)
            except Trouble as trouble:
                # The tasks that need it will say so, each as a failed job; here nobody would hear.
                print(f"rulekit: {trouble.detail}", flush=True)
    print(
        f"ready: python {sys.version.split()[0]}, "
        f"{len(secrets.get('sas') or {})} storage secrets, "
        f"{'sources' if sources else 'no sources'}, {len(images)} images",
        flush=True,
    )


def shared_folder(folder: str, run: str) -> str:
    """Where tasks of the same run on this machine share files."""
    shared = os.environ.get("AZ_BATCH_NODE_SHARED_DIR")
    return os.path.join(shared, "rulekit", run) if shared else os.path.join(folder, "shared")


def unpack_program(folder: str) -> None:
    """The running archive as a folder of compiled modules; nothing if it is none."""
    import compileall
    import zipfile

    own = sys.path[0] if sys.path else ""
    target = os.path.join(folder, APP)
    if not zipfile.is_zipfile(own) or os.path.exists(os.path.join(target, "__main__.py")):
        return
    part = f"{target}.{os.getpid()}.part"
    try:
        with zipfile.ZipFile(own) as archive:
            archive.extractall(part)
        compileall.compile_dir(part, quiet=2, stripdir=part, prependdir=target)
        os.rename(part, target)
    except OSError as error:
        if not os.path.exists(os.path.join(target, "__main__.py")):
            raise Trouble(
                "disk", f"the program cannot be unpacked: {_short(error)}", True
            ) from None


def _short(error: BaseException) -> str:
    if isinstance(error, OSError):
        return (error.strerror or str(error)).lower()
    return f"{type(error).__name__}"
