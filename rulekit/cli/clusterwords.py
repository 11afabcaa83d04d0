"""Options for clusters → what the executor is told. Imported only when one of them is given."""

from __future__ import annotations

from rulekit.errors.tree import UsageError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from rulekit.cli.parse import Options
    from rulekit.executors.cluster.settings import ClusterSettings
    from rulekit.planning.groups import Grouping

GENERIC = "cluster-generic"


def is_cluster(options: Options) -> bool:
    """Whether jobs go to a cluster."""
    return bool(options.cluster or options.cluster_sync or options.executor == GENERIC)


def cluster_settings(options: Options) -> ClusterSettings | None:
    """None if jobs do not go to a cluster. Raises `UsageError`, `RuleFileError`."""
    if not is_cluster(options):
        return None
    from rulekit.executors.cluster.settings import ClusterSettings

    submit = options.cluster_generic_submit_cmd or options.cluster or options.cluster_sync
    if not submit:
        raise UsageError(
            "--executor cluster-generic needs to know how jobs are submitted",
            code="RK0116",
            help="give the command: --cluster-generic-submit-cmd 'sbatch --parsable'",
        )
    if options.cluster and options.cluster_sync:
        raise UsageError("--cluster and --cluster-sync exclude each other", code="RK0108")
    jobname = options.jobname or "rulekit.{name}.{jobid}.sh"
    if "{jobid}" not in jobname:
        raise UsageError(
            f"--jobname: `{jobname}` is the same for all jobs",
            code="RK0103",
            help="put `{jobid}` into it, as in 'lab.{name}.{jobid}'",
        )
    sync = bool(options.cluster_sync and not options.cluster_generic_submit_cmd)
    return ClusterSettings(
        submit=submit,
        sync=sync,
        status=options.cluster_status,
        cancel=options.cluster_cancel,
        cancel_nargs=20 if options.cluster_cancel_nargs is None else options.cluster_cancel_nargs,
        sidecar=options.cluster_sidecar,
        jobscript=options.jobscript,
        jobname=jobname,
        check_seconds=options.seconds_between_status_checks,
        checks_per_second=options.max_status_checks_per_second or 10.0,
        config=cluster_config(options.cluster_config),
        precommand=options.precommand,
    )


def grouping(options: Options) -> Grouping:
    """How jobs are grouped for submission."""
    from rulekit.planning.groups import Grouping

    return Grouping(dict(options.groups), dict(options.group_components))


def cluster_config(paths: tuple[str, ...]) -> dict[str, Any]:
    """``--cluster-config`` files, YAML or JSON, later ones over earlier ones.

    Raises `UsageError`, `RuleFileError`.
    """
    found: dict[str, Any] = {}
    for path in paths:
        from rulekit.language.configs import load_configfile

        table = load_configfile(path)
        for rule, values in table.items():
            if not isinstance(values, dict):
                raise UsageError(
                    f"--cluster-config: `{path}` has no table of values for `{rule}`",
                    code="RK0103",
                )
            found[rule] = {**found.get(rule, {}), **values}
    return found
