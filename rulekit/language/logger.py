"""`logger`: what rule files write to. Lines go to stderr, as talk does."""

from __future__ import annotations

import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any


class Logger:
    """Answers to the methods of a `logging.Logger` that rule files use, without that module."""

    name = "snakemake"
    level = 20  # as in `logging`: 10 debug, 20 info, 30 warning, 40 error

    def _write(self, level: int, message: object, *args: object, **_more: Any) -> None:
        if level < self.level:
            return
        text = str(message)
        if args:
            try:
                text = text % args
            except (TypeError, ValueError):
                text = " ".join([text, *map(str, args)])
        sys.stderr.write(text + "\n")
        sys.stderr.flush()

    def debug(self, message: object = "", *args: object, **more: Any) -> None:
        self._write(10, message, *args, **more)

    def info(self, message: object = "", *args: object, **more: Any) -> None:
        self._write(20, message, *args, **more)

    def warning(self, message: object = "", *args: object, **more: Any) -> None:
        self._write(30, message, *args, **more)

    warn = warning

    def error(self, message: object = "", *args: object, **more: Any) -> None:
        self._write(40, message, *args, **more)

    critical = fatal = error

    def exception(self, message: object = "", *args: object, **more: Any) -> None:
        self._write(40, message, *args, **more)

    def log(self, level: int, message: object = "", *args: object, **more: Any) -> None:
        self._write(level, message, *args, **more)

    def setLevel(self, level: Any) -> None:  # noqa: N802  the name that files use
        names = {"DEBUG": 10, "INFO": 20, "WARNING": 30, "WARN": 30, "ERROR": 40, "CRITICAL": 50}
        self.level = names.get(level, 20) if isinstance(level, str) else int(level)

    def isEnabledFor(self, level: int) -> bool:  # noqa: N802
        return level >= self.level

    def getEffectiveLevel(self) -> int:  # noqa: N802
        return self.level

    def addHandler(self, handler: Any) -> None:  # noqa: N802
        """Handlers of user code are not called: rulekit writes its own log."""

    def removeHandler(self, handler: Any) -> None:  # noqa: N802
        """As `addHandler`."""

    handlers: tuple[Any, ...] = ()


logger = Logger()
