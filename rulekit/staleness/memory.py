"""What staleness asks of the memory of earlier runs, and of a job's present definition."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Protocol

    from rulekit.model.record import FileFact

    # record number, mtime in ns, size in bytes, digest
    OutputRow = tuple[int, int, int, str | None]

    class Memory(Protocol):
        """Records of earlier successes, read in bulk.

        `outputs` maps an output's path to its row; the parts of a record are texts or digests of
        texts, compared for equality only.
        """

        outputs: Mapping[str, OutputRow]
        incomplete: frozenset[str]

        def code(self, record: int) -> object: ...
        def command(self, record: int) -> str | None: ...
        def params(self, record: int) -> object: ...
        def environment(self, record: int) -> object: ...
        def input_set(self, record: int) -> object: ...
        def inputs(self, record: int) -> Mapping[str, FileFact]: ...

    class Definitions(Protocol):
        """The present definition of each job in the same form as the memory's parts."""

        def code(self, job: int) -> object: ...
        def same_command(self, job: int, recorded: str) -> bool: ...
        def params(self, job: int) -> object: ...
        def environment(self, job: int) -> object: ...
        def input_set(self, job: int) -> object: ...
