"""The folders of an order on the machine it runs on, and its jobs as they are run there.

root/work    the working directory of the jobs
root/state   helper files of the runner
root/tmp     TMPDIR, on a node
root/home    HOME, in containers
root/parts   files that are not whole yet
"""

from __future__ import annotations

import os
import re
import sys

from rulekit.frozen import replace
from rulekit.runner import files
from rulekit.runner.files import Refused, make_directory, make_parent, refusal

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from typing import Any

    from rulekit.model.spec import JobSpec

_TMP_VARIABLES = ("TMPDIR", "TMP", "TEMP", "TEMPDIR")
_HIDDEN = frozenset((".rulekit", ".snakemake"))
_CLOSED = frozenset(("source", "$pickle", "pickled", "load"))  # not searched for paths


class Site:
    """Where an order runs. `local_root`: the driver's working directory, if this is its machine."""

    def __init__(self, root: str, local_root: str | None = None) -> None:
        self.root = os.path.abspath(root)
        self.local_root = local_root
        self.work = os.path.join(self.root, "work")
        self.state = os.path.join(self.root, "state")
        self.tmp = os.path.join(self.root, "tmp")
        self.home = os.path.join(self.root, "home")
        self.parts = os.path.join(self.root, "parts")
        self.output = os.path.join(self.root, "output.txt")

    def make(self) -> None:
        """Fresh folders; what an earlier attempt left is thrown away. Raises Refused."""
        self.clear()
        for folder in (self.work, self.state, self.tmp, self.parts):
            make_directory(folder)

    def clear(self) -> None:
        """Takes away what `make` and the jobs made, but not the root if it holds other things."""
        try:
            for folder in (self.work, self.state, self.tmp, self.home, self.parts):
                files.remove(folder)
        except OSError as error:
            raise refusal(error, f"cannot clear the folder `{self.root}`") from None
        try:
            os.rmdir(self.root)
        except OSError:
            pass

    # -- what lies beside the staged files -----------------------------------------------------

    def mirror(self, source: str, staged: Iterable[str], deep: bool) -> None:
        """Links into the working directory to what is in the folder `source`.

        Folders in which `staged` paths will stand are real ones, so that nothing staged gets into
        `source`; with `deep` all are, so that nothing a job makes does. Raises Refused.
        """
        tree: dict[str, Any] = {}
        for path in staged:
            node = tree
            parts = [part for part in path.split("/") if part not in ("", ".")]
            for part in parts[:-1]:
                node = node.setdefault(part, {})
                if node is None:
                    break
            else:
                if parts:
                    node[parts[-1]] = None
        todo: list[tuple[str, str, dict[str, Any]]] = [(source, self.work, tree)]
        try:
            while todo:
                real, here, node = todo.pop()
                for entry in os.scandir(real):
                    name = entry.name
                    if real == source and not deep and name in _HIDDEN:
                        continue
                    inside = os.path.join(here, name)
                    folder = entry.is_dir(follow_symlinks=not deep)
                    if name in node:
                        if node[name] is None or not folder:
                            continue
                    elif not (deep and folder):
                        os.symlink(entry.path, inside)
                        continue
                    os.makedirs(inside, exist_ok=True)
                    todo.append((entry.path, inside, node.get(name) or {}))
        except OSError as error:
            raise refusal(error, f"cannot show the files of `{source}` to the job") from None

    # -- local files of this machine -----------------------------------------------------------

    def receive(self, spec: JobSpec, stored: Mapping[str, Any]) -> None:
        """Before a job: what its outputs on this disk need of their old state. Raises Refused."""
        for output in spec.outputs:
            here = self._here(output.path, stored)
            if here is None or not os.path.lexists(here):
                continue
            if not os.path.islink(here) and not os.access(here, os.W_OK):
                raise Refused(
                    "protected", f"the output `{output.path}` exists and is write-protected"
                )
            if "update" in output.flags:
                _copy(here, os.path.join(self.work, output.path), output.path)

    def deliver(self, spec: JobSpec, stored: Mapping[str, Any], only_logs: bool) -> None:
        """After a job: its files that belong to this disk are moved there. Raises Refused."""
        paths = list(spec.logs)
        if not only_logs:
            paths += [output.path for output in spec.outputs]
            paths += [spec.benchmark] if spec.benchmark else []
        for path in paths:
            here = self._here(path, stored)
            made = os.path.join(self.work, path)
            if here is None or not os.path.lexists(made):
                continue
            make_parent(here)
            try:
                if os.path.isdir(made) and not os.path.islink(made):
                    files.remove(here)
                os.replace(made, here)
            except OSError:
                files.remove(here)
                _copy(made, here, path)

    def _here(self, path: str, stored: Mapping[str, Any]) -> str | None:
        """Where an unstored relative path is on this disk."""
        if self.local_root is None or path in stored or path[:1] == "/":
            return None
        return os.path.join(self.local_root, path)

    # -- jobs ----------------------------------------------------------------------------------

    def adapted(self, spec: JobSpec, moved: Mapping[str, str], capture: bool) -> JobSpec:
        """The job as it is run here. `moved`: as in orders, for a node."""
        changes: dict[str, Any] = {"workdir": self.work, "state_dir": self.state}
        if capture:
            changes["capture"] = self.output
        if self.local_root is None:
            changes |= self._for_node(spec, moved)
        return replace(spec, **changes)

    def _for_node(self, spec: JobSpec, moved: Mapping[str, str]) -> dict[str, Any]:
        environment = dict(spec.environment)
        if any(name in environment for name in _TMP_VARIABLES):
            environment.update(dict.fromkeys(_TMP_VARIABLES, self.tmp))
        known = {spec.workdir: "."} | dict(moved)
        change = mover(
            {old: os.path.normpath(os.path.join(self.work, new)) for old, new in known.items()}
        )
        body = dict(_changed(spec.body, change))
        context = spec.context
        if context is not None:
            context = {
                **_changed(context, change),
                "moved": [
                    [old, os.path.normpath(os.path.join(self.work, new))]
                    for old, new in known.items()
                ],
            }
        return {
            "environment": environment,
            "body": _body_for_node(body),
            "context": context,
            "shadow_prefix": None,
            "latency_wait_s": 0.0,
            "keep_shadow": False,
        }


