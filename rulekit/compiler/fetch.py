"""Local copies of code that lies elsewhere: git repositories and single files behind a URL.

Copies live in the user's cache folder. What cannot change (a commit, a tag) is fetched once; a
branch and a URL are looked up anew in each load.
"""

from __future__ import annotations

import os

from rulekit.language.exceptions import WorkflowError
from rulekit.syntax.cachedir import cache_folder

TYPE_CHECKING = False
if TYPE_CHECKING:
    from rulekit.language.sources import HostedFile

_SECONDS = 120  # for one answer of a server


def local_copy(hosted: HostedFile) -> str:
    """The path of a local copy of a file in a git repository; the whole state is there.

    Raises `WorkflowError` if git is missing, or does not find the repository, the state or the file.
    """
    folder = _checkout(hosted)
    path = os.path.join(folder, hosted.path)
    if not os.path.exists(path):
        raise WorkflowError(f"there is no `{hosted.path}` in `{hosted.repo}` at `{hosted.ref}`")
    return path


def web_copy(address: str) -> str:
    """The path of a local copy of a single file that a rule names by its address.

    Raises `WorkflowError`, also for an address that is not of a web server.
    """
    if not address.startswith(("http://", "https://")):
        raise WorkflowError("only http(s) addresses, paths and git repositories are understood")
    return download(address)


def _checkout(hosted: HostedFile) -> str:
    import hashlib
    import shutil
    import tempfile

    address = hosted.address()
    key = hashlib.sha256(f"{address}\0{hosted.kind}\0".encode()).hexdigest()[:16]
    home = _sources()
    if hosted.is_local:
        commit = _git(address, "rev-parse", "--verify", f"{hosted.ref}^{{commit}}")
    elif hosted.kind == "branch":
        line = _git(None, "ls-remote", address, f"refs/heads/{hosted.ref}")
        if not line:
            raise WorkflowError(f"there is no branch `{hosted.ref}` in `{address}`")
        commit = line.split()[0]
    else:
        commit = hosted.ref
    target = os.path.join(home, f"{key}-{commit.replace('/', '_')}")
    if os.path.isdir(target):
        return target
    work = tempfile.mkdtemp(prefix="fetch-", dir=home)
    try:
        _git(work, "init", "--quiet")
        wanted = hosted.ref if hosted.kind == "tag" and not hosted.is_local else commit
        if hosted.is_local:
            # A commit that no branch ends in can be read from the disk, not asked for.
            alternates = os.path.join(work, ".git", "objects", "info", "alternates")
            objects = _git(address, "rev-parse", "--path-format=absolute", "--git-path", "objects")
            with open(alternates, "w", encoding="utf-8") as file:
                file.write(objects + "\n")
            _git(work, "checkout", "--quiet", "--detach", commit)
        else:
            if hosted.kind == "tag":
                wanted = f"refs/tags/{hosted.ref}"
            _git(work, "fetch", "--quiet", "--depth", "1", address, wanted)
            _git(work, "checkout", "--quiet", "--detach", "FETCH_HEAD")
        shutil.rmtree(os.path.join(work, ".git"))
        try:
            os.rename(work, target)
        except OSError:
            if not os.path.isdir(target):  # else another process was faster
                raise
    finally:
        shutil.rmtree(work, ignore_errors=True)
    return target


def _git(folder: str | None, *words: str) -> str:
    import subprocess

    where = [] if folder is None else ["-C", folder]
    environment = {**os.environ, "GIT_TERMINAL_PROMPT": "0", "LC_ALL": "C"}
    environment.pop("GIT_DIR", None)
    try:
        done = subprocess.run(
            ["git", *where, *words],
            capture_output=True,
            check=False,
            text=True,
            timeout=_SECONDS,
            env=environment,
            stdin=subprocess.DEVNULL,
        )
    except FileNotFoundError:
        raise WorkflowError("sources in git repositories need the program `git`") from None
    except subprocess.TimeoutExpired:
        raise WorkflowError(f"`git {words[0]}` had no answer for {_SECONDS} seconds") from None
    if done.returncode:
        said = done.stderr.strip().split("\n")[-1] or f"status {done.returncode}"
        raise WorkflowError(f"`git {' '.join(words[:3])}` failed: {said}")
    return done.stdout.strip()


def download(url: str) -> str:
    """The path of a local copy of the file behind a URL. Raises `WorkflowError`."""
    import hashlib
    import urllib.error
    import urllib.request

    name = url.rstrip("/").rsplit("/", 1)[-1].split("?")[0] or "file"
    folder = os.path.join(_sources(), hashlib.sha256(url.encode()).hexdigest()[:16])
    os.makedirs(folder, exist_ok=True)
    path = os.path.join(folder, name)
    try:
        with urllib.request.urlopen(url, timeout=_SECONDS) as answer:  # noqa: S310  see the caller
            data = answer.read()
    except (urllib.error.URLError, OSError, ValueError) as error:
        reason = getattr(error, "reason", None) or error
        raise WorkflowError(f"`{url}` cannot be read: {reason}") from None
    part = f"{path}.{os.getpid()}.part"
    with open(part, "wb") as file:
        file.write(data)
    os.replace(part, path)
    return path


def _sources() -> str:
    beside = cache_folder()
    if beside is None:
        raise WorkflowError(
            "there is no safe folder for copies of remote sources",
            "$XDG_CACHE_HOME/rulekit must be yours and closed to others",
        )
    folder = os.path.join(os.path.dirname(beside), "sources")
    os.makedirs(folder, mode=0o700, exist_ok=True)
    return folder
