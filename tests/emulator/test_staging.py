"""Resource and output files of tasks, against a real Azurite; container tasks."""

from __future__ import annotations

import http.server
import threading

import pytest
from azure.batch import models
from emukit import (
    add,
    finished,
    machine,
    make_job,
    make_pool,
    output,
    refused,
    running,
    shell,
)

from rulekit.emulator import globs


@pytest.fixture
def emu():
    with running() as (emulator, client):
        make_pool(client, task_slots_per_node=4)
        make_job(client)
        yield emulator, client


def sas(azurite, container, rights="rwl", hours=1):
    from datetime import UTC, datetime, timedelta

    from azure.storage.blob import generate_container_sas

    return generate_container_sas(
        azurite.account,
        container,
        account_key=azurite.key,
        permission=rights,
        expiry=datetime.now(UTC) + timedelta(hours=hours),
    )


def resource(url=None, path=None, **more):
    return models.ResourceFile(http_url=url, file_path=path, **more)


def result(url, pattern, path=None, when="taskcompletion", **more):
    return models.OutputFile(
        file_pattern=pattern,
        destination=models.OutputFileDestination(
            container=models.OutputFileBlobContainerDestination(
                container_url=url, path=path, **more
            )
        ),
        upload_options=models.OutputFileUploadConfiguration(upload_condition=when),
    )


def test_files_come_and_go_with_a_sas(emu, azurite, container):
    _, client = emu
    token = sas(azurite, container)
    base = f"{azurite.url}/{container}"
    azurite.put(container, "in/a b#ü%.txt", b"first")
    azurite.put(container, "set/x/1.txt", b"one")
    azurite.put(container, "set/x/y/2.txt", b"two")
    azurite.put(container, "settle/3.txt", b"no")
    files = [
        resource(f"{base}/in/a%20b%23%C3%BC%25.txt?{token}", "got/it.sh", file_mode="0755"),
        models.ResourceFile(
            storage_container_url=f"{base}?{token}", blob_prefix="set/", file_path="many"
        ),
    ]
    outputs = [
        result(f"{base}?{token}", "res/**/*.out", "up"),
        result(f"{base}?{token}", "../stdout.txt", "logs/task one.txt"),
        result(f"{base}?{token}", "fail.txt", "fail.txt", when="taskfailure"),
        result(f"{base}?{token}", "nothing-*.txt", "none"),
    ]
    script = (
        "cat got/it.sh; test -x got/it.sh && cat many/set/x/1.txt many/set/x/y/2.txt; ls many;"
        " mkdir -p res/p/q; echo 1 > res/top.out; echo 2 > res/p/q/deep.out; echo 3 > res/p/skip.txt;"
        " echo 4 > res/.hidden.out; touch fail.txt"
    )
    add(client, "job", shell("t", script, resource_files=files, output_files=outputs))
    task = finished(client)["t"]
    assert task.execution_info.failure_info is None, output(client, "job", "t", "stderr.txt")
    assert output(client, "job", "t") == "firstonetwoset\n"
    names = sorted(n for n in azurite.names(container) if not n.startswith(("in/", "set")))
    assert names == ["logs/task one.txt", "up/p/q/deep.out", "up/top.out"]
    assert azurite.get(container, "up/p/q/deep.out") == b"2\n"
    assert azurite.get(container, "logs/task one.txt") == b"firstonetwoset\n"


def test_output_of_a_failed_task(emu, azurite, container):
    _, client = emu
    url = f"{azurite.url}/{container}?{sas(azurite, container)}"
    outputs = [
        result(url, "../stderr.txt", "bad/err.txt", when="taskfailure"),
        result(url, "*.out", "bad", when="tasksuccess"),
    ]
    add(client, "job", shell("t", "echo x > a.out; echo oh >&2; exit 3", output_files=outputs))
    assert finished(client)["t"].execution_info.failure_info.code == "FailureExitCode"
    assert azurite.names(container) == ["bad/err.txt"]
    assert azurite.get(container, "bad/err.txt") == b"oh\n"


def test_files_that_cannot_be_fetched(emu, azurite, container):
    _, client = emu
    token = sas(azurite, container)
    late = sas(azurite, container, hours=-1)
    base = f"{azurite.url}/{container}"
    azurite.put(container, "a", b"x")
    add(
        client,
        "job",
        shell("none", "true", resource_files=[resource(f"{base}/none?{token}", "a")]),
        shell("late", "true", resource_files=[resource(f"{base}/a?{late}", "a")]),
        shell("bare", "true", resource_files=[resource(f"{base}/a", "a")]),
        shell("out", "true", resource_files=[resource(f"{base}/a?{token}", "../../../a")]),
        shell("down", "true", resource_files=[resource("http://127.0.0.1:9/a", "a")]),
    )
    tasks = finished(client)
    codes = {n: t.execution_info.failure_info.code for n, t in tasks.items()}
    assert codes.pop("bare") in ("BlobNotFound", "BlobAccessDenied")
    assert codes == {
        "none": "BlobNotFound",
        "late": "BlobAccessDenied",
        "out": "ResourceFileCreateFailed",
        "down": "BlobDownloadMiscError",
    }
    for task in tasks.values():
        info = task.execution_info
        assert info.exit_code is None and info.result == "failure"
        # No secret of an address is in the explanation.
        assert "sig=" not in str(task.as_dict()["executionInfo"])


