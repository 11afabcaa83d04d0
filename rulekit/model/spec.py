"""The order for one attempt of a job and the answer to it. Both travel as JSON."""

from __future__ import annotations

from rulekit.frozen import frozen

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any


@frozen
class OutputSpec:
    """One output: flags that the runner acts on: directory, touch, ensure, protected, update."""

    path: str
    flags: Mapping[str, Any]


@frozen
class JobSpec:
    """A self-contained order: all that a runner needs for one attempt.

    body: ``{"kind": "shell", "command": ..., "executable": "/bin/bash", "prefix": ..., "suffix": ...}``
          ``{"kind": "script", "language": "python", "path": ..., "source": ..., "interpreter": [...]}``
          ``{"kind": "command", "argv": [...]}`` (a `run:` body is ``rulekit body ...``)
          ``{"kind": "none"}`` nothing to do but the checks
          A shell body may have ``"repeats": [...]``: its commands for each turn of a benchmark.
    token: is in the environment of all processes of the attempt, and in names of helper files
    context: for scripts and run bodies, the job's names as data (see `rulekit.runner.context`)
    software: ``{"conda": prefix}`` an environment on this machine, absolute; on a node it is first
          ``"env:IDENTITY"``; with ``"keep_search_paths": True`` PYTHONPATH and the like stay
          ``{"modules": [name, ...]}`` environment modules
          ``{"container": {"engine": "docker" | "podman" | "apptainer", "program": path,
          "image": ..., "options": [...], "folders": [[path, "ro" | "rw"], ...]}}``; a `conda`
          beside it is activated inside
    """

    id: int  # the job's number in the plan
    key: str  # "align:sample=tumor"
    rule: str
    attempt: int  # from 1
    token: str  # unique for each attempt; letters, digits and ``._-`` only
    workdir: str  # absolute
    body: Mapping[str, Any]
    inputs: tuple[str, ...]
    outputs: tuple[OutputSpec, ...]
    logs: tuple[str, ...]
    benchmark: str | None
    benchmark_repeats: int
    environment: Mapping[str, str]  # added to the caller's
    threads: int
    timeout_s: float | None
    shadow: str | None
    keep_incomplete: bool
    latency_wait_s: float
    digest_limit: int  # bytes; inputs up to this size get a digest
    context: Mapping[str, Any] | None
    state_dir: str = ".rulekit"  # relative to workdir, or absolute
    shadow_prefix: str | None = None  # where shadow directories are made; default: in state_dir
    capture: str | None = None  # file that gets stdout and stderr; default: they are inherited
    benchmark_extended: bool = False
    keep_scripts: bool = False  # leave the copies of scripts for a look
    keep_shadow: bool = False  # leave the shadow directory of a failed job
    software: Mapping[str, Any] | None = None  # what to switch on for the action, see below


@frozen
class FileResult:
    """A file after the attempt; digest only where the limit allows."""

    path: str
    mtime_ns: int
    size: int
    digest: str | None


@frozen
class JobResult:
    """The answer. `exit_code` is negative for a signal; `problem` says what the runner itself found.

    problem: None | ``missing-output`` | ``not-a-directory`` | ``is-a-directory`` | ``ensure`` |
             ``protected`` | ``missing-input`` | ``timeout`` | ``cancelled`` | ``spawn`` |
             ``disk`` (full, read-only or faulty) | ``access`` (a file could not be read, made or
             removed) | ``lost`` (the runner itself was killed) | ``partner`` (a job that it needs,
             or that runs beside it, failed) | ``storage`` (the service cannot be reached or fails)
             | ``container`` (its image cannot be run here) | ``image`` (nobody has it, or not for us) | ``software`` (an environment or a
             module cannot be activated) | ``node`` (a fault of the node program)
    usage: ``user_s`` and ``system_s`` (seconds of CPU), ``max_rss_kb`` if it is known
    """

    id: int
    token: str
    ok: bool
    exit_code: int
    problem: str | None
    detail: str
    outputs: tuple[FileResult, ...]
    inputs: tuple[FileResult, ...]
    started: float
    ended: float
    usage: Mapping[str, float]
    removed: tuple[str, ...]  # outputs taken away after a failure
