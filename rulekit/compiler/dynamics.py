"""`dynamic(...)` of old rule files: outputs whose number is known only when they are there.

A rule with such outputs becomes a checkpoint whose output is a marker file. An input that is
`dynamic` becomes a function: it waits for that checkpoint, looks which files there are, and fills
its own pattern with the values of their wildcards. As in the versions that had `dynamic`, all
wildcards of a dynamic output are open, and a rule with one has no other outputs.
"""

from __future__ import annotations

import os

from rulekit.errors import RuleFileError
from rulekit.model.flags import FlaggedStr, flags_of
from rulekit.model.rule import CheckpointPending
from rulekit.patterns import Pattern

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from typing import Any

    from rulekit.compiler.drafts import Draft
    from rulekit.compiler.loader import Loader
    from rulekit.model.rule import CheckpointGate

FOLDER = os.path.join(".rulekit", "dynamic")  # of the markers


def translate(loader: Loader) -> None:
    """Changes the drafts of rules with dynamic files. Notes errors in `loader.problems`."""
    made: list[tuple[Draft, Pattern]] = []
    for draft in loader.drafts.values():
        made += [(draft, pattern) for pattern in _open_outputs(loader, draft)]
    for draft in loader.drafts.values():
        for i, (name, items, is_list) in enumerate(draft.inputs):
            if any("dynamic" in flags_of(item) for item in items):
                changed = [_closed(loader, draft, item, made) for item in items]
                draft.inputs[i] = (name, changed, is_list)


def _open_outputs(loader: Loader, draft: Draft) -> list[Pattern]:
    """The patterns of a rule's dynamic outputs, which a marker takes the place of."""
    items = [item for _, group, _ in draft.outputs for item in group]
    flagged = [item for item in items if "dynamic" in flags_of(item)]
    if not flagged:
        return []
    if len(flagged) != len(items):
        _error(loader, draft, "output", f"rule `{draft.name}` has dynamic outputs and others")
        return []
    texts = tuple(str(item) for item in flagged)
    marker = os.path.join(FOLDER, draft.name)
    draft.kind = "checkpoint"
    draft.outputs = [(None, [FlaggedStr(marker, {"touch": True, "dynamic": texts})], False)]
    constraints = draft.scope.space.constraints
    own = draft.directives.get("wildcard_constraints")
    if own is not None:
        constraints = {**constraints, **own.kwargs}
    return [Pattern(os.path.normpath(text), constraints) for text in texts]


def _closed(loader: Loader, draft: Draft, item: Any, made: Sequence[tuple[Draft, Pattern]]) -> Any:
    """A dynamic input as a function of the wildcards; other inputs as they are."""
    if "dynamic" not in flags_of(item):
        return item
    pattern = Pattern(os.path.normpath(str(item)))
    same = [(maker, of) for maker, of in made if of.template == pattern.template]
    alike = [(maker, of) for maker, of in made if set(of.names) & set(pattern.names)]
    for maker, of in same or alike:
        return DynamicInput(loader.gate, maker.name, of, pattern)
    _error(
        loader,
        draft,
        "input",
        f"rule `{draft.name}` has the dynamic input `{item}`, but no dynamic output has a wildcard"
        " of the same name",
    )
    return str(item)


def _error(loader: Loader, draft: Draft, keyword: str, message: str) -> None:
    directive = draft.directives[keyword]
    loader.problems.error(
        "RK0295",
        message,
        directive.file,
        directive.loc,
        help="new files use a `checkpoint` with a `directory(...)` output instead of `dynamic`",
    )


class DynamicInput:
    """The input function that a dynamic input becomes."""

    def __init__(self, gate: CheckpointGate, maker: str, of: Pattern, pattern: Pattern) -> None:
        self._gate = gate
        self._maker = maker
        self._of = of
        self._pattern = pattern

    def __call__(self, wildcards: Any) -> list[str]:
        """Raises `CheckpointPending` if the files are not there yet."""
        if (self._maker, ()) not in self._gate.done:
            marker = os.path.join(FOLDER, self._maker)
            raise CheckpointPending(self._maker, (), (marker,))
        known = dict(wildcards.items())
        found: dict[str, None] = {}
        for path in sorted(matches(self._of)):
            values = self._of.match(path)
            assert values is not None
            open_ = dict(zip(self._of.names, values, strict=True))
            if any(open_[name] != value for name, value in known.items() if name in open_):
                continue
            every = {**known, **open_}
            missing = [name for name in self._pattern.names if name not in every]
            if missing:
                raise RuleFileError(
                    f"the dynamic input `{self._pattern.text}` has the wildcard `{missing[0]}`,"
                    f" which neither its rule's output nor `{self._of.text}` has",
                    code="RK0295",
                )
            found[self._pattern.fill([every[name] for name in self._pattern.names])] = None
        return list(found)


def matches(pattern: Pattern) -> Iterator[str]:
    """The files there are that fit a pattern."""
    from rulekit.language.filenames import _walk

    first = pattern.text.find("{")
    folder = os.path.dirname(pattern.text[:first] if first >= 0 else pattern.text) or "."
    for path in _walk(folder, False):
        if pattern.match(path) is not None and not os.path.isdir(path):
            yield path


def sweep(texts: Sequence[str]) -> None:
    """Takes away what an earlier run of a rule with dynamic outputs made. Raises OSError."""
    for text in texts:
        for path in list(matches(Pattern(os.path.normpath(text)))):
            os.unlink(path)
