"""Where the code of a wrapper is: `wrapper: "v1.2/bio/x"`, a path, or a URL.

A wrapper is a folder with ``wrapper.py`` (.R, .Rmd, .jl, ...) and ``environment.yaml``, or the
script itself. `--wrapper-prefix` says what stands before its name: a folder, a ``file://`` or
``http(s)://`` address, or ``git+file://REPOSITORY``, where the first part of the name is a tag,
branch or commit. Without it the public collection of wrappers is meant, which needs a network.
"""

from __future__ import annotations

import os

from rulekit.errors import RuleFileError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from rulekit.model.rule import Rule

_SUFFIXES = (".py", ".R", ".Rmd", ".jl", ".rs", ".sh")
_COLLECTION = "https://github.com/snakemake/snakemake-wrappers/raw/"
_REPOSITORY = ("github.com", "snakemake/snakemake-wrappers")
ENVIRONMENT = "environment.yaml"


def script_of(rule: Rule, text: str, prefix: str | None) -> str:
    """The path of a wrapper's script, here. Raises `RuleFileError` with the places looked at.

    `text`: the wrapper's name with wildcards and params filled in.
    """
    place = _place(rule, text, prefix)
    if "://" in place:
        return _downloaded(rule, place)
    if os.path.isfile(place):
        return place
    for suffix in _SUFFIXES:
        path = os.path.join(place, f"wrapper{suffix}")
        if os.path.isfile(path):
            return path
    there = "is no folder" if not os.path.isdir(place) else "holds no `wrapper.py` (.R, .jl, ...)"
    raise RuleFileError(
        f"there is no wrapper `{text}`: `{place}` {there}",
        code="RK0284",
        span=rule.body.span or rule.span,
        help="--wrapper-prefix says where wrappers are; `file://PATH` names one on this machine",
    )


def environment_of(rule: Rule, text: str, prefix: str | None) -> str | None:
    """The path of the ``environment.yaml`` beside a wrapper's script; None if there is none."""
    script = script_of(rule, text, prefix)
    path = os.path.join(os.path.dirname(script), ENVIRONMENT)
    return path if os.path.isfile(path) else None


def _place(rule: Rule, text: str, prefix: str | None) -> str:
    """A path here, or an http(s) address."""
    if text.startswith(("http://", "https://")):
        return text
    if text.startswith("git+file:"):
        repository, path, ref = _split_git(rule, text)
        return _from_git(rule, None, repository, path, ref)
    if text.startswith("file:"):
        path = _path_of(text)
        # Relative to the working directory, as in Snakemake; else to the rule's file.
        return os.path.abspath(path if os.path.exists(path) else os.path.join(rule.basedir, path))
    if prefix is None:
        ref, _, path = text.partition("/")
        if not path:
            return os.path.join(rule.basedir, text)
        return _from_git(rule, _REPOSITORY[0], _REPOSITORY[1], path, ref)
    if prefix.startswith("git+file:"):
        ref, _, path = text.partition("/")
        repository = _path_of(prefix.removeprefix("git+")).rstrip("/")
        return _from_git(rule, None, repository, path, ref)
    if prefix.rstrip("/") == _COLLECTION.rstrip("/"):
        ref, _, path = text.partition("/")
        return _from_git(rule, _REPOSITORY[0], _REPOSITORY[1], path, ref)
    whole = prefix + text
    if whole.startswith(("http://", "https://")):
        return whole
    return _on_disk(rule, _path_of(prefix), text)


def _on_disk(rule: Rule, prefix: str, text: str) -> str:
    """Below a folder: by the whole name, or, in a plain checkout, without the version before it."""
    prefix = os.path.abspath(os.path.expanduser(prefix)) + ("/" if prefix.endswith("/") else "")
    version, _, rest = text.partition("/")
    whole = os.path.join(prefix, text)
    for path in (prefix + text, whole):
        if os.path.exists(path):
            return path
    if os.path.exists(os.path.join(prefix, ".git")):
        return _from_git(rule, None, prefix, rest, version)
    bare = os.path.join(prefix, rest)
    return bare if rest and os.path.exists(bare) else whole


def _path_of(address: str) -> str:
    """``file:///x``, ``file://x`` and ``file:x`` are all paths, relative ones too."""
    return address.removeprefix("file:").removeprefix("//")


def _split_git(rule: Rule, text: str) -> tuple[str, str, str]:
    """``git+file:///REPOSITORY/PATH@REF``: the repository is the folder that git keeps."""
    place, _, ref = _path_of(text.removeprefix("git+")).partition("@")
    folder = place
    while folder not in ("/", ""):
        folder = os.path.dirname(folder)
        if os.path.exists(os.path.join(folder, ".git")) or os.path.exists(f"{folder}/HEAD"):
            return folder, os.path.relpath(place, folder), ref or "HEAD"
    raise RuleFileError(
        f"there is no git repository above `{place}`",
        code="RK0284",
        span=rule.body.span or rule.span,
    )


def _from_git(rule: Rule, host: str | None, repository: str, path: str, ref: str) -> str:
    from rulekit.compiler.fetch import local_copy
    from rulekit.language.exceptions import WorkflowError
    from rulekit.language.sources import HostedFile

    kind = "tag" if host is None or ref[:1].isdigit() or ref[1:2].isdigit() else "branch"
    try:
        return local_copy(HostedFile(host, repository, path, kind, ref))
    except WorkflowError as error:
        raise _unreachable(rule, str(error).split("\n")[0]) from None


def _downloaded(rule: Rule, address: str) -> str:
    """The script behind an address; what lies beside it is fetched too where it is known."""
    import shutil

    from rulekit.compiler.fetch import download
    from rulekit.language.exceptions import WorkflowError

    address = address.rstrip("/")
    known = address.endswith(tuple(f"/wrapper{suffix}" for suffix in _SUFFIXES))
    folder = address.rsplit("/", 1)[0] if known else address
    said = ""
    for url in [address] if known else [f"{address}/wrapper{suffix}" for suffix in _SUFFIXES]:
        try:
            script = download(url)
        except WorkflowError as error:
            said = said or str(error).split("\n")[0]
            continue
        try:
            environment = download(f"{folder}/{ENVIRONMENT}")
            shutil.copyfile(environment, os.path.join(os.path.dirname(script), ENVIRONMENT))
        except WorkflowError:
            pass  # not every wrapper needs software
        return script
    raise _unreachable(rule, said)


def _unreachable(rule: Rule, reason: str) -> RuleFileError:
    return RuleFileError(
        f"the wrapper `{rule.body.text}` of rule `{rule.name}` cannot be fetched: {reason}",
        code="RK0285",
        span=rule.body.span or rule.span,
        help="without a network, have a copy of the wrappers here and give its place by"
        " --wrapper-prefix: a folder, or git+file://REPOSITORY",
    )
