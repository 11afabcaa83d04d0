"""Autoscale formulas: the language of Azure Batch that says how many nodes a pool should have.

    check(formula)                          raises FormulaError: the service answers 400
    evaluate(formula, samples, now, ...)    an AutoscaleRun, with targets or with an error

From Microsoft's page "Create a formula to automatically scale compute nodes in a Batch pool" and
answers of the service that its SDKs' tests quote. What the page leaves open is decided as follows:
both sides of `&&` and `||` are evaluated, only the chosen branch of `?:` is; targets are cut to
whole numbers and not below 0; Sunday is weekday 7; `GetSample(count)` gives what there is, but
fails where there is nothing; percentiles are elements of the vector (nearest rank).
"""

from __future__ import annotations

from rulekit.emulator.autoscale.evaluation import AutoscaleRun as AutoscaleRun
from rulekit.emulator.autoscale.evaluation import evaluate as evaluate
from rulekit.emulator.autoscale.problems import FormulaError as FormulaError
from rulekit.emulator.autoscale.samples import METRICS as METRICS
from rulekit.emulator.autoscale.samples import SampleStore as SampleStore
from rulekit.emulator.autoscale.syntax import parse as _parse


def check(formula: str) -> None:
    """Raise FormulaError if the formula is too long or cannot be read."""
    _parse(formula)
