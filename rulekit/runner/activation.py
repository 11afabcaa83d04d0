"""Software of a job's own: what an activated environment changes in the variables.

A conda prefix or environment modules are activated once, in a process of its own, and the
difference between the variables before and after is kept: no job pays for it, and nothing has to
be quoted into a command. A prefix may have been made by anybody: where our store left no script
for it, what conda documents of one is enough (`bin`, `conda-meta/state`, `etc/conda/env_vars.d`,
`etc/conda/activate.d`).
"""

from __future__ import annotations

import os

from rulekit.frozen import frozen, replace
from rulekit.runner.files import Refused

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from typing import Any

    from rulekit.model.spec import JobSpec
    from rulekit.runner.command import Environments

# Of the machine's own software: in an environment they would lead out of it again.
SEARCH_PATHS = ("R_LIBS", "PYTHONPATH", "PERLLIB", "PERL5LIB")
# What our store of environments has in each: does all of it, with the variables of its file.
SCRIPT = os.path.join(".rulekit", "activate.sh")
_PATIENCE_S = 900.0
_LISTEN_S = 0.2
# Of the process that activates, not of what it activates.
_OWN = frozenset(("_", "SHLVL", "PWD", "OLDPWD", "RULEKIT_ATTEMPT", "MODULES_VERBOSITY"))

# $1: env. What scripts say goes to stderr; file 3 is for the variables.
_HEAD = "exec 3>&1 1>&2; rk_env=$1; shift\n"
_TAIL = '\nexec "$rk_env" -0 >&3\n'
_SOURCE = 'for rk_script in "$@"; do . "$rk_script"; done'
# Where `module` is defined where no start-up file of the shell did.
_INIT = """\
if ! type module >/dev/null 2>&1; then
  for rk_init in "${LMOD_PKG:-/none}/init/bash" "${MODULESHOME:-/none}/init/bash" \\
    /etc/profile.d/*modules*.sh /etc/profile.d/*lmod*.sh /usr/share/modules/init/bash \\
    /usr/share/Modules/init/bash /usr/share/lmod/lmod/init/bash; do
    if [ -r "$rk_init" ]; then . "$rk_init"; fi
    if type module >/dev/null 2>&1; then break; fi
  done
fi
"""
_LOGIN = 'PATH="$RULEKIT_PATH:$PATH"; unset RULEKIT_PATH\n'
_MODULES = """\
type module >/dev/null 2>&1 || exit 94
module purge || exit 95
MODULES_VERBOSITY=concise module load "$@" || exit 96
"""
_NO_MODULE = 94


@frozen
class Difference:
    """What activation changes: variables it sets, variables it takes away, and the folders that
    are new in PATH."""

    added: Mapping[str, str]
    removed: tuple[str, ...]
    folders: tuple[str, ...]

    def apply(self, variables: dict[str, str]) -> None:
        """Changes `variables`."""
        for name in self.removed:
            variables.pop(name, None)
        variables.update(self.added)

    def program(self, *names: str) -> str | None:
        """The path of a program of the environment's own; None if it brings none of them."""
        for name in names:
            for folder in self.folders:
                path = os.path.join(folder, name)
                if os.path.isfile(path) and os.access(path, os.X_OK):
                    return path
        return None


def key_of(software: Mapping[str, Any]) -> str:
    """What has the same key is activated once. "": nothing is activated on the machine itself."""
    if software.get("container"):
        return ""
    names = software.get("modules") or ()
    return "\n".join(
        (software.get("conda") or "", str(bool(software.get("keep_search_paths"))), *names)
    )


