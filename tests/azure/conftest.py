"""Fixtures of this room."""

from __future__ import annotations

import pytest
from azruns import Bench


@pytest.fixture
def bench(azurite, container, tmp_path, monkeypatch):
    """An emulator and a container; the current directory is the test's own."""
    monkeypatch.chdir(tmp_path)
    made = Bench(azurite, container)
    yield made
    made.close()
    assert made.emulator.errors == []