def test_output_files_that_cannot_be_stored(emu, azurite, container):
    _, client = emu
    read = f"{azurite.url}/{container}?{sas(azurite, container, 'r')}"
    token = sas(azurite, container)
    none = f"{azurite.url}/nosuchcontainer?{token}"
    add(
        client,
        "job",
        shell("denied", "echo x > a", output_files=[result(read, "a", "a")]),
        shell("none", "echo x > a; exit 4", output_files=[result(none, "a", "a")]),
    )
    tasks = finished(client)
    denied, none = (tasks[n].execution_info for n in ("denied", "none"))
    assert denied.failure_info.code == "FileUploadAccessDenied"
    assert (denied.exit_code, denied.result) == (0, "failure")
    assert none.exit_code == 4
    assert none.failure_info.code in ("FileUploadContainerNotFound", "FileUploadAccessDenied")


def test_a_large_file_goes_in_blocks(emu, azurite, container, monkeypatch):
    from rulekit.emulator import transfer

    _, client = emu
    monkeypatch.setattr(transfer, "_BLOCK", 1 << 16)
    url = f"{azurite.url}/{container}?{sas(azurite, container)}"
    script = "head -c 300000 /dev/urandom > big; md5sum < big"
    add(client, "job", shell("t", script, output_files=[result(url, "big", "big.bin")]))
    finished(client)
    import hashlib

    data = azurite.get(container, "big.bin")
    assert len(data) == 300000
    assert output(client, "job", "t").split()[0] == hashlib.md5(data).hexdigest()


def test_any_web_server_may_hold_a_file(emu, tmp_path):
    _, client = emu
    (tmp_path / "f.txt").write_text("from the web")

    class Handler(http.server.SimpleHTTPRequestHandler):
        def __init__(self, *args):
            super().__init__(*args, directory=str(tmp_path))

        def log_message(self, *_args):
            pass

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        url = f"http://127.0.0.1:{server.server_port}/f.txt"
        add(client, "job", shell("t", "cat f", resource_files=[resource(url, "f")]))
        finished(client)
        server.shutdown()
    assert output(client, "job", "t") == "from the web"


def test_what_a_resource_file_must_say(emu):
    _, client = emu
    for bad in (
        models.ResourceFile(file_path="a"),
        models.ResourceFile(http_url="http://x/y"),
        models.ResourceFile(http_url="http://x/y", storage_container_url="http://x", file_path="a"),
    ):
        with refused("InvalidPropertyValue", 400):
            client.create_task("job", shell("t", "true", resource_files=[bad]))


def test_an_identity_that_is_not_on_the_pool(emu):
    _, client = emu
    who = models.BatchNodeIdentityReference(resource_id="/subscriptions/x/identity")
    files = [resource("http://127.0.0.1:9/a", "a", identity_reference=who)]
    add(client, "job", shell("t", "true", resource_files=files))
    assert finished(client)["t"].execution_info.failure_info.code == "BlobAccessDenied"


def test_the_node_history_is_uploaded(emu, azurite, container):
    import time
    from datetime import UTC, datetime

    _, client = emu
    add(client, "job", shell("t", "true"))
    node = finished(client)["t"].node_info.node_id
    url = f"{azurite.url}/{container}?{sas(azurite, container)}"
    options = models.UploadBatchServiceLogsOptions(container_url=url, start_time=datetime.now(UTC))
    found = client.upload_node_logs("pool", node, options)
    end = time.monotonic() + 90
    while not azurite.names(container) and time.monotonic() < end:
        time.sleep(0.02)
    (name,) = azurite.names(container)
    assert name.startswith(found.virtual_directory_name + "/")
    assert b"starting -> idle" in azurite.get(container, name)


