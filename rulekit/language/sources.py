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
    """A code file in a git repository elsewhere: which one, and which state of it."""

    def __init__(
        self,
        host: str,
        repo: str,
        path: str,
        tag: str | None,
        branch: str | None,
        commit: str | None,
    ) -> None:
        chosen = [one for one in (tag, branch, commit) if one is not None]
        if len(chosen) != 1:
            raise WorkflowError(
                f"the file `{path}` of `{repo}` needs one of `tag`, `branch` and `commit`"
            )
        self.host = host
        self.repo = repo
        self.path = path
        self.ref = chosen[0]

    def join(self, path: str) -> HostedFile:
        inside = os.path.normpath(os.path.join(self.path, path))
        return HostedFile(self.host, self.repo, inside, self.ref, None, None)

    def get_basedir(self) -> HostedFile:
        return HostedFile(self.host, self.repo, os.path.dirname(self.path), self.ref, None, None)

    def get_path_or_uri(self, secret_free: bool = False) -> str:
        return f"{self.host}:{self.repo}/{self.path}@{self.ref}"

    __str__ = get_path_or_uri


def github(
    repo: str,
    path: str,
    tag: str | None = None,
    branch: str | None = None,
    commit: str | None = None,
    host: str = "github.com",
) -> HostedFile:
    """A file of a repository on GitHub."""
    return HostedFile(host, repo, path, tag, branch, commit)


def gitlab(
    repo: str,
    path: str,
    tag: str | None = None,
    branch: str | None = None,
    commit: str | None = None,
    host: str = "gitlab.com",
) -> HostedFile:
    """A file of a repository on a GitLab server."""
    return HostedFile(host, repo, path, tag, branch, commit)


def gitfile(
    repo: str,
    path: str,
    tag: str | None = None,
    branch: str | None = None,
    commit: str | None = None,
) -> HostedFile:
    """A file of a local git repository."""
    return HostedFile("file", repo, path, tag, branch, commit)


def srcdir(path: str) -> str:
    """The path of a file beside the rule file that calls this. Version 9 has `workflow.source_path`."""
    file = sys._getframe(1).f_code.co_filename
    return os.path.join(os.path.dirname(os.path.abspath(file)), path)
