"""Pools: how they are made, which image, existing ones, start scripts, networks, identities."""

from __future__ import annotations

import json

import pytest
from azruns import gather, job
from hypothesis import given
from hypothesis import strategies as st

from rulekit.errors import InfrastructureError
from rulekit.executors.azure import definitions, images, sender
from rulekit.executors.azure.images import Image
from rulekit.executors.azure.pace import Pace
from rulekit.executors.azure.settings import AzureSettings, Secret
from rulekit.executors.azure.sizes import Shape

NOW = 1_795_000_000.0
PLAIN = AzureSettings("https://a.b", "a")


# --- images ---------------------------------------------------------------------------------


def image(publisher, offer, sku, **more):
    values = {"agent": "batch.node.ubuntu 24.04", "docker": True, **more}
    return Image(publisher, offer, sku, **values)


HPC24 = image("microsoft-dsvm", "ubuntu-hpc", "2404")
HPC22 = image("microsoft-dsvm", "ubuntu-hpc", "2204", agent="batch.node.ubuntu 22.04")
OTHER = image("somebody", "ubuntu-24_04-lts", "server-container")


def test_the_newest_verified_image_with_containers_is_chosen():
    unverified = image("microsoft-dsvm", "ubuntu-hpc", "2604", verified=False)
    bare = image("canonical", "ubuntu-24_04-lts", "server", docker=False)
    windows = image("microsoft", "windows", "2404", os="windows")
    arm = image("microsoft-dsvm", "ubuntu-hpc-arm64", "2404")
    pool = [OTHER, HPC22, unverified, bare, windows, arm, HPC24]
    assert images.choose(pool, PLAIN, NOW) == (HPC24, ())
    assert images.choose([OTHER, bare], PLAIN, NOW)[0] == OTHER
    assert images.choose(pool, PLAIN, NOW, "arm64")[0] == arm


def test_an_image_near_its_end_is_the_last_choice():
    ending = image("microsoft-dsvm", "ubuntu-hpc", "2404", end=NOW + 86400 * 30)
    ended = image("microsoft-dsvm", "ubuntu-hpc", "2404", end=NOW - 1)
    assert images.choose([ending, HPC22, ended], PLAIN, NOW)[0] == HPC22
    chosen, notes = images.choose([ending, ended], PLAIN, NOW)
    assert chosen == ending and "near the end" in notes[0]
    with pytest.raises(InfrastructureError) as caught:
        images.choose([ended], PLAIN, NOW)
    assert caught.value.diagnostics[0].code == "RK0615"


def test_a_named_image_gets_its_node_agent_or_a_hint():
    named = AzureSettings(
        "https://a.b",
        "a",
        image_publisher="Microsoft-DSVM",
        image_offer="ubuntu-hpc",
        image_sku="2204",
    )
    assert images.choose([HPC24, HPC22], named, NOW)[0].agent == "batch.node.ubuntu 22.04"
    with pytest.raises(InfrastructureError) as caught:
        images.choose([HPC24], named, NOW)
    assert "ubuntu-hpc/2404" in (caught.value.diagnostics[0].help or "")


# --- definitions ----------------------------------------------------------------------------


def wire_pool(**more):
    settings = AzureSettings("https://a.b", "a", **more)
    shape = Shape("Standard_D4ds_v5", 4, False, None)
    return definitions.pool("rk-1", "run", shape, HPC24, settings, "f", None, {"a": "b"})


def test_networks():
    assert "networkConfiguration" not in wire_pool()
    network = wire_pool(subnet_id="/s", no_public_ip=True)["networkConfiguration"]
    assert network == {
        "subnetId": "/s",
        "publicIPAddressConfiguration": {"provision": "nopublicipaddresses"},
    }


def test_a_pool_with_an_identity_is_worded_for_the_resource_manager():
    from rulekit.executors.azure import armpools

    body = wire_pool(no_public_ip=True)
    made = armpools.to_arm(body, "/id")
    assert made["identity"] == {"type": "UserAssigned", "userAssignedIdentities": {"/id": {}}}
    machine = made["properties"]["deploymentConfiguration"]["virtualMachineConfiguration"]
    assert machine["nodeAgentSkuId"] == HPC24.agent
    assert made["properties"]["scaleSettings"]["autoScale"]["formula"] == "f"
    assert "nodeAgentSKUId" in body["virtualMachineConfiguration"], "the given one is changed"


def test_an_identity_without_the_subscription_is_told(bench):
    executor = bench.executor(identity_resource_id="/subscriptions/x/id")
    executor.submit(job(1, "true"))
    with pytest.raises(InfrastructureError) as caught:
        gather(executor, 2)
    (found,) = caught.value.diagnostics
    assert found.code == "RK0620" and "AZURE_SUBSCRIPTION_ID" in found.message
    executor.close()


