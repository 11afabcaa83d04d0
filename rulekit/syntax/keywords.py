"""The words of the language, each with the kind of token it is."""

from __future__ import annotations

# Statements whose value is read like the arguments of a call.
STATEMENTS = (
    "include",
    "configfile",
    "workdir",
    "wildcard_constraints",
    "envvars",
    "container",
    "singularity",
    "containerized",
    "conda",
    "report",
    "scattergather",
    "resource_scopes",
    "pepfile",
    "pepschema",
    "inputflags",
    "outputflags",
    "pathvars",
)

# Every word that begins a statement, with its token type.
STATEMENT_TOKENS = {
    **dict.fromkeys(STATEMENTS, "STATEMENT"),
    "rule": "RULE",
    "checkpoint": "RULE",
    "ruleorder": "RULEORDER",
    "localrules": "LOCALRULES",
    "onstart": "HOOK",
    "onsuccess": "HOOK",
    "onerror": "HOOK",
    "module": "MODULE",
    "use": "USE",
    "storage": "STORAGE",
    "subworkflow": "SUBWORKFLOW",
}

# Directives of a rule; `version` is only known from old files.
PROPERTIES = (
    "name",
    "input",
    "output",
    "params",
    "log",
    "benchmark",
    "threads",
    "resources",
    "retries",
    "priority",
    "message",
    "conda",
    "container",
    "singularity",
    "containerized",
    "envmodules",
    "wildcard_constraints",
    "shadow",
    "group",
    "cache",
    "handover",
    "default_target",
    "localrule",
    "pathvars",
    "version",
)
ACTIONS = ("shell", "script", "notebook", "wrapper", "template_engine", "cwl")

RULE_DIRECTIVES = {
    **dict.fromkeys(PROPERTIES, "DIRECTIVE"),
    **dict.fromkeys(ACTIONS, "ACTION"),
    "run": "RUN",
}
# The body of `use rule ... with:` may not replace the action.
WITH_DIRECTIVES = dict.fromkeys(PROPERTIES, "DIRECTIVE")
MODULE_DIRECTIVES = dict.fromkeys(
    (
        "name",
        "snakefile",
        "meta_wrapper",
        "config",
        "prefix",
        "replace_prefix",
        "skip_validation",
        "pathvars",
    ),
    "DIRECTIVE",
)
SUBWORKFLOW_DIRECTIVES = dict.fromkeys(("workdir", "snakefile", "configfile"), "DIRECTIVE")
