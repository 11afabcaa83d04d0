"""Quotas of the Batch account, which only the resource manager tells."""

from __future__ import annotations

from rulekit.errors import InfrastructureError
from rulekit.model import vmsizes

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Any

    from rulekit.executors.azure.settings import AzureSettings


def check(settings: AzureSettings) -> Iterator[tuple[str, str, str]]:
    """Level, text and next step of each finding. Raises InfrastructureError."""
    from azure.core.exceptions import AzureError

    from rulekit.executors.azure import armpools

    management = armpools.manager(settings)
    try:
        account = management.batch_account.get(settings.resource_group, settings.account_name)
    except AzureError as error:
        from rulekit.storage.azblob.masking import masked

        first = masked(str(error), settings.secrets()).partition("\n")[0]
        raise InfrastructureError(
            f"the resource manager does not tell the quotas: {first}",
            code="RK0613",
            help="the login needs the role Reader on the Batch account",
        ) from None
    yield from judge(settings, account)


def judge(settings: AzureSettings, account: Any) -> Iterator[tuple[str, str, str]]:
    """What an account's quotas mean for a run of these settings."""
    form = "portal: Batch account, Quotas"
    account = getattr(account, "properties", None) or account  # before version 19 they were flat
    mode = str(account.pool_allocation_mode or "").lower()
    modes = [str(one).lower() for one in account.allowed_authentication_modes or ()]
    if settings.account_key is not None and modes and not any("shared" in m for m in modes):
        yield "fail", "the account takes no key", "unset AZ_BATCH_ACCOUNT_KEY and log in"
    count = settings.max_nodes if settings.autoscale else settings.node_count
    size = vmsizes.size(settings.vm_size or "")
    cores = (size.vcpus if size is not None else 4) * count
    if settings.spot:
        quota = account.low_priority_core_quota
        yield _cores(quota, cores, "spot cores", form)
        if "usersubscription" not in mode.replace(" ", ""):
            yield (
                "warn",
                "the account allocates in batch service mode, where spot machines may be refused",
                "leave `spot` out if no machine comes",
            )
    else:
        yield _cores(account.dedicated_core_quota, cores, "cores", form)
        if account.dedicated_core_quota_per_vm_family_enforced and size is not None and size.family:
            families = {
                str(one.name).lower(): one.core_quota
                for one in account.dedicated_core_quota_per_vm_family or ()
            }
            family = families.get(size.family.lower())
            if family is not None:
                yield _cores(family, cores, f"cores of the family {size.family}", form)
    if account.pool_quota == 0:
        yield "fail", "the account may have no pool", form
    if account.active_job_and_job_schedule_quota == 0:
        yield "fail", "the account may have no job", form


def _cores(quota: int | None, cores: int, what: str, form: str) -> tuple[str, str, str]:
    if quota is None:
        return "ok", f"{what}: no limit of the account", ""
    if not quota:
        return "fail", f"{what}: the quota is 0", f"ask for some ({form})"
    if quota < cores:
        return (
            "warn",
            f"{what}: {quota}, the pool may ask for {cores}",
            f"fewer machines, or {form}",
        )
    return "ok", f"{what}: {quota}, the pool may ask for {cores}", ""