def _body_for_node(body: dict[str, Any]) -> dict[str, Any]:
    """Programs by the paths they have on the driver's machine are looked for here."""
    kind = body.get("kind")
    if kind == "shell":
        executable = body.get("executable")
        if executable and "/" in executable and not os.path.exists(executable):
            body["executable"] = os.path.basename(executable)
    elif kind in ("script", "notebook") and body.get("interpreter"):
        program, *rest = body["interpreter"]
        if "/" in program and not os.path.exists(program):
            own = kind == "notebook" or body.get("language") == "python"
            body["interpreter"] = [sys.executable if own else os.path.basename(program), *rest]
    elif kind == "command" and body.get("function"):
        body["argv"] = body_program()
    return body


def body_program() -> list[str]:
    """What carries out a `run:` body here: this program, where it travelled as an archive."""
    package = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
    place = os.path.dirname(package)
    if os.path.isfile(place) or os.path.exists(os.path.join(place, "__main__.py")):
        return [sys.executable, place, "body"]
    return [sys.executable, "-m", "rulekit.cli.body"]


def mover(folders: Mapping[str, str]) -> Any:
    """A function that puts new folders in the place of old ones, in any text.

    Only whole names count: ``/a/b`` is not in ``/a/bc`` nor in ``x/a/b``. A folder right below
    the root (``/tmp``) means too many things to be replaced.
    """
    known = {old.rstrip("/"): new for old, new in folders.items() if old.count("/") > 1}
    if not known:
        return lambda text: text
    names = "|".join(re.escape(old) for old in sorted(known, key=len, reverse=True))
    found = re.compile(rf"(?<![\w.\-/])(?:{names})(?![\w.\-])")
    return lambda text: found.sub(lambda match: known[match[0]], text)


def _changed(value: Any, change: Any) -> Any:
    if isinstance(value, str):
        return change(value)
    if isinstance(value, dict):
        return {k: v if k in _CLOSED else _changed(v, change) for k, v in value.items()}
    if isinstance(value, (list, tuple)):
        return [_changed(item, change) for item in value]
    return value


def _copy(source: str, target: str, path: str) -> None:
    import shutil

    part = f"{target}.part"
    try:
        make_parent(target)
        files.remove(part)
        if os.path.isdir(source) and not os.path.islink(source):
            shutil.copytree(source, part, symlinks=True)
        else:
            shutil.copy2(source, part, follow_symlinks=False)
        os.replace(part, target)
    except OSError as error:
        raise refusal(error, f"cannot copy `{path}`") from None
