"""The exception tree, and how a diagnostic is written out.

    RulekitError                 exit code
    ├── UsageError               2   a wrong command line
    ├── RuleFileError            3   rule file, config, profile: nothing was started
    ├── PlanError                4   missing input, ambiguity, cycle
    ├── SoftwareError            5   conda environment or container
    ├── InfrastructureError      6   storage, cloud, disk: may be retried
    ├── LockedError              7   held by another run
    └── StateError               9   the state store is damaged

A failed job is an event, not an exception (exit code 1). Anything else that is raised is our
own bug (70). Wording: lower case, one sentence, names in backticks; what to do in `help`.
"""

from rulekit.errors.diagnostic import Diagnostic, Label, closest, did_you_mean
from rulekit.errors.tree import (
    InfrastructureError,
    LockedError,
    PlanError,
    RuleFileError,
    RulekitError,
    SoftwareError,
    StateError,
    UsageError,
)

__all__ = [
    "Diagnostic",
    "InfrastructureError",
    "Label",
    "LockedError",
    "PlanError",
    "RuleFileError",
    "RulekitError",
    "SoftwareError",
    "StateError",
    "UsageError",
    "closest",
    "did_you_mean",
]
