"""`project`: a directory in which the command is run; `channel`: conda packages made here;
`modules`: environment modules of the real program, with module files of the tests."""

from __future__ import annotations

import importlib.util
import os
import shutil
import sys

import pytest
from azurite import absent
from cli.cli_process import project

__all__ = ["channel", "modules", "project"]

HERE = os.path.dirname(os.path.abspath(__file__))
_MAKER = os.path.join(HERE, "..", "..", "example_workflows", "conda-versions", "make_channel.py")
# Where Debian and others put what defines the command `module`.
_INITS = (
    "/usr/share/modules/init/bash",
    "/usr/share/Modules/init/bash",
    "/usr/share/lmod/lmod/init/bash",
)


def _maker():
    spec = importlib.util.spec_from_file_location("make_channel", _MAKER)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="session")
def channel(tmp_path_factory):
    """A channel's address. It has `tool` 1, 2 and 3 with an activation script, `python` and
    `r-base`, which are programs of this machine under another name, and `sets`, which sets
    PYTHONPATH."""
    folder = str(tmp_path_factory.mktemp("channel"))
    make = _maker()
    for number in (1, 2, 3):
        files = {
            "bin/tool": f"#!/bin/sh\necho tool {number} $TOOL_SETS\n",
            "etc/conda/activate.d/tool.sh": f"export TOOL_SETS=activated-{number}\n",
        }
        make.write_package(folder, "tool", f"{number}.0", files)
    python = f'#!/bin/sh\nINTERPRETER=conda exec {sys.executable} "$@"\n'
    make.write_package(
        folder, "python", "3.99", {"bin/python": python, "bin/python3": python}, noarch="generic"
    )
    rscript = (
        '#!/bin/sh\nINTERPRETER=conda-r; export INTERPRETER\nexec bash "$(dirname "$0")/r" "$@"\n'
    )
    plays = 'shift; sed -n "s/^#!bash //p" "$1" | bash -s\n'
    make.write_package(folder, "r-base", "4.99", {"bin/Rscript": rscript, "bin/r": plays})
    make.write_index(folder)
    return f"file://{folder}"


@pytest.fixture
def modules(tmp_path, monkeypatch):
    """A folder for module files, which the real `module` command finds; calling it writes one."""
    init = next((path for path in _INITS if os.path.exists(path)), None)
    if init is None or shutil.which("bash") is None:
        absent("environment-modules")
    folder = tmp_path / "modulefiles"
    folder.mkdir()

    def write(name, *lines):
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("\n".join(("#%Module1.0", *lines, "")))

    write.init = init
    write.folder = str(folder)
    return write
