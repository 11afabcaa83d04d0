"""Config files: reading them, merging them."""

from __future__ import annotations

import os

from rulekit.errors.tree import RuleFileError
from rulekit.model.span import Span

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any


def update_config(config: Any, overwrite_config: Any) -> None:
    """Put `overwrite_config` into the dict `config`, in place.

    Dicts are merged key by key at every depth; anything else replaces what was there.
    """
    todo = [(config, overwrite_config)]
    while todo:
        target, source = todo.pop()
        for key, value in source.items():
            if hasattr(value, "items"):
                inside = target.get(key)
                if not hasattr(inside, "items"):
                    inside = target[key] = {}
                todo.append((inside, value))
            else:
                target[key] = value


def copied(value: Any) -> Any:
    """A copy of plain data: dicts and lists are made anew, at every depth."""
    if isinstance(value, dict):
        return {key: copied(one) for key, one in value.items()}
    if isinstance(value, list):
        return [copied(one) for one in value]
    return value


def load_data(path: str, kind: str = "config file") -> Any:
    """The content of a JSON or YAML file. Raises `RuleFileError` naming the place in that file."""
    try:
        with open(path, encoding="utf-8") as file:
            text = file.read()
    except FileNotFoundError:
        raise RuleFileError(
            f"the {kind} `{path}` does not exist", code="RK0301", help=_beside(path)
        ) from None
    except UnicodeDecodeError as error:
        raise RuleFileError(
            f"the {kind} `{path}` is not UTF-8 text: {error.reason} at byte {error.start}",
            code="RK0302",
        ) from None
    except OSError as error:
        raise RuleFileError(
            f"the {kind} `{path}` cannot be read: {(error.strerror or str(error)).lower()}",
            code="RK0301",
        ) from None
    return parse_data(text, path, kind)


def parse_data(text: str, path: str, kind: str = "config file") -> Any:
    """The value of JSON or YAML text."""
    if text.lstrip()[:1] in ("{", "["):
        import json

        try:
            return json.loads(text)
        except ValueError as error:
            if path.endswith(".json"):
                line, column = getattr(error, "lineno", 1), getattr(error, "colno", 1)
                raise RuleFileError(
                    f"the {kind} is not valid JSON: {getattr(error, 'msg', error)}",
                    code="RK0302",
                    span=Span(path, line, column),
                ) from None
    import yaml

    try:
        loader: Any = yaml.CSafeLoader
    except AttributeError:
        loader = yaml.SafeLoader
    try:
        data = yaml.load(text, Loader=loader)  # noqa: S506  a safe loader
    except yaml.YAMLError as error:
        raise _yaml_error(error, text, path, kind) from None
    except (ValueError, RecursionError) as error:  # an impossible date; endless nesting
        raise RuleFileError(f"the {kind} `{path}` is not valid: {error}", code="RK0302") from None
    if isinstance(data, dict) and "__use_yte__" in data:
        data = _through_yte(text, data, path)
    return data


def _yaml_error(error: Any, text: str, path: str, kind: str) -> RuleFileError:
    mark = getattr(error, "problem_mark", None)
    problem = getattr(error, "problem", None) or str(error).split("\n", 1)[0]
    span = Span(path, mark.line + 1, mark.column + 1) if mark is not None else None
    help_ = None
    lines = text.split("\n")
    if mark is not None and mark.line < len(lines) and "\t" in lines[mark.line][: mark.column + 1]:
        help_ = "YAML is indented with blanks, not with tabs"
    return RuleFileError(
        f"the {kind} is not valid YAML: {problem}", code="RK0302", span=span, help=help_
    )


def _through_yte(text: str, data: dict[str, Any], path: str) -> Any:
    if not data["__use_yte__"]:
        return {key: value for key, value in data.items() if key != "__use_yte__"}
    try:
        import yte  # type: ignore[import-not-found,import-untyped,unused-ignore]
    except ImportError:
        raise RuleFileError(
            f"the config file `{path}` is a YTE template, and `yte` is not installed",
            code="RK0302",
            help="pip install yte",
        ) from None
    try:
        return yte.process_yaml(text, require_use_yte=True)
    except Exception as error:
        raise RuleFileError(
            f"the YTE template `{path}` cannot be processed: {error}", code="RK0302"
        ) from None


def _beside(path: str) -> str | None:
    from rulekit.errors.diagnostic import closest

    folder, name = os.path.split(path)
    try:
        names = os.listdir(folder or ".")
    except OSError:
        return f"the folder `{folder}` does not exist either" if folder else None
    found = closest(name, names)
    return None if found is None else f"there is a file with a similar name: `{found}`"


def load_configfile(path: str) -> dict[str, Any]:
    """A config file as a dict; an empty file is an empty dict. Raises `RuleFileError`."""
    data = load_data(os.fspath(path))
    if data is None:
        return {}
    if not isinstance(data, dict):
        raise RuleFileError(
            f"the config file `{path}` holds a {type(data).__name__}, not keys with values",
            code="RK0303",
            help="a config file looks like `samples: [a, b]`: names at the top level",
        )
    return data
