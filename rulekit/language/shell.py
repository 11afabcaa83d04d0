"""`shell`: running a command from Python code, and how commands are run at all."""

from __future__ import annotations

import os
import sys

from rulekit.errors.tree import RulekitError
from rulekit.language.exceptions import WorkflowError
from rulekit.language.format import Template, format_text
from rulekit.model.namedlist import Namedlist
from rulekit.model.rule import ShellSettings

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from types import FrameType
    from typing import Any

STRICT = "set -euo pipefail; "
# Longer commands go through a file: one argument may not be longer than 128 KiB.
_LONGEST = 100_000
_THREADS = (
    "OMP_NUM_THREADS",
    "GOTO_NUM_THREADS",
    "OPENBLAS_NUM_THREADS",
    "MKL_NUM_THREADS",
    "VECLIB_MAXIMUM_THREADS",
    "NUMEXPR_NUM_THREADS",
)
_TEMP = ("TMPDIR", "TMP", "TEMP", "TEMPDIR")


def which(program: str) -> str | None:
    """The path of a program in PATH."""
    if os.sep in program:
        return program if os.access(program, os.X_OK) else None
    for folder in os.environ.get("PATH", os.defpath).split(os.pathsep):
        path = os.path.join(folder, program)
        if os.path.isfile(path) and os.access(path, os.X_OK):
            return path
    return None


class Shell:
    """Called with a command it runs it; its methods say how all commands are run."""

    conda_block_conflicting_envvars = True

    def __init__(self) -> None:
        self._executable: str | None = None
        self._prefix: str | None = None
        self._suffix = ""
        self._activation: Mapping[str, Any] = {}

    def within(self, activation: Mapping[str, Any]) -> None:
        """Commands get these variables: `added`, a mapping; those in `removed` are taken away. They
        run in the `container`, if there is one (see `rulekit.runner.boxed`)."""
        self._activation = activation

    def reset(self) -> None:
        """Forget what a rule file has set."""
        self._executable, self._prefix, self._suffix = None, None, ""

    def settings(self) -> ShellSettings:
        """What is set now."""
        return ShellSettings(self._executable, self._prefix, self._suffix)

    def executable(self, cmd: Any) -> None:
        """The program that runs commands; a name is looked up in PATH."""
        if not cmd:
            self._executable = None
            return
        path = os.fspath(cmd)
        found = path if os.path.isabs(path) else which(path)
        if found is None:
            raise WorkflowError(f"the shell `{path}` is not in the PATH")
        self._executable = found

    def get_executable(self) -> str | None:
        return self._executable

    def prefix(self, prefix: Any) -> None:
        """What is put before every command, instead of the strict default."""
        self._prefix = _formatted(str(prefix), (), {}, sys._getframe(1))

    def suffix(self, suffix: Any) -> None:
        """What is put after every command."""
        self._suffix = _formatted(str(suffix), (), {}, sys._getframe(1))

    def win_command_prefix(self, cmd: Any) -> None:
        """Only means something on Windows."""

    def cleanup(self) -> None:
        """Nothing is kept."""

    def check_output(self, cmd: str, **kwargs: Any) -> Any:
        """The standard output of a command, in bytes."""
        import subprocess

        if self._activation and "env" not in kwargs:
            kwargs["env"] = self._activated(dict(os.environ))
        return subprocess.check_output(  # noqa: S602  shell commands are what it is for
            cmd, shell=True, executable=self._executable or which("bash"), **kwargs
        )

    def __call__(
        self,
        cmd: Any,
        *args: Any,
        iterable: bool = False,
        read: bool = False,
        bench_record: Any = None,
        **kwargs: Any,
    ) -> Any:
        """Run a command and wait for it.

        Its fields are filled from the variables of the caller and from `kwargs`. `read` gives its
        standard output as text, `iterable` its lines one by one. Raises
        `subprocess.CalledProcessError` if it fails.
        """
        frame = sys._getframe(1)
        if "stepout" in kwargs:
            raise KeyError("`stepout` is no argument of shell()")
        command = _formatted(str(cmd), args, kwargs, frame)
        context: dict[str, Any] = {}
        local = frame.f_locals
        if isinstance(local.get("resources"), Namedlist):
            context = {"resources": local["resources"], "threads": local.get("threads", 1)}
        elif hasattr(local.get("snakemake"), "threads"):
            context = {"threads": local["snakemake"].threads}
        context.update(kwargs)
        return self._run(command, context, iterable, read)

    def _activated(self, environment: dict[str, str]) -> dict[str, str]:
        for name in self._activation.get("removed", ()):
            environment.pop(name, None)
        environment.update(self._activation.get("added", {}))
        return environment

    def _run(self, command: str, context: Mapping[str, Any], iterable: bool, read: bool) -> Any:
        import subprocess

        resources = context.get("resources") or {}
        chosen = resources.get("shell_exec") or self._executable
        executable = chosen if chosen is None or os.path.isabs(chosen) else which(chosen)
        if chosen is not None and (executable is None or not os.path.exists(executable)):
            raise WorkflowError(f"the shell `{chosen}` does not exist")
        if executable is None:
            executable = which("bash") or "/bin/sh"
        prefix = self._prefix
        if prefix is None:
            prefix = STRICT if os.path.basename(executable).lower() == "bash" else ""
        text = " ".join((prefix, command, self._suffix)).strip()
        environment = self._activated(_environment(context))
        script = None
        if len(text.encode("utf-8", "surrogateescape")) > _LONGEST:
            script = _script(text)
            argv = [executable, script]
        else:
            argv = [executable, "-c", text]
        box = self._activation.get("container")
        if box is not None:
            from rulekit.runner import boxed

            plain = os.path.basename(executable) in ("bash", "sh")
            strict = prefix == STRICT if plain else None
            argv = list(boxed.enclosed(box, argv, environment, strict=strict))
            environment = boxed.outside(box, environment)
        sys.stdout.flush()
        process = subprocess.Popen(
            argv,
            stdout=subprocess.PIPE if iterable or read else None,
            text=True if iterable or read else None,
            env=environment,
        )
        if iterable:
            return _lines(process, command, script)
        output = process.communicate()[0] if read else None
        status = process.wait()
        if script is not None:
            os.unlink(script)
        if status:
            raise subprocess.CalledProcessError(status, text, output)
        return output


