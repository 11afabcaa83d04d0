"""Tests of rules: one rule, in a folder that holds only what the test gives it.

With pytest the fixture `rulekit_workflow` is there without an import (see `plugin`):

    def test_align(rulekit_workflow):
        workflow = rulekit_workflow("Rulefile", config={"depth": 3})
        run = workflow.rule("align", wildcards={"sample": "a"}, inputs={"reads": "ACGT\\n"})
        assert run.outputs["bam"].read_text() == "..."

Elsewhere `open_workflow(path, scratch=FOLDER)` gives the same object. Importing this imports nothing.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from rulekit.testing.bench import IsolationError as IsolationError
    from rulekit.testing.bench import RuleFailed as RuleFailed
    from rulekit.testing.bench import TestedWorkflow as TestedWorkflow
    from rulekit.testing.bench import open_workflow as open_workflow
    from rulekit.testing.run import Job as Job
    from rulekit.testing.run import Run as Run

_HOMES = {
    "IsolationError": "bench",
    "RuleFailed": "bench",
    "TestedWorkflow": "bench",
    "open_workflow": "bench",
    "Job": "run",
    "Run": "run",
}


def __getattr__(name: str) -> object:
    home = _HOMES.get(name)
    if home is None:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    import importlib

    return getattr(importlib.import_module(f"{__name__}.{home}"), name)
