"""Rule files written in any legal layout parse to what was written."""

from __future__ import annotations

import os

from hypothesis import HealthCheck, given, settings
from rulefile_layouts import files

from rulekit.compiler.lowering import RUN_PARAMETERS, compile_file
from rulekit.syntax import decode, parse

EXAMPLES = 20_000 if os.environ.get("RULEKIT_LONG") else 250


class Recorder:
    """Stands for `__rulekit__`: what the file calls and what its bodies do, in order."""

    def __init__(self) -> None:
        self.calls: list[tuple] = []
        self.done: list[object] = []

    def append(self, value: object) -> None:
        """`OUT.append` in the file."""
        if self.calls and self.calls[-1][0] == "did":
            self.calls[-1][1].append(value)
        else:
            self.calls.append(("did", [value]))

    def effect(self, function, *args, **kwargs) -> list[object]:
        before, self.calls = self.calls, []
        function(*args, **kwargs)
        found, self.calls = self.calls, before
        return [value for _, values in found for value in values]

    def rule(self, kind, name, loc, docstring, directives, run) -> None:
        if run is not None:
            function, text, _, _ = run
            effect = self.effect(function, **dict.fromkeys(RUN_PARAMETERS))
            run = (text, effect)
        self.calls.append(("rule", kind, name, docstring, _without_loc(directives), run))

    def hook(self, kind, loc, function) -> None:
        self.calls.append(("hook", kind, self.effect(function, None)))

    def __getattr__(self, method: str):
        def record(*args: object) -> None:
            # Places are another test's business.
            plain = [arg for arg in args if not _is_loc(arg)]
            self.calls.append((method, *(_without_loc(arg) for arg in plain)))

        return record


def _is_loc(value: object) -> bool:
    return isinstance(value, tuple) and len(value) == 4 and all(type(x) is int for x in value)


def _without_loc(value: object) -> object:
    if (
        isinstance(value, tuple)
        and value
        and all(isinstance(x, tuple) and len(x) == 4 for x in value)
    ):
        return tuple((word, args, kwargs) for word, _, args, kwargs in value)
    return value


class Manager:
    def __enter__(self) -> None: ...

    def __exit__(self, *_: object) -> None: ...


def merged(calls: list[tuple]) -> list[tuple]:
    """Neighbouring effects of plain Python as one."""
    out: list[tuple] = []
    for call in calls:
        if call[0] == "did" and out and out[-1][0] == "did":
            out[-1] = ("did", out[-1][1] + call[1])
        elif call != ("did", []):
            out.append(call)
    return out


@settings(max_examples=EXAMPLES, deadline=None, suppress_health_check=list(HealthCheck))
@given(files())
def test_round_trip(made: tuple[bytes, list[tuple]]) -> None:
    data, expected = made
    scope = Recorder()
    names = {"__rulekit__": scope, "OUT": scope, "CM": Manager(), "DECO": lambda made: made}
    exec(compile_file(parse(decode(data, "f"), "f")), names)
    assert scope.calls == merged(expected)
