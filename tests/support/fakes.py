"""A disk, a memory and definitions made of dicts."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Any

from rulekit.model.files import Stamp
from rulekit.model.record import FileFact


class FakeFile:
    """One file: time in ns, content, and for a link the time of the link itself."""

    def __init__(
        self,
        mtime_ns: int = 0,
        content: str = "",
        *,
        link_mtime_ns: int | None = None,
        is_dir: bool = False,
        digestible: bool = True,
        stored: bool = False,
    ) -> None:
        self.mtime_ns = mtime_ns
        self.content = content
        self.link_mtime_ns = link_mtime_ns
        self.is_dir = is_dir
        self.digestible = digestible and (stored or not is_dir)
        self.stored = stored

    @property
    def size(self) -> int:
        return -1 if self.is_dir else len(self.content)

    @property
    def digest(self) -> str | None:
        if not self.digestible:
            return None
        return f"{'md5' if self.stored else 'sha256'}:{self.content}"


class FakeFiles:
    """A `FileView` over a dict; counts every question in `asked`, as (question, path)."""

    def __init__(self, files: Mapping[str, FakeFile | int] | Iterable[str] = ()) -> None:
        pairs = files.items() if isinstance(files, Mapping) else ((path, 0) for path in files)
        self.files = {
            path: file if isinstance(file, FakeFile) else FakeFile(file) for path, file in pairs
        }
        self.asked: Counter[tuple[str, str]] = Counter()

    def exists(self, path: str) -> bool:
        self.asked["exists", path] += 1
        return path in self.files

    def stamp(self, path: str) -> Stamp | None:
        self.asked["stamp", path] += 1
        file = self.files.get(path)
        if file is None:
            return None
        return Stamp(max(file.mtime_ns, file.link_mtime_ns or 0), file.size)

    def mtime_ns(self, path: str) -> int | None:
        self.asked["mtime_ns", path] += 1
        file = self.files.get(path)
        return None if file is None else max(file.mtime_ns, file.link_mtime_ns or 0)

    def link_mtime_ns(self, path: str) -> int | None:
        self.asked["link_mtime_ns", path] += 1
        file = self.files.get(path)
        if file is None:
            return None
        return file.mtime_ns if file.link_mtime_ns is None else file.link_mtime_ns

    def digest(self, path: str) -> str | None:
        self.asked["digest", path] += 1
        file = self.files.get(path)
        return None if file is None else file.digest

    def count(self, question: str) -> int:
        """How often that question was asked, over all paths."""
        return sum(n for (kind, _), n in self.asked.items() if kind == question)


class FakeMemory:
    """Records by number. `remember` adds one."""

    def __init__(self) -> None:
        self.outputs: dict[str, tuple[int, int, int, str | None]] = {}
        self.incomplete: frozenset[str] = frozenset()
        self.records: list[dict[str, Any]] = []

    def remember(
        self,
        outputs: Mapping[str, FakeFile],
        inputs: Mapping[str, FakeFile] | None = None,
        *,
        code: object = "code",
        command: str | None = "command",
        params: object = (),
        environment: object = "",
    ) -> int:
        """The success of a job that left `outputs` there and had read `inputs`."""
        number = len(self.records)
        read = dict(inputs or {})
        self.records.append(
            {
                "code": code,
                "command": command,
                "params": params,
                "environment": environment,
                "input_set": frozenset(read),
                "inputs": {
                    path: FileFact(path, file.mtime_ns, file.size, file.digest)
                    for path, file in read.items()
                },
            }
        )
        for path, file in outputs.items():
            self.outputs[path] = (number, file.mtime_ns, file.size, file.digest)
        return number

    def code(self, record: int) -> object:
        return self.records[record]["code"]

    def command(self, record: int) -> str | None:
        return self.records[record]["command"]

    def params(self, record: int) -> object:
        return self.records[record]["params"]

    def environment(self, record: int) -> object:
        return self.records[record]["environment"]

    def input_set(self, record: int) -> object:
        return self.records[record]["input_set"]

    def inputs(self, record: int) -> Mapping[str, FileFact]:
        return self.records[record]["inputs"]


class FakeDefinitions:
    """What jobs are now: the same for all, but for what `changed[job]` says."""

    def __init__(
        self, plan: Any, changed: Mapping[int, Mapping[str, object]] | None = None
    ) -> None:
        self._plan = plan
        self._changed = changed or {}

    def _get(self, job: int, part: str, default: object) -> object:
        return self._changed.get(job, {}).get(part, default)

    def code(self, job: int) -> object:
        return self._get(job, "code", "code")

    def same_command(self, job: int, recorded: str) -> bool:
        return recorded == self._get(job, "command", "command")

    def params(self, job: int) -> object:
        return self._get(job, "params", ())

    def environment(self, job: int) -> object:
        return self._get(job, "environment", "")

    def input_set(self, job: int) -> object:
        return self._get(job, "input_set", frozenset(self._plan.inputs[job]))
