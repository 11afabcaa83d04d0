"""Quotas, sizes and pools with identities through the management client of Microsoft."""

from __future__ import annotations

import time

import pytest
from azure.core.credentials import AccessToken
from azure.core.exceptions import (
    ClientAuthenticationError,
    HttpResponseError,
    ResourceNotFoundError,
)
from azure.mgmt.batch import BatchManagementClient
from azure.mgmt.batch import models as m

from rulekit.emulator import tls
from rulekit.emulator.auth import make_token
from rulekit.emulator.server import Emulator
from rulekit.emulator.settings import Quotas

IDENTITY = (
    "/subscriptions/s/resourceGroups/g/providers/Microsoft.ManagedIdentity/"
    "userAssignedIdentities/reader"
)


class Token:
    """A credential whose tokens have a chosen audience and life."""

    def __init__(self, audience: str = "https://management.azure.com", lifetime_s: float = 600):
        self.audience, self.lifetime_s = audience, lifetime_s

    def get_token(self, *scopes, **_options):
        return AccessToken(make_token(self.audience, self.lifetime_s), int(time.time()) + 600)


@pytest.fixture(scope="module")
def emulator(tmp_path_factory):
    made = tls.make(str(tmp_path_factory.mktemp("tls")))
    quotas = Quotas(dedicated_cores=64, spot_cores=8, families={"standardDSv5Family": 16}, pools=5)
    with Emulator(quotas=quotas, certificate=(made.certificate, made.key)) as server:
        server.authority = made.authority
        yield server
        assert server.errors == []


@pytest.fixture
def client(emulator):
    with arm(emulator) as made:
        yield made


def arm(emulator, credential=None):
    return BatchManagementClient(
        credential or Token(),
        "11111111-2222-3333-4444-555555555555",
        base_url=emulator.url,
        connection_verify=emulator.authority,
        retry_total=0,
    )


def pool(**properties):
    machine = m.VirtualMachineConfiguration(
        image_reference=m.ImageReference(
            publisher="microsoft-dsvm", offer="ubuntu-hpc", sku="2404", version="latest"
        ),
        node_agent_sku_id="batch.node.ubuntu 24.04",
        container_configuration=m.ContainerConfiguration(type="DockerCompatible"),
    )
    return m.PoolProperties(
        vm_size="Standard_D2s_v5",
        deployment_configuration=m.DeploymentConfiguration(virtual_machine_configuration=machine),
        **properties,
    )


def test_the_account_tells_its_quotas_and_modes(client, emulator):
    account = client.batch_account.get("group", emulator.account)
    assert account.properties.dedicated_core_quota == 64
    assert account.properties.low_priority_core_quota == 8
    assert account.properties.dedicated_core_quota_per_vm_family_enforced is True
    families = account.properties.dedicated_core_quota_per_vm_family
    assert {f.name: f.core_quota for f in families} == {"standardDSv5Family": 16}
    assert account.properties.pool_quota == 5
    assert account.properties.active_job_and_job_schedule_quota == 300
    assert account.properties.pool_allocation_mode == "BatchService"
    assert sorted(account.properties.allowed_authentication_modes) == ["AAD", "SharedKey"]
    assert emulator.url.endswith(account.properties.account_endpoint)
    assert [a.name for a in client.batch_account.list()] == [emulator.account]
    with pytest.raises(ResourceNotFoundError):
        client.batch_account.get("group", "other")


def test_the_sizes_of_a_place(client):
    sizes = {s.name: s for s in client.location.list_supported_virtual_machine_skus("westeurope")}
    size = sizes["Standard_D4s_v5"]
    assert size.family_name == "standardDSv5Family"
    assert {c.name: c.value for c in size.capabilities}["vCPUs"] == "4"
    assert client.location.get_quotas("westeurope").account_quota > 0


def test_a_pool_with_an_identity_comes_and_goes(client, emulator):
    asked = m.Pool(
        identity=m.BatchPoolIdentity(
            type="UserAssigned", user_assigned_identities={IDENTITY: m.UserAssignedIdentities()}
        ),
        properties=pool(
            task_slots_per_node=2,
            scale_settings=m.ScaleSettings(
                fixed_scale=m.FixedScaleSettings(target_dedicated_nodes=1)
            ),
            start_task=m.StartTask(
                command_line="/bin/true",
                user_identity=m.UserIdentity(
                    auto_user=m.AutoUserSpecification(scope="Pool", elevation_level="Admin")
                ),
            ),
            metadata=[m.MetadataItem(name="a", value="b")],
        ),
    )
    made = client.pool.create("group", emulator.account, "with-identity", asked)
    assert made.name == "with-identity" and made.etag
    until = time.monotonic() + 90
    while time.monotonic() < until:
        found = client.pool.get("group", emulator.account, "With-Identity")
        if found.properties.current_dedicated_nodes == 1:
            break
        time.sleep(0.05)
    properties = found.properties
    assert properties.current_dedicated_nodes == 1
    assert properties.vm_size.lower() == "standard_d2s_v5"
    assert properties.scale_settings.fixed_scale.target_dedicated_nodes == 1
    machine = properties.deployment_configuration.virtual_machine_configuration
    assert machine.node_agent_sku_id == "batch.node.ubuntu 24.04"
    assert machine.image_reference.offer == "ubuntu-hpc"
    assert properties.start_task.command_line == "/bin/true"
    assert found.identity.user_assigned_identities[IDENTITY].client_id
    # The same pool through the data plane.
    view = emulator.world.pools["with-identity"].spec
    assert view["startTask"]["userIdentity"]["autoUser"]["elevationLevel"] == "admin"
    assert (
        view["virtualMachineConfiguration"]["containerConfiguration"]["type"] == "dockerCompatible"
    )
    assert "with-identity" in [
        p.name for p in client.pool.list_by_batch_account("group", emulator.account)
    ]
    client.pool.begin_delete("group", emulator.account, "with-identity").result()
    until = time.monotonic() + 90
    while "with-identity" in emulator.world.pools and time.monotonic() < until:
        time.sleep(0.05)
    with pytest.raises(ResourceNotFoundError):
        client.pool.get("group", emulator.account, "with-identity")


def test_a_pool_that_scales(client, emulator):
    formula = "$TargetDedicatedNodes = 0;"
    scale = m.ScaleSettings(auto_scale=m.AutoScaleSettings(formula=formula))
    client.pool.create(
        "group", emulator.account, "scaled", m.Pool(properties=pool(scale_settings=scale))
    )
    found = client.pool.get("group", emulator.account, "scaled").properties
    assert found.scale_settings.auto_scale.formula == formula
    assert found.auto_scale_run.results.startswith("$TargetDedicatedNodes=0;")


def test_what_is_wrong_is_refused_in_the_service_s_form(client, emulator):
    with pytest.raises(HttpResponseError) as caught:
        wrong = m.Pool(properties=m.PoolProperties(vm_size="Standard_D2s_v5"))
        client.pool.create("group", emulator.account, "wrong", wrong)
    assert caught.value.status_code == 400
    assert caught.value.error.code == "MissingRequiredProperty"
    for credential in (Token("https://storage.azure.com"), Token(lifetime_s=-10)):
        with arm(emulator, credential) as other, pytest.raises(ClientAuthenticationError):
            other.batch_account.get("group", emulator.account)
