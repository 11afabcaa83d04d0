"""`input`, `output`, `params`, `resources`, `threads` outside a rule's action.

``params: base=subpath(input[0])`` cannot be computed when the file is read. These names stand
for functions of the job: taking an item or attribute of one gives a function that fetches it.
"""

from __future__ import annotations

from rulekit.language.call import takes
from rulekit.language.exceptions import WorkflowError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any


class RuleItem:
    """One of the job's lists, before there is a job."""

    __slots__ = ("name",)

    def __init__(self, name: str) -> None:
        self.name = name

    def __getattr__(self, attribute: str) -> Callable[..., Any]:
        if attribute.startswith("__"):
            raise AttributeError(attribute)
        name = self.name

        def fetch(wildcards: Any, **available: Any) -> Any:
            return getattr(available[name], attribute)

        return takes(fetch, frozenset((name,)))

    def __getitem__(self, key: Any) -> Callable[..., Any]:
        name = self.name

        def fetch(wildcards: Any, **available: Any) -> Any:
            return available[name][key]

        return takes(fetch, frozenset((name,)))

    def __iter__(self) -> Any:
        raise WorkflowError(
            f"`{self.name}` outside the rule's action stands for a value that is known later; "
            f"take an item of it (`{self.name}[0]`, `{self.name}.name`) or write a function"
        )

    def __repr__(self) -> str:
        return f"<{self.name} of the job>"


def threads(wildcards: Any, threads: Any) -> Any:
    """`threads` outside the rule's action: the job's number of threads."""
    return threads


input = RuleItem("input")  # noqa: A001  the names that rule files use
output = RuleItem("output")
params = RuleItem("params")
resources = RuleItem("resources")
