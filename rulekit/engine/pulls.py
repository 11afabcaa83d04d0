"""Fetching container images, several at once. An image's file is there whole or not at all."""

from __future__ import annotations

import os
import time

from rulekit.errors.tree import SoftwareError
from rulekit.frozen import frozen
from rulekit.runner.boxed import HOPELESS_PULLS

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Collection, Sequence
    from typing import Any

_AT_ONCE = 4
_TRIES = 3
_PAUSE_S = 2.0  # doubled from try to try
_LOOK_S = 0.05


@frozen
class Pull:
    """One image: by ``program words``, or, where a file is made, ``program pull FILE SOURCE``.

    `digest`: of the registry, to be noted beside the file.
    """

    image: str
    program: str
    words: tuple[str, ...]
    path: str | None
    source: str
    digest: str | None = None


class _Running:
    """A pull on its way."""

    def __init__(self, pull: Pull) -> None:
        self.pull = pull
        self.turn = 0
        self.process: Any = None
        self.said: Any = None
        self.not_before = 0.0
        self.lock: int | None = None
        self.part = "" if pull.path is None else f"{pull.path}.{os.getpid()}.part"

    def start(self) -> bool:
        """False if another process fetches this image just now."""
        import subprocess
        import tempfile

        words = list(self.pull.words)
        if self.pull.path is not None:
            if self.lock is None and not self._take():
                return False
            if os.path.exists(self.pull.path):  # whoever held the lock has made it
                words = []
            else:
                _unlink(self.part)
                words = ["pull", self.part, self.pull.source]
        self.turn += 1
        self.said = tempfile.TemporaryFile()
        self.process = subprocess.Popen(
            [self.pull.program, *words] if words else ["true"],
            stdin=subprocess.DEVNULL,
            stdout=self.said,
            stderr=subprocess.STDOUT,
        )
        return True

    def _take(self) -> bool:
        import fcntl

        path = self.pull.path
        assert path is not None
        os.makedirs(os.path.dirname(path), exist_ok=True)
        file = os.open(f"{path}.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o666)
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            os.close(file)
            return False
        self.lock = file
        for name in os.listdir(os.path.dirname(path)):  # of those who were killed
            if name.startswith(f"{os.path.basename(path)}.") and name.endswith(".part"):
                _unlink(os.path.join(os.path.dirname(path), name))
        return True

    def finish(self) -> None:
        """The file gets its name, once it is on the disk."""
        path = self.pull.path
        if path is not None and not os.path.exists(path):
            file = os.open(self.part, os.O_RDONLY)
            try:
                os.fsync(file)
            finally:
                os.close(file)
            if self.pull.digest is not None:
                _write_note(self.part, f"{path}.json", self.pull.digest)
            os.replace(self.part, path)
        self.release()

    def release(self) -> None:
        """Lets go of everything."""
        if self.process is not None and self.process.poll() is None:
            self.process.terminate()
            self.process.wait()
        if self.part:
            _unlink(self.part)
        if self.lock is not None:
            os.close(self.lock)
            self.lock = None
        if self.said is not None:
            self.said.close()

    def last_words(self) -> str:
        """All that was said."""
        self.said.seek(0)
        text: str = self.said.read().decode("utf-8", "replace")
        return text


def pull_all(pulls: Sequence[Pull]) -> None:
    """Fetches all. Raises `SoftwareError` (RK0533) for the first that cannot be had; what else is
    on its way is stopped then."""
    waiting = [_Running(pull) for pull in pulls]
    running: list[_Running] = []
    try:
        while waiting or running:
            now = time.monotonic()
            for one in list(waiting):
                if len(running) >= _AT_ONCE:
                    break
                if one.not_before <= now and _begin(one):
                    waiting.remove(one)
                    running.append(one)
            for one in list(running):
                code = one.process.poll()
                if code is None:
                    continue
                running.remove(one)
                if code == 0:
                    one.finish()
                    continue
                said = one.last_words()
                lost = any(word in said.lower() for word in HOPELESS_PULLS)
                if lost or one.turn >= _TRIES:
                    raise _failed(one.pull, said)
                one.not_before = time.monotonic() + _PAUSE_S * 2 ** (one.turn - 1)
                waiting.append(one)
            time.sleep(_LOOK_S)
    finally:
        for one in (*waiting, *running):
            one.release()


def _write_note(image: str, path: str, digest: str) -> None:
    """Notes what an image's file is. It holds for a file of this size and time only."""
    import json

    state = os.stat(image)
    part = f"{path}.{os.getpid()}.part"
    with open(part, "w", encoding="utf-8") as file:
        json.dump({"digest": digest, "stamp": [state.st_size, state.st_mtime_ns]}, file)
    os.replace(part, path)


def _begin(one: _Running) -> bool:
    try:
        return one.start()
    except OSError as error:
        raise SoftwareError(
            f"the image `{one.pull.image}` cannot be fetched: {error.strerror}:"
            f" `{error.filename or one.pull.program}`",
            code="RK0533",
        ) from error


def _failed(pull: Pull, said: str) -> SoftwareError:
    lines = [line.strip() for line in said.splitlines() if line.strip()]
    last = lines[-1][:300] if lines else "it says nothing"
    name = os.path.basename(pull.program)
    return SoftwareError(
        f"{name} cannot fetch the image `{pull.image}`: {last}",
        code="RK0533",
        help=f"`{name} login` lets you in where a registry asks for it",
    )


def _unlink(path: str) -> None:
    try:
        os.unlink(path)
    except OSError:
        pass


def remove_unused(folder: str, used: Collection[str], *, dry: bool = False) -> list[str]:
    """Removes the images of a folder whose names are not in `used`, but for those that are just
    fetched; their paths."""
    import fcntl

    found = []
    try:
        names = sorted(os.listdir(folder))
    except OSError:
        return []
    for name in names:
        if not name.endswith(".simg") or name in used:
            continue
        path = os.path.join(folder, name)
        if not dry:
            lock = os.open(f"{path}.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o666)
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                os.unlink(path)
                _unlink(f"{path}.json")
            except OSError:
                continue
            finally:
                os.close(lock)
        found.append(path)
    return found
