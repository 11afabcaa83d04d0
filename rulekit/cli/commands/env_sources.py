"""What the commands about environments share: which environments there are, the store, the talk."""

from __future__ import annotations

import os
import sys

from rulekit.cli import session
from rulekit.errors.tree import PlanError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from rulekit.cli.parse import Command
    from rulekit.environments import EnvironmentStore, Progress

STORE = os.path.join(session.STATE_DIR, "conda")


def store_of(command: Command) -> EnvironmentStore:
    """The store that runs with these options use."""
    from rulekit.environments import EnvironmentStore, read_settings

    options = command.options
    settings = read_settings(base_path=options.conda_base_path, frozen=options.conda_frozen)
    folder = options.conda_prefix or STORE
    return EnvironmentStore(os.path.abspath(folder), settings, memory=os.path.abspath(STORE))


def sources_of(command: Command) -> dict[str, list[str]]:
    """The environments of the jobs of the plan (files, names, folders) with their rules. Raises
    `PlanError` if there is no plan."""
    from rulekit.engine.software import Software
    from rulekit.frozen import replace

    options = command.options
    targets = () if command.verb == "env" else options.targets
    # Whatever --sdm says, it is conda that is asked about.
    changed = options.replace(sdm=options.sdm | {"conda"}, targets=targets)
    command = replace(command, options=changed)
    loaded = session.load(command)
    prepared = session.prepare(command, loaded, readonly=True)
    return Software(prepared.settings).conda_sources(prepared.stage)


def rules_of(command: Command, *, strict: bool = False) -> dict[str, list[str]]:
    """The environments of all rules, with or without a job in the plan. Those that depend on a job
    are known from the plan; if there is none, `strict` raises `PlanError` where it matters."""
    from rulekit.engine.software import rule_source
    from rulekit.frozen import replace

    options = command.options
    asked = replace(command, options=options.replace(sdm=options.sdm | {"conda"}))
    workflow = session.load(asked).workflow
    found: dict[str, list[str]] = {}
    rules = workflow.rules
    for rule in rules:
        source = rule_source(rule)
        if source is not None:
            found.setdefault(source, []).append(rule.name)
    try:
        planned = sources_of(command)
    except PlanError as error:
        if strict and any(rule.conda is not None and rule_source(rule) is None for rule in rules):
            raise
        sys.stderr.write(f"note: without a plan ({error}) only what rules say themselves\n")
        return found
    for source, names in planned.items():
        there = found.setdefault(source, [])
        there += [name for name in names if name not in there]
    return found


def talker(command: Command) -> Callable[[Progress], None]:
    """A function that tells what goes on, on stderr, without the counting of packages."""
    told: set[tuple[str, str, str]] = set()
    quiet = "all" in command.options.quiet

    def say(news: Progress) -> None:
        if quiet or (news.stage == "install" and news.done):
            return
        mark = (news.stage, news.source, news.text)
        if mark not in told:
            told.add(mark)
            sys.stderr.write(f"{os.path.basename(news.source)}: {news.text}\n")
            sys.stderr.flush()

    return say