def _lines(process: Any, command: str, script: str | None) -> Iterator[str]:
    import subprocess

    assert process.stdout is not None
    with process.stdout:
        for line in process.stdout:
            yield line.rstrip("\n")
    status = process.wait()
    if script is not None:
        os.unlink(script)
    if status:
        raise subprocess.CalledProcessError(status, command)


def _environment(context: Mapping[str, Any]) -> dict[str, str]:
    environment = dict(os.environ)
    if "threads" in context:
        threads = str(context["threads"])
        for name in _THREADS:
            environment[name] = threads
    resources = context.get("resources")
    tmpdir = resources.get("tmpdir") if resources is not None else None
    if tmpdir:
        for name in _TEMP:
            environment[name] = str(tmpdir)
    added = context.get("additional_envvars")
    if added is not None:
        if not isinstance(added, dict) or not all(isinstance(v, str) for v in added.values()):
            raise WorkflowError(f"`additional_envvars` must be a dict of texts, not {added!r}")
        environment.update(added)
    return environment


def _script(text: str) -> str:
    import tempfile

    handle, path = tempfile.mkstemp(prefix="rulekit-", suffix=".sh")
    with os.fdopen(handle, "w", encoding="utf-8", errors="surrogateescape") as file:
        file.write(text + "\n")
    return path


class _Variables:
    """What a caller can see: keyword arguments, its locals, its globals."""

    __slots__ = ("given", "local")

    def __init__(self, given: Mapping[str, Any], local: Mapping[str, Any]) -> None:
        self.given = given
        self.local = local

    def __contains__(self, name: object) -> bool:
        return name in self.given or name in self.local

    def __getitem__(self, name: str) -> Any:
        return self.given[name] if name in self.given else self.local[name]

    def get(self, name: str, default: Any = None) -> Any:
        return self[name] if name in self else default  # noqa: SIM401  this is `get`

    def __iter__(self) -> Iterator[str]:
        yield from self.given
        yield from self.local

    def keys(self) -> list[str]:
        return list(self)


def _formatted(
    text: str, args: tuple[Any, ...], kwargs: Mapping[str, Any], frame: FrameType
) -> str:
    given = {**kwargs, **{str(i): value for i, value in enumerate(args)}}
    names: Any = _Variables(given, frame.f_locals)
    # In a job's body these names hold file names; a user's own variable of that name may be code.
    local = frame.f_locals
    guarded = any(
        isinstance(local.get(name), Namedlist) and name not in given
        for name in ("input", "output", "wildcards", "log")
    )
    if guarded:
        try:
            return Template(text, shell=True).render(names, frame.f_globals)
        except RulekitError as error:
            diagnostic = error.diagnostics[0]
            help_ = f"; {diagnostic.help}" if diagnostic.help else ""
            kind = NameError if diagnostic.code == "RK0240" else WorkflowError
            raise kind(diagnostic.message + help_) from None
    return format_text(text, names, frame.f_globals)


shell = Shell()
