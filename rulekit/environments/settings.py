"""Settings: `.condarc` files, ``CONDA_*`` variables, then what the command line says.

Names, places and their order are conda's ("Using the .condarc conda configuration file"): a later
file's single values win, its lists come first. ``mirrored_channels`` is mamba's.
"""

from __future__ import annotations

import os

from rulekit.environments.values import CondaSettings
from rulekit.errors import SoftwareError, closest
from rulekit.model.span import Span

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from typing import Any

_LISTS = ("channels", "default_channels", "pkgs_dirs", "envs_dirs")
_WORDS = ("channel_alias", "channel_priority", "ssl_verify", "offline")
_TABLES = ("custom_channels", "mirrored_channels", "proxy_servers")
_OTHER_NAMES = {"envs_path": "envs_dirs", "verify_ssl": "ssl_verify", "channel": "channels"}
_YES = frozenset({"true", "yes", "on", "1"})
_NO = frozenset({"false", "no", "off", "0"})


def read_settings(
    environ: Mapping[str, str] | None = None,
    *,
    base_path: str | None = None,
    frozen: bool = False,
) -> CondaSettings:
    """The settings of this user. `base_path` is ``--conda-base-path``; `frozen` is
    ``--conda-frozen``: nothing may be solved. Raises SoftwareError (RK0520) for a wrong file."""
    environ = os.environ if environ is None else environ
    base = _base(environ, base_path)
    lists: dict[str, list[str]] = {}
    words: dict[str, str] = {}
    tables: dict[str, dict[str, Any]] = {}
    for path in _files(environ, base):
        _merge(_read(path, environ), lists, words, tables)
    _merge(_variables(environ), lists, words, tables)
    priority = words.get("channel_priority", "strict").lower()
    if priority in _YES:
        priority = "flexible"
    elif priority in _NO:
        priority = "disabled"
    if priority not in ("strict", "flexible", "disabled"):
        raise SoftwareError(
            f"channel_priority is `{priority}`: it can be strict, flexible or disabled",
            code="RK0520",
        )
    verify = words.get("ssl_verify", "")
    return CondaSettings(
        package_cache=_cache(lists.get("pkgs_dirs", []), environ),
        channels=tuple(dict.fromkeys(lists.get("channels", ()))),
        channel_alias=words.get("channel_alias", "https://conda.anaconda.org").rstrip("/"),
        default_channels=tuple(dict.fromkeys(lists.get("default_channels", ()))),
        custom_channels=tuple(
            (name, str(url)) for name, url in sorted(tables.get("custom_channels", {}).items())
        ),
        mirrors=tuple(
            (name, tuple(map(str, urls if isinstance(urls, list) else [urls])))
            for name, urls in sorted(tables.get("mirrored_channels", {}).items())
        ),
        channel_priority=priority,
        proxies=tuple(
            (name, str(url)) for name, url in sorted(tables.get("proxy_servers", {}).items())
        ),
        ssl_verify="" if verify.lower() in _YES else "no" if verify.lower() in _NO else verify,
        offline=words.get("offline", "").lower() in _YES,
        base_path=base,
        envs_dirs=_envs_dirs(lists.get("envs_dirs", []), base, environ),
        frozen=frozen,
    )


def _base(environ: Mapping[str, str], given: str | None) -> str:
    """The folder of a conda installation, or ""."""
    if given:
        path = os.path.abspath(given)
        # The folder of its programs is taken too.
        if os.path.basename(path) in ("bin", "condabin"):
            path = os.path.dirname(path)
        return path
    if environ.get("CONDA_ROOT"):
        return os.path.abspath(environ["CONDA_ROOT"])
    program = environ.get("CONDA_EXE") or environ.get("MAMBA_EXE")
    if program and os.path.basename(os.path.dirname(program)) in ("bin", "condabin"):
        return os.path.dirname(os.path.dirname(os.path.abspath(program)))
    return environ.get("MAMBA_ROOT_PREFIX", "")


def _files(environ: Mapping[str, str], base: str) -> list[str]:
    """The files that there are, those that count more later."""
    home = environ.get("HOME") or os.path.expanduser("~")
    config = environ.get("XDG_CONFIG_HOME") or os.path.join(home, ".config")
    places = ["/etc/conda/.condarc", "/etc/conda/condarc", "/etc/conda/condarc.d"]
    if base:
        places += [os.path.join(base, name) for name in (".condarc", "condarc", "condarc.d")]
    places += [os.path.join(config, "conda", name) for name in (".condarc", "condarc")]
    places += [os.path.join(home, ".conda", name) for name in (".condarc", "condarc")]
    places += [os.path.join(home, ".condarc")]
    if environ.get("CONDA_PREFIX"):
        places += [os.path.join(environ["CONDA_PREFIX"], name) for name in (".condarc", "condarc")]
    if environ.get("CONDARC"):
        places.append(environ["CONDARC"])
    found: dict[str, None] = {}
    for place in places:
        if os.path.isdir(place):
            names = sorted(n for n in os.listdir(place) if n.endswith((".yml", ".yaml")))
            found.update((os.path.join(place, name), None) for name in names)
        elif os.path.isfile(place):
            found[place] = None
    return list(found)


