"""Packages of npm that tests use: looked for in `RULEKIT_NPM` (a folder with `node_modules`)."""

from __future__ import annotations

import os
import shutil

import pytest


def modules(*names: str) -> str:
    """The `node_modules` that holds all of `names`. Without it the test is skipped, or fails in CI."""
    here = os.path.dirname(os.path.abspath(__file__))
    root = os.path.dirname(os.path.dirname(here))
    for folder in (os.environ.get("RULEKIT_NPM", ""), os.path.join(root, "editors", "vscode")):
        found = os.path.join(folder, "node_modules")
        if folder and all(os.path.isdir(os.path.join(found, name)) for name in names):
            if shutil.which("node"):
                return found
            break
    what = f"node with {', '.join(names)} (RULEKIT_NPM)"
    if os.environ.get("CI"):
        pytest.fail(f"{what} is not installed, and CI is set")
    pytest.skip(f"{what} is not installed")
