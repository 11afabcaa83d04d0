"""Builders for tests: rules, workflows and plans without a rule file, files without a disk."""

from support.builders import (
    ancient,
    fixed,
    make_constraints,
    make_file,
    make_plan_of,
    make_rule,
    make_workflow,
)
from support.fakes import FakeDefinitions, FakeFile, FakeFiles, FakeMemory

__all__ = [
    "FakeDefinitions",
    "FakeFile",
    "FakeFiles",
    "FakeMemory",
    "ancient",
    "fixed",
    "make_constraints",
    "make_file",
    "make_plan_of",
    "make_rule",
    "make_workflow",
]
