"""Where a store keeps things, for the worker."""

from __future__ import annotations

from rulekit.environments.values import CondaSettings
from rulekit.frozen import frozen


@frozen
class Places:
    """The folder of the environments, the folders of what is remembered (looked at in this order,
    written to all), and the settings."""

    folder: str
    memories: tuple[str, ...]
    settings: CondaSettings