def _read(path: str, environ: Mapping[str, str]) -> dict[str, Any]:
    import yaml

    try:
        with open(path, "rb") as file:
            values = yaml.safe_load(file.read())
    except OSError as error:
        raise SoftwareError(
            f"conda's settings `{path}` cannot be read: {(error.strerror or '').lower()}",
            code="RK0520",
        ) from error
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        mark = getattr(error, "problem_mark", None)
        span = Span(path, mark.line + 1, mark.column + 1) if mark is not None else None
        raise SoftwareError(
            f"conda's settings `{path}` are no YAML: {getattr(error, 'problem', None) or error}",
            code="RK0520",
            span=span,
        ) from error
    if values is None:
        return {}
    if not isinstance(values, dict):
        raise SoftwareError(f"conda's settings `{path}` are no mapping", code="RK0520")
    found: dict[str, Any] = {}
    for key, value in values.items():
        name = _OTHER_NAMES.get(key, key)
        if value is None:
            continue
        if name in _LISTS:
            items = value if isinstance(value, list) else [value]
            found[name] = [_filled(str(item), environ) for item in items]
        elif name in _WORDS:
            if isinstance(value, (list, dict)):
                raise SoftwareError(f"`{key}` in `{path}` must be one value", code="RK0520")
            found[name] = _filled(str(value), environ)
        elif name in _TABLES:
            if not isinstance(value, dict):
                near = closest(str(key), _TABLES) or key
                raise SoftwareError(f"`{near}` in `{path}` must be a mapping", code="RK0520")
            found[name] = {
                str(inner): [_filled(str(one), environ) for one in item]
                if isinstance(item, list)
                else _filled(str(item), environ)
                for inner, item in value.items()
            }
    return found


def _filled(text: str, environ: Mapping[str, str]) -> str:
    """`$NAME` and `${NAME}` from the environment, as conda does it: so tokens need not stand in
    files. What is not set stays as it is."""
    import re

    def value(found: re.Match[str]) -> str:
        return environ.get(found[1] or found[2], found[0])

    return re.sub(r"\$(?:\{(\w+)\}|(\w+))", value, text)


def _variables(environ: Mapping[str, str]) -> dict[str, Any]:
    """Settings in the environment: ``CONDA_CHANNELS=a,b``."""
    found: dict[str, Any] = {}
    for name in _LISTS:
        text = environ.get(f"CONDA_{name.upper()}")
        if name == "envs_dirs":
            text = text or environ.get("CONDA_ENVS_PATH")
        if text:
            sign = "," if name not in ("pkgs_dirs", "envs_dirs") or "," in text else os.pathsep
            found[name] = [word.strip() for word in text.split(sign) if word.strip()]
    for name in _WORDS:
        text = environ.get(f"CONDA_{name.upper()}")
        if text:
            found[name] = text
    return found


def _merge(
    values: dict[str, Any],
    lists: dict[str, list[str]],
    words: dict[str, str],
    tables: dict[str, dict[str, Any]],
) -> None:
    for name, value in values.items():
        if name in _LISTS:
            lists[name] = [*value, *lists.get(name, [])]
        elif name in _WORDS:
            words[name] = value
        else:
            tables.setdefault(name, {}).update(value)


def _cache(given: Iterable[str], environ: Mapping[str, str]) -> str:
    """The first package cache that can be written, else one of our own."""
    for text in given:
        path = os.path.abspath(_user(text, environ))
        there = path
        while not os.path.exists(there):
            there = os.path.dirname(there)
        if os.access(there, os.W_OK | os.X_OK):
            return path
    home = environ.get("HOME") or os.path.expanduser("~")
    root = environ.get("XDG_CACHE_HOME") or os.path.join(home, ".cache")
    return os.path.join(os.path.abspath(root), "rulekit", "pkgs")


def _envs_dirs(given: Iterable[str], base: str, environ: Mapping[str, str]) -> tuple[str, ...]:
    """The folders in which environments are looked for by name."""
    found = [os.path.abspath(_user(text, environ)) for text in given]
    if base:
        found.append(os.path.join(base, "envs"))
    home = environ.get("HOME") or os.path.expanduser("~")
    found.append(os.path.join(home, ".conda", "envs"))
    return tuple(dict.fromkeys(found))


def _user(text: str, environ: Mapping[str, str]) -> str:
    home = environ.get("HOME")
    if home and (text == "~" or text.startswith("~/")):
        return home + text[1:]
    return os.path.expanduser(text)
