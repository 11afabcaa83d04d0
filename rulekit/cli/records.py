"""What the state store remembers of files, in the form that commands show."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from rulekit.engine.session import Prepared
    from rulekit.model.record import Record


class Records:
    """The records behind a prepared stage; without a store nothing is known."""

    def __init__(self, prepared: Prepared) -> None:
        self._store = prepared.store

    def of(self, path: str) -> Record | None:
        """The record of the job that made a file."""
        return self._store.record(path) if self._store is not None else None

    def made_from(self, path: str) -> tuple[str, str]:
        """The recorded inputs, joined by commas, and the command in one line; ``-`` if unknown."""
        record = self.of(path)
        if record is None:
            return "-", "-"
        command = "-" if record.command is None else record.command.strip().replace("\n", "; ")
        return ",".join(fact.path for fact in record.inputs), command
