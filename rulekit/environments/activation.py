"""The script that activates an environment, in any POSIX shell, without conda.

What conda's own activation sets, from its documentation ("Activate an environment"): PATH,
CONDA_PREFIX, CONDA_DEFAULT_ENV, CONDA_SHLVL, the environment's variables, then the scripts of
``etc/conda/activate.d`` by name. An environment that was active before stays behind it in PATH.
"""

from __future__ import annotations

import os

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable

_TEXT = """\
# Activates a conda environment: `. activate.sh`. Made by rulekit.
CONDA_PREFIX={prefix}
CONDA_DEFAULT_ENV={prefix}
CONDA_SHLVL=1
PATH="$CONDA_PREFIX/bin${{PATH:+:$PATH}}"
export CONDA_PREFIX CONDA_DEFAULT_ENV CONDA_SHLVL PATH
{variables}__rulekit_flags=$-
set +eu
for __rulekit_script in "$CONDA_PREFIX"/etc/conda/activate.d/*.sh; do
    if [ -f "$__rulekit_script" ]; then . "$__rulekit_script"; fi
done
case $__rulekit_flags in *e*) set -e ;; esac
case $__rulekit_flags in *u*) set -u ;; esac
unset __rulekit_flags __rulekit_script
"""


def activation_text(prefix: str, variables: Iterable[tuple[str, str]] = ()) -> str:
    """A script to be sourced (``. activate.sh``): PATH, CONDA_PREFIX, CONDA_DEFAULT_ENV,
    CONDA_SHLVL, the environment's variables, then its ``etc/conda/activate.d/*.sh``.

    `prefix` is absolute. Works under ``set -eu``; scripts of packages run without, as they are not
    written for it.
    """
    lines = [f"export {name}={_quoted(value)}\n" for name, value in variables]
    return _TEXT.format(prefix=_quoted(prefix), variables="".join(lines))


def variables_of(prefix: str) -> tuple[tuple[str, str], ...]:
    """The variables that an environment sets by itself: those of its packages
    (``etc/conda/env_vars.d/*.json``), then those of ``conda env config vars``."""
    import json

    found: dict[str, str] = {}
    folder = os.path.join(prefix, "etc", "conda", "env_vars.d")
    places = []
    if os.path.isdir(folder):
        places = [os.path.join(folder, n) for n in sorted(os.listdir(folder)) if n.endswith("json")]
    for path in [*places, os.path.join(prefix, "conda-meta", "state")]:
        try:
            with open(path, encoding="utf-8") as file:
                values = json.load(file)
        except (OSError, ValueError):
            continue
        if path.endswith("state"):
            values = values.get("env_vars") if isinstance(values, dict) else None
        if isinstance(values, dict):
            found.update((str(k), str(v)) for k, v in values.items() if str(k).isidentifier())
    return tuple(sorted(found.items()))


def _quoted(text: str) -> str:
    return "'" + text.replace("'", "'\"'\"'") + "'"
