"""From a body to what is executed: program, arguments, environment."""

from __future__ import annotations

import os

from rulekit.runner.files import Refused
from rulekit.runner.helpers import write_helper
from rulekit.runner.programs import program_of as program_of

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from rulekit.model.spec import JobSpec
    from rulekit.runner.activation import Difference

# The kernel takes 128 KiB for one argument, but the environment shares a larger limit with it.
_LONGEST = 100_000


def argv_of(spec: JobSpec, turn: int = 0) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Arguments (the first is the program) and helper files that were written for them.

    `turn` counts the repeats of a benchmark from 0. Empty arguments mean that there is nothing
    to execute. Raises Refused.
    """
    body = spec.body
    kind = body["kind"]
    if kind == "shell":
        repeats = body.get("repeats")
        command = repeats[turn] if repeats else body["command"]
        text = f"{body.get('prefix') or ''}{command}{body.get('suffix') or ''}"
        executable = body.get("executable") or "bash"
        if len(text) > _LONGEST // 4 and len(os.fsencode(text)) > _LONGEST:
            path = write_helper(spec, "tmp", f"{spec.token}.sh", text + "\n")
            return (executable, path), (path,)
        return (executable, "-c", text), ()
    if kind == "command":
        if not body.get("context_argument"):
            return tuple(body["argv"]), ()
        # The program reads what it works on from a file, named by its last argument.
        import json

        text = json.dumps({**(spec.context or {}), "bench_iteration": turn})
        path = write_helper(spec, "tmp", f"{spec.token}.json", text)
        return (*body["argv"], path), (path,)
    if kind == "script":
        from rulekit.runner.script import launch

        return launch(spec, turn)
    if kind == "notebook":
        from rulekit.runner.notebook import launch as launch_notebook

        return launch_notebook(spec, turn)
    if kind == "none":
        return (), ()
    raise Refused("spawn", f"this version does not know how to run a body of kind `{kind}`")


class Environments:
    """The environment of jobs, built once for each different set of additions."""

    __slots__ = (
        "_base",
        "_made",
        "activated",
        "asked",
        "bodies",
        "learned",
        "shared_files",
        "wrap",
    )

    def __init__(self, base: dict[str, str] | None = None) -> None:
        # Carries out a `run:` body here; None where the rule file's functions are not at hand.
        self.bodies: Callable[[JobSpec, int], int] | None = None
        self.shared_files: frozenset[int] = frozenset()  # open files that such a body may use
        # Puts a container around what is executed: attempt and arguments to arguments.
        self.wrap: Callable[[JobSpec, tuple[str, ...]], tuple[str, ...]] | None = None
        # What is known of software that was activated, by its key; `learned` is told of more,
        # and `asked` says whether to give up while it is activated.
        self.activated: dict[str, Difference] = {}
        self.learned: Callable[[str, Difference], None] | None = None
        self.asked: Callable[[], bool] = lambda: False
        self._base = dict(os.environ) if base is None else base
        self._made: dict[tuple[Any, ...], dict[str, str]] = {}

    def extended(self, values: dict[str, str]) -> Environments:
        """The same with further variables."""
        made = Environments({**self._base, **values})
        made.bodies, made.shared_files, made.wrap = self.bodies, self.shared_files, self.wrap
        return made

    def is_ready(self, spec: JobSpec) -> bool:
        """Whether the order's software was activated before, or it has none."""
        if spec.software is None:
            return True
        from rulekit.runner.activation import key_of

        key = key_of(spec.software)
        return not key or key in self.activated

    def difference(self, spec: JobSpec) -> Difference:
        """What the order's software changes in the environment; activated now, if it was not yet.

        Raises Refused.
        """
        from rulekit.runner.activation import activate, key_of

        assert spec.software is not None
        key = key_of(spec.software)
        found = self.activated.get(key)
        if found is None:
            base = {**self._base, "RULEKIT_ATTEMPT": spec.token}
            found = self.activated[key] = activate(spec.software, base, self.asked)
            if self.learned is not None:
                self.learned(key, found)
        return found

    def of(self, spec: JobSpec) -> dict[str, str]:
        """The full environment of an attempt. To be used before the next call, not kept."""
        key: tuple[Any, ...] = tuple(spec.environment.items())
        if spec.software is not None:
            from rulekit.runner.activation import key_of

            key = (key_of(spec.software), *key)
        made = self._made.get(key)
        if made is None:
            if len(self._made) > 256:
                self._made.clear()
            made = {**self._base, **spec.environment}
            if spec.software is not None:
                self.difference(spec).apply(made)
            self._made[key] = made
        made["RULEKIT_ATTEMPT"] = spec.token
        return made
