"""What can be wrong with a formula, as the service names it."""

from __future__ import annotations

TOO_LONG = "AutoScalingFormulaTooLong"
SYNTAX = "AutoScalingFormulaSyntaxError"
EVALUATION = "AutoScalingFormulaEvaluationError"
SAMPLES = "InsufficientSampleData"

MESSAGES = {
    TOO_LONG: "The specified autoscale formula exceeds the maximum length of 8192 characters",
    SYNTAX: "The specified autoscale formula has a syntax error",
    EVALUATION: "Autoscale evaluation failed due to an error in the formula",
    SAMPLES: "Autoscale evaluation failed due to insufficient sample data",
}


class FormulaError(ValueError):
    """A formula that cannot be read or evaluated. `code` and `message` are the service's, `detail`
    says where and why."""

    def __init__(self, code: str, detail: str) -> None:
        super().__init__(f"{MESSAGES[code]}: {detail}")
        self.code = code
        self.message = MESSAGES[code]
        self.detail = detail


class Failure(Exception):
    """An evaluation that cannot go on; the place is added where it is known."""

    def __init__(self, detail: str, code: str = EVALUATION) -> None:
        super().__init__(detail)
        self.detail = detail
        self.code = code


def place(text: str, position: int) -> str:
    """`Line 2, Col 7` of a position in a formula, both from 1."""
    line = text.count("\n", 0, position) + 1
    return f"Line {line}, Col {position - (text.rfind(chr(10), 0, position) + 1) + 1}"
