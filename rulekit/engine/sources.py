"""What rules need on another machine beside their inputs: rule files, configuration, scripts.

Whole folders are taken where a script lies, since scripts load what is beside them; data is not:
inputs come from the storage.
"""

from __future__ import annotations

import os

from rulekit.errors import InfrastructureError
from rulekit.frozen import frozen

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from rulekit.model.rule import Rule, Workflow

_MOST_BYTES = 200 << 20
_MOST_FILES = 20_000
_BESIDE_BYTES = 5 << 20  # a larger file beside a script is data
_SKIPPED = frozenset(
    {".git", ".rulekit", ".snakemake", "__pycache__", ".hg", ".svn", "node_modules"}
)


@frozen
class Sources:
    """content: a tar.gz. digest: ``sha256:<hex>`` of it. moved: folders of this machine (absolute)
    and where their content is below the working directory on a node."""

    content: bytes
    digest: str
    moved: Mapping[str, str]


def pack(workflow: Workflow, workdir: str) -> Sources | None:
    """The archive for a workflow; None if it needs nothing. The same files give the same bytes.

    Raises `InfrastructureError` if it gets too large or a file cannot be read.
    """
    from rulekit.node.sources import pack_sources

    files = list(dict.fromkeys(_wanted(workflow)))
    if not files:
        return None
    try:
        size = sum(os.path.getsize(path) for path in files)
        if len(files) > _MOST_FILES or size > _MOST_BYTES:
            raise InfrastructureError(
                f"the sources of the workflow are too much to send to nodes: {len(files)} files of"
                f" {size >> 20} MiB",
                code="RK0609",
                help="folders with scripts are sent as they are: keep data in other folders",
            )
        content, digest, moved = pack_sources(workdir, files, (workflow.basedir,))
    except OSError as error:
        raise InfrastructureError(
            f"`{error.filename}` cannot be sent to nodes: {error.strerror}", code="RK0609"
        ) from None
    return Sources(content, digest, moved)


def _wanted(workflow: Workflow) -> Iterator[str]:
    for path in (*workflow.source_files, *workflow.configfiles):
        if "://" not in path:
            yield os.path.abspath(path)
    folders: dict[str, None] = {}
    for rule in workflow.rules:
        script = _script(rule)
        if script is not None:
            folders[os.path.dirname(script)] = None
        if isinstance(rule.conda, str) and rule.conda.endswith((".yaml", ".yml")):
            environment = os.path.abspath(os.path.join(rule.basedir, rule.conda))
            if os.path.isfile(environment):
                yield environment
    for folder in folders:
        yield from _below(folder)


def _script(rule: Rule) -> str | None:
    """The script of a rule, if its path says where it is."""
    if rule.body.kind not in ("script", "notebook") or "://" in rule.body.text:
        return None
    path = os.path.abspath(os.path.join(rule.basedir, rule.body.text))
    return path if os.path.exists(path) else None


def _below(folder: str) -> Iterator[str]:
    for root, folders, names in os.walk(folder):
        folders[:] = sorted(set(folders) - _SKIPPED)
        for name in sorted(names):
            path = os.path.join(root, name)
            try:
                if os.path.isfile(path) and os.path.getsize(path) <= _BESIDE_BYTES:
                    yield path
            except OSError:
                continue
