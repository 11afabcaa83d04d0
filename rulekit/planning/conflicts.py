"""Outputs of a plan that stand in each other's way."""

from __future__ import annotations

from rulekit.errors import Label, PlanError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from rulekit.planning.plan import Plan


def check_directories(plan: Plan) -> None:
    """No job may write into a directory that is another job's output.

    That directory is removed before its own job runs, and the file with it. Raises `PlanError`.
    """
    rules = {
        template.rule.index
        for template in plan.templates
        if any("directory" in flags for _, flags in template.outputs.flags)
    }
    if not rules:
        return
    directories: dict[str, int] = {}
    for number in plan.numbers():
        if plan.rule[number] in rules:
            for position, flags in plan.output_flags(number):
                if "directory" in flags:
                    directories[plan.outputs[number][position].rstrip("/")] = number
    for number in plan.numbers():
        for path in plan.outputs[number]:
            end = path.rfind("/")
            while end > 0:
                owner = directories.get(path[:end])
                if owner is not None and owner != number:
                    rule, other = plan.rule_of(number), plan.rule_of(owner)
                    raise PlanError(
                        f"`{path}` lies in `{path[:end]}`, which is an output of `{plan.key(owner)}`",
                        code="RK0414",
                        span=rule.span,
                        caret="writes into the other's directory",
                        labels=(Label(other.span, "this rule makes the whole directory"),),
                        help="let one rule make the directory, or give the file another place",
                    )
                end = path.rfind("/", 0, end)
