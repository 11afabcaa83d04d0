"""`Workflow` + targets → `Plan`, by search with backtracking.

Calls the user's input functions, the one impurity it admits; asks the world only through a
`FileView`. Knows nothing of staleness or executors.
"""

from rulekit.planning.options import PlanOptions
from rulekit.planning.plan import Job, Plan
from rulekit.planning.search import make_plan

__all__ = ["Job", "Plan", "PlanOptions", "make_plan"]
