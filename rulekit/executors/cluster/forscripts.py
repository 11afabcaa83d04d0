"""A small `snakemake` package for the Python of submit scripts, which read job properties by it.

Scripts of labs say ``from snakemake.utils import read_job_properties``. Where a real snakemake is
installed for their Python, that one is taken.
"""

from __future__ import annotations

import os

_INIT = '''\
"""Stands in for snakemake where submit scripts ask for it; written by rulekit."""
import sys
from importlib.machinery import PathFinder
from importlib.util import module_from_spec

_here = __path__[0].rpartition("/")[0]
_spec = PathFinder.find_spec("snakemake", [entry for entry in sys.path if entry != _here])
if _spec is not None and _spec.loader is not None:
    _real = module_from_spec(_spec)
    sys.modules["snakemake"] = _real
    _spec.loader.exec_module(_real)
'''
_UTILS = '''\
"""What submit scripts need of snakemake.utils; written by rulekit."""
import json


def read_job_properties(jobscript, prefix="# properties", pattern=None):
    """The properties that a job script has in a line of its own."""
    with open(jobscript) as script:
        for line in script:
            if line.startswith(prefix):
                return json.loads(line.partition("=")[2])
    raise ValueError(f"{jobscript} has no line that begins with `{prefix}`")
'''


def write_package(folder: str) -> str:
    """Writes the package below `folder`; the directory for PYTHONPATH. Raises OSError."""
    place = os.path.join(folder, "python")
    package = os.path.join(place, "snakemake")
    os.makedirs(package, exist_ok=True)
    for name, text in (("__init__.py", _INIT), ("utils.py", _UTILS)):
        with open(os.path.join(package, name), "w", encoding="utf-8") as file:
            file.write(text)
    return place