def activate(
    software: Mapping[str, Any],
    variables: Mapping[str, str],
    stop: Callable[[], bool] = lambda: False,
) -> Difference:
    """What the environment changes in `variables`. `stop()`: whether to give up.

    Raises Refused (``software``, or ``cancelled`` if it was to stop).
    """
    if software.get("container"):
        return Difference({}, (), ())
    before = dict(variables)
    after = dict(before)
    prefix = software.get("conda")
    if prefix:
        if not software.get("keep_search_paths"):
            for name in SEARCH_PATHS:
                after.pop(name, None)
        after = _conda(str(prefix), after, stop)
    names = software.get("modules")
    if names:
        after = _modules(list(names), after, stop)
    added = {
        name: value
        for name, value in after.items()
        if before.get(name) != value and name not in _OWN
    }
    removed = tuple(name for name in before if name not in after and name not in _OWN)
    known = set(before.get("PATH", os.defpath).split(os.pathsep))
    folders = [
        one
        for one in after.get("PATH", "").split(os.pathsep)
        if one not in known and os.path.isabs(one)
    ]
    if prefix:
        folders.insert(0, os.path.join(prefix, "bin"))  # it may have been active before
    return Difference(added, removed, tuple(dict.fromkeys(folders)))


def adapted(spec: JobSpec, environments: Environments) -> JobSpec:
    """The order for an action that software is switched on for: Python is the environment's own if
    it has one. A `run:` body itself stays outside; it is told what its commands need."""
    assert spec.software is not None
    if spec.software.get("container"):
        from rulekit.runner import boxed

        return boxed.adapted(spec)
    difference = environments.difference(spec)
    body = spec.body
    if body.get("function"):
        told = {"added": dict(difference.added), "removed": list(difference.removed)}
        context = {**(spec.context or {}), "activation": told}
        return replace(spec, context=context, software=None)
    if body.get("language") == "rust":
        body = {**body, "search": environments.of(spec).get("PATH", os.defpath)}
        return replace(spec, body=body)
    if not body.get("interpreter"):
        return spec
    own = difference.program("python3", "python")
    return spec if own is None else replace(spec, body={**body, "interpreter": [own]})


# -- conda -----------------------------------------------------------------------------------


def _conda(prefix: str, variables: dict[str, str], stop: Callable[[], bool]) -> dict[str, str]:
    if not os.path.isdir(prefix):
        raise Refused("software", f"the conda environment `{prefix}` is not there")
    variables = dict(variables)
    scripts: list[str] = []
    folders = variables.get("PATH", os.defpath).split(os.pathsep)
    active = variables.get("CONDA_PREFIX")
    if active and active != prefix:
        # As conda does: one environment takes the place of the other.
        scripts += reversed(_scripts(active, "deactivate.d"))
        for name in _values(active):
            variables.pop(name, None)
        folders = [one for one in folders if one != os.path.join(active, "bin")]
    given = os.path.join(prefix, SCRIPT)
    if os.path.isfile(given):
        variables["PATH"] = os.pathsep.join(folders)
        scripts.append(given)
    else:
        own = os.path.join(prefix, "bin")
        variables["PATH"] = os.pathsep.join([own, *(one for one in folders if one != own)])
        level = variables.get("CONDA_SHLVL", "")
        variables["CONDA_SHLVL"] = str(int(level) + 1) if level.isdigit() and active else "1"
        if active and active != prefix:
            variables[f"CONDA_PREFIX_{level or '1'}"] = active
        variables["CONDA_PREFIX"] = prefix
        variables["CONDA_DEFAULT_ENV"] = prefix
        variables["CONDA_PROMPT_MODIFIER"] = f"({prefix}) "
        variables.update(_values(prefix))
        scripts += _scripts(prefix, "activate.d")
    if not scripts:
        return variables
    code, said, found = _shell(_HEAD + _SOURCE + _TAIL, scripts, variables, stop)
    if found is None:
        raise Refused(
            "software",
            f"the conda environment `{prefix}` cannot be activated: its scripts ended with exit"
            f" code {code}{_quoted(said)}",
        )
    return found


def _scripts(prefix: str, kind: str) -> list[str]:
    folder = os.path.join(prefix, "etc", "conda", kind)
    try:
        names = sorted(name for name in os.listdir(folder) if name.endswith(".sh"))
    except OSError:
        return []
    return [os.path.join(folder, name) for name in names]


