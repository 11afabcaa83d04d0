"""A real browser for tests of pages: headless Chromium, driven by playwright.

Without them a test is skipped with the reason; where CI is set, it fails.
"""

from __future__ import annotations

import contextlib
import os
import shutil
from collections.abc import Iterator
from typing import Any

import pytest

PROGRAMS = ("chromium-headless-shell", "chromium", "google-chrome")
SERIOUS = ("serious", "critical")


def _missing(reason: str) -> None:
    if os.environ.get("CI"):
        pytest.fail(reason)
    pytest.skip(reason)


@contextlib.contextmanager
def open_browser() -> Iterator[Any]:
    """A browser, for one module's tests."""
    try:
        from playwright.sync_api import sync_playwright
    except ImportError:
        _missing("playwright is not installed (pip install playwright)")
    program = next(filter(None, map(shutil.which, PROGRAMS)), None)
    if program is None:
        _missing("no Chromium in PATH (apt install chromium-headless-shell)")
    with sync_playwright() as play:
        browser = play.chromium.launch(
            executable_path=program,
            args=["--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage"],
        )
        try:
            yield browser
        finally:
            browser.close()


def wait_until_ready(page: Any, address: str) -> None:
    """Opens a page of ours and waits until its script has done its work."""
    page.goto("about:blank")
    page.goto(address, timeout=120_000)
    page.wait_for_selector("html[data-ready]", timeout=120_000)


def until(page: Any, script: str, tries: int = 1200) -> None:
    """Waits until an expression is true in a page (whose policy forbids playwright's own way)."""
    for _ in range(tries):
        if page.evaluate(script):
            return
        page.wait_for_timeout(50)
    raise AssertionError(f"never true: {script}")


def accessibility_problems(page: Any) -> list[str]:
    """What axe-core calls serious or critical on a page as it is now."""
    try:
        from axe_playwright_python.sync_playwright import Axe
    except ImportError:
        _missing("axe-playwright-python is not installed")
    found = Axe().run(page).response["violations"]
    return [
        f"{one['id']}: {one['help']}: {one['nodes'][0]['html'][:200]}"
        for one in found
        if one["impact"] in SERIOUS
    ]
