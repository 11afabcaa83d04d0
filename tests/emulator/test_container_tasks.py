"""Container tasks and identities end to end: the real SDK, real podman, a registry, Azurite."""

from __future__ import annotations

import time

import pytest
from azure.batch import BatchClient
from azure.core.credentials import AzureNamedKeyCredential
from azurite import Azurite
from containers import IMAGE

from rulekit.emulator import imds, tls
from rulekit.emulator.server import Emulator

IDENTITY = (
    "/subscriptions/s/resourceGroups/g/providers/Microsoft.ManagedIdentity/"
    "userAssignedIdentities/worker"
)
MACHINE = {
    "imageReference": {"publisher": "microsoft-dsvm", "offer": "ubuntu-hpc", "sku": "2404"},
    "nodeAgentSKUId": "batch.node.ubuntu 24.04",
}


@pytest.fixture
def emulator(containers, monkeypatch):
    monkeypatch.setenv("RULEKIT_EMULATOR_RUNTIME", "podman")
    with Emulator() as server:
        yield server
        assert server.errors == []


def until(condition, seconds: float = 120.0):
    """Waits for a true value and gives it."""
    end = time.monotonic() + seconds
    while True:
        found = condition()
        if found:
            return found
        assert time.monotonic() < end, "it did not come"
        time.sleep(0.05)


def client_of(emulator) -> BatchClient:
    credential = AzureNamedKeyCredential(emulator.account, emulator.key)
    return BatchClient(emulator.url, credential, retry_total=0)


def pool(client, **machine) -> None:
    client.create_pool(
        {
            "id": "p",
            "vmSize": "standard_d2s_v5",
            "virtualMachineConfiguration": {**MACHINE, **machine},
            "targetDedicatedNodes": 1,
            "taskSlotsPerNode": 2,
        }
    )
    client.create_job({"id": "j", "poolInfo": {"poolId": "p"}})


def finished(client, task: str):
    def ended():
        found = client.get_task("j", task)
        return found if found.state == "completed" else None

    return until(ended)


def text(client, task: str, name: str = "stdout.txt") -> str:
    return b"".join(client.download_task_file("j", task, name)).decode()


def test_a_task_runs_in_its_image(emulator):
    settings = {"type": "dockerCompatible", "containerImageNames": [IMAGE]}
    with client_of(emulator) as client:
        pool(client, containerConfiguration=settings)
        client.create_task(
            "j",
            {
                "id": "t",
                "commandLine": "/bin/sh -c 'cat /etc/rulekit-image; echo $GREETING; pwd; "
                "echo made > made.txt; exit 5'",
                "environmentSettings": [{"name": "GREETING", "value": "a b"}],
                "containerSettings": {
                    "imageName": IMAGE,
                    "containerRunOptions": "--hostname=box --network=none",
                },
            },
        )
        task = finished(client, "t")
        assert task.execution_info.exit_code == 5, text(client, "t", "stderr.txt")
        said = text(client, "t").split("\n")
        assert said[:2] == ["busybox", "a b"] and said[2].endswith("/j/job-1/t/wd")
        assert text(client, "t", "wd/made.txt") == "made\n"


def test_a_container_ends_with_its_task(emulator, containers):
    settings = {"type": "dockerCompatible"}

    def running() -> bytes:
        return containers.podman("ps", "-q").stdout.strip()

    with client_of(emulator) as client:
        pool(client, containerConfiguration=settings)
        wanted = {"imageName": IMAGE}
        client.create_task(
            "j", {"id": "t", "commandLine": "sleep 1000", "containerSettings": wanted}
        )
        until(running)
        client.terminate_task("j", "t")
        finished(client, "t")
        until(lambda: not running())


def test_an_image_from_a_registry_or_not_at_all(emulator, registry):
    settings = {"type": "dockerCompatible"}
    with client_of(emulator) as client:
        pool(client, containerConfiguration=settings)
        for name, image in (("good", "busybox:1"), ("bad", "nothing:1")):
            wanted = {"imageName": f"{registry}/{image}"}
            command = "cat /etc/rulekit-image"
            client.create_task(
                "j", {"id": name, "commandLine": command, "containerSettings": wanted}
            )
        assert finished(client, "good").execution_info.exit_code == 0
        assert text(client, "good") == "busybox\n"
        failure = finished(client, "bad").execution_info.failure_info
        assert failure.code == "ContainerInvalidImage"
        assert "nothing:1" in {d.name: d.value for d in failure.details}["Image"]


