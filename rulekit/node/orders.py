"""Orders: what the driver writes and a node reads. Pure; an order holds no secret.

The form is in docs/design/azure.md. Beside what is there an order may hold ``moved`` (folders of
the driver's machine and where their content is below the working directory) and ``limit_s``.
"""

from __future__ import annotations

import json
import re

from rulekit.frozen import frozen
from rulekit.runner import wire
from rulekit.runner.files import is_managed

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence
    from typing import Any

    from rulekit.model.spec import JobResult, JobSpec

    Place = tuple[str, str, str]  # account, container, name

FORMAT = 1
ENVIRONMENT = "env:"  # of `software["conda"]`: behind it an identity, for `environments`
METADATA_MOST = 6_000  # bytes of results that travel in the metadata of their blob
_NAME = re.compile(r"[A-Za-z0-9._-]{1,200}")
_AUTH = ("sas", "identity", "none")


@frozen
class Order:
    """An order that was checked. `images` and `options` have an item for each of `specs`."""

    run: str
    token: str
    specs: tuple[JobSpec, ...]
    images: tuple[str | None, ...]
    options: tuple[tuple[str, ...], ...]
    files: Mapping[str, Place]
    inner: frozenset[str]
    accounts: Mapping[str, Mapping[str, Any]]
    sources: tuple[Place, str] | None
    result: Place | None
    output: Place | None
    envvars: tuple[str, ...]
    moved: Mapping[str, str]
    limit_s: float | None
    limits: tuple[list[dict[str, int]], dict[str, int]] | None
    environments: Mapping[str, tuple[Place, str]]


def make_order(
    specs: Sequence[JobSpec],
    find: Callable[[str], Any],
    accounts: Mapping[str, Mapping[str, Any]],
    run: str,
    *,
    images: Sequence[str | None] = (),
    options: Sequence[Sequence[str]] = (),
    inner: Iterable[str] = (),
    sources: tuple[Sequence[str], str] | None = None,
    result: Sequence[str] | None = None,
    output: Sequence[str] | None = None,
    envvars: Iterable[str] = (),
    moved: Mapping[str, str] | None = None,
    limit_s: float | None = None,
    limits: tuple[Sequence[Mapping[str, int]], Mapping[str, int]] | None = None,
    environments: Mapping[str, tuple[Sequence[str], str]] | None = None,
) -> dict[str, Any]:
    """The order for these jobs, in order of dependence, as what `json` writes.

    `find(path)` gives the place of a stored file (`.account`, `.container`, `.name`), None for one
    of this disk. `accounts` are those of the run; only those that are needed get in. `images`,
    `options`: one for each job, or none at all. `limits`: for jobs that pipes or services join, as
    `rulekit.runner.together` takes them. `environments`: packs of conda environments and their
    digests, by identity. The order's token is that of its first job.
    """
    inside = frozenset(inner) | frozenset(path for spec in specs for path in streams_of(spec))
    files: dict[str, list[str]] = {}
    for spec in specs:
        for path in paths_of(spec):
            if path not in files and path not in inside:
                location = find(path)
                if location is not None:
                    files[path] = [location.account, location.container, location.name]
    places = [*files.values(), *(place for place in (result, output) if place)]
    if sources:
        places.append(list(sources[0]))
    packs = {
        identity: [list(place), digest]
        for identity, (place, digest) in (environments or {}).items()
    }
    places += [place for place, _ in packs.values()]  # type: ignore[misc]
    used = {place[0] for place in places}
    return {
        "format": FORMAT,
        "run": run,
        "token": specs[0].token,
        "jobs": [
            {
                "spec": wire.spec_to_json(spec)["spec"],
                "image": images[number] if images else None,
                "options": list(options[number]) if options else [],
            }
            for number, spec in enumerate(specs)
        ],
        "files": files,
        "inner": sorted(inside),
        "accounts": {key: dict(accounts[key]) for key in sorted(used)},
        "sources": [list(sources[0]), sources[1]] if sources else None,
        "result": list(result) if result else None,
        "output": list(output) if output else None,
        "envvars": sorted(envvars),
        "moved": dict(moved or {}),
        "limit_s": limit_s,
        "limits": [[dict(one) for one in limits[0]], dict(limits[1])] if limits else None,
        "environments": packs,
    }


def environment_of(spec: JobSpec) -> str | None:
    """The identity of the packed environment that a job needs; None if it needs none."""
    name = (spec.software or {}).get("conda")
    if isinstance(name, str) and name.startswith(ENVIRONMENT):
        return name[len(ENVIRONMENT) :]
    return None


