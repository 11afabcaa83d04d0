"""Profiles: YAML files of long option names that stand in for options not given on the line.

Where a name is looked for: as a path; then below the working directory, the user's and the
system's configuration folders (rulekit's own first, then Snakemake's). A directory holds
``profile.yaml`` or ``config.yaml``, maybe with a least major version in its name
(``config.v8+.yaml``); the highest that fits wins. The workflow's own profile, ``profiles/default``
here or beside the rule file, is used without being asked for. `none` turns either off.

An option comes whole from one place: command line, workflow profile, later profile, earlier one.
"""

from __future__ import annotations

import os

from rulekit.errors.tree import RuleFileError, UsageError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

    from rulekit.cli.options import Row
    from rulekit.cli.parse import Raw
    from rulekit.model.span import Span

# Options whose values may be written as one level of key: value.
_ONE_LEVEL = frozenset(
    {
        "set_threads",
        "resources",
        "set_scatter",
        "set_resource_scopes",
        "default_resources",
        "config",
        "groups",
        "azure",
        "group_components",
        "consider_ancient",
    }
)
_NOT_IN_PROFILES = frozenset({"help", "help_all", "version", "profile", "workflow_profile"})


def values_for(raw: Raw, verb: str = "run") -> tuple[Raw, tuple[str, ...]]:
    """The options that profiles give for a command line, and the files they came from.

    Raises `UsageError` for a profile that is not there, `RuleFileError` for one that is wrong.
    """
    files = [file_of(name) for name in _named(raw)]
    workflow = _workflow_profile(raw)
    if workflow is not None:
        files.append(workflow)
    values: Raw = {}
    for file in files:
        values.update(read(file, verb))
    return values, tuple(files)


def _named(raw: Raw) -> list[str]:
    names = [name for words in raw.get("profile", ()) for name in words]
    if not names:
        for variable in ("RULEKIT_PROFILE", "SNAKEMAKE_PROFILE"):
            if os.environ.get(variable):
                names = [os.environ[variable]]
                break
    if names == ["none"]:
        return []
    if "none" in names:
        raise UsageError(
            "--profile none cannot be combined with other profiles",
            code="RK0108",
            help="leave out either `none` or the others",
        )
    return names


def _workflow_profile(raw: Raw) -> str | None:
    """The file of the workflow profile: the one asked for, or the default one if it is there."""
    given = raw.get("workflow_profile")
    name = given[-1][0] if given else None
    if name == "none":
        return None
    if name is not None and os.path.isfile(name):
        return name
    wanted = name if name is not None else "default"
    below = os.path.join("profiles", wanted)
    places = [wanted] if name is not None else []
    places.append(below)
    if name is not None or not os.path.isdir(below):
        from rulekit.syntax.locate import find

        rulefile = find(raw["rulefile"][-1][0] if "rulefile" in raw else None)
        if rulefile is not None and "://" not in rulefile:
            places.append(os.path.join(os.path.dirname(rulefile), below))
    for place in places:
        if os.path.isfile(place):
            return place
        if os.path.isdir(place):
            found = _file_in(place)
            if found is not None:
                return found
            if name is not None:
                raise UsageError(
                    f"workflow profile `{name}` has no profile.yaml or config.yaml",
                    code="RK0330",
                    notes=(f"looked in {place}",),
                )
    if name is not None:
        raise UsageError(
            f"there is no workflow profile `{name}`",
            code="RK0330",
            notes=("looked for " + ", ".join(places),),
        )
    return None


def file_of(name: str) -> str:
    """The YAML file of a profile. Raises `UsageError` that lists where it was looked for."""
    if not name:
        raise UsageError("--profile needs a name", code="RK0330")
    places = [name]
    if not os.path.exists(name):
        places += [os.path.join(folder, name) for folder in _folders()]
    for place in places:
        if os.path.isfile(place):
            return place
        if os.path.isdir(place):
            found = _file_in(place)
            if found is not None:
                return found
            raise UsageError(
                f"profile `{name}` has no profile.yaml or config.yaml",
                code="RK0330",
                notes=(f"looked in {place}",),
            )
    raise UsageError(
        f"there is no profile `{name}`",
        code="RK0330",
        notes=("looked for " + ", ".join(places),),
        help="give its path, or put it into one of these folders",
    )


def _folders() -> list[str]:
    home = os.environ.get("XDG_CONFIG_HOME") or os.path.join(os.path.expanduser("~"), ".config")
    system = (os.environ.get("XDG_CONFIG_DIRS") or "/etc/xdg").split(":")
    return [
        os.path.join(folder, tool)
        for tool in ("rulekit", "snakemake")
        for folder in (home, *system)
    ]


def _file_in(folder: str) -> str | None:
    """The profile's file that asks for the highest version we have."""
    import re

    from rulekit import SNAKEMAKE_LEVEL

    ours = int(SNAKEMAKE_LEVEL.partition(".")[0])
    found: list[tuple[int, int, str]] = []
    for name in os.listdir(folder):
        match = re.fullmatch(r"(profile|config)(?:\.v(\d+)\+)?\.yaml", name)
        if match is not None and int(match[2] or 0) <= ours:
            found.append((int(match[2] or 0), match[1] == "profile", name))
    return os.path.join(folder, max(found)[2]) if found else None


def read(file: str, verb: str = "run") -> Raw:
    """The options a profile file gives, in the form of a command line's words."""
    from rulekit.cli.options import all_rows
    from rulekit.cli.parse import names_of

    content, text = _load(file)
    if content is None:
        return {}
    if not isinstance(content, dict):
        raise RuleFileError(
            f"profile `{file}` is not a mapping of option names to values", code="RK0331"
        )
    names = names_of(all_rows(verb))
    folder = os.path.dirname(file)
    values: Raw = {}
    for key, value in content.items():
        if str(key).strip("_") == "use_yte":
            continue
        row = _row_of(str(key), names)
        if row is None or row[1] in _NOT_IN_PROFILES:
            raise _unknown(file, text, str(key), names, known=row is not None)
        words = _words(file, text, row, key, value, folder)
        if words is not None:
            values[row[1]] = words
    return values


