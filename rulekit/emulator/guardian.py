"""A second process that tidies up when the emulator was killed and could not do it itself.

It is forked before the emulator has threads, waits on a pipe, and costs nothing meanwhile.
"""

from __future__ import annotations

import json
import os
import signal
import sys

from rulekit.emulator.server import kill_strays, remove_tree


class Guardian:
    """`watch` tells what is to be tidied up; `dismiss` that it is not needed any more."""

    def __init__(self) -> None:
        inner, self._outer = os.pipe()
        self._pid = os.fork()
        if self._pid == 0:
            os.close(self._outer)
            _wait(inner)
            os._exit(0)
        os.close(inner)

    def watch(self, root: str, groups: list[int]) -> None:
        """`root` holds the nodes; `groups` are process groups that must end, too."""
        self._write({"root": root, "groups": groups})

    def dismiss(self) -> None:
        """Everything is tidy."""
        self._write({})
        os.close(self._outer)
        os.waitpid(self._pid, 0)

    def _write(self, message: dict[str, object]) -> None:
        try:
            os.write(self._outer, json.dumps(message).encode() + b"\n")
        except OSError:
            pass


def _wait(inner: int) -> None:
    # Whatever ends the emulator must not end this one; and nobody's output may wait for it.
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    try:
        os.setsid()
    except OSError:
        pass
    null = os.open(os.devnull, os.O_RDWR)
    for stream in (0, 1, 2):
        os.dup2(null, stream)
    text = b""
    while chunk := os.read(inner, 65536):
        text += chunk
    last = json.loads(text.splitlines()[-1]) if text.strip() else {}
    if not last:
        return
    try:
        for group in last["groups"]:
            try:
                os.killpg(group, signal.SIGKILL)
            except OSError:
                pass
        # What a task starts while the others are being killed is met in a second look.
        while kill_strays(last["root"]):
            pass
        remove_tree(last["root"])
    except Exception as error:
        sys.stderr.write(f"{error}\n")
