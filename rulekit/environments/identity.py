"""The identity of an environment: what is in it, not where its files lie."""

from __future__ import annotations

from rulekit.environments.values import Lock


def identity(lock: Lock, platform: str) -> str:
    """sha256 (hex) of the packages of a platform, the pip requirements, variables and post-deploy
    script.

    A package counts by its file name and hash, so that the same files from a mirror or a moved
    channel are the same environment; without a hash by its URL.
    """
    raise NotImplementedError
