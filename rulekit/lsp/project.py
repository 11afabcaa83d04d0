"""The rule files that belong together: the one in the editor, those it includes, those around."""

from __future__ import annotations

import os

from rulekit.fmt.files import rule_files
from rulekit.lsp.outline import Outline, outline
from rulekit.syntax.locate import CANDIDATES

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from rulekit.lsp.outline import Statement

MOST_FILES = 300
MOST_BYTES = 2_000_000


class Project:
    """Outlines of files, kept until the files change.

    `opened(path)` gives the text of a file as the editor has it, None if it is not open there.
    """

    def __init__(self, root: str | None, opened: Callable[[str], str | None]) -> None:
        self.root = root
        self.opened = opened
        self._kept: dict[str, tuple[object, Outline]] = {}

    def outline(self, path: str) -> Outline | None:
        """The outline of a file, None if it cannot be read."""
        text = self.opened(path)
        stamp: object
        if text is not None:
            stamp = text
        else:
            try:
                found = os.stat(path)
                if found.st_size > MOST_BYTES:
                    return None
                stamp = (found.st_mtime_ns, found.st_size)
            except (OSError, ValueError):
                return None
        kept = self._kept.get(path)
        if kept is not None and kept[0] == stamp:
            return kept[1]
        if text is None:
            try:
                with open(path, encoding="utf-8", errors="replace") as file:
                    text = file.read()
            except OSError:
                return None
        made = outline(text, path)
        self._kept[path] = (stamp, made)
        return made

    def main_file(self) -> str | None:
        """The rule file that `rulekit` would take in the root folder."""
        if self.root is None:
            return None
        for name in CANDIDATES:
            path = os.path.join(self.root, name)
            if os.path.isfile(path):
                return path
        return None

    def files(self, path: str) -> list[Outline]:
        """The file itself, then what belongs to it: its includes, the main file with its own; all
        rule files of the folder if the main file is not known to include it."""
        found: dict[str, Outline] = {}
        self._follow(path, found)
        main = self.main_file()
        known = main == path
        if main is not None and main != path:
            of_main: dict[str, Outline] = {}
            self._follow(main, of_main)
            known = path in of_main
            for name, made in of_main.items():
                found.setdefault(name, made)
        if not known and self.root is not None and _inside(path, self.root):
            for name in rule_files((self.root,))[:MOST_FILES]:
                if name not in found:
                    made_one = self.outline(name)
                    if made_one is not None:
                        found[name] = made_one
        return list(found.values())

    def with_includes(self, path: str) -> list[Outline]:
        """A file and what it includes."""
        found: dict[str, Outline] = {}
        self._follow(path, found)
        return list(found.values())

    def _follow(self, path: str, found: dict[str, Outline]) -> None:
        todo = [path]
        while todo and len(found) < MOST_FILES:
            name = todo.pop(0)
            if name in found:
                continue
            made = self.outline(name)
            if made is None:
                continue
            found[name] = made
            todo += [included for _, included in includes(made)]

    def rules(self, path: str) -> list[Statement]:
        """All rules and checkpoints of the files that belong to `path`."""
        return [rule for made in self.files(path) for rule in made.rules()]

    def derived(self, path: str) -> list[tuple[str, Statement]]:
        """The names of rules that ``use rule ... as NAME`` makes, with the statements."""
        return [found for made in self.files(path) for found in made.derived()]


def includes(made: Outline) -> Iterator[tuple[Statement, str]]:
    """The files that a file includes by a plain name, absolute; existing or not."""
    folder = os.path.dirname(made.path)
    for statement in made.statements:
        if statement.kind != "include":
            continue
        part = statement.parts[0]
        if len(part.texts) != 1 or "://" in part.texts[0].content:
            continue
        yield statement, os.path.normpath(os.path.join(folder, part.texts[0].content))


def _inside(path: str, root: str) -> bool:
    return path == root or path.startswith(root.rstrip("/") + "/")