@given(st.binary(max_size=200))
def test_command_lines_hold_any_script(data):
    import shlex

    text = data.decode("latin-1").replace("\0", "")
    assert shlex.split(definitions.shell(text)) == ["/bin/bash", "-c", text]


# --- sending --------------------------------------------------------------------------------


@given(st.lists(st.integers(10, 300_000), max_size=250))
def test_chunks_keep_the_limits_of_the_service(sizes):
    bodies = [{"id": str(n), "x": "y" * size} for n, size in enumerate(sizes)]
    chunks = list(sender.chunks(bodies))
    assert [body for chunk in chunks for body in chunk] == bodies
    for chunk in chunks:
        assert len(chunk) <= 100
        assert len(chunk) == 1 or len(json.dumps({"value": chunk})) < 1_000_000


@given(st.lists(st.tuples(st.integers(0, 50), st.integers(0, 2000)), max_size=60))
def test_the_pace_keeps_its_bounds(steps):
    pace = Pace(0.5, 10.0)
    for ended, out in steps:
        assert 0.5 <= pace.asked(ended, out, pace.pause_s) <= 10.0


def test_a_steady_stream_of_a_thousand_costs_few_questions():
    pace = Pace(0.5, 10.0)
    out, asked = 1000.0, 0
    while out >= 1:
        ended = min(out, pace.pause_s * 8)
        out -= ended
        asked += 1
        pace.asked(int(ended), int(out), pace.pause_s)
    assert asked < 110


# --- on the emulator ------------------------------------------------------------------------


def client_of(bench):
    from azure.batch import BatchClient
    from azure.core.credentials import AzureNamedKeyCredential

    emulator = bench.emulator
    return BatchClient(emulator.url, AzureNamedKeyCredential(emulator.account, emulator.key))


def foreign_pool(bench, name="theirs", nodes=1, **more):
    with client_of(bench) as client:
        body = wire_pool()
        for field in ("enableAutoScale", "autoScaleFormula", "autoScaleEvaluationInterval"):
            del body[field]
        client.create_pool(
            pool={**body, "id": name, "metadata": [], "targetDedicatedNodes": nodes, **more}
        )


def test_an_existing_pool_is_used_and_left_as_it_was(bench):
    foreign_pool(bench)
    executor = bench.executor(pool="theirs", vm_size=None)
    executor.submit(job(1, "echo 1 > o", ["o"]))
    (result,) = gather(executor, 1).values()
    assert result.ok
    with client_of(bench) as client:
        before = client.get_pool("theirs").as_dict()
        executor.close()
        after = client.get_pool("theirs").as_dict()
    assert before["eTag"] == after["eTag"]
    assert bench.live_pools() == ["theirs"]


def test_a_pool_that_is_not_there_names_the_near_one(bench):
    foreign_pool(bench)
    executor = bench.executor(pool="their")
    executor.submit(job(1, "true"))
    with pytest.raises(InfrastructureError) as caught:
        gather(executor, 2)
    (found,) = caught.value.diagnostics
    assert found.code == "RK0619" and "`theirs`" in (found.help or "")
    executor.close()


def test_a_pool_without_machines_that_does_not_scale_ends_the_run(bench):
    foreign_pool(bench, nodes=0)
    executor = bench.executor(pool="theirs")
    executor.submit(job(1, "true"))
    with pytest.raises(InfrastructureError) as caught:
        gather(executor, 2)
    assert "does not scale" in caught.value.diagnostics[0].message
    executor.close()


def test_a_start_script_runs_first_and_its_url_is_in_no_definition(bench, azurite):
    bench.put("start.sh", "echo prepared > $AZ_BATCH_NODE_SHARED_DIR/mark\n")
    token = azurite.container_sas(bench.container, "r")
    url = f"{azurite.url}/{bench.container}/pre/start.sh?{token}"
    executor = bench.executor(start_task_url=Secret(url))
    executor.submit(job(1, "cat $AZ_BATCH_NODE_SHARED_DIR/mark > o", ["o"]))
    (result,) = gather(executor, 1).values()
    assert result.ok and bench.get("o") == b"prepared\n"
    with client_of(bench) as client:
        for pool in client.list_pools():
            assert "sig=" not in json.dumps(pool.as_dict())
    executor.close()