@pytest.mark.parametrize(
    "pattern,names",
    [
        ("*", ["a.txt", "b.log"]),
        ("*.txt", ["a.txt"]),
        ("?.txt", ["a.txt"]),
        ("[!a]*", ["b.log"]),
        ("[ab].*", ["a.txt", "b.log"]),
        ("d/*", ["c.txt"]),
        ("d/e/*", ["f.txt"]),
        ("**/*.txt", ["a.txt", "d/c.txt", "d/e/f.txt"]),
        ("**", ["a.txt", "b.log", "d/c.txt", "d/e/f.txt"]),
        ("d/**/f.txt", ["e/f.txt"]),
        ("d/e/f.txt", ["f.txt"]),
        (".*", [".hidden"]),
        (".hidden", [".hidden"]),
        ("../stdout.txt", ["stdout.txt"]),
        ("../std*.txt", ["stdout.txt"]),
        ("none", []),
        ("[", []),
    ],
)
def test_patterns_of_output_files(tmp_path, pattern, names):
    for name in ("wd/a.txt", "wd/b.log", "wd/.hidden", "wd/d/c.txt", "wd/d/e/f.txt", "stdout.txt"):
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("x")
    (tmp_path / "wd/d/.secret").mkdir()
    (tmp_path / "wd/d/.secret/g.txt").write_text("x")
    found = globs.find(str(tmp_path / "wd"), pattern)
    assert sorted(name for _, name in found) == names


def for_containers(image):
    return machine(
        container_configuration=models.BatchContainerConfiguration(
            type="dockerCompatible", container_image_names=[image] if image else None
        )
    )


@pytest.fixture
def declared(monkeypatch):
    """Images are noted only, and their commands run on the host."""
    monkeypatch.setenv("RULEKIT_EMULATOR_RUNTIME", "declared")


def test_container_settings_go_with_container_pools(declared):
    image = models.BatchTaskContainerSettings(image_name="some/image:1")
    with running() as (_, client):
        make_pool(client, virtual_machine_configuration=for_containers("some/image:1"))
        make_pool(client, "plain")
        make_job(client)
        make_job(client, "other", "plain")
        with refused("InvalidPropertyValue", 400):
            client.create_task("job", shell("t", "true"))
        add(client, "job", shell("t", "echo in", container_settings=image))
        add(client, "other", shell("t", "true", container_settings=image))
        task = finished(client)["t"]
        assert output(client, "job", "t") == "in\n"
        assert task.execution_info.container_info.state == "exited"
        failed = finished(client, "other")["t"].execution_info.failure_info
        assert failed.code == "ContainerPoolNotSupported"


def test_images_that_cannot_be_pulled(declared):
    image = models.BatchTaskContainerSettings(image_name="other")
    with running() as (emulator, client):
        emulator.faults.add(event="image-pull", pool="bad")
        make_pool(client, "bad", virtual_machine_configuration=for_containers("x"))
        make_pool(client, "late", virtual_machine_configuration=for_containers(None))
        make_job(client, pool="late")
        from emukit import until

        until(lambda: [n.state for n in client.list_nodes("bad")] == ["unusable"])
        (node,) = client.list_nodes("bad")
        assert node.errors[0].code == "ContainerInvalidImage"
        emulator.faults.add(event="image-pull", pool="late")
        add(client, "job", shell("t", "true", container_settings=image))
        info = finished(client)["t"].execution_info
        assert (info.failure_info.code, info.exit_code) == ("ContainerInvalidImage", None)


def test_a_real_container(containers, tmp_path):
    """Its files are those of the image, and the node's; it ends with its task."""
    image = models.BatchTaskContainerSettings(image_name=containers.image)
    inside = models.BatchTaskContainerSettings(
        image_name=containers.image, working_directory="containerImageDefault"
    )
    environment = [models.EnvironmentSetting(name="OWN", value="a b")]

    def names():
        return containers.podman("ps", "-q").stdout.split()

    with running() as (_, client):
        make_pool(
            client,
            task_slots_per_node=4,
            virtual_machine_configuration=for_containers(containers.image),
        )
        make_job(client)
        add(
            client,
            "job",
            shell(
                "t",
                "cat /etc/rulekit-image; pwd; echo $OWN; echo x > made; exit 5",
                container_settings=image,
                environment_settings=environment,
            ),
            shell("default", "pwd", container_settings=inside),
            shell("long", "sleep 1000", container_settings=image),
        )
        tasks = finished(client, "job", "t", "default")
        directory = tasks["t"].node_info.task_root_directory
        said = output(client, "job", "t").splitlines()
        assert said[0] == "busybox" and said[1].endswith(directory + "/wd") and said[2] == "a b"
        assert tasks["t"].execution_info.exit_code == 5
        assert output(client, "job", "t", "wd/made") == "x\n"
        assert output(client, "job", "default") == "/\n"
        from emukit import until

        until(names)
        client.terminate_task("job", "long")
        until(lambda: not names())
        add(client, "job", shell("again", "sleep 1000", container_settings=image))
        until(names)
    # The end of the emulator is the end of its containers.
    until(lambda: not names())
