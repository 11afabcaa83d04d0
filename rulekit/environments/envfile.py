"""`environment.yaml`, read with places for messages.

The form is conda's: ``name``, ``channels``, ``dependencies`` (with a ``pip:`` list in it),
``variables``, ``prefix``; ``platforms`` is conda-lock's. Values are taken as they are written, so
that a version 1.10 stays one.
"""

from __future__ import annotations

import os

from rulekit.environments.values import EnvironmentSpec
from rulekit.environments.words import name_of, normal, tidy
from rulekit.errors import SoftwareError, closest
from rulekit.model.span import Span

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, NoReturn

_KEYS = ("name", "channels", "dependencies", "variables", "prefix", "platforms")
# What conda-lock and conda's own exports may write beside these, without meaning here.
_SILENT = frozenset({"category", "pip-repositories", "subdirs"})
_ENDINGS = (".yaml", ".yml")


def read_environment(path: str) -> EnvironmentSpec:
    """Read an environment file. Raises SoftwareError (RK0518 cannot be read, RK0519 wrong)."""
    path = os.path.abspath(path)
    return parse_environment(read_file(path), path)


def read_file(path: str) -> bytes:
    """The bytes of a file that belongs to an environment. Raises SoftwareError (RK0518)."""
    try:
        with open(path, "rb") as file:
            return file.read()
    except OSError as error:
        raise SoftwareError(
            f"the environment file `{path}` cannot be read: {(error.strerror or '').lower()}",
            code="RK0518",
            help=_near(path),
        ) from error


def stem(path: str) -> str:
    """``envs/bwa`` of ``envs/bwa.yaml``: what the files beside it begin with."""
    for ending in _ENDINGS:
        if path.endswith(ending):
            return path[: -len(ending)]
    return path


def parse_environment(data: bytes, path: str) -> EnvironmentSpec:
    """An environment file from its content. `path` is absolute: relative names in it, and the
    post-deploy script, are looked for beside it. Raises SoftwareError (RK0519, RK0518)."""
    reader = _Reader(path)
    root = reader.compose(data)
    found: dict[str, Any] = {}
    for key_node, value in reader.pairs(root, "an environment file"):
        key = key_node.value
        if key in found:
            reader.wrong(key_node, f"`{key}` stands twice", "the second one")
        found[key] = value
        if key not in _KEYS and key not in _SILENT:
            near = closest(str(key), _KEYS)
            hint = f": is it `{near}`?" if near else ""
            place = key_node.start_mark.line + 1
            reader.warnings.append(f"{path}:{place}: `{key}` is not known here{hint}")
    channels = tuple(dict.fromkeys(reader.texts(found.get("channels"), "channels")))
    dependencies, pip = _dependencies(reader, found.get("dependencies"))
    variables: dict[str, str] = {}
    if not reader.empty(found.get("variables")):
        for name, value in reader.pairs(found["variables"], "variables"):
            if not _is_variable(name.value):
                reader.wrong(name, f"`{name.value}` cannot be the name of a variable", "")
            variables[name.value] = reader.text(value, "a variable's value")
    script = f"{stem(path)}.post-deploy.sh"
    script_digest = ""
    if os.path.isfile(script):
        script_digest = digest(read_file(script))
    else:
        script = ""
    files = _requirement_files(pip, os.path.dirname(path))
    name = found.get("name")
    return EnvironmentSpec(
        path=path,
        key=_key(channels, dependencies, pip, variables, script_digest, files),
        name="" if reader.empty(name) else reader.text(name, "name"),
        channels=channels,
        dependencies=dependencies,
        pip=pip,
        pip_files=tuple(files),
        variables=tuple(sorted(variables.items())),
        post_deploy=script,
        post_deploy_digest=script_digest,
        platforms=tuple(dict.fromkeys(reader.texts(found.get("platforms"), "platforms"))),
        warnings=tuple(reader.warnings),
    )


def digest(data: bytes) -> str:
    """sha256, hex."""
    # hashlib loads the OpenSSL library, which takes longer than a dry run has.
    for name in ("_sha2", "_sha256"):
        try:
            return str(__import__(name).sha256(data).hexdigest())
        except (ImportError, AttributeError):
            continue
    from hashlib import sha256

    return sha256(data).hexdigest()


def _key(
    channels: tuple[str, ...],
    dependencies: tuple[str, ...],
    pip: tuple[str, ...],
    variables: dict[str, str],
    script_digest: str,
    files: dict[str, str],
) -> str:
    import json

    value = {
        "channels": channels,
        "dependencies": sorted({normal(one) for one in dependencies}),
        "pip": pip,
        "pip files": sorted(files.values()),
        "variables": sorted(variables.items()),
        "post-deploy": script_digest,
    }
    return digest(json.dumps(value, sort_keys=True, ensure_ascii=True).encode())