def streams_of(spec: JobSpec) -> list[str]:
    """Pipes and services that a job makes: they are for other jobs of the order only."""
    return [output.path for output in spec.outputs if not is_managed(output.flags)]


def paths_of(spec: JobSpec) -> list[str]:
    """Inputs, outputs, logs and the benchmark of a job."""
    paths = [*spec.inputs, *(output.path for output in spec.outputs), *spec.logs]
    if spec.benchmark:
        paths.append(spec.benchmark)
    return paths


def check_order(document: Any, local: bool = False) -> Order:
    """An order as a value. Raises ValueError that says what is wrong with it.

    `local`: it runs on the machine of the driver, where it may use files that are not stored.
    """
    try:
        return _checked(document, local)
    except (TypeError, AttributeError, KeyError, IndexError) as error:
        # Not even the kind of thing that was expected; its text may hold anything.
        raise ValueError(
            f"a part of the order is of another kind ({type(error).__name__})"
        ) from None


def _checked(document: Any, local: bool) -> Order:
    if not isinstance(document, dict):
        raise ValueError("an order is a JSON object")
    if document.get("format") != FORMAT:
        raise ValueError(f"an order of the format {document.get('format')!r} cannot be read here")
    for field in ("run", "token"):
        if not isinstance(document.get(field), str) or not _NAME.fullmatch(document[field]):
            raise ValueError(f"`{field}` must be a name of letters, digits and ._-")
    accounts = _accounts(document.get("accounts"))
    files = {
        _safe(path): _place(place, accounts, f"the file `{path}`")
        for path, place in _mapping(document, "files").items()
    }
    inner = frozenset(_safe(path) for path in _texts(document, "inner"))
    both = inner & files.keys()
    if both:
        raise ValueError(f"`{min(both)}` cannot be stored and stay inside of the order")
    specs, images, options = _jobs(document.get("jobs"))
    if not local:
        _check_places(specs, files, inner)
    sources = document.get("sources")
    found_sources = None
    if sources is not None:
        if not isinstance(sources, list) or len(sources) != 2 or not isinstance(sources[1], str):
            raise ValueError("`sources` must be a place and a digest")
        if not _NAME.fullmatch(sources[1].replace(":", "-")):
            raise ValueError("the digest of `sources` must be a name")
        found_sources = (_place(sources[0], accounts, "`sources`"), sources[1])
    limit = document.get("limit_s")
    if limit is not None and not isinstance(limit, (int, float)):
        raise ValueError("`limit_s` must be a number of seconds")
    return Order(
        document["run"],
        document["token"],
        specs,
        images,
        options,
        files,
        inner,
        accounts,
        found_sources,
        _optional_place(document, "result", accounts),
        _optional_place(document, "output", accounts),
        tuple(_texts(document, "envvars")),
        {_text(old): _safe(new, "moved") for old, new in _mapping(document, "moved").items()},
        limit,
        _limits(document.get("limits"), len(specs)),
        _environments(_mapping(document, "environments"), specs, accounts),
    )


def _environments(
    given: Mapping[str, Any], specs: Iterable[JobSpec], accounts: Mapping[str, Any]
) -> dict[str, tuple[Place, str]]:
    found: dict[str, tuple[Place, str]] = {}
    for identity, pack in given.items():
        if not _NAME.fullmatch(identity) or identity[0] == ".":
            raise ValueError("the identity of an environment must be a name")
        place, digest = pack
        if not isinstance(digest, str) or not digest.startswith("sha256:"):
            raise ValueError(f"the environment `{identity}` has no digest")
        found[identity] = (_place(place, accounts, f"the environment `{identity}`"), digest)
    for spec in specs:
        wanted = environment_of(spec)
        if wanted is not None and wanted not in found:
            raise ValueError(f"the environment of `{spec.key}` is not in the order")
    return found


def _accounts(given: Any) -> dict[str, dict[str, Any]]:
    from urllib.parse import urlsplit

    if given is None:
        given = {}
    if not isinstance(given, dict):
        raise ValueError("`accounts` must be an object")
    found = {}
    for key, account in given.items():
        if not isinstance(account, dict) or not isinstance(account.get("url"), str):
            raise ValueError(f"the account `{key}` has no `url`")
        parts = urlsplit(account["url"])
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise ValueError(f"the account `{key}` has no address of a service")
        if parts.query or parts.password:
            # The text must not tell it.
            raise ValueError(f"the account `{key}` has a secret in its address")
        if account.get("auth") not in _AUTH:
            raise ValueError(f"the account `{key}` must have `auth` of: {', '.join(_AUTH)}")
        found[key] = account
    return found


