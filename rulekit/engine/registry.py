"""What a name in an image registry means now: the digest, asked once when an image is fetched.

The registry API as docker, podman and apptainer use it: a HEAD of the manifest, and, if the answer
asks for it, a token that everybody gets. Nobody's password is used: where one is needed there is no
answer, and the image is compared by what it is here.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

_SECONDS = 10
_KINDS = ", ".join(
    (
        "application/vnd.oci.image.index.v1+json",
        "application/vnd.docker.distribution.manifest.list.v2+json",
        "application/vnd.oci.image.manifest.v1+json",
        "application/vnd.docker.distribution.manifest.v2+json",
    )
)
_HUB = "registry-1.docker.io"


def parts_of(name: str) -> tuple[str, str, str]:
    """Host, repository and tag (or digest) of ``[HOST/]REPOSITORY[:TAG|@DIGEST]``, as docker reads
    it."""
    first, slash, rest = name.partition("/")
    if slash and ("." in first or ":" in first or first == "localhost"):
        host, path = first, rest
    else:
        host, path = _HUB, name
    if host in ("docker.io", "index.docker.io"):
        host = _HUB
    path, at, digest = path.partition("@")
    repository, colon, tag = path.rpartition(":")
    if not colon:
        repository, tag = path, "latest"
    if host == _HUB and "/" not in repository:
        repository = f"library/{repository}"
    return host, repository, digest if at else tag


def digest_of(name: str) -> str | None:
    """The digest (``sha256:...``) of what a name without ``docker://`` means; None if nobody says
    so within some seconds."""
    host, repository, tag = parts_of(name)
    if tag.startswith("sha256:"):
        return tag
    plain = host.partition(":")[0] in ("localhost", "127.0.0.1", "[::1]")
    for scheme in ("http", "https") if plain else ("https",):
        found = _ask(f"{scheme}://{host}/v2/{repository}/manifests/{tag}", repository)
        if found is not None:
            return found
    return None


def _ask(url: str, repository: str) -> str | None:
    import http.client
    import urllib.error

    try:
        try:
            answer = _open(url, None)
        except urllib.error.HTTPError as error:
            asked = error.headers.get("www-authenticate") or ""
            error.close()
            if error.code != 401 or not asked.lower().startswith("bearer "):
                return None
            token = _token(asked, repository)
            if token is None:
                return None
            answer = _open(url, token)
        with answer:
            digest = str(answer.headers.get("docker-content-digest") or "")
    except (OSError, ValueError, http.client.HTTPException):
        return None
    return digest if digest.startswith("sha256:") and len(digest) == 71 else None


def _open(url: str, token: str | None, method: str = "HEAD") -> Any:
    import urllib.request

    request = urllib.request.Request(url, method=method)  # noqa: S310  http(s), see above
    request.add_header("Accept", _KINDS if method == "HEAD" else "application/json")
    if token is not None:
        request.add_header("Authorization", f"Bearer {token}")
    return urllib.request.urlopen(request, timeout=_SECONDS)  # noqa: S310


def _token(asked: str, repository: str) -> str | None:
    """The token that everybody gets. `asked`: ``Bearer realm="...",service="..."``."""
    import json
    import re
    from urllib.parse import urlencode

    fields = dict(re.findall(r'(\w+)="([^"]*)"', asked))
    realm = fields.get("realm", "")
    if not realm.startswith("https://"):
        return None
    words = {"scope": f"repository:{repository}:pull"}
    if "service" in fields:
        words["service"] = fields["service"]
    with _open(f"{realm}?{urlencode(words)}", None, "GET") as answer:
        given = json.loads(answer.read(1 << 20))
    token = given.get("token") or given.get("access_token") if isinstance(given, dict) else None
    return token if isinstance(token, str) else None
