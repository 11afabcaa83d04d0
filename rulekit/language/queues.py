"""Inputs that come from a queue, which some thread of the rule file fills.

A run reads the queue to its end, told by the sentinel, before it plans; a dry run takes what is
there at that moment.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any


class Reading:
    """How queues are read in this process. `blocking` is set by a run that makes files."""

    blocking = False


class QueueInput:
    """The input function of a queue; each item is read once, and kept for later plans."""

    def __init__(self, queue: Any, sentinel: Any) -> None:
        self.queue = queue
        self.sentinel = sentinel
        self.items: list[Any] = []
        self.finished = False

    def __call__(self, wildcards: Any) -> list[Any]:
        import queue

        while not self.finished:
            try:
                item = self.queue.get(block=Reading.blocking)
            except queue.Empty:
                break
            if item is self.sentinel or item == self.sentinel:
                self.finished = True
            else:
                self.items.append(item)
            # Whoever fills the queue may wait for that.
            done = getattr(self.queue, "task_done", None)
            if done is not None:
                done()
        return list(self.items)