def test_files_move_by_the_identity_of_the_pool(tmp_path, monkeypatch):
    """No key and no SAS in the task: tokens for resource and output files, one in the task itself."""
    from azure.core.credentials import AccessToken
    from azure.mgmt.batch import BatchManagementClient
    from azure.mgmt.batch import models as m
    from azure.storage.blob import BlobServiceClient

    from rulekit.emulator.auth import make_token

    class Manager:
        def get_token(self, *_scopes, **_options):
            token = make_token("https://management.azure.com")
            return AccessToken(token, int(time.time()) + 600)

    made = tls.make(str(tmp_path))
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", made.authority)
    options = ["--oauth", "basic", "--cert", made.certificate, "--key", made.key]
    server = Azurite(*options, scheme="https")
    known = {"connection_verify": made.authority, "retry_total": 0}
    try:
        with (
            Emulator(certificate=(made.certificate, made.key)) as emulator,
            BatchManagementClient(Manager(), "sub", base_url=emulator.url, **known) as arm,
            BatchClient(
                emulator.url, AzureNamedKeyCredential(emulator.account, emulator.key), **known
            ) as client,
            BlobServiceClient(server.url, credential=server.key, **known) as blobs,
        ):
            box = blobs.create_container("box")
            box.upload_blob("in/a b.txt", b"input\n")
            machine = m.VirtualMachineConfiguration(
                image_reference=m.ImageReference(
                    publisher="microsoft-dsvm", offer="ubuntu-hpc", sku="2404", version="latest"
                ),
                node_agent_sku_id="batch.node.ubuntu 24.04",
            )
            identities = {IDENTITY: m.UserAssignedIdentities()}
            body = m.Pool(
                identity=m.BatchPoolIdentity(
                    type="UserAssigned", user_assigned_identities=identities
                ),
                properties=m.PoolProperties(
                    vm_size="standard_d2s_v5",
                    deployment_configuration=m.DeploymentConfiguration(
                        virtual_machine_configuration=machine
                    ),
                    scale_settings=m.ScaleSettings(
                        fixed_scale=m.FixedScaleSettings(target_dedicated_nodes=1)
                    ),
                ),
            )
            arm.pool.create("g", emulator.account, "p", body)
            client.create_job({"id": "j", "poolInfo": {"poolId": "p"}})
            who = {"resourceId": IDENTITY}
            where = {"containerUrl": f"{server.url}/box", "path": "out", "identityReference": who}
            client.create_task(
                "j",
                {
                    "id": "t",
                    "commandLine": '/bin/sh -c \'cat "in/a b.txt" > result.txt; '
                    "echo $AZURE_POD_IDENTITY_AUTHORITY_HOST'",
                    "resourceFiles": [
                        {
                            "storageContainerUrl": f"{server.url}/box",
                            "blobPrefix": "in/",
                            "identityReference": who,
                        }
                    ],
                    "outputFiles": [
                        {
                            "filePattern": "*.txt",
                            "destination": {"container": where},
                            "uploadOptions": {"uploadCondition": "tasksuccess"},
                        }
                    ],
                },
            )
            task = finished(client, "t")
            assert task.execution_info.result == "success", task.execution_info
            assert box.download_blob("out/result.txt").readall() == b"input\n"
            assert text(client, "t") == emulator.url + "\n"
            stranger = {"resourceId": IDENTITY + "-other"}
            client.create_task(
                "j",
                {
                    "id": "u",
                    "commandLine": "/bin/true",
                    "resourceFiles": [
                        {
                            "httpUrl": f"{server.url}/box/in/a%20b.txt",
                            "filePath": "x",
                            "identityReference": stranger,
                        }
                    ],
                },
            )
            assert finished(client, "u").execution_info.result == "failure"
            assert imds.client_id(IDENTITY) in str(emulator.world.pools["p"].identities)
            assert emulator.errors == []
    finally:
        server.close()
