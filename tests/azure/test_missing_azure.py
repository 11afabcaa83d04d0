"""Containers that are not there, and accounts that do not let a run write: known before any job."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from azcommand import Cloud

RULES = """
rule a:
    input: {input}
    output: {output}
    shell: "echo ran >> {here}/ran; echo 1 > {{output}}"
"""


@pytest.fixture
def cloud(azurite, container, tmp_path):
    made = Cloud(azurite, container, tmp_path)
    yield made
    made.close()


def rules(cloud, output, source="[]"):
    cloud.write("Snakefile", RULES.format(input=source, output=output, here=cloud.folder))


def ran(cloud):
    return (cloud.folder / "ran").exists()


def local(cloud, *words, **environment):
    """A run here, of files with full names."""
    import subprocess
    import sys

    return subprocess.run(
        [sys.executable, "-m", "rulekit", "--cores", "1", *words],
        cwd=cloud.folder,
        env={**cloud.environment, **environment},
        capture_output=True,
        text=True,
        timeout=120,
    )


def signature(cloud, rights):
    from azure.storage.blob import ContainerSasPermissions, generate_container_sas

    return generate_container_sas(
        cloud.azurite.account,
        cloud.container,
        account_key=cloud.azurite.key,
        permission=ContainerSasPermissions.from_string(rights),
        expiry=datetime.now(UTC) + timedelta(hours=2),
    )


def test_an_input_in_a_container_that_is_not_there(cloud):
    rules(cloud, '"here.txt"', '"az://not-there-1/raw/x.txt"')
    for words in (("-n",), ()):
        done = local(cloud, *words)
        assert done.returncode != 0
        assert "RK0644" in done.stderr and "no container `not-there-1`" in done.stderr
        assert "az://not-there-1/raw/x.txt" in done.stderr
        assert "Missing" not in done.stderr


def test_a_prefix_whose_container_is_not_there(cloud):
    cloud.container = "not-there-2"
    rules(cloud, '"out.txt"', '"in.txt"')
    done = cloud.run(batch=False)
    assert "no container `not-there-2`" in done.stderr and not ran(cloud)
    rules(cloud, '"out.txt"')
    dry = cloud.run("-n", batch=False)
    assert dry.returncode == 0
    assert "no container `not-there-2`" in dry.stderr and "will make it" in dry.stderr
    assert not cloud.azurite.client().get_container_client("not-there-2").exists()


def test_a_run_makes_the_container_that_it_writes_to(cloud):
    name = f"{cloud.container}-new"
    rules(cloud, f'"az://{name}/out.txt"')
    done = local(cloud)
    assert done.returncode == 0, done.stderr
    assert f"made the container `{name}`" in done.stderr
    assert cloud.azurite.get(name, "out.txt") == b"1\n"
    cloud.azurite.client().delete_container(name)


def test_who_may_not_make_it_hears_of_it_first(cloud):
    rules(cloud, '"az://not-there-3/out.txt"')
    done = local(cloud, AZ_BLOB_CREDENTIAL=signature(cloud, "racwdl"))
    assert done.returncode != 0 and not ran(cloud)
    assert "not-there-3" in done.stderr and "RK064" in done.stderr


def test_who_may_not_write_hears_of_it_before_a_job_runs(cloud):
    # What a token says of itself is looked at; this one says nothing, as a stored policy would.
    from azure.storage.blob import AccessPolicy, ContainerSasPermissions, generate_container_sas

    box = cloud.azurite.client().get_container_client(cloud.container)
    policy = AccessPolicy(
        ContainerSasPermissions(read=True, list=True), datetime.now(UTC) + timedelta(hours=2)
    )
    box.set_container_access_policy({"reader": policy})
    token = generate_container_sas(
        cloud.azurite.account,
        cloud.container,
        account_key=cloud.azurite.key,
        policy_id="reader",
    )
    rules(cloud, '"out.txt"')
    done = cloud.run(batch=False, AZ_BLOB_CREDENTIAL=token)
    assert done.returncode != 0 and not ran(cloud), done.stderr
    assert "RK0643" in done.stderr and "writing to" in done.stderr
    dry = cloud.run("-n", batch=False, AZ_BLOB_CREDENTIAL=token)
    assert dry.returncode == 0, dry.stderr
