"""What the command line says about how a rule file is read."""

from __future__ import annotations

from rulekit.frozen import frozen

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

    from rulekit.model.stores import StorageHook


@frozen
class LoadSettings:
    """Settings of one load. Nothing in here is changed by it.

    config: values of ``--config``, already parsed. configfiles: ``--configfile``, absolute.
    directory: ``--directory``; the working directory, whatever the file's `workdir:` says.
    cores, nodes, resources: what `workflow.cores` and `workflow.global_resources` tell.
    set_scatter, set_resource_scopes: values that win over the file's statements.
    consider_ancient: rule name to input names and positions that are taken for `ancient`.
    all_temp: mark every output `temp`. omit_flags: flags of files to leave out.
    software: what is switched on: ``conda``, ``apptainer``, ``env-modules``.
    wrapper_prefix: ``--wrapper-prefix``, a folder or URL; "" for the wrappers' own repository.
    check_envvars: report variables of `envvars:` that are not set.
    storage: who opens stored files while the rule file is read; None: nobody.
    path_prefix: the folder, with a final slash, of all relative paths of rules that are not
    `local`; "" for none.
    """

    config: Mapping[str, Any] = {}
    configfiles: tuple[str, ...] = ()
    replace_workflow_config: bool = False
    directory: str | None = None
    cores: int | None = None
    nodes: int | None = None
    resources: Mapping[str, Any] = {}
    set_scatter: Mapping[str, int] = {}
    set_resource_scopes: Mapping[str, str] = {}
    consider_ancient: Mapping[str, frozenset[str | int]] = {}
    all_temp: bool = False
    omit_flags: tuple[str, ...] = ()
    software: frozenset[str] = frozenset()
    wrapper_prefix: str = ""
    check_envvars: bool = True
    storage: StorageHook | None = None
    path_prefix: str = ""
    is_main_process: bool = True
    attempt: int = 1
