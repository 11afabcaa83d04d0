"""The isolated work folder of a job that asks for one.

``minimal`` has links to the inputs only, ``copy-minimal`` copies of them, ``shallow`` links to
what is in the working directory, ``full`` its whole tree of directories with links to the files.
Outputs and logs are moved back; what else the job left there is thrown away.
"""

from __future__ import annotations

import os

from rulekit.runner.files import Refused, is_managed, make_directory, refusal, remove

TYPE_CHECKING = False
if TYPE_CHECKING:
    from rulekit.model.spec import JobSpec

KINDS = ("minimal", "copy-minimal", "shallow", "full")

# State directories of ours and of the tool whose language this is are never shown to a job.
_HIDDEN = frozenset((".rulekit", ".snakemake"))


class Shadow:
    """A folder made for one attempt. `path` is absolute; made in the working directory's name."""

    __slots__ = ("_spec", "path")

    def __init__(self, spec: JobSpec) -> None:
        """Make and fill it; the current directory is the job's. Raises Refused."""
        kind = spec.shadow or ""
        if kind not in KINDS:
            raise Refused("spawn", f"there is no kind of shadow `{kind}`")
        self._spec = spec
        base = spec.shadow_prefix or os.path.join(spec.state_dir, "shadow")
        self.path = os.path.join(spec.workdir, base, spec.token)
        make_directory(self.path)
        try:
            if kind in ("minimal", "copy-minimal"):
                self._fill_minimal(copy=kind == "copy-minimal")
            elif kind == "shallow":
                for name in os.listdir():
                    os.symlink(os.path.abspath(name), os.path.join(self.path, name))
            else:
                self._fill_full()
            for path in self._made():
                # Where `shallow` linked the folder itself, it is there already.
                os.makedirs(os.path.dirname(self._inside(path)) or ".", exist_ok=True)
        except OSError as error:
            self.discard()
            raise refusal(error, f"cannot make the shadow directory `{self.path}`") from None
        except Refused:
            self.discard()
            raise

    def _made(self) -> list[str]:
        """Outputs and logs that the job will make inside."""
        spec = self._spec
        names = [output.path for output in spec.outputs if is_managed(output.flags)]
        return [path for path in (*names, *spec.logs) if not os.path.isabs(path)]

    def _inside(self, path: str) -> str:
        normal = os.path.normpath(path)
        if normal.split(os.sep, 1)[0] == os.pardir:
            raise Refused(
                "access",
                f"`{path}` lies outside the working directory, which a job in a shadow directory"
                " cannot reach: use an absolute path",
            )
        return os.path.join(self.path, normal)

    def _fill_minimal(self, copy: bool) -> None:
        for path in dict.fromkeys(self._spec.inputs):
            if os.path.isabs(path):
                continue
            inside = self._inside(path)
            os.makedirs(os.path.dirname(inside), exist_ok=True)
            if os.path.lexists(inside):
                continue
            if not copy:
                os.symlink(os.path.abspath(path), inside)
                continue
            import shutil

            if os.path.isdir(path):
                shutil.copytree(path, inside, symlinks=True)
            else:
                shutil.copy2(path, inside)

    def _fill_full(self) -> None:
        own = os.path.abspath(self.path)
        prefix = os.path.abspath(self._spec.shadow_prefix or own)
        for folder, names, files in os.walk("."):
            kept = []
            for name in names:
                path = os.path.normpath(os.path.join(folder, name))
                if name in _HIDDEN or os.path.abspath(path) in (own, prefix):
                    continue
                inside = os.path.join(self.path, path)
                if os.path.islink(path):
                    # A link to a folder stays one: walking into it could go round in circles.
                    os.symlink(os.path.abspath(path), inside)
                else:
                    os.mkdir(inside)
                    kept.append(name)
            names[:] = kept
            for name in files:
                path = os.path.normpath(os.path.join(folder, name))
                os.symlink(os.path.abspath(path), os.path.join(self.path, path))

    def bring_back(self, only_logs: bool) -> None:
        """Move outputs and logs to where they belong. Raises Refused.

        The current directory afterwards is the job's working directory.
        """
        os.chdir(self._spec.workdir)
        for path in self._spec.logs if only_logs else self._made():
            if os.path.isabs(path):
                continue
            inside = os.path.join(self.path, os.path.normpath(path))
            if not os.path.lexists(inside) or os.path.realpath(inside) == os.path.realpath(path):
                continue
            try:
                self._move(inside, path)
            except OSError as error:
                raise refusal(error, f"cannot move `{path}` out of the shadow directory") from None

    def _move(self, inside: str, path: str) -> None:
        if os.path.islink(inside):
            # A link to something in here would lead nowhere.
            target = os.readlink(inside)
            if os.path.isabs(target) and target.startswith(self.path + os.sep):
                os.unlink(inside)
                relative = os.path.relpath(target, os.path.dirname(inside))
                os.symlink(relative, inside)
        try:
            os.replace(inside, path)
        except OSError:
            import shutil

            remove(path)
            shutil.move(inside, path)

    def discard(self) -> None:
        """Throw the folder away. Links are taken away, never followed."""
        try:
            remove(self.path)
        except OSError:
            pass
