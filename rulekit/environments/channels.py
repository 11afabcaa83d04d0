"""Names of channels to their places, and URLs without the secrets in them.

A channel stands in an environment file as a name (``conda-forge``), a name with a label
(``conda-forge/label/dev``), a URL, a folder (``/srv/channel``, ``./channel``: relative to the
file). ``defaults`` stands for several; ``nodefaults`` for none.
"""

from __future__ import annotations

import os
import re

from rulekit.environments.values import CondaSettings, EnvironmentSpec
from rulekit.environments.words import split_channel
from rulekit.frozen import frozen

# What `defaults` means to conda, unless .condarc says otherwise.
_DEFAULTS = ("https://repo.anaconda.com/pkgs/main", "https://repo.anaconda.com/pkgs/r")

_USER = re.compile(r"(?<=://)[^/@\s]+@")
_TOKEN = re.compile(r"/t/[^/\s]+(?=/|$)")


@frozen
class Place:
    """A channel.

    `name` is that of the file, `url` the address without secrets, as it may be shown and written
    down; `official` the address that locks made elsewhere have (mirrors have another). `ask` are
    the URLs to ask in its place (mirrors, tokens), if there are any; `login` is ``user:password``.
    """

    name: str
    url: str
    official: str
    ask: tuple[str, ...] = ()
    login: str = ""

    def __repr__(self) -> str:
        return f"Place({self.name!r}, {self.url!r})"


def without_secrets(text: str) -> str:
    """A text in which URLs have neither user names and passwords nor conda tokens."""
    return _TOKEN.sub("", _USER.sub("", text))


def channels_of(spec: EnvironmentSpec, settings: CondaSettings) -> tuple[Place, ...]:
    """The channels to solve an environment with, in order of priority.

    Those of the file; if it names none, those of `.condarc`, else ``defaults``. The user's own
    channels are not added to those of a file: the same file gives the same packages everywhere.
    """
    named = [name for name in spec.channels if name != "nodefaults"]
    if not named:
        named = list(settings.channels) or ["defaults"]
    folder = os.path.dirname(spec.path)
    found: dict[str, Place] = {}
    for name in named:
        for place in _places(name, folder, settings):
            found.setdefault(place.url, place)
    return tuple(found.values())


def is_portable(spec: EnvironmentSpec) -> bool:
    """Whether the content of a file says the same wherever it lies: no channel is a folder near
    it, or named by a variable."""
    names = [*spec.channels, *(split_channel(text)[0] for text in spec.dependencies)]
    return not any(name.startswith(".") or "$" in name for name in names)


def place_of(name: str, spec: EnvironmentSpec, settings: CondaSettings) -> Place:
    """The channel that ``name::package`` in an environment file means."""
    return _places(name, os.path.dirname(spec.path), settings)[0]


def _places(name: str, folder: str, settings: CondaSettings) -> list[Place]:
    from urllib.parse import quote

    if name == "defaults":
        urls = settings.default_channels or _DEFAULTS
        return [place for url in urls for place in _places(url, folder, settings)]
    name = os.path.expandvars(name)
    if "://" in name:
        return [_place(name, name, settings)]
    if name.startswith(("/", "~", "./", "../")) or name in (".", ".."):
        path = os.path.normpath(os.path.join(folder, os.path.expanduser(name)))
        return [_place(name, "file://" + quote(path), settings)]
    head = name.partition("/")[0]
    custom = dict(settings.custom_channels)
    base = custom.get(name) or custom.get(head) or settings.channel_alias
    if "://" not in base:
        base = "file://" + quote(os.path.abspath(os.path.expanduser(base)))
    return [_place(name, f"{base.rstrip('/')}/{name}", settings)]


def _place(name: str, url: str, settings: CondaSettings) -> Place:
    url = url.rstrip("/")
    official = without_secrets(url)
    mirrors: list[str] = []
    for mirrored, urls in settings.mirrors:
        if mirrored in (name, official, url):
            mirrors += [one.rstrip("/") for one in urls]
    # A mirror with a password is asked itself: rattler would send the password to the host that
    # is mirrored.
    closed = next((one for one in mirrors if _USER.search(one)), None)
    if closed is not None:
        url, mirrors = closed, []
    login = _login(url)
    plain = _USER.sub("", url)
    shown = without_secrets(url)
    asked = mirrors or ([plain] if plain != shown else [])
    return Place(without_secrets(name), shown, official, tuple(asked), login)


def _login(url: str) -> str:
    from urllib.parse import unquote

    found = _USER.search(url)
    return unquote(found.group()[:-1]) if found else ""


def local_path(url: str) -> str:
    """The path of a ``file://`` URL, else ""."""
    from urllib.parse import unquote, urlsplit

    if not url.startswith("file://"):
        return ""
    return unquote(urlsplit(url).path)


def found_again(url: str, places: tuple[Place, ...]) -> str:
    """Where to get a locked package: its URL; that of a mirror with a password; or where it is
    now if it came from a folder that was moved (the same subfolder and name in one of the
    channels that are folders)."""
    for place in places:
        if place.official != place.url and url.startswith(place.official + "/"):
            return place.url + url[len(place.official) :]
    path = local_path(url)
    if not path or os.path.exists(path):
        return url
    from urllib.parse import quote

    tail = "/".join(path.split("/")[-2:])
    for place in places:
        base = local_path(place.url)
        if base and os.path.exists(os.path.join(base, tail)):
            return f"{place.url}/{quote(tail)}"
    return url
