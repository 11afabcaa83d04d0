"""`snakemake.settings.types` and others: values that rule files compare with."""

from __future__ import annotations


class DeploymentMethod:
    """Kinds of software deployment."""

    CONDA = "conda"
    APPTAINER = "apptainer"
    ENV_MODULES = "env-modules"


class SharedFSUsage:
    """What jobs share with the main process."""

    PERSISTENCE = "persistence"
    INPUT_OUTPUT = "input-output"
    SOFTWARE_DEPLOYMENT = "software-deployment"
    SOURCES = "sources"
    STORAGE_LOCAL_COPIES = "storage-local-copies"
    SOURCE_CACHE = "source-cache"


class ExecMode:
    """How a process takes part in a run."""

    DEFAULT = "default"
    SUBPROCESS = "subprocess"
    REMOTE = "remote"
