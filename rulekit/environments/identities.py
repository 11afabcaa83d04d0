"""The identity of an environment: what is in it, not where its files lie."""

from __future__ import annotations

import json

from rulekit.environments.envfile import digest
from rulekit.environments.values import EnvironmentSpec, Lock, Package
from rulekit.environments.words import normal


def identity(lock: Lock, platform: str) -> str:
    """sha256 (hex) of the packages of a platform, the pip requirements, variables and post-deploy
    script.

    A package counts by its file name and hash, so that the same files from a mirror or a moved
    channel are the same environment; without a hash by its URL.
    """
    value = {
        "platform": platform,
        "packages": sorted(_mark(one) for one in lock.packages_for(platform)),
        "pip": lock.pip,
        "variables": lock.variables,
        "post-deploy": lock.post_deploy_digest,
    }
    return digest(json.dumps(value, sort_keys=True, ensure_ascii=True).encode())


def _mark(package: Package) -> str:
    base = package.url.rpartition("/")[2]
    if package.sha256:
        return f"{package.manager} {base} sha256:{package.sha256}"
    if package.md5:
        return f"{package.manager} {base} md5:{package.md5}"
    return f"{package.manager} {package.url}"


def content_hash(spec: EnvironmentSpec, platform: str) -> str:
    """What of an environment file decides about its lock, as sha256 (hex): channels,
    dependencies and the pip requirements."""
    value = {
        "platform": platform,
        "channels": spec.channels,
        "dependencies": sorted({normal(one) for one in spec.dependencies}),
        "pip": spec.pip,
    }
    return digest(json.dumps(value, sort_keys=True, ensure_ascii=True).encode())
