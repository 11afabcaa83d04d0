"""`snakemake.ioutils`."""

from rulekit.language.filenames import (
    as_py_module,
    choose_file,
    choose_folder,
    choose_tmp,
    collect,
    exists,
    flatten,
    prepend_param,
    subpath,
)
from rulekit.language.values import branch, evaluate, extract_checksum, lookup, parse_input

__all__ = [
    "as_py_module",
    "branch",
    "choose_file",
    "choose_folder",
    "choose_tmp",
    "collect",
    "evaluate",
    "exists",
    "extract_checksum",
    "flatten",
    "lookup",
    "parse_input",
    "prepend_param",
    "subpath",
]