def _dependencies(reader: _Reader, node: Any) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Match specs, and the lines of the `pip:` list."""
    specs: list[str] = []
    pip: list[str] = []
    if node is None:
        reader.warnings.append(f"{reader.path}: there are no `dependencies`")
    for item in reader.items(node, "dependencies"):
        if item.tag == "tag:yaml.org,2002:map":
            for key, value in reader.pairs(item, "dependencies"):
                if key.value != "pip":
                    reader.wrong(
                        key,
                        f"`{key.value}:` in the dependencies: only `pip:` may have a list",
                        "",
                        "write a package as `- name =version`, without a colon",
                    )
                folder = os.path.dirname(reader.path)
                pip += [_placed(tidy(line), folder) for line in reader.texts(value, "pip")]
            continue
        text = tidy(reader.text(item, "a dependency"))
        if not name_of(text):
            reader.wrong(item, f"`{text}` names no package", "")
        specs.append(text)
    names = {name_of(one) for one in specs}
    if pip and "pip" not in names:
        reader.warnings.append(
            f"{reader.path}: `pip` itself is not among the dependencies, it is added"
        )
        specs.append("pip")
    return tuple(specs), tuple(pip)


def _placed(line: str, folder: str) -> str:
    """A line of the `pip:` list; a package in a folder near the file gets its whole path, as only
    the place says what it is."""
    option, _, rest = line.rpartition(" ")
    if rest.startswith(("./", "../")) and option in ("", "-e", "--editable"):
        return f"{option} {os.path.normpath(os.path.join(folder, rest))}".strip()
    return line


_FILE_OPTIONS = ("-r", "--requirement", "-c", "--constraint")


def requirement_file(line: str) -> str:
    """The file that a line of the `pip:` list names by ``-r`` or ``-c``, or ""."""
    for option in _FILE_OPTIONS:
        if line.startswith(option):
            rest = line[len(option) :]
            if rest[:1] in (" ", "=") or (len(option) == 2 and rest):
                return rest.lstrip(" =")
    return ""


def _requirement_files(pip: tuple[str, ...], folder: str) -> dict[str, str]:
    """Files named by the `pip:` list, and by those files, with the digests of their content."""
    found: dict[str, str] = {}
    waiting = [(line, folder) for line in pip]
    while waiting:
        line, base = waiting.pop()
        named = requirement_file(line.strip())
        if not named or "://" in named:
            continue
        path = os.path.normpath(os.path.join(base, named))
        if path in found:
            continue
        data = read_file(path)
        found[path] = digest(data)
        inner = os.path.dirname(path)
        waiting += [(text, inner) for text in data.decode("utf-8", "replace").splitlines()]
    return found


def find_text(path: str, text: str) -> Span | None:
    """Where a dependency stands in its file."""
    try:
        with open(path, encoding="utf-8") as file:
            for number, line in enumerate(file, 1):
                plain = line.strip().lstrip("-").strip().strip("'\"")
                if tidy(plain.partition(" #")[0]).strip("'\" ") == text:
                    column = line.index(plain) + 1
                    return Span(path, number, column, number, column + len(text))
    except (OSError, UnicodeDecodeError, ValueError):
        pass
    return None


def _is_variable(name: str) -> bool:
    return name.isidentifier() and name.isascii()


def _near(path: str) -> str | None:
    try:
        names = [name for name in os.listdir(os.path.dirname(path)) if name.endswith(_ENDINGS)]
    except OSError:
        return None
    found = closest(os.path.basename(path), names)
    return None if found is None else f"there is a file with a similar name: `{found}`"


class _Reader:
    """YAML nodes to texts, with errors at their places."""

    def __init__(self, path: str) -> None:
        self.path = path
        self.warnings: list[str] = []

    def compose(self, data: bytes) -> Any:
        import yaml

        try:
            text = data.decode("utf-8")
            root = yaml.compose(text, Loader=yaml.SafeLoader)
        except UnicodeDecodeError as error:
            raise SoftwareError(f"`{self.path}` is no text in UTF-8", code="RK0519") from error
        except yaml.YAMLError as error:
            mark = getattr(error, "problem_mark", None)
            problem = getattr(error, "problem", None) or str(error)
            span = None
            if mark is not None:
                span = Span(self.path, mark.line + 1, mark.column + 1)
            raise SoftwareError(
                f"the environment file is no YAML: {problem}", code="RK0519", span=span
            ) from error
        if root is None:
            raise SoftwareError(f"the environment file `{self.path}` is empty", code="RK0519")
        return root

    def wrong(self, node: Any, message: str, caret: str, help_text: str | None = None) -> NoReturn:
        start, end = node.start_mark, node.end_mark
        if end.line > start.line:
            span = Span(self.path, start.line + 1, start.column + 1)
        else:
            span = Span(self.path, start.line + 1, start.column + 1, end.line + 1, end.column + 1)
        raise SoftwareError(message, code="RK0519", span=span, caret=caret, help=help_text)

    @staticmethod
    def empty(node: Any) -> bool:
        return node is None or node.tag == "tag:yaml.org,2002:null"

    def pairs(self, node: Any, what: str) -> list[tuple[Any, Any]]:
        if self.empty(node):
            return []
        if node.tag != "tag:yaml.org,2002:map":
            self.wrong(node, f"{what} must be a mapping (`key: value`)", "")
        for key, _ in node.value:
            self.text(key, "a key")
        return list(node.value)

    def items(self, node: Any, what: str) -> list[Any]:
        if self.empty(node):
            return []
        if node.tag != "tag:yaml.org,2002:seq":
            self.wrong(node, f"`{what}` must be a list (lines that begin with `- `)", "")
        return list(node.value)

    def texts(self, node: Any, what: str) -> list[str]:
        if node is not None and isinstance(node.value, str) and not self.empty(node):
            return [node.value.strip()]  # one word in place of a list of one
        return [self.text(item, f"an item of `{what}`").strip() for item in self.items(node, what)]

    def text(self, node: Any, what: str) -> str:
        if not isinstance(node.value, str) or self.empty(node):
            self.wrong(node, f"{what} must be a word", "")
        value: str = node.value
        return value
