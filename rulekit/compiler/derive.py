"""Directives of a rule that is derived from another one, by `use rule ... with:`."""

from __future__ import annotations

from rulekit.compiler.drafts import Directive
from rulekit.compiler.rules import ACTIONS

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

    from rulekit.compiler.loader import Loader


def overridden(
    directives: dict[str, Directive],
    changes: Mapping[str, Directive],
    loader: Loader,
    name: str,
) -> dict[str, Directive]:
    """Directives with those of a `with:` block: each replaces the old one, params are merged."""
    merged = {**directives, **changes}
    if "container" in changes:
        merged.pop("containerized", None)
    old, new = directives.get("params"), changes.get("params")
    if old is not None and new is not None:
        if new.args and old.args and len(new.args) != len(old.args):
            loader.problems.warning(
                "RK0258",
                f"`with` replaces {len(old.args)} positional params of rule `{name}` by "
                f"{len(new.args)}",
                new.file,
                new.loc,
            )
        merged["params"] = Directive(
            new.loc, new.file, new.args or old.args, {**old.kwargs, **new.kwargs}, new.scope
        )
    for action in (*ACTIONS, "run"):
        if action in changes:
            loader.problems.error(
                "RK0245",
                f"`with` cannot replace the action of a rule: `{action}`",
                changes[action].file,
                changes[action].loc,
            )
    return merged
