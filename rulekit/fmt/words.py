"""How each directive is laid out, and the letter that marks what stands in for it."""

from __future__ import annotations

# What every stand-in begins with. A letter that no rule file has; several, in case one does.
MARKS = "ʀꝛᴙɌ"

# These stand on the line of their keyword if there is room.
INLINE = frozenset(
    {
        "threads",
        "priority",
        "retries",
        "cache",
        "group",
        "shadow",
        "localrule",
        "default_target",
        "handover",
        "name",
        "version",
    }
)
INLINE_STATEMENTS = frozenset(
    {
        "include",
        "configfile",
        "workdir",
        "container",
        "singularity",
        "containerized",
        "conda",
        "report",
        "pepfile",
        "pepschema",
        "ruleorder",
        "localrules",
    }
)
# These take one value: no comma behind it.
SINGLE = (
    INLINE
    | (INLINE_STATEMENTS - {"localrules"})
    | {
        "shell",
        "script",
        "notebook",
        "wrapper",
        "template_engine",
        "cwl",
        "benchmark",
        "message",
        "snakefile",
        "meta_wrapper",
        "config",
        "prefix",
        "replace_prefix",
        "skip_validation",
    }
)
