"""What a run may do, as one frozen value made by the command line or by `rulekit.api`."""

from __future__ import annotations

from rulekit.frozen import frozen

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

    from rulekit.executors.azure.settings import AzureSettings
    from rulekit.executors.cluster.settings import ClusterSettings
    from rulekit.planning.groups import Grouping


@frozen
class SoftwareSettings:
    """How software is had that jobs ask for.

    conda_prefix: the folder of environments (default: in the state directory). conda_base_path:
    where a conda is installed whose named environments are meant. conda_frozen: nothing is solved.
    keep_search_paths: PYTHONPATH and the like stay set in conda environments. runtime: ``docker``
    | ``podman`` | ``apptainer`` | ``auto``. image_prefix: the folder of apptainer's images.
    apptainer_args, container_args: further arguments of the container program.
    """

    conda_prefix: str | None = None
    conda_base_path: str | None = None
    conda_frozen: bool = False
    keep_search_paths: bool = False
    runtime: str = "auto"
    image_prefix: str | None = None
    apptainer_args: str = ""
    container_args: str = ""


@frozen
class RunSettings:
    """Settings of planning values and of running.

    cores: at once on this machine. jobs: at most so many jobs at once (None: cores decide).
    resources: the limits of named resources. default_resources, set_threads, set_resources: the
    tables that `language.resources` makes of the command line's words. rate: (starts, seconds).
    deployment: ``conda`` | ``apptainer`` | ``env-modules``. latency_wait in seconds.
    digest_limit in bytes. command: how this run was started, for "run it again" hints.
    secrets: values that are written into no record. envvars: names of variables that jobs on other
    machines get. azure: jobs run on Azure Batch.
    """

    cores: int = 1
    jobs: int | None = None
    resources: Mapping[str, int] = {}
    default_resources: Mapping[str, Any] | None = None
    set_threads: Mapping[str, Any] = {}
    set_resources: Mapping[str, Mapping[str, Any]] = {}
    max_threads: int | None = None
    retries: int = 0
    keep_going: bool = False
    keep_incomplete: bool = False
    notemp: bool = False
    all_temp: bool = False
    latency_wait: float = 5.0
    rate: tuple[int, float] | None = None
    prioritize: frozenset[str] = frozenset()
    shadow_prefix: str | None = None
    deployment: frozenset[str] = frozenset()
    software: SoftwareSettings = SoftwareSettings()
    digest_limit: int = 1_000_000
    no_hooks: bool = False
    no_lock: bool = False
    drop_metadata: bool = False
    benchmark_extended: bool = False
    skip_script_cleanup: bool = False
    cache: frozenset[str] | None = None  # between workflows: rules beside those with `cache:`
    print_commands: bool = False
    state_dir: str = ".rulekit"
    rulefile: str = "Rulefile"
    load: Any = None  # the LoadSettings, for processes that read the rule file again
    command: str = "rulekit"
    log_path: str | None = None
    secrets: tuple[str, ...] = ()
    cluster: ClusterSettings | None = None  # jobs are submitted by commands
    grouping: Grouping | None = None  # None: groups do not count
    local_cores: int | None = None  # for local rules while others run elsewhere
    envvars: tuple[str, ...] = ()
    azure: AzureSettings | None = None
    keep_copies: bool = False  # of stored files that local jobs fetch
