"""`--generate-unit-tests [DIR]`: a test for each rule, from results that are there.

For one job of each rule whose inputs and outputs exist, inputs are copied to ``DIR/RULE/data`` and
outputs to ``DIR/RULE/expected``; ``DIR/test_RULE.py`` makes the outputs from the inputs in a folder
that has only these, by `rulekit.testing`, and compares them. Tests that exist are left as they are.
"""

from __future__ import annotations

import os
import shutil
import sys

from rulekit.cli import session
from rulekit.errors.tree import UsageError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from rulekit.cli.parse import Command
    from rulekit.compiler.settings import LoadSettings
    from rulekit.engine.session import Prepared

DEFAULT = ".tests/unit"

_COMMON = '''\
"""What the tests of the rules share. Change `compare` where files may differ, as in dates."""

import os

from rulekit.testing import open_workflow

HERE = os.path.dirname(os.path.abspath(__file__))
RULEFILE = {rulefile!r}
PROJECT = {project!r}  # where the rule file is read: relative to this folder, as the others
CONFIGFILES = {configfiles!r}
CONFIG = {config!r}


def check(rule, wildcards, tmp_path):
    """Runs a job of one rule where there is nothing but its data, and compares what it makes."""
    workflow = open_workflow(
        os.path.normpath(os.path.join(HERE, RULEFILE)),
        scratch=tmp_path,
        start=HERE,
        directory=PROJECT,
        configfiles=CONFIGFILES,
        config=CONFIG,
    )
    data = os.path.join(HERE, rule, "data")
    inputs = data if os.path.isdir(data) else None  # a rule without inputs has no such folder
    run = workflow.rule(rule, wildcards=wildcards, inputs=inputs)
    compare(run, os.path.join(rule, "expected"))


def compare(run, expected):
    """All must be equal. `ignore=` leaves out lines, `rel=` lets numbers differ a little."""
    run.check(expected)
'''
_TEST = '''\
"""Rule `{rule}`."""

import os
import sys

sys.path.insert(0, os.path.dirname(__file__))

import common


def test_{name}(tmp_path):
    common.check({rule!r}, {wildcards!r}, tmp_path)
'''


def execute(command: Command) -> int:
    options = command.options
    loaded = session.load(command)
    # Relative to the working directory, as in Snakemake.
    folder = os.path.abspath(options.generate_unit_tests or DEFAULT)
    prepared = session.prepare(command, loaded, readonly=True)
    try:
        made, left = generate(prepared, folder, loaded.rulefile, loaded.settings)
    except OSError as error:
        raise UsageError(
            f"--generate-unit-tests: `{error.filename}`: {error.strerror}", code="RK0109"
        ) from error
    for name in made:
        sys.stdout.write(f"Wrote a test of rule {name}.\n")
    for name, why in left.items():
        sys.stdout.write(f"No test of rule {name}: {why}.\n")
    sys.stdout.write(f"Run them by: pytest {os.path.relpath(folder)}\n")
    return 0


def generate(
    prepared: Prepared, folder: str, rulefile: str, settings: LoadSettings
) -> tuple[list[str], dict[str, str]]:
    """Names of rules for which a test was written, and why there is none for the others."""
    plan, workflow = prepared.stage.plan, prepared.workflow
    jobs: dict[int, list[int]] = {}
    for job in plan.numbers():
        jobs.setdefault(plan.rule[job], []).append(job)
    made: list[str] = []
    left: dict[str, str] = {}
    os.makedirs(folder, exist_ok=True)
    common = os.path.join(folder, "common.py")
    if not os.path.exists(common):
        text = _COMMON.format(
            rulefile=os.path.relpath(rulefile, folder),
            project=os.path.relpath(os.getcwd(), folder),
            configfiles=[os.path.relpath(path, folder) for path in settings.configfiles],
            config=dict(settings.config),
        )
        with open(common, "w", encoding="utf-8") as file:
            file.write(text)
    for rule in workflow.rules:
        test = os.path.join(folder, f"test_{rule.name}.py")
        if rule.body.kind == "none" and not rule.outputs:
            continue
        if os.path.exists(test):
            left[rule.name] = "there is one already"
            continue
        chosen = next((job for job in jobs.get(rule.index, ()) if _is_there(prepared, job)), None)
        if chosen is None:
            left[rule.name] = "no job of it has all its inputs and outputs"
            continue
        place = os.path.join(folder, rule.name)
        for kind, paths in (("data", plan.inputs[chosen]), ("expected", plan.outputs[chosen])):
            for path in paths:
                _copy(path, os.path.join(place, kind, path))
        name = "".join(letter if letter.isalnum() else "_" for letter in rule.name)
        wildcards = dict(zip(rule.wildcard_names, plan.wildcards[chosen], strict=True))
        with open(test, "w", encoding="utf-8") as file:
            file.write(_TEST.format(rule=rule.name, name=name, wildcards=wildcards))
        made.append(rule.name)
    return made, left


def _is_there(prepared: Prepared, job: int) -> bool:
    plan = prepared.stage.plan
    paths = (*plan.inputs[job], *plan.outputs[job])
    return bool(plan.outputs[job]) and all(
        not os.path.isabs(path) and not path.startswith("..") and os.path.exists(path)
        for path in paths
    )


def _copy(source: str, target: str) -> None:
    os.makedirs(os.path.dirname(target), exist_ok=True)
    if os.path.isdir(source):
        shutil.copytree(source, target, dirs_exist_ok=True)
    else:
        shutil.copy2(source, target)
