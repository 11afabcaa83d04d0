"""`rulekit azure emulate` as a user starts it."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys

import pytest
from azure.batch import BatchClient
from azure.core.credentials import AzureNamedKeyCredential
from azurite import absent, free_port, program
from emukit import add, alive, make_job, make_pool, shell, until

from rulekit.cli.commands import azure_emulate
from rulekit.errors.tree import InfrastructureError, UsageError

START = (
    "import sys; from rulekit.cli.commands.azure_emulate import main; sys.exit(main(sys.argv[1:]))"
)


def emulate(*words, **options):
    return subprocess.Popen(
        [sys.executable, "-c", START, *words],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        **options,
    )


def client(values):
    name, key = values["AZ_BATCH_ACCOUNT_NAME"], values["AZ_BATCH_ACCOUNT_KEY"]
    return BatchClient(values["AZ_BATCH_ACCOUNT_URL"], AzureNamedKeyCredential(name, key))


def ended(process):
    out, err = process.communicate(timeout=300)
    return process.returncode, out, err


def test_it_prints_what_to_export_and_ends_with_ctrl_c(tmp_path):
    process = emulate("--no-blobs", "--nodes-root", str(tmp_path))
    lines = [process.stdout.readline() for _ in range(3)]
    values = dict(line.removeprefix("export ").strip().split("=", 1) for line in lines)
    assert list(values) == ["AZ_BATCH_ACCOUNT_URL", "AZ_BATCH_ACCOUNT_NAME", "AZ_BATCH_ACCOUNT_KEY"]
    with client({k: v.strip("'") for k, v in values.items()}) as batch:
        assert list(batch.list_pools()) == []
    process.send_signal(signal.SIGINT)
    code, _, err = ended(process)
    assert code == 0
    assert "Traceback" not in err
    assert os.listdir(tmp_path) == []


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_tasks_end_with_it(tmp_path, number):
    seconds = 987_600 + number  # another test may run beside this one
    process = emulate("--no-blobs", "--json", "--speed", "1000", "--nodes-root", str(tmp_path))
    values = json.loads(process.stdout.readline())
    with client(values) as batch:
        make_pool(batch)
        make_job(batch)
        add(batch, "job", shell("t", f"sleep {seconds}"))
        until(lambda: alive(f"sleep\x00{seconds}"))
    process.send_signal(number)
    assert ended(process)[0] == 0
    until(lambda: not alive(f"sleep\x00{seconds}"))
    assert os.listdir(tmp_path) == []


def test_even_a_killed_emulator_leaves_nothing(tmp_path):
    process = emulate("--no-blobs", "--json", "--speed", "1000", "--nodes-root", str(tmp_path))
    values = json.loads(process.stdout.readline())
    with client(values) as batch:
        make_pool(batch)
        make_job(batch)
        add(batch, "job", shell("t", "setsid sleep 987621 & sleep 987622"))
        until(lambda: alive("sleep\x00987621") and alive("sleep\x00987622"))
    process.kill()
    process.communicate(timeout=60)
    until(lambda: not alive("sleep\x00987621") and not alive("sleep\x00987622"))
    until(lambda: not os.listdir(tmp_path))


def test_a_command_runs_with_the_variables_and_gives_its_exit_code():
    script = "import os, sys; print(os.environ['AZ_BATCH_ACCOUNT_URL']); sys.exit(7)"
    code, out, _ = ended(emulate("--no-blobs", "--run", sys.executable, "-c", script))
    assert code == 7
    assert out.startswith("http://127.0.0.1:")
    code, _, _ = ended(emulate("--no-blobs", "--run", "--", "sh", "-c", "kill -9 $$"))
    assert code == 137


def test_by_https(tmp_path):
    pytest.importorskip("cryptography")
    script = (
        "import os; from azure.batch import BatchClient as C;"
        "from azure.core.credentials import AzureNamedKeyCredential as K; e = os.environ;"
        "k = K(e['AZ_BATCH_ACCOUNT_NAME'], e['AZ_BATCH_ACCOUNT_KEY']);"
        "print(e['AZ_BATCH_ACCOUNT_URL'][:6], list(C(e['AZ_BATCH_ACCOUNT_URL'], k).list_pools()))"
    )
    environment = {**os.environ, "TMPDIR": str(tmp_path)}
    words = ["--no-blobs", "--tls", "--run", sys.executable, "-c", script]
    assert ended(emulate(*words, env=environment))[:2] == (0, "https: []\n")
    assert os.listdir(tmp_path) == []


def test_with_azurite():
    if program() is None:
        absent("azurite-blob")
    script = (
        "import os; from azure.storage.blob import BlobServiceClient as C;"
        "c = C(os.environ['AZ_BLOB_ACCOUNT_URL'], os.environ['AZ_BLOB_CREDENTIAL']);"
        "print(*[x.name for x in c.list_containers()])"
    )
    port = str(free_port())
    words = ["--blob-port", port, "--run", sys.executable, "-c", script]
    assert ended(emulate(*words))[:2] == (0, "rulekit\n")
    assert not alive(f"--blobPort\x00{port}")


def code_of(error):
    return error.value.diagnostics[0].code


def test_what_can_be_wrong(monkeypatch, tmp_path):
    for words in (
        ["--prot", "1"],
        ["--port", "x"],
        ["--port", "70000"],
        ["--speed", "0"],
        ["--run"],
    ):
        with pytest.raises(UsageError):
            azure_emulate.main(words)
    with pytest.raises(UsageError):
        azure_emulate.main(["--no-blobs", "--run", "--"])
    with pytest.raises(InfrastructureError) as error:
        azure_emulate.main(["--no-blobs", "--run", "no-such-program-here"])
    assert code_of(error) == "RK0663"
    import socket

    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        with pytest.raises(InfrastructureError) as error:
            azure_emulate.main(["--no-blobs", "--port", str(port), "--run", "true"])
    assert code_of(error) == "RK0662"
    monkeypatch.setenv("RULEKIT_AZURITE", str(tmp_path / "nothing"))
    with pytest.raises(InfrastructureError) as error:
        azure_emulate.main(["--run", "true"])
    assert code_of(error) == "RK0660"
    assert "npm install -g azurite" in error.value.diagnostics[0].help
    if program() is not None:
        monkeypatch.delenv("RULEKIT_AZURITE")
        words = ["--container", "good", "--container", "Bad_Name", "--run", "true"]
        with pytest.raises(InfrastructureError) as error:
            azure_emulate.main(words)
        assert code_of(error) == "RK0661"
        assert "Bad_Name" in str(error.value)


def test_azurite_is_found_in_a_folder_of_modules(monkeypatch, tmp_path):
    from rulekit.emulator import azurite

    node = tmp_path / "bin" / "node"
    node.parent.mkdir()
    node.write_text("#!/bin/sh\n")
    node.chmod(0o755)
    main = tmp_path / "project" / "node_modules" / "azurite" / "dist" / "src" / "blob" / "main.js"
    main.parent.mkdir(parents=True)
    main.write_text("")
    inner = tmp_path / "project" / "a" / "b"
    inner.mkdir(parents=True)
    monkeypatch.delenv("RULEKIT_AZURITE", raising=False)
    monkeypatch.setenv("PATH", str(node.parent))
    monkeypatch.chdir(inner)
    assert azurite.find() == [str(node), str(main)]
    monkeypatch.setenv("RULEKIT_AZURITE", str(tmp_path / "project"))
    monkeypatch.chdir("/")
    assert azurite.find() == [str(node), str(main)]
