"""`--immediate-submit`: all jobs are handed to the cluster at once, which then keeps their order.

Nobody waits for results here. Each job script is a small run of its own, of one job; the submit
command gets the ids of the jobs it has to come after as ``{dependencies}``.
"""

from __future__ import annotations

import os
import shlex
import subprocess
import sys

from rulekit.cli import session
from rulekit.errors.tree import InfrastructureError, UsageError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    from rulekit.cli.parse import Command
    from rulekit.engine.loop import Stage
    from rulekit.executors.cluster.settings import ClusterSettings

# What belongs to this run, not to the runs of single jobs.
_NOT_HANDED_ON = frozenset(
    {
        "batch",
        "cluster",
        "cluster_cancel",
        "cluster_cancel_nargs",
        "cluster_config",
        "cluster_generic_submit_cmd",
        "cluster_sidecar",
        "cluster_status",
        "cluster_sync",
        "cores",
        "directory",
        "executor",
        "force",
        "forceall",
        "forcerun",
        "group_components",
        "groups",
        "immediate_submit",
        "jobname",
        "jobs",
        "jobscript",
        "local_cores",
        "log_json",
        "notemp",
        "omit_from",
        "precommand",
        "profile",
        "prioritize",
        "rulefile",
        "target_jobs",
        "until",
        "workflow_profile",
    }
)


def submit_all(command: Command) -> int:
    """Submits a script for each job that has to run. Raises `UsageError`, `InfrastructureError`."""
    from rulekit.cli.clusterwords import cluster_settings

    options = command.options
    settings = cluster_settings(options)
    if settings is None or settings.sync:
        raise UsageError(
            "--immediate-submit is for clusters that keep the order of jobs themselves",
            code="RK0108",
            help="give --cluster 'COMMAND {dependencies}'",
        )
    if not options.notemp:
        raise UsageError(
            "--immediate-submit cannot tell when temporary files are not needed any more",
            code="RK0108",
            help="add --notemp",
        )
    loaded = session.load(command)
    stage = session.prepare(command, loaded, readonly=True).stage
    if stage.plan.waits:
        raise UsageError("--immediate-submit cannot know what follows checkpoints", code="RK0108")
    words = list(_handed_on(command, loaded.rulefile))
    ids: dict[int, list[str]] = {}
    count = 0
    for job in stage.plan.numbers():
        if not stage.forecast.run[job]:
            continue
        before = [one for needed in stage.plan.needs[job] for one in ids.get(needed, ())]
        if stage.plan.rule_of(job).body.kind == "none" and not stage.plan.outputs[job]:
            ids[job] = before
            continue
        found = _submit(stage, job, settings, words, list(dict.fromkeys(before)))
        ids[job] = [found] if found else []
        count += 1
        sys.stderr.write(f"Submitted {stage.plan.key(job)} as cluster job `{found}`.\n")
    sys.stderr.write(f"{count} jobs are submitted; the cluster runs them in their order.\n")
    return 0


def _handed_on(command: Command, rulefile: str) -> Iterator[str]:
    """The options of this run for the runs of single jobs."""
    from rulekit.cli.options import all_rows

    yield from ("--snakefile", rulefile, "--profile", "none", "--workflow-profile", "none")
    rows = {row[1]: row for row in reversed(all_rows())}
    for dest, occurrences in command.raw.items():
        if dest not in _NOT_HANDED_ON:
            for words in occurrences:
                yield from (rows[dest][0].split()[0], *words)
    yield from ("--notemp", "--no-hooks", "--force", "--quiet", "all")


def _submit(
    stage: Stage, job: int, settings: ClusterSettings, words: list[str], before: list[str]
) -> str:
    from rulekit.engine.cluster import describe_job
    from rulekit.executors.cluster.script import filled, script_text, template_of

    described = describe_job(stage, job, settings)
    plan = stage.plan
    rule = plan.rule_of(job)
    values = zip(rule.wildcard_names, plan.wildcards[job], strict=True)
    target = f"{rule.name}:" + ",".join(f"{name}={value}" for name, value in values)
    argv = [sys.executable, "-m", "rulekit", *words, "--cores", str(stage.values.threads(job))]
    argv += ["--allowed-rules", rule.name, "--target-jobs", target]
    run = f"cd {shlex.quote(os.getcwd())} && {' '.join(map(shlex.quote, argv))}"
    names = {
        **described.names,
        "name": rule.name,
        "rulename": rule.name,
        "dependencies": " ".join(before),
    }
    folder = os.path.join(session.STATE_DIR, "submitted")
    name = filled(settings.jobname, names, "--jobname").replace("/", "_")
    script = os.path.abspath(os.path.join(folder, name))
    submit = f'{filled(settings.submit, names, "the submit command")} "{script}"'
    try:
        os.makedirs(folder, exist_ok=True)
        with open(script, "w", encoding="utf-8") as file:
            file.write(script_text(template_of(settings), described, run))
        os.chmod(script, 0o700)
        done = subprocess.run(submit, shell=True, check=False, stdout=subprocess.PIPE)  # noqa: S602
    except OSError as error:
        raise InfrastructureError(
            f"`{plan.key(job)}` cannot be submitted: {error.strerror}", code="RK0691"
        ) from error
    if done.returncode:
        raise InfrastructureError(
            f"`{plan.key(job)}` cannot be submitted: the command ended with exit code "
            f"{done.returncode}",
            code="RK0691",
            help="jobs that were submitted before it are not cancelled",
        )
    return done.stdout.decode("utf-8", "replace").partition("\n")[0].strip()
