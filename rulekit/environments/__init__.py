"""Conda environments: read, solve, lock, install, keep, pack. Knows nothing of rules and jobs.

    store = EnvironmentStore(folder, read_settings(), memory=...)
    known = store.known("envs/bwa.yaml")     # cheap: for each dry run
    made = store.make(["envs/bwa.yaml", "a-named-environment", "/a/prefix"], say=print)
    made["envs/bwa.yaml"].prefix

A *source* is what a rule's ``conda:`` says: the path of an environment file (ends with ``.yaml``
or ``.yml``), the path of an environment's folder, or the name of an environment; or an
`EnvironmentSpec` that was read already.

Everything that needs py-rattler happens in a process of its own (`worker`), so that neither its
threads nor its end disturb the process that calls. Nothing here reads YAML, starts a process or
imports rattler before it must; names are found on first use.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from rulekit.environments.activation import activation_text as activation_text
    from rulekit.environments.envfile import read_environment as read_environment
    from rulekit.environments.identities import identity as identity
    from rulekit.environments.lockfile import find_lock as find_lock
    from rulekit.environments.lockfile import write_lock as write_lock
    from rulekit.environments.lockfile import write_pin as write_pin
    from rulekit.environments.settings import read_settings as read_settings
    from rulekit.environments.solving import solve as solve
    from rulekit.environments.store import EnvironmentStore as EnvironmentStore
    from rulekit.environments.values import (
        CondaSettings as CondaSettings,
    )
    from rulekit.environments.values import (
        Entry as Entry,
    )
    from rulekit.environments.values import (
        EnvironmentSpec as EnvironmentSpec,
    )
    from rulekit.environments.values import (
        Known as Known,
    )
    from rulekit.environments.values import (
        Lock as Lock,
    )
    from rulekit.environments.values import (
        Made as Made,
    )
    from rulekit.environments.values import (
        Package as Package,
    )
    from rulekit.environments.values import (
        Progress as Progress,
    )
    from rulekit.environments.values import (
        here as here,
    )

_PLACES = {
    "CondaSettings": "values",
    "Entry": "values",
    "EnvironmentSpec": "values",
    "EnvironmentStore": "store",
    "Known": "values",
    "Lock": "values",
    "Made": "values",
    "Package": "values",
    "Progress": "values",
    "activation_text": "activation",
    "find_lock": "lockfile",
    "here": "values",
    "identity": "identities",
    "read_environment": "envfile",
    "read_settings": "settings",
    "solve": "solving",
    "write_lock": "lockfile",
    "write_pin": "lockfile",
}

__all__ = [
    "CondaSettings",
    "Entry",
    "EnvironmentSpec",
    "EnvironmentStore",
    "Known",
    "Lock",
    "Made",
    "Package",
    "Progress",
    "activation_text",
    "find_lock",
    "here",
    "identity",
    "read_environment",
    "read_settings",
    "solve",
    "write_lock",
    "write_pin",
]


def __getattr__(name: str) -> object:
    place = _PLACES.get(name)
    if place is None:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import import_module

    return getattr(import_module(f"{__name__}.{place}"), name)
