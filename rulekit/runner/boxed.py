"""A job's action in a container of its own, by docker, podman or apptainer of this machine.

Seen inside are, under their own paths, the folders that the job may touch and no others: the
working directory, the folder for temporary files, those of inputs and outputs elsewhere (inputs
cannot be written), the script's, and of the state directory only what jobs need. The image needs a
`/bin/sh` and nothing of ours. Variables are handed over by name, so that no command line holds a
value; those that say where software of this machine is stay outside.
"""

from __future__ import annotations

import os

from rulekit.frozen import frozen, replace
from rulekit.runner.files import Refused, make_directory
from rulekit.runner.shown import HOME, PARTS, folders

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from typing import Any

    from rulekit.model.spec import JobSpec

STRICT_PREFIX = "set -euo pipefail; "
# What registries say of images that do not help to be asked for again.
HOPELESS_PULLS = (
    "not found",
    "manifest unknown",
    "denied",
    "unauthorized",
    "invalid reference",
    "name unknown",
)
LABEL = "rulekit.attempt"
STATE_LABEL = "rulekit.state"  # the state directory of the run

# First process of the container. A shell that is the first process is deaf to SIGTERM unless it
# says what to do; and all processes shall hear it. It leaves a note that it was reached, with the
# command's exit code at the end, and the processor time in a file beside it. $1: the note, the rest:
# the command.
FIRST = """\
note=$1; shift
: > "$note"
end() { if [ $$ -eq 1 ]; then kill -TERM -1 2>/dev/null; else kill -TERM $child 2>/dev/null; fi; }
trap end TERM INT
"$@" &
child=$!
wait $child; status=$?
while kill -0 $child 2>/dev/null; do wait $child; status=$?; done
times > "$note.times" 2>/dev/null
echo $status > "$note"
exit $status
"""
# The same where the container shares the processes of this machine: signals come by themselves.
_FIRST_OPEN = ': > "$0"; exec "$@"'
# Bash where the image has it; $1: the command, $2: strict, if it shall be.
_SHELL = """\
if command -v bash >/dev/null 2>&1; then
  if [ -n "$2" ]; then exec bash -c "set -euo pipefail; $1"; fi
  exec bash -c "$1"
fi
if [ -n "$2" ]; then
  set -eu
  if (set -o pipefail) 2>/dev/null; then exec sh -c "set -euo pipefail; $1"; fi
  exec sh -c "set -eu; $1"
fi
exec sh -c "$1"
"""
_SHELL_FILE = 'if command -v bash >/dev/null; then exec bash "$1"; fi; exec sh "$1"'
_ANY_SHELL = """\
if command -v bash >/dev/null 2>&1; then exec bash -c "$0" bash "$@"; fi; exec sh -c "$0" sh "$@"
"""
# A conda environment, of ours or of the image's own conda. $1: prefix, $2: "keep" search paths.
_CONDA = """\
rk_prefix=$1; rk_keep=$2; shift 2
if [ -z "$rk_keep" ]; then unset R_LIBS PYTHONPATH PERLLIB PERL5LIB; fi
if [ -r "$rk_prefix/.rulekit/activate.sh" ]; then
  . "$rk_prefix/.rulekit/activate.sh"
elif [ "${rk_prefix#*/}" = "$rk_prefix" ] || [ -s "$rk_prefix/conda-meta/state" ] &&
  command -v conda >/dev/null 2>&1; then
  . "$(dirname "$(command -v conda)")/activate" "$rk_prefix"
elif [ ! -d "$rk_prefix" ]; then
  echo "there is no conda environment $rk_prefix in this image" >&2; exit 97
else
  CONDA_PREFIX=$rk_prefix; CONDA_DEFAULT_ENV=$rk_prefix; CONDA_SHLVL=1
  PATH=$rk_prefix/bin:$PATH
  export CONDA_PREFIX CONDA_DEFAULT_ENV CONDA_SHLVL PATH
  for rk_script in "$rk_prefix"/etc/conda/activate.d/*.sh; do
    if [ -r "$rk_script" ]; then . "$rk_script"; fi
  done
fi
exec "$@"
"""
_PYTHON = 'if command -v python3 >/dev/null 2>&1; then exec python3 "$@"; fi; exec python "$@"'
PYTHON = ("/bin/sh", "-c", _PYTHON, "sh")  # of the image, whatever its name is

