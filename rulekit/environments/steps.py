"""In the worker: what runs inside a new environment: pip, then the post-deploy script.

Both run activated, with nothing of the user's that would lead them elsewhere, and keep the
environment's lock while they live.
"""

from __future__ import annotations

import asyncio
import json
import os
import shlex

from rulekit.environments import layout
from rulekit.environments.channels import without_secrets
from rulekit.environments.envfile import digest, read_file, requirement_file
from rulekit.environments.words import shown
from rulekit.errors import SoftwareError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Any

    from rulekit.environments.building import Task

# What would make programs of an environment look outside of it.
BLOCKED = (
    "PYTHONPATH",
    "PYTHONHOME",
    "PYTHONSTARTUP",
    "PIP_TARGET",
    "PIP_PREFIX",
    "PIP_USER",
    "R_LIBS",
    "R_LIBS_USER",
    "R_LIBS_SITE",
    "PERL5LIB",
    "PERLLIB",
    "RUBYLIB",
    "GEM_PATH",
    "JULIA_LOAD_PATH",
    "LD_LIBRARY_PATH",
)


async def install_pip(task: Task, prefix: str, log: str, keep: int) -> list[dict[str, Any]]:
    """Install the `pip:` list; what was installed, each with name, version, URL and hash. Raises
    SoftwareError (RK0527)."""
    wanted = os.path.join(prefix, layout.META, "requirements.txt")
    report = os.path.join(prefix, layout.META, "pip-report.json")
    lines = [absolute(line, os.path.dirname(task.spec.path)) for line in task.lock.pip]
    options = []
    locked = [one for one in task.lock.packages_for(task.platform) if one.manager == "pip"]
    if locked:
        lines = [line for line in lines if line.startswith("-") and not requirement_file(line)]
        for one in locked:
            mark = f" --hash=sha256:{one.sha256}" if one.sha256 else ""
            lines.append(f"{one.name} @ {one.url}{mark}")
        options = ["--no-deps"]
    with open(wanted, "w", encoding="utf-8") as file:
        file.write("\n".join(lines) + "\n")
    command = [*pip_command(prefix), "install", "--progress-bar", "off", "--report", report]
    status = await run_inside(
        [*command, *options, "-r", wanted], prefix, log, keep, os.path.dirname(task.spec.path)
    )
    if status:
        raise failed(task, f"pip ended with exit code {status}", log, "RK0527")
    return read_report(report)


async def resolve_pip(task: Task, prefix: str, log: str, keep: int) -> list[dict[str, Any]]:
    """What pip would install into an environment that has the conda packages. Raises SoftwareError
    (RK0527)."""
    folder = os.path.dirname(task.spec.path)
    wanted = os.path.join(prefix, layout.META, "wanted.txt")
    report = os.path.join(prefix, layout.META, "dry-run.json")
    with open(wanted, "w", encoding="utf-8") as file:
        file.write("\n".join(absolute(line, folder) for line in task.lock.pip) + "\n")
    command = [*pip_command(prefix), "install", "--dry-run", "--quiet", "--report", report]
    status = await run_inside([*command, "-r", wanted], prefix, log, keep, folder)
    if status:
        raise failed(task, f"pip ended with exit code {status}", log, "RK0527")
    return read_report(report)


def pip_command(prefix: str) -> list[str]:
    """How the pip of an environment is called."""
    python = os.path.join(prefix, "bin", "python")
    return [python, "-m", "pip", "--no-input", "--disable-pip-version-check"]


def absolute(line: str, folder: str) -> str:
    """A line of the `pip:` list whose file is named from `folder`."""
    named = requirement_file(line)
    if not named or "://" in named:
        return line
    option = "-c" if line.startswith(("-c", "--constraint")) else "-r"
    return f"{option} {os.path.normpath(os.path.join(folder, named))}"


def read_report(path: str) -> list[dict[str, Any]]:
    """Name, version, URL (without secrets) and hash of what pip's report says."""
    with open(path, encoding="utf-8") as file:
        values = json.load(file)
    found = []
    for item in values.get("install", ()):
        about, source = item.get("metadata", {}), item.get("download_info", {})
        hashes = (source.get("archive_info") or {}).get("hashes") or {}
        found.append(
            {
                "name": about.get("name", ""),
                "version": about.get("version", ""),
                "url": without_secrets(source.get("url", "")),
                "sha256": hashes.get("sha256", ""),
                "depends": sorted(about.get("requires_dist") or ()),
            }
        )
    return sorted(found, key=lambda one: one["name"].lower())


async def run_post_deploy(task: Task, prefix: str, log: str, keep: int) -> None:
    """Run the post-deploy script, by the interpreter that its first line names, else by sh. Raises
    SoftwareError (RK0528)."""
    data = read_file(task.spec.post_deploy)
    if digest(data) != task.spec.post_deploy_digest:
        raise SoftwareError(
            f"`{task.spec.post_deploy}` was changed while the environment was made",
            code="RK0528",
            help="run again",
        )
    # A copy: an edit while it runs must not be read by the shell.
    script = os.path.join(prefix, layout.META, "post-deploy.sh")
    with open(script, "wb") as file:
        file.write(data)
    first = data.partition(b"\n")[0].decode("utf-8", "replace")
    words = shlex.split(first[2:]) if first.startswith("#!") else []
    status = await run_inside([*(words or ["sh"]), script], prefix, log, keep, os.getcwd())
    if status:
        name = os.path.basename(task.spec.post_deploy)
        raise failed(task, f"`{name}` ended with exit code {status}", log, "RK0528")


async def run_inside(words: Sequence[str], prefix: str, log: str, keep: int, folder: str) -> int:
    """Run a program in an activated environment; its exit code. What it says goes to `log`."""
    environ = {name: value for name, value in os.environ.items() if name not in BLOCKED}
    environ["PYTHONNOUSERSITE"] = "1"
    shell = "/bin/bash" if os.path.exists("/bin/bash") else "/bin/sh"
    start = '. "$1" && shift && exec "$@"'
    with open(log, "ab") as out:
        out.write(f"$ {shlex.join(map(without_secrets, words))}\n".encode())
        out.flush()
        process = await asyncio.create_subprocess_exec(
            shell,
            "-c",
            start,
            "activate",
            layout.activate_of(prefix),
            *words,
            cwd=folder,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=out,
            stderr=out,
            env=environ,
            pass_fds=(keep,),
        )
        return await process.wait()


def failed(task: Task, what: str, log: str, code: str) -> SoftwareError:
    """The error for a program that failed inside an environment, with the end of what it said."""
    try:
        with open(log, encoding="utf-8", errors="replace") as file:
            lines = [line.rstrip() for line in file if line.strip()]
    except OSError:
        lines = []
    return SoftwareError(
        f"the environment of `{shown(task.spec.path)}` could not be finished: {what}",
        code=code,
        notes=(*(without_secrets(line) for line in lines[-8:]), f"all of it is in `{log}`"),
    )
