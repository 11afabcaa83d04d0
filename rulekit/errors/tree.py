"""The exceptions. Each carries diagnostics; the command line writes them out."""

from __future__ import annotations

from rulekit.errors.diagnostic import Diagnostic

TYPE_CHECKING = False
if TYPE_CHECKING:
    from rulekit.errors.diagnostic import Label
    from rulekit.model.span import Span


class RulekitError(Exception):
    """An error that is not a bug of rulekit. `diagnostics` has at least one."""

    exit_code = 70
    default_code = "RK0001"

    def __init__(
        self,
        message: str = "",
        *,
        code: str | None = None,
        span: Span | None = None,
        caret: str = "",
        labels: tuple[Label, ...] = (),
        notes: tuple[str, ...] = (),
        help: str | None = None,  # noqa: A002  the word users read
        diagnostics: tuple[Diagnostic, ...] = (),
    ) -> None:
        self.diagnostics = diagnostics or (
            Diagnostic(code or self.default_code, message, span, caret, labels, notes, help),
        )
        super().__init__(message or self.diagnostics[0].message)


class UsageError(RulekitError):
    """A wrong command line."""

    exit_code = 2
    default_code = "RK0100"


class RuleFileError(RulekitError):
    """A mistake in a rule file, config file or profile. Nothing was started."""

    exit_code = 3
    default_code = "RK0200"


class PlanError(RulekitError):
    """No plan: missing input, ambiguity, cycle. The notes hold the chain of targets.

    `missing` are the input files that are not there, `known` those that the workflow names.
    """

    missing: tuple[str, ...] = ()
    known: tuple[str, ...] = ()
    exit_code = 4
    default_code = "RK0400"


class SoftwareError(RulekitError):
    """A conda environment or container could not be prepared."""

    exit_code = 5
    default_code = "RK0500"


class InfrastructureError(RulekitError):
    """Disk, storage or cloud did not do what was asked."""

    exit_code = 6
    default_code = "RK0600"


class LockedError(RulekitError):
    """Another run holds files that this one needs."""

    exit_code = 7
    default_code = "RK0700"


class StateError(RulekitError):
    """The state store is damaged and cannot repair itself."""

    exit_code = 9
    default_code = "RK0900"