# Where software of this machine is, or who is in front of it: means nothing inside.
_OF_THIS_MACHINE = """
    PATH HOME SHELL PWD OLDPWD SHLVL _ HOSTNAME LD_LIBRARY_PATH LD_PRELOAD PYTHONPATH PYTHONHOME
    R_LIBS R_LIBS_USER R_LIBS_SITE R_HOME PERLLIB PERL5LIB BASH_ENV ENV MANPATH INFOPATH VIRTUAL_ENV
    PKG_CONFIG_PATH XDG_RUNTIME_DIR XDG_CONFIG_HOME XDG_CACHE_HOME XDG_DATA_HOME DISPLAY XAUTHORITY
    DBUS_SESSION_BUS_ADDRESS SSH_AUTH_SOCK LOADEDMODULES _LMFILES_ MODULEPATH MODULESHOME
    DOCKER_HOST DOCKER_CONFIG REGISTRY_AUTH_FILE SSL_CERT_FILE SSL_CERT_DIR REQUESTS_CA_BUNDLE
    CURL_CA_BUNDLE GIT_SSL_CAINFO
"""
_STAY = frozenset(_OF_THIS_MACHINE.split())
_STAY_PREFIXES = ("BASH_FUNC_", "CONDA_", "CONTAINERS_", "LMOD", "__LMOD", "__MODULES", "MODULES_")


def container_of(spec: JobSpec) -> Mapping[str, Any] | None:
    """The container an order asks for; None if it runs on the machine itself."""
    return None if spec.software is None else spec.software.get("container")


def name_of(token: str) -> str:
    """The name of an attempt's container."""
    return f"rk-{token}"


def note_of(spec: JobSpec) -> str:
    """The file that says how far a container came."""
    return os.path.join(spec.workdir, spec.state_dir, "tmp", f"{spec.token}.container")


def prepared(spec: JobSpec) -> dict[str, Any]:
    """All that is needed to run commands in the order's container: plain data. `folders` has what
    is shown, outermost first. Makes folders of ours. Raises Refused."""
    software = spec.software
    assert software is not None
    box = software["container"]
    note = note_of(spec)
    state = os.path.join(spec.workdir, spec.state_dir)
    for part in (*PARTS, HOME):
        make_directory(os.path.join(state, part))
    try:
        os.unlink(note)
    except OSError:
        pass
    return {
        **box,
        "folders": folders(spec, state, box.get("folders") or ()),
        "home": os.path.join(state, HOME),
        "note": note,
        "state": state,
        "token": spec.token,
        "conda": software.get("conda"),
        "keep": bool(software.get("keep_search_paths")),
    }


def enclosed(
    box: Mapping[str, Any],
    argv: Sequence[str],
    environment: Mapping[str, str],
    name: str | None = None,
    *,
    strict: bool | None = None,
) -> tuple[str, ...]:
    """The arguments that run `argv` in a container, now, in the current directory.

    `box`: see `prepared`. `environment`: that of the process which gets these arguments. `name`: of
    the container, None if another process runs in one of that name. `strict`: see `inside`.
    """
    command = tuple(argv) if strict is None else inside(argv, strict)
    if box.get("conda"):
        command = activated(command, box["conda"], box["keep"])
    if box["engine"] == "apptainer":
        return (*_apptainer(box), "/bin/sh", "-c", _FIRST_OPEN, box["note"], *command)
    words = _docker(box, environment, name)
    return (*words, "-c", FIRST, "sh", box["note"], *command)


def activated(argv: Sequence[str], prefix: str, keep: bool) -> tuple[str, ...]:
    """The arguments that run `argv` inside in a conda environment that is seen there. `keep`:
    PYTHONPATH and the like stay set."""
    return ("/bin/sh", "-c", _ANY_SHELL.strip(), _CONDA, prefix, "keep" if keep else "", *argv)


def wrap(spec: JobSpec, argv: tuple[str, ...], environment: Mapping[str, str]) -> tuple[str, ...]:
    """The arguments that run an attempt's `argv` in its container. Raises Refused."""
    is_shell = spec.body["kind"] == "shell" and os.path.basename(argv[0]) in ("bash", "sh")
    strict = spec.body.get("prefix") == STRICT_PREFIX if is_shell else None
    return enclosed(prepared(spec), argv, environment, name_of(spec.token), strict=strict)


def told(environment: Mapping[str, str]) -> list[str]:
    """The names of the variables that go along."""
    return sorted(
        name
        for name in environment
        if name not in _STAY and not name.startswith(_STAY_PREFIXES) and name.isidentifier()
    )


def explained(spec: JobSpec, exit_code: int) -> tuple[int, str | None, str]:
    """Of an action that failed: exit code, problem (None: it is the job's own), detail."""
    box = container_of(spec)
    assert box is not None
    try:
        with open(note_of(spec), encoding="ascii") as file:
            written = file.read().strip()
    except OSError:
        return (
            exit_code,
            "container",
            f"the container of the image `{box['image']}` did not start"
            f" (`{os.path.basename(box['program'])}` ended with {exit_code}); it said why on the"
            " job's output",
        )
    return (int(written) if written.isdigit() else exit_code), None, ""


@frozen
class Usage:
    """What a container used, under the names that `wait4` has for it; seconds, and 0 for what is
    not known."""

    ru_utime: float = 0.0
    ru_stime: float = 0.0
    ru_maxrss: int = 0
    ru_inblock: int = 0
    ru_oublock: int = 0


