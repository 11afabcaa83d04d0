"""What to do about what the service says: one table of its codes."""

from __future__ import annotations

# Code of the service: our code, next step.
_KNOWN: dict[str, tuple[str, str]] = {
    "AuthenticationFailed": (
        "RK0612",
        "the key or the login is not that of this account, or the clock of this machine is wrong"
        " by more than 15 minutes: `rulekit azure doctor` tells which",
    ),
    "AuthorizationFailure": ("RK0612", "the login needs the role `Azure Batch Data Contributor`"),
    "AuthorizationPermissionMismatch": (
        "RK0612",
        "the login needs the role `Azure Batch Data Contributor`",
    ),
    "InsufficientAccountPermissions": (
        "RK0612",
        "the login needs the role `Azure Batch Data Contributor`",
    ),
    "AccountNotFound": ("RK0612", "check AZ_BATCH_ACCOUNT_URL"),
    "AccountIsDisabled": ("RK0612", "the account was disabled: ask who administers it"),
    "AccountCoreQuotaReached": (
        "RK0616",
        "ask for more cores of the Batch account (portal: Quotas), or use fewer or smaller"
        " machines: BATCH_POOL_NODE_COUNT, BATCH_POOL_VM_SIZE",
    ),
    "AccountLowPriorityCoreQuotaReached": (
        "RK0616",
        "there is no quota for spot machines: leave `spot` out, or ask for it (portal: Quotas)",
    ),
    "AccountVMSeriesCoreQuotaReached": (
        "RK0616",
        "the quota of this family of machines is used up: another BATCH_POOL_VM_SIZE, or ask for"
        " more (portal: Quotas)",
    ),
    "AccountSpotCoreQuotaReached": (
        "RK0616",
        "there is no quota for spot machines: leave `spot` out, or ask for it (portal: Quotas)",
    ),
    "PoolQuotaReached": (
        "RK0616",
        "`rulekit azure gc` deletes pools that runs have left; or ask for a higher quota",
    ),
    "ActiveJobAndScheduleQuotaReached": (
        "RK0616",
        "`rulekit azure gc` deletes jobs that runs have left; or ask for a higher quota",
    ),
    "AllocationFailed": (
        "RK0617",
        "Azure has no such machines free here now: another BATCH_POOL_VM_SIZE, or later",
    ),
    "AllocationTimedout": (
        "RK0617",
        "Azure did not give the machines in time: it may be short of them; another"
        " BATCH_POOL_VM_SIZE, or later",
    ),
    "ResourceNotFound": ("RK0613", "check AZ_BATCH_ACCOUNT_URL"),
    "PoolNotFound": ("RK0619", "check the name of the pool: `rulekit azure doctor` lists them"),
    "PoolBeingDeleted": ("RK0619", "somebody deletes the pool; choose another one"),
    "JobNotFound": ("RK0613", "somebody deleted the job of this run; run again"),
    "JobCompleted": ("RK0613", "somebody ended the job of this run; run again"),
    "JobBeingTerminated": ("RK0613", "somebody ended the job of this run; run again"),
    "JobBeingDeleted": ("RK0613", "somebody deleted the job of this run; run again"),
    "InvalidVMSize": ("RK0614", "`BATCH_POOL_VM_SIZE`: no such size, or not in this region"),
    "UnsupportedVMSize": ("RK0614", "`BATCH_POOL_VM_SIZE`: not in this region"),
    "InvalidPropertyValue": ("RK0613", "the notes name the value"),
    "InvalidRequestBody": ("RK0613", "the notes name the value"),
    "ContainerInvalidRegistry": (
        "RK0618",
        "check BATCH_CONTAINER_REGISTRY_URL, _USER and _PASS",
    ),
    "ContainerPoolNotSupported": ("RK0615", "this machine image has no container engine"),
    "InvalidAutoScalingSettings": ("RK0613", "this is a bug of rulekit: please report it"),
}


def remedy(name: str, status: int) -> tuple[str, str | None]:
    """Our code and the next step for a code of the service; `status` where there is no code."""
    found = _KNOWN.get(name)
    if found is not None:
        return found
    if status in (401, 403):
        return (
            "RK0612",
            "the key or login may not do that: `rulekit azure doctor` tells what it may",
        )
    if name.endswith("QuotaReached"):
        return "RK0616", "ask for a higher quota of the Batch account"
    return "RK0613", None