def _jobs(
    given: Any,
) -> tuple[tuple[JobSpec, ...], tuple[str | None, ...], tuple[tuple[str, ...], ...]]:
    if not isinstance(given, list) or not given:
        raise ValueError("an order has at least one job")
    specs = []
    images: list[str | None] = []
    options: list[tuple[str, ...]] = []
    for job in given:
        if not isinstance(job, dict):
            raise ValueError("a job is an object with `spec`")
        spec = wire.spec_from_json({"format": wire.FORMAT, "spec": job.get("spec")})
        if not _NAME.fullmatch(str(spec.token)):
            raise ValueError(f"the token of `{spec.key}` must be of letters, digits and ._-")
        image = job.get("image")
        if image is not None and (not isinstance(image, str) or not image or image[0] == "-"):
            raise ValueError(f"the image of `{spec.key}` must be a name")
        specs.append(spec)
        images.append(image)
        options.append(tuple(_texts(job, "options")))
    if len({spec.token for spec in specs}) != len(specs):
        raise ValueError("two jobs of an order have the same token")
    return tuple(specs), tuple(images), tuple(options)


def _limits(given: Any, count: int) -> tuple[list[dict[str, int]], dict[str, int]] | None:
    if given is None:
        return None
    amounts, budget = given
    if len(amounts) != count:
        raise ValueError("`limits` must say what each job uses")
    return [dict(one) for one in amounts], dict(budget)


def _check_places(
    specs: Iterable[JobSpec], files: Mapping[str, Place], inner: frozenset[str]
) -> None:
    made: set[str] = set()
    for spec in specs:
        for path in spec.inputs:
            if path not in files and path not in made and path[:1] != "/":
                raise ValueError(
                    f"the input `{path}` of `{spec.key}` is not stored: a node cannot see it"
                )
        for output in spec.outputs:
            inside = output.path in inner or not is_managed(output.flags)
            if output.path not in files and not inside:
                raise ValueError(
                    f"the output `{output.path}` of `{spec.key}` has no place in the storage"
                )
            made.add(output.path)


def _mapping(document: Mapping[str, Any], field: str) -> Mapping[str, Any]:
    given = document.get(field) or {}
    if not isinstance(given, dict):
        raise ValueError(f"`{field}` must be an object")
    return given


def _texts(document: Mapping[str, Any], field: str) -> list[str]:
    given = document.get(field) or []
    if not isinstance(given, (list, tuple)) or not all(isinstance(item, str) for item in given):
        raise ValueError(f"`{field}` must be a list of texts")
    return list(given)


def _text(given: Any) -> str:
    if not isinstance(given, str) or not given:
        raise ValueError("a text is missing")
    return given


def _safe(path: Any, field: str = "files") -> str:
    """A path that stays below the working directory."""
    if not isinstance(path, str) or not path or path[0] == "/" or "\0" in path:
        raise ValueError(f"`{field}` has a path that is not relative: {path!r}")
    if ".." in path.split("/"):
        raise ValueError(f"`{field}` has a path that leads out of the working directory: `{path}`")
    return path


def _place(given: Any, accounts: Mapping[str, Any], what: str) -> Place:
    if (
        not isinstance(given, (list, tuple))
        or len(given) != 3
        or not all(isinstance(item, str) and item for item in given)
    ):
        raise ValueError(f"{what} needs an account, a container and a name")
    key, container, name = given
    if key not in accounts:
        raise ValueError(f"{what} is in the account `{key}`, which the order does not describe")
    if "/" in container or "?" in container:
        raise ValueError(f"{what} is in a container that cannot be: `{container}`")
    return key, container, name


def _optional_place(
    document: Mapping[str, Any], field: str, accounts: Mapping[str, Any]
) -> Place | None:
    given = document.get(field)
    return None if given is None else _place(given, accounts, f"`{field}`")


# -- results ---------------------------------------------------------------------------------


def results_to_text(results: Iterable[JobResult], node: Mapping[str, Any] | None = None) -> str:
    """What the result blob holds: ASCII JSON in one line. `node` tells where it was."""
    document = {
        "format": FORMAT,
        "results": [wire.result_to_json(result)["result"] for result in results],
        "node": dict(node or {}),
    }
    return json.dumps(document, separators=(",", ":"))


def results_from_text(text: str | bytes) -> list[JobResult]:
    """The reverse, for the content of the blob and for its metadata. Raises ValueError."""
    document = json.loads(text)
    if not isinstance(document, dict) or document.get("format") != FORMAT:
        raise ValueError("not results of a format that this version can read")
    found = document.get("results")
    if not isinstance(found, list):
        raise ValueError("not results of jobs")
    return [wire.result_from_json({"format": wire.FORMAT, "result": body}) for body in found]