def usage(spec: JobSpec) -> Usage:
    """Of a container that has ended and is no child of who started it: what its first process
    noted of the others."""
    try:
        with open(f"{note_of(spec)}.times", encoding="ascii") as file:
            words = file.read().split()
        times = [_seconds(word) for word in words[:4]]
        return Usage(times[0] + times[2], times[1] + times[3])
    except (OSError, ValueError, IndexError):
        return Usage()


def _seconds(text: str) -> float:
    minutes, _, seconds = text.rstrip("s").partition("m")
    return int(minutes) * 60 + float(seconds)


def end(spec: JobSpec, stopped: bool) -> None:
    """After an attempt: its note goes, and, if it was `stopped`, what may be left of the container.
    Waits for nothing."""
    box = container_of(spec)
    assert box is not None
    for path in (note_of(spec), f"{note_of(spec)}.times"):
        try:
            os.unlink(path)
        except OSError:
            pass
    if not stopped or box["engine"] == "apptainer":
        return
    null = os.open(os.devnull, os.O_RDWR)
    try:
        actions = [(os.POSIX_SPAWN_DUP2, null, one) for one in (0, 1, 2)]
        words = [box["program"], "rm", "-f", name_of(spec.token)]
        os.posix_spawn(box["program"], words, dict(os.environ), file_actions=actions)
    except OSError:
        pass
    finally:
        os.close(null)


def adapted(spec: JobSpec) -> JobSpec:
    """The order with the image's own interpreter, whatever this machine's is. A `run:` body stays
    outside; it is told what its commands need. Raises Refused."""
    body = spec.body
    if body.get("function"):
        activation = {"added": {}, "removed": [], "container": prepared(spec)}
        return replace(
            spec, context={**(spec.context or {}), "activation": activation}, software=None
        )
    if not body.get("interpreter"):
        return spec
    return replace(spec, body={**body, "interpreter": list(PYTHON)})


# -- words -----------------------------------------------------------------------------------


def _docker(box: Mapping[str, Any], environment: Mapping[str, str], name: str | None) -> list[str]:
    words = [box["program"], "run", "--rm", f"--pull={box.get('pull') or 'never'}"]
    if name is not None:
        words += ["--name", name]
    words += ["--label", f"{LABEL}={box['token']}", "--label", f"{STATE_LABEL}={box['state']}"]
    words.append("--network=host")
    for folder, how in box["folders"]:
        if "," in folder or '"' in folder:
            raise Refused("container", f"a folder with a comma cannot be shown: `{folder}`")
        words += ["--mount", f"type=bind,source={folder},target={folder}{_read_only(how)}"]
    if os.path.exists("/sys/fs/selinux/enforce"):
        words += ["--security-opt", "label=disable"]  # else it may not look into the folders
    words += ["--workdir", os.getcwd()]
    if box.get("user"):
        words += ["--user", box["user"]]
    else:
        words += user_words("podman" in os.path.basename(box["program"]))
    for variable in told(environment):
        words += ["--env", variable]
    words += ["--env", f"HOME={box['home']}"]
    return [*words, *box["options"], "--entrypoint", "/bin/sh", box.get("id") or box["image"]]


def _read_only(how: str) -> str:
    return ",readonly" if how == "ro" else ""


def user_words(podman: bool) -> list[str]:
    """Options by which files that a container makes belong to who started it."""
    own = os.getuid()
    if podman and own != 0:
        return ["--userns=keep-id"]
    return ["--user", f"{own}:{os.getgid()}"]


def _apptainer(box: Mapping[str, Any]) -> list[str]:
    words = [box["program"], "--quiet", "exec", "--contain", "--home", box["home"]]
    for folder, how in box["folders"]:
        if "," in folder or ":" in folder:
            raise Refused(
                "container", f"a folder with a comma or colon cannot be shown: `{folder}`"
            )
        words += ["--bind", f"{folder}:{folder}:{how}"]
    return [*words, "--pwd", os.getcwd(), *box["options"], box.get("id") or box["image"]]


def outside(box: Mapping[str, Any], environment: Mapping[str, str]) -> dict[str, str]:
    """The environment of the program that runs the container. Apptainer hands on all it has, so it
    has only what shall go along, and what it needs itself."""
    if box["engine"] != "apptainer":
        return dict(environment)
    own = ("PATH", "HOME", "DOCKER_CONFIG", "XDG_RUNTIME_DIR", "DBUS_SESSION_BUS_ADDRESS")
    names = {*told(environment), *(name for name in own if name in environment)}
    return {name: environment[name] for name in names}


def inside(argv: Sequence[str], strict: bool) -> tuple[str, ...]:
    """A shell command of this machine's shell as one of the image's. `argv`: of `bash -c TEXT` or
    `bash FILE`; `strict`: TEXT begins with `STRICT_PREFIX`."""
    if argv[1] != "-c":  # a command too long for an argument is in a file
        return ("/bin/sh", "-c", _SHELL_FILE, "sh", argv[1])
    text = argv[2]
    if strict:
        text = text[len(STRICT_PREFIX) :]
    return ("/bin/sh", "-c", _SHELL, "sh", text, "strict" if strict else "")