def test_jobs_of_two_sizes_get_two_pools(bench):
    from rulekit.executors.azure.tasks import Details

    wanted = {1: {"mem_mb": 1000}, 2: {"mem_mb": 30_000}}
    executor = bench.executor(vm_size=None, details=lambda spec: Details(resources=wanted[spec.id]))
    for number in wanted:
        executor.submit(job(number, f"echo {number} > o{number}", [f"o{number}"]))
    found = gather(executor, 2)
    assert all(result.ok for result in found.values())
    with client_of(bench) as client:
        sizes = sorted(pool.vm_size.lower() for pool in client.list_pools())
    assert sizes == ["standard_d4ds_v5", "standard_e4ds_v5"]
    executor.close()


def test_kept_pools_stay(bench):
    executor = bench.executor(keep_pool=True)
    executor.submit(job(1, "true"))
    gather(executor, 1)
    executor.close()
    assert len(bench.live_pools()) == 1
    assert bench.live_jobs() == []


# --- identities, through the resource manager -----------------------------------------------

IDENTITY = (
    "/subscriptions/s/resourceGroups/g/providers/Microsoft.ManagedIdentity/"
    "userAssignedIdentities/reader"
)


@pytest.fixture
def secure(tmp_path, monkeypatch):
    """An emulator with TLS, and the management client of Microsoft that trusts it."""
    import time

    from azure.core.credentials import AccessToken

    mgmt = pytest.importorskip("azure.mgmt.batch")
    from rulekit.emulator import tls
    from rulekit.emulator.auth import make_token
    from rulekit.emulator.server import Emulator
    from rulekit.emulator.settings import Quotas
    from rulekit.executors.azure import armpools

    class Token:
        def get_token(self, *_scopes, **_options):
            token = make_token("https://management.azure.com", 600)
            return AccessToken(token, int(time.time()) + 600)

    made = tls.make(str(tmp_path / "tls"))
    with Emulator(
        certificate=(made.certificate, made.key), quotas=Quotas(dedicated_cores=3)
    ) as server:
        monkeypatch.setenv("REQUESTS_CA_BUNDLE", made.authority)
        monkeypatch.setattr(
            armpools,
            "manager",
            lambda settings: mgmt.BatchManagementClient(
                Token(), "1" * 8, base_url=server.url, connection_verify=made.authority
            ),
        )
        yield server
        assert server.errors == []


def secure_settings(server, **more):
    values = {
        "account_url": server.url,
        "account_name": server.account,
        "account_key": Secret(server.key),
        "vm_size": "Standard_D4ds_v5",
        "resource_group": "g",
        "subscription_id": "1" * 8,
        "identity_resource_id": IDENTITY,
    }
    return AzureSettings(**{**values, **more})


def test_a_pool_gets_its_identity_from_the_resource_manager(secure):
    from rulekit.executors.azure.client import BatchService
    from rulekit.executors.azure.pools import Pools
    from rulekit.executors.azure.sizes import Need

    settings = secure_settings(secure)
    service = BatchService(settings, deadline_s=5)
    said = []
    pools = Pools(service, settings, "run-1", lambda *words: said.append(words))
    shape, _ = pools.sizes().place(Need())
    opened = pools.open(shape)
    found = service.raw(f"/pools/{opened.pool_id}", {})
    assert found["enableAutoScale"] is True
    assert IDENTITY.lower() in json.dumps(found["identity"]).lower()
    assert {"name": "rulekit", "value": "run-1"} in found["metadata"]
    Pools(service, settings, "run-1", lambda *words: None).open(shape)  # twice is no error
    assert pools.close(keep_pool=False) == []
    service.close()


def test_quotas_are_read_from_the_resource_manager(secure):
    from rulekit.executors.azure import quotas

    found = list(quotas.check(secure_settings(secure)))
    assert ("warn", "cores: 3, the pool may ask for 4") in [row[:2] for row in found]


def test_a_pool_whose_tasks_must_be_in_containers(bench, monkeypatch):
    body = wire_pool()["virtualMachineConfiguration"]
    container = {"type": "dockerCompatible", "containerImageNames": []}
    foreign_pool(bench, virtualMachineConfiguration={**body, "containerConfiguration": container})
    executor = bench.executor(pool="theirs", container_image="python:3.12-slim")
    executor.submit(job(1, "echo 1 > o", ["o"]))
    while not bench.live_jobs():
        executor.poll(0.1)
    with client_of(bench) as client:
        seen = []
        while not seen:
            seen = list(client.list_tasks(bench.live_jobs()[0]))
    assert seen[0].container_settings.image_name == "python:3.12-slim"
    (orders,) = (name for name in bench.names(".rulekit/") if "/orders/" in name)
    assert json.loads(bench.get(orders))["jobs"][0]["image"] is None, "no container in a container"
    executor.cancel("run.0.1.1", hard=True)
    gather(executor, 1)
    executor.close()
