"""`input`, `output`, `params`, `resources`, `threads` outside a rule's action.

``params: base=subpath(input[0])`` cannot be computed when the file is read. These names stand
for functions of the job: taking an item or attribute of one gives a function that fetches it.

In an f-string each turns into the field of the same text: ``shell: f"cp {input} {output.x}"`` is
the command ``cp {input} {output.x}``, which is filled in for each job.
"""

from __future__ import annotations

from rulekit.language.call import takes
from rulekit.language.exceptions import WorkflowError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Never


class _Field:
    """Something that an f-string turns into a field of a command."""

    field: str

    def __format__(self, spec: str) -> str:
        return "{" + self.field + (":" + spec if spec else "") + "}"

    def __str__(self) -> str:
        return "{" + self.field + "}"

    def __repr__(self) -> str:
        return "{" + self.field + "!r}"


class Fetch(_Field):
    """A function of the job that gives one item of one of its lists."""

    def __init__(self, name: str, field: str, key: Any, is_attribute: bool) -> None:
        self.name = name
        self.field = field
        self._key = key
        self._is_attribute = is_attribute
        takes(self, frozenset((name,)))

    def __call__(self, wildcards: Any, **available: Any) -> Any:
        value = available[self.name]
        return getattr(value, self._key) if self._is_attribute else value[self._key]


class RuleItem(_Field):
    """One of the job's lists, before there is a job."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.field = name

    def __getattr__(self, attribute: str) -> Fetch:
        if attribute.startswith("__"):
            raise AttributeError(attribute)
        return Fetch(self.name, f"{self.name}.{attribute}", attribute, True)

    def __getitem__(self, key: Any) -> Fetch:
        return Fetch(self.name, f"{self.name}[{key}]", key, False)

    def __iter__(self) -> Never:
        raise WorkflowError(
            f"`{self.name}` outside the rule's action stands for a value that is known later",
            f"take an item of it (`{self.name}[0]`, `{self.name}.name`) or write a function",
        )


class _Threads(_Field):
    """`threads`: the job's number of threads."""

    field = "threads"

    def __call__(self, wildcards: Any, threads: Any) -> Any:
        return threads


input = RuleItem("input")  # noqa: A001  the names that rule files use
output = RuleItem("output")
params = RuleItem("params")
resources = RuleItem("resources")
threads = _Threads()
