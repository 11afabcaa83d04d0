"""`from_queue`: inputs that a thread of the rule file tells."""

from __future__ import annotations

import queue
import threading

import pytest

from rulekit.language.exceptions import WorkflowError
from rulekit.language.flags import from_queue
from rulekit.language.queues import QueueInput, Reading


@pytest.fixture
def blocking(monkeypatch):
    monkeypatch.setattr(Reading, "blocking", True)


def test_what_is_there_is_taken_without_waiting():
    end = object()
    source = queue.Queue()
    read = QueueInput(source, end)
    assert read(None) == []
    source.put("a")
    assert read(None) == ["a"]
    source.put("b")
    source.put(end)
    source.put("after the end")
    assert read(None) == ["a", "b"]
    assert read(None) == ["a", "b"]
    assert read.finished


def test_a_run_reads_to_the_sentinel(blocking):
    source = queue.Queue()

    def fill():
        for item in ("a", "b", None):
            source.put(item)
        source.join()

    thread = threading.Thread(target=fill)
    thread.start()
    assert QueueInput(source, None)(None) == ["a", "b"]
    thread.join(10)
    assert not thread.is_alive()


def test_a_sentinel_is_needed():
    with pytest.raises(WorkflowError):
        from_queue(queue.Queue())
