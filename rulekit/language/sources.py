"""Places of code files: `github(...)`, `gitlab(...)`, `gitfile(...)`, `srcdir(...)`.

A `SourcePath` is a text that can be joined, as user code expects of `workflow.current_basedir`.
"""

from __future__ import annotations

import os
import sys

from rulekit.language.exceptions import WorkflowError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any


class SourcePath(str):
    """The path of a code file or of its folder."""

    __slots__ = ()

    def join(self, path: Any) -> SourcePath:  # type: ignore[override]
        """The path below this one; with a list of texts, what `str.join` gives."""
        if isinstance(path, (str, os.PathLike)):
            return SourcePath(os.path.normpath(os.path.join(str(self), os.fspath(path))))
        return str.join(self, path)  # type: ignore[return-value]

    def get_path_or_uri(self, secret_free: bool = False) -> str:
        return str(self)

    def get_basedir(self) -> SourcePath:
        return SourcePath(os.path.dirname(self))

    def get_filename(self) -> str:
        return os.path.basename(self)

    def abspath(self) -> SourcePath:
        return SourcePath(os.path.abspath(self))

    def isabs(self) -> bool:
        return os.path.isabs(self)

    def exists(self) -> bool:
        return os.path.exists(self)

    def simplify_path(self) -> str:
        from rulekit.language.compat import simplify_path

        return simplify_path(str(self))

    def __truediv__(self, other: Any) -> SourcePath:
        return self.join(other)


class HostedFile:
    """A code file in a git repository: which one, and which state of it.

    kind: ``tag``, ``branch`` or ``commit``. Nothing is fetched before the file is used.
    """

    __slots__ = ("host", "kind", "path", "ref", "repo")

    def __init__(self, host: str | None, repo: str, path: str, kind: str, ref: str) -> None:
        self.host = host  # None: a repository on this machine
        self.repo = repo
        self.path = path
        self.kind = kind
        self.ref = ref

    @property
    def is_local(self) -> bool:
        return self.host is None

    def address(self) -> str:
        """Where git finds the repository."""
        if self.host is None:
            return os.path.abspath(os.path.expanduser(self.repo))
        return f"https://{self.host}/{self.repo}.git"

    def join(self, path: str) -> HostedFile:
        inside = os.path.normpath(os.path.join(self.path, path))
        return HostedFile(self.host, self.repo, inside, self.kind, self.ref)

    def get_basedir(self) -> HostedFile:
        return HostedFile(self.host, self.repo, os.path.dirname(self.path), self.kind, self.ref)

    def get_filename(self) -> str:
        return os.path.basename(self.path)

    def get_path_or_uri(self, secret_free: bool = False) -> str:
        return f"git+{self.address()}/{self.path}@{self.ref}"

    def __str__(self) -> str:
        return self.get_path_or_uri()


def _hosted(host: str | None, repo: Any, path: Any, states: dict[str, str | None]) -> HostedFile:
    chosen = [(kind, ref) for kind, ref in states.items() if ref is not None]
    if len(chosen) != 1 or not path:
        names = " and ".join(f"`{name}`" for name in states)
        raise WorkflowError(f"a file of the repository `{repo}` needs `path` and one of {names}")
    kind, ref = chosen[0]
    return HostedFile(
        host, os.fspath(repo), os.fspath(path), "branch" if kind == "ref" else kind, ref
    )


def github(
    repo: str,
    path: Any = None,
    tag: str | None = None,
    branch: str | None = None,
    commit: str | None = None,
    host: str | None = None,
) -> HostedFile:
    """A file of a repository on GitHub."""
    states = {"tag": tag, "branch": branch, "commit": commit}
    return _hosted(host or "github.com", repo, path, states)


def gitlab(
    repo: str,
    path: Any = None,
    tag: str | None = None,
    branch: str | None = None,
    commit: str | None = None,
    host: str | None = None,
) -> HostedFile:
    """A file of a repository on a GitLab server."""
    states = {"tag": tag, "branch": branch, "commit": commit}
    return _hosted(host or "gitlab.com", repo, path, states)


def gitfile(
    repo: Any,
    path: Any = None,
    tag: str | None = None,
    ref: str | None = None,
    commit: str | None = None,
) -> HostedFile:
    """A file of a git repository on this machine."""
    return _hosted(None, repo, path, {"tag": tag, "ref": ref, "commit": commit})


def srcdir(path: str) -> str:
    """The path of a file beside the rule file that calls this. Version 9 has `workflow.source_path`."""
    frame = sys._getframe(1)
    scope = frame.f_globals.get("__rulekit__")
    if scope is not None:
        scope.loader.note(
            "`srcdir` is gone since version 8; `workflow.source_path` is its successor"
        )
    folder = os.path.dirname(os.path.abspath(frame.f_code.co_filename))
    return os.path.join(folder, path)
