"""The program that travels: a zip application of the rooms a node needs.

``python3 rulekit.pyz prepare FOLDER`` unpacks and compiles it there; tasks start the folder
``FOLDER/app``, which saves each of them the compiling.
"""

from __future__ import annotations

import os
import zipfile

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

ROOMS = ("model", "runner", "node")
OLDEST = (3, 10)
_TIME = (1980, 1, 1, 0, 0, 0)  # the same bytes whenever it is built
_PACKED = (".py", ".lark")

# In the Python of any version: a node may have an old one, or a newer one beside it.
_MAIN = f"""\
import os
import sys

if sys.version_info < {OLDEST!r}:
    for name in ("python3.14", "python3.13", "python3.12", "python3.11", "python3.10"):
        for folder in os.environ.get("PATH", os.defpath).split(os.pathsep):
            program = os.path.join(folder, name)
            if os.access(program, os.X_OK):
                os.execv(program, [program, "-I", "-S"] + sys.argv)
    sys.stderr.write(
        "error: the node program needs Python {OLDEST[0]}.{OLDEST[1]} or newer, this is %d.%d (%s)\\n"
        % (sys.version_info[0], sys.version_info[1], sys.executable)
    )
    sys.exit(75)
from rulekit.node.__main__ import main

sys.exit(main(sys.argv[1:]))
"""


def build(path: str, everything: bool = False) -> str:
    """Writes the application, by way of a part that is renamed, and gives its digest
    (``sha256:…``). The bytes depend on the content only.

    `everything`: all of rulekit, with the parser and YAML of this installation, for `run:` bodies.
    Raises OSError.
    """
    import hashlib

    part = f"{path}.part"
    with zipfile.ZipFile(part, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as archive:
        _add(archive, "__main__.py", _MAIN.encode())
        for name, source in sorted(_files(everything)):
            with open(source, "rb") as file:
                _add(archive, name, file.read())
    with open(part, "rb") as file:
        digest = hashlib.sha256(file.read()).hexdigest()
    os.replace(part, path)
    return f"sha256:{digest}"


def _add(archive: zipfile.ZipFile, name: str, data: bytes) -> None:
    entry = zipfile.ZipInfo(name, _TIME)
    entry.external_attr = 0o644 << 16
    entry.compress_type = zipfile.ZIP_DEFLATED
    archive.writestr(entry, data)


def _files(everything: bool) -> Iterator[tuple[str, str]]:
    """Names in the archive and the files they are of."""
    package = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
    if not everything:
        yield "rulekit/__init__.py", os.path.join(package, "__init__.py")
        yield "rulekit/frozen.py", os.path.join(package, "frozen.py")
        for room in ROOMS:
            yield from _tree(os.path.join(package, room), f"rulekit/{room}")
        return
    from importlib.util import find_spec

    yield from _tree(package, "rulekit")
    if not os.path.isdir(os.path.join(package, "grammar")):  # a checkout has it beside the package
        yield from _tree(os.path.join(os.path.dirname(package), "grammar"), "rulekit/grammar")
    for name in ("lark", "yaml"):
        found = find_spec(name)
        for folder in (found.submodule_search_locations or ()) if found else ():
            yield from _tree(folder, name)


def _tree(folder: str, below: str) -> Iterator[tuple[str, str]]:
    for entry in os.scandir(folder):
        if entry.is_dir():
            if entry.name not in ("__pycache__", "__pyinstaller"):
                yield from _tree(entry.path, f"{below}/{entry.name}")
        elif entry.name.endswith(_PACKED):
            yield f"{below}/{entry.name}", entry.path