def _values(prefix: str) -> dict[str, str]:
    """Variables that packages and the environment file set."""
    import json

    found: dict[str, str] = {}
    folder = os.path.join(prefix, "etc", "conda", "env_vars.d")
    try:
        paths = [os.path.join(folder, name) for name in sorted(os.listdir(folder))]
    except OSError:
        paths = []
    for path in [*paths, os.path.join(prefix, "conda-meta", "state")]:
        try:
            with open(path, encoding="utf-8") as file:
                values = json.load(file)
        except (OSError, ValueError):
            continue
        if isinstance(values, dict) and path.endswith("state"):
            values = values.get("env_vars")
        if isinstance(values, dict):
            found.update((str(name), str(value)) for name, value in values.items())
    return found


# -- modules ---------------------------------------------------------------------------------


def _modules(
    names: list[str], variables: dict[str, str], stop: Callable[[], bool]
) -> dict[str, str]:
    plain = _HEAD + _INIT + _MODULES + _TAIL
    code, said, found = _shell(plain, names, variables, stop)
    if code == _NO_MODULE:
        # Some sites define it in what login shells read only.
        login = {**variables, "RULEKIT_PATH": variables.get("PATH", os.defpath)}
        text = _HEAD + _LOGIN + _INIT + _MODULES + _TAIL
        code, said, found = _shell(text, names, login, stop, login=True)
    if code == _NO_MODULE:
        raise Refused(
            "software",
            "there is no command `module` on this machine: neither bash nor a login shell knows"
            " environment modules",
        )
    # Versions before 4 fail with exit code 0, and say so.
    if found is None or ":ERROR:" in said or "Unable to locate a modulefile" in said:
        what = ", ".join(f"`{name}`" for name in names)
        raise Refused("software", f"the environment modules {what} cannot be loaded{_quoted(said)}")
    return found


# -- processes -------------------------------------------------------------------------------


def _shell(
    script: str,
    words: list[str],
    variables: Mapping[str, str],
    stop: Callable[[], bool],
    *,
    login: bool = False,
) -> tuple[int, str, dict[str, str] | None]:
    """Exit code, what was said, and the variables after the script; None if it did not get there."""
    import subprocess
    import time

    from rulekit.runner.programs import program_of
    from rulekit.runner.signals import signal, signal_group

    search = variables.get("PATH", os.defpath)
    env = program_of("env", f"{os.environ.get('PATH', os.defpath)}{os.pathsep}{os.defpath}")
    bash = program_of("bash", f"{search}{os.pathsep}{os.defpath}")
    flag = "-lc" if login else "-c"
    try:
        process = subprocess.Popen(
            [bash, flag, script, "bash", env, *words],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env=dict(variables),
            start_new_session=True,
        )
    except OSError as error:
        raise Refused("software", f"`{bash}` cannot be started: {error.strerror}") from None
    until = time.monotonic() + _PATIENCE_S
    while True:
        try:
            data, said = process.communicate(timeout=_LISTEN_S)
            break
        except subprocess.TimeoutExpired:
            asked = stop()
            if asked or time.monotonic() > until:
                signal_group(process.pid, signal.SIGKILL)
                process.communicate()
                if asked:
                    raise Refused("cancelled", "") from None
                raise Refused(
                    "software", f"activation did not end within {_PATIENCE_S / 60:.0f} minutes"
                ) from None
    text = said.decode("utf-8", "replace").strip()
    if process.returncode != 0:
        return process.returncode, text, None
    pairs = [one.partition(b"=") for one in data.split(b"\0") if b"=" in one]
    return 0, text, {os.fsdecode(name): os.fsdecode(value) for name, _, value in pairs}


def _quoted(said: str) -> str:
    """The end of what a program said, in one line."""
    lines = [line.strip() for line in said.splitlines() if line.strip()]
    text = " | ".join(lines[-4:])
    return f": {text[-600:]}" if text else ""
