"""The names under which Azure settings are known: environment variables, flags, file sections.

`FIELDS` is the one table. Snakemake 7's names are those of its `--az-batch` executor, 8's those
of the executor plugin `azure-batch` (any setting of it can be given as an environment variable).
"""

from __future__ import annotations

from rulekit.frozen import frozen

SNAKEMAKE_8 = "SNAKEMAKE_AZURE_BATCH_"
OWN = "RULEKIT_AZURE_"


@frozen
class Field:
    """A setting: `name` is that of the field, the key in a settings file and, in capitals behind
    ``RULEKIT_AZURE_``, a variable. `variables` are Snakemake 7's and everybody's names, `plugin`
    those of Snakemake 8's plugin, without their prefix.

    kind: ``text`` | ``secret`` | ``number`` (whole, from `least`) | ``yes`` (yes or no) | ``fill``
    | ``url``
    """

    name: str
    kind: str
    variables: tuple[str, ...] = ()
    plugin: tuple[str, ...] = ()
    least: int = 0
    default: object = None
    about: str = ""


FIELDS: tuple[Field, ...] = (
    Field(
        "account_url",
        "url",
        ("AZ_BATCH_ACCOUNT_URL",),
        ("ACCOUNT_URL",),
        about="address of the Batch account, `https://NAME.REGION.batch.azure.com`",
    ),
    Field(
        "account_name",
        "text",
        ("AZ_BATCH_ACCOUNT_NAME", "AZURE_BATCH_ACCOUNT_NAME"),
        about="name of the Batch account; default: the first label of its host name",
    ),
    Field(
        "account_key",
        "secret",
        ("AZ_BATCH_ACCOUNT_KEY", "AZURE_BATCH_ACCOUNT_KEY"),
        about="key of the Batch account; without one the identity of the caller is used",
    ),
    Field(
        "pool",
        "text",
        ("BATCH_POOL_ID",),
        about="an existing pool; it is never changed or deleted",
    ),
    Field(
        "vm_size",
        "text",
        ("BATCH_POOL_VM_SIZE",),
        ("POOL_VM_SIZE",),
        about="size of the machines; default: chosen for each job by what it asks for",
    ),
    Field(
        "node_count",
        "number",
        ("BATCH_POOL_NODE_COUNT",),
        ("POOL_NODE_COUNT",),
        least=1,
        default=1,
        about="number of machines of a pool, where it does not scale by itself",
    ),
    Field(
        "autoscale",
        "yes",
        ("BATCH_POOL_AUTOSCALE",),
        ("AUTOSCALE",),
        default=False,
        about="let pools grow with the waiting tasks, and shrink to nothing",
    ),
    Field("max_nodes", "number", least=1, default=10, about="most machines of a pool that scales"),
    Field("spot", "yes", default=False, about="use spot machines, which may be taken away"),
    Field(
        "spot_preemptions",
        "number",
        default=3,
        about="a task whose spot machine was taken away so often goes to a dedicated one; 0: never",
    ),
    Field(
        "tasks_per_node",
        "number",
        ("BATCH_TASKS_PER_NODE",),
        ("TASKS_PER_NODE",),
        least=1,
        about="task slots of a machine (at most 256); default: its processors",
    ),
    Field(
        "fill",
        "fill",
        ("BATCH_NODE_FILL_TYPE",),
        ("NODE_FILL_TYPE",),
        default="spread",
        about="`pack` fills one machine after the other, `spread` all alike",
    ),
    Field(
        "start_task_url",
        "secret",
        ("BATCH_NODE_START_TASK_SAS_URL",),
        ("NODE_START_TASK_URL", "NODE_START_TASK_SAS_URL"),
        about="URL of a script that every machine runs as administrator before its first task",
    ),
    Field(
        "registry_url",
        "text",
        ("BATCH_CONTAINER_REGISTRY_URL",),
        ("CONTAINER_REGISTRY_URL",),
        about="registry of container images that needs a login",
    ),
    Field(
        "registry_user",
        "text",
        ("BATCH_CONTAINER_REGISTRY_USER",),
        ("CONTAINER_REGISTRY_USER",),
        about="user of that registry",
    ),
    Field(
        "registry_password",
        "secret",
        ("BATCH_CONTAINER_REGISTRY_PASS",),
        ("CONTAINER_REGISTRY_PASS",),
        about="password of that registry",
    ),
    Field(
        "subnet_id",
        "text",
        ("BATCH_POOL_SUBNET_ID",),
        ("POOL_SUBNET_ID",),
        about="resource id of the subnet of the machines; needs an identity, not a key",
    ),
    Field(
        "no_public_ip",
        "yes",
        default=False,
        about="machines without public addresses (in a subnet)",
    ),
    Field(
        "identity_client_id",
        "text",
        ("BATCH_MANAGED_IDENTITY_CLIENT_ID",),
        ("MANAGED_IDENTITY_CLIENT_ID",),
        about="client id of the managed identity that machines use for storage",
    ),
    Field(
        "identity_resource_id",
        "text",
        ("BATCH_MANAGED_IDENTITY_RESOURCE_ID",),
        ("MANAGED_IDENTITY_RESOURCE_ID",),
        about="resource id of that identity; pools are then made by the resource manager",
    ),
    Field(
        "image_publisher",
        "text",
        ("BATCH_POOL_IMAGE_PUBLISHER",),
        ("POOL_IMAGE_PUBLISHER", "IMAGE_PUBLISHER"),
        about="publisher of the machine image; default: chosen among those that Batch supports",
    ),
    Field(
        "image_offer",
        "text",
        ("BATCH_POOL_IMAGE_OFFER",),
        ("POOL_IMAGE_OFFER", "IMAGE_OFFER"),
        about="offer of the machine image",
    ),
    Field(
        "image_sku",
        "text",
        ("BATCH_POOL_IMAGE_SKU",),
        ("POOL_IMAGE_SKU", "IMAGE_SKU"),
        about="SKU of the machine image",
    ),
    Field(
        "image_id",
        "text",
        about="resource id of an own machine image, in place of publisher, offer and SKU",
    ),
    Field(
        "node_agent",
        "text",
        ("BATCH_POOL_VM_NODE_AGENT_SKU_ID",),
        ("POOL_VM_NODE_AGENT_SKU_ID", "NODE_AGENT_SKU_ID"),
        about="node agent that goes with the machine image",
    ),
    Field(
        "container_image",
        "text",
        ("BATCH_POOL_VM_CONTAINER_IMAGE",),
        ("POOL_VM_CONTAINER_IMAGE",),
        about="container image of jobs that name none (`--container-image`)",
    ),
    Field(
        "container_limits",
        "yes",
        default=True,
        about="hold a container to the `threads` of its job, and to its `mem_mb` if the rule says it",
    ),
    Field(
        "resource_prefix",
        "text",
        ("BATCH_POOL_RESOURCE_FILE_PREFIX",),
        ("POOL_RESOURCE_FILE_PREFIX",),
        default="resource-files",
        about="accepted; rulekit keeps its files below `.rulekit/` of the prefix",
    ),
    Field(
        "simplified",
        "yes",
        ("BATCH_NODE_COMMUNICATION_SIMPLIFIED",),
        ("NODE_COMMUNICATION_MODE", "NODE_COMMUNICATION_SIMPLIFIED"),
        default=False,
        about="accepted; Batch knows no other way any more",
    ),
    Field("keep_pool", "yes", (), ("KEEP_POOL",), default=False, about="leave pools at the end"),
    Field(
        "lease_minutes",
        "number",
        least=10,
        default=30,
        about="machines of a run whose driver is silent for so long are given back",
    ),
    Field(
        "job_hours", "number", least=1, default=720, about="no task outlives its run by more hours"
    ),
    Field("subscription_id", "text", ("AZURE_SUBSCRIPTION_ID",), about="for the resource manager"),
    Field("resource_group", "text", ("AZURE_RESOURCE_GROUP",), about="group of the Batch account"),
    Field("management_url", "url", about="address of the resource manager of other clouds"),
    Field("credential_scope", "text", about="scope of the tokens for Batch in other clouds"),
)

BY_NAME = {field.name: field for field in FIELDS}

# Prefixes of variables that can only be meant for us: a slip in them is told.
WATCHED: tuple[str, ...] = (
    "BATCH_POOL_",
    "BATCH_NODE_",
    "BATCH_CONTAINER_",
    "BATCH_MANAGED_",
    "BATCH_TASKS_",
)
WATCHED += ("AZ_BATCH_ACCOUNT", OWN, SNAKEMAKE_8)


def names_of(field: Field) -> tuple[str, ...]:
    """All environment variables of a setting, the one that counts first."""
    own = OWN + field.name.upper()
    return (own, *field.variables, *(SNAKEMAKE_8 + name for name in field.plugin))


def known() -> dict[str, Field]:
    """Every variable name and its setting."""
    return {name: field for field in FIELDS for name in names_of(field)}
