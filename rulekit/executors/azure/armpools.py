"""Pools with an identity: made through the resource manager, the Batch service itself cannot."""

from __future__ import annotations

from rulekit.errors import InfrastructureError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from rulekit.executors.azure.settings import AzureSettings

_EXTRA = "pip install 'rulekit-workflows[azure-identity-pools]'"


def create(settings: AzureSettings, body: dict[str, Any]) -> None:
    """Make the pool of a wire definition with the identity of the settings.

    A pool of that name that is there already is left as it is. Raises InfrastructureError
    (RK0620 if something is missing here, RK0613 if it is refused).
    """
    management = manager(settings)
    assert settings.identity_resource_id is not None
    from azure.core.exceptions import AzureError, HttpResponseError

    try:
        management.pool.create(
            settings.resource_group,
            settings.account_name,
            body["id"],
            to_arm(body, settings.identity_resource_id),
        )
    except HttpResponseError as error:
        if error.status_code in (409, 412) and "exist" in str(error).lower():
            return
        raise _refused(settings, str(error.message or error)) from None
    except AzureError as error:
        raise _refused(settings, str(error)) from None


def manager(settings: AzureSettings) -> Any:
    """The client of the resource manager for the settings' subscription. Raises RK0620."""
    missing = [
        f"`{name}`"
        for name, value in (
            ("AZURE_SUBSCRIPTION_ID", settings.subscription_id),
            ("AZURE_RESOURCE_GROUP", settings.resource_group),
        )
        if not value
    ]
    if missing:
        raise InfrastructureError(
            f"for what only the resource manager does, {' and '.join(missing)} must be set",
            code="RK0620",
            help="they are on the overview page of the Batch account",
        )
    try:
        from azure.identity import DefaultAzureCredential
        from azure.mgmt.batch import BatchManagementClient  # type: ignore[import-untyped,import-not-found,unused-ignore]
    except ImportError:
        raise InfrastructureError(
            "a pool with an identity is made through the resource manager, whose package"
            " (azure-mgmt-batch) is not installed",
            code="RK0620",
            help=_EXTRA,
        ) from None
    more: dict[str, Any] = {}
    if settings.management_url:
        more["base_url"] = settings.management_url
    return BatchManagementClient(DefaultAzureCredential(), str(settings.subscription_id), **more)


def to_arm(body: dict[str, Any], identity: str) -> dict[str, Any]:
    """The wire definition of the Batch service as the resource manager words it."""
    machine = dict(body["virtualMachineConfiguration"])
    machine["nodeAgentSkuId"] = machine.pop("nodeAgentSKUId")
    image = dict(machine["imageReference"])
    if "virtualMachineImageId" in image:
        image["id"] = image.pop("virtualMachineImageId")
    machine["imageReference"] = image
    properties: dict[str, Any] = {
        "displayName": body["displayName"],
        "vmSize": body["vmSize"],
        "deploymentConfiguration": {"virtualMachineConfiguration": machine},
        "scaleSettings": {
            "autoScale": {
                "formula": body["autoScaleFormula"],
                "evaluationInterval": body["autoScaleEvaluationInterval"],
            }
        },
        "taskSlotsPerNode": body["taskSlotsPerNode"],
        "taskSchedulingPolicy": {
            "nodeFillType": body["taskSchedulingPolicy"]["nodeFillType"].capitalize()
        },
        "metadata": body["metadata"],
    }
    if "startTask" in body:
        start = dict(body["startTask"])
        user = start["userIdentity"]["autoUser"]
        start["userIdentity"] = {
            "autoUser": {"scope": user["scope"].capitalize(), "elevationLevel": "Admin"}
        }
        properties["startTask"] = start
    if "networkConfiguration" in body:
        network = dict(body["networkConfiguration"])
        if "publicIPAddressConfiguration" in network:
            network["publicIPAddressConfiguration"] = {"provision": "NoPublicIPAddresses"}
        properties["networkConfiguration"] = network
    return {
        "identity": {"type": "UserAssigned", "userAssignedIdentities": {identity: {}}},
        "properties": properties,
    }


def _refused(settings: AzureSettings, text: str) -> InfrastructureError:
    from rulekit.storage.azblob.masking import masked

    return InfrastructureError(
        f"the resource manager did not make the pool: {masked(text, settings.secrets())}",
        code="RK0613",
        help="the login needs the role Contributor on the Batch account and Managed Identity"
        " Operator on the identity",
    )