def _row_of(key: str, names: Mapping[str, Row]) -> Row | None:
    if key.startswith("-"):
        return names.get(key)
    return names.get("--" + key) or names.get("--" + key.replace("_", "-"))


def _words(
    file: str, text: str, row: Row, key: Any, value: Any, folder: str
) -> list[list[str]] | None:
    """One option's value as words of a command line; None if the option is not set by it."""
    dest, arity = row[1], row[2]

    def wrong(wanted: str) -> RuleFileError:
        return RuleFileError(
            f"profile key `{key}` needs {wanted}",
            code="RK0333",
            span=_span(file, text, str(key)),
            notes=(f"it has: {value!r}",),
        )

    if value is None:
        return None
    if arity == "0":
        if value in (True, "true", "True"):
            return [[]]
        if value in (False, "false", "False"):
            return None
        raise wrong("true or false")
    if isinstance(value, dict):
        if dest == "set_resources":
            if not all(isinstance(inner, dict) for inner in value.values()):
                raise wrong("a mapping of rules to mappings of resources")
            return [
                [
                    f"{rule}:{name}={_quoted(item)}"
                    for rule, inner in value.items()
                    for name, item in inner.items()
                ]
            ]
        if dest in _ONE_LEVEL:
            return [[f"{name}={_quoted(item)}" for name, item in value.items()]]
        raise wrong("no mapping")
    if isinstance(value, list):
        items = [os.path.expandvars(str(item)) for item in value]
        if arity == "append":
            return [[item] for item in items]
        if arity in ("*", "+") or len(items) == 1:
            return [items]
        raise wrong("a single value")
    if arity in ("?", "*") and (value is True or value == "true"):
        return [[]]
    if arity in ("?", "*") and value is False:
        return None
    word = os.path.expanduser(os.path.expandvars(str(value)))
    # A file that lies beside the profile is meant before one of the working directory.
    if row[4] in ("text", "path") and word and os.path.exists(os.path.join(folder, word)):
        word = os.path.join(folder, word)
    return [[word]]


def _quoted(value: Any) -> Any:
    """Text that looks like a number stays text: it is quoted for the next reading."""
    if isinstance(value, str):
        for reading in (int, float):
            try:
                reading(value)
            except ValueError:
                continue
            return repr(value)
    return value


def _load(file: str) -> tuple[Any, str]:
    import yaml

    try:
        with open(file, encoding="utf-8") as stream:
            text = stream.read()
    except OSError as error:
        raise RuleFileError(
            f"profile `{file}` cannot be read: {error.strerror}", code="RK0332"
        ) from error
    except UnicodeDecodeError as error:
        raise RuleFileError(
            f"profile `{file}` is not UTF-8 text: {error.reason} at byte {error.start}",
            code="RK0332",
        ) from error
    try:
        content = yaml.load(text, Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader))  # noqa: S506
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        problem = getattr(error, "problem", None) or str(error).partition("\n")[0]
        raise RuleFileError(
            f"profile is not valid YAML: {problem}",
            code="RK0332",
            span=_place(file, mark.line + 1, mark.column + 1) if mark is not None else None,
            notes=() if mark is not None else (f"in {file}",),
        ) from error
    if isinstance(content, dict) and content.get("__use_yte__"):
        content = _by_yte(file, text)
    return content, text


def _by_yte(file: str, text: str) -> Any:
    try:
        import yte  # type: ignore[import-not-found, import-untyped, unused-ignore]
    except ImportError:
        raise RuleFileError(
            f"profile `{file}` asks for the YTE template engine, which is not installed",
            code="RK0334",
            help="pip install yte, or write the values out",
        ) from None
    try:
        return yte.process_yaml(text, require_use_yte=True)
    except Exception as error:
        raise RuleFileError(
            f"profile `{file}`: YTE failed: {type(error).__name__}: {error}", code="RK0334"
        ) from error


def _place(file: str, line: int, column: int = 1, end: int = 0) -> Span:
    from rulekit.model.span import Span

    return Span(file, line, column, line if end else 0, end)


def _span(file: str, text: str, key: str) -> Span | None:
    """Where a top-level key stands in a YAML text."""
    import yaml

    node = yaml.compose(text, Loader=yaml.SafeLoader)
    for name, _ in getattr(node, "value", ()):
        if getattr(name, "value", None) == key:
            mark = name.start_mark
            return _place(file, mark.line + 1, mark.column + 1, name.end_mark.column + 1)
    return None


def _unknown(
    file: str, text: str, key: str, names: Mapping[str, Row], *, known: bool
) -> RuleFileError:
    from rulekit.errors.diagnostic import closest

    if known:
        return RuleFileError(
            f"`{key}` cannot be set in a profile", code="RK0333", span=_span(file, text, key)
        )
    near = closest("--" + key.lstrip("-").replace("_", "-"), [n for n in names if n[:2] == "--"])
    plugin = key.lstrip("-").partition("-")[0]
    help_ = None
    if near is not None:
        help_ = f"there is an option with a similar name: `{near[2:]}`"
    elif plugin in ("cluster", "storage", "slurm", "kubernetes", "googlebatch", "aws", "tes"):
        help_ = "options of Snakemake plugins are not available in this version of rulekit"
    return RuleFileError(
        f"there is no option `{key}`",
        code="RK0333",
        span=_span(file, text, key),
        caret="unknown option",
        help=help_,
    )
