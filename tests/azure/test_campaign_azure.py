"""What the command promises of Azure, in figures: requests, CPU, faults, secrets.

Small by default; `RULEKIT_LONG=1` runs the sizes that the documentation names.
"""

from __future__ import annotations

import glob
import json
import os
import threading
import time
from urllib.parse import parse_qs, quote

import pytest
from azcommand import Cloud
from flaky import Flaky

LONG = bool(os.environ.get("RULEKIT_LONG"))

FAN = """
N = {count}
rule all:
    input: expand("out/{{i}}", i=range(N))
rule one:
    output: "out/{{i}}"
    shell: "echo {{wildcards.i}} > {{output}}"
"""


@pytest.fixture
def cloud(azurite, container, tmp_path):
    made = Cloud(azurite, container, tmp_path)
    yield made
    made.close()
    assert made.emulator.errors == []


def test_requests_and_cpu_grow_little_with_tasks(cloud):
    count = 1000 if LONG else 60
    cloud.write("Snakefile", FAN.format(count=count))
    cloud.environment |= {"BATCH_POOL_NODE_COUNT": "2", "BATCH_TASKS_PER_NODE": "2"}
    begun = time.monotonic()
    code, said, cpu = cloud.measured("--quiet", "all")
    took = time.monotonic() - begun
    assert code == 0, said
    assert len(cloud.names()) == count
    requests = cloud.batch_requests()
    print(f"{count} tasks: {requests / count:.3f} Batch requests a task", end=", ")
    print(f"{1000 * cpu / count:.1f} ms CPU of the driver a task")
    # The price of a run is set up once: pool, job, their ends. Where tasks end one by one it is
    # asked for each eighth of them, which counts when there are few and the machine is slow.
    assert requests <= 0.15 * count + (0 if LONG else 25 + took)
    again = cloud.run(timeout=300)
    assert "Nothing to be done" in again.stderr
    assert cloud.batch_requests() == requests


def test_faults_everywhere_and_machines_that_go(cloud):
    count = 300 if LONG else 24
    cloud.write(
        "Snakefile",
        FAN.format(count=count)
        + """
rule sum:
    input: expand("out/{i}", i=range(N))
    output: "sum"
    shell: "cat {input} | sort -n | tail -n 1 > {output}; ls out | wc -l >> {output}"
""",
    )
    faults = cloud.emulator.faults
    faults.add(kind="status", status=503, retry_after=0, chance=0.01)
    faults.add(kind="status", status=429, retry_after=0, chance=0.01)
    faults.add(kind="after", status=500, chance=0.01)
    faults.add(kind="drop", chance=0.01)
    faults.add(kind="drop-after", chance=0.01)
    faults.add(event="preempt", chance=0.3, after=0.7, times=max(4, count // 20))
    with Flaky(cloud.azurite.host, rate=0.05, seed=7) as flaky:
        url = cloud.azurite.url.replace(cloud.azurite.host, flaky.host)
        cloud.environment |= {"AZ_BLOB_ACCOUNT_URL": url, "BATCH_POOL_NODE_COUNT": "3"}
        cloud.environment |= {"RULEKIT_AZURE_SPOT": "yes"}
        done = cloud.run("sum", timeout=900)
        assert done.returncode == 0, done.stdout + done.stderr
        spoilt = len(flaky.spoilt)
    assert spoilt > 0
    assert cloud.get("sum").split() == [str(count - 1), str(count)]
    for number in range(count):
        assert cloud.get(f"out/{number}") == f"{number}\n"
    assert cloud.names() == sorted(["sum", *(f"out/{n}" for n in range(count))])
    assert cloud.left() == [] and cloud.ours() == []
    preempted = sum(c.after == "preempted" for c in cloud.emulator.ledger.changes("node"))
    print(f"{count} tasks, {spoilt} spoilt blob requests, {preempted} machines taken away")


class Watcher(threading.Thread):
    """Collects, while a run goes on, all that others can see of it."""

    def __init__(self, cloud):
        super().__init__(daemon=True)
        self.cloud = cloud
        self.stop = threading.Event()
        self.seen: dict[str, set[str]] = {"definitions": set(), "processes": set(), "blobs": set()}

    def run(self):
        while not self.stop.is_set():
            self.look()
            self.stop.wait(0.1)

    def look(self):
        for path in glob.glob("/proc/[0-9]*/cmdline"):
            try:
                with open(path, "rb") as file:
                    self.seen["processes"].add(file.read().decode("latin-1"))
            except OSError:
                pass
        self.seen["definitions"].add(definitions(self.cloud.emulator))
        try:
            for name in self.cloud.ours():
                data = self.cloud.azurite.get(self.cloud.container, name)
                self.seen["blobs"].add(data.decode("latin-1"))
        except Exception:
            pass  # it has just gone


def definitions(emulator):
    """All that a reader of the Batch account sees."""
    from azure.batch import BatchClient
    from azure.core.credentials import AzureNamedKeyCredential

    seen = []
    credential = AzureNamedKeyCredential(emulator.account, emulator.key)
    with BatchClient(emulator.url, credential) as client:
        try:
            seen += [json.dumps(pool.as_dict()) for pool in client.list_pools()]
            for one in client.list_jobs():
                seen.append(json.dumps(one.as_dict()))
                seen += [json.dumps(task.as_dict()) for task in client.list_tasks(one.id)]
        except Exception:
            pass  # it has just gone
    return "\n".join(seen)


@pytest.mark.parametrize("credential", ["key", "account-sas", "container-sas"])
def test_no_secret_is_seen_anywhere(cloud, credential):
    azurite = cloud.azurite
    planted = "planted-$ecret-value-91"
    given = {
        "key": azurite.key,
        "account-sas": azurite.account_sas(),
        "container-sas": azurite.container_sas(cloud.container),
    }[credential]
    cloud.environment |= {"AZ_BLOB_CREDENTIAL": given, "HUSH": planted}
    cloud.write(
        "Snakefile",
        """
rule all:
    input: "b", "c"
rule a:
    output: "a"
    log: "a.log"
    shell: "sleep 0.5; echo $HUSH | rev > {output}; echo the value is $HUSH >&2"
rule b:
    input: "a"
    output: "b"
    run:
        import os
        with open(output[0], "w") as file:
            file.write(str(len(os.environ["HUSH"])))
rule c:
    output: "c"
    retries: 1
    resources: turn=lambda wildcards, attempt: attempt
    shell: "test {resources.turn} = 2 && touch c"
""",
    )
    watcher = Watcher(cloud)
    watcher.start()
    done = cloud.run("--envvars", "HUSH", "--log-json", "events.jsonl", "-p", "--", "all")
    watcher.stop.set()
    watcher.join()
    assert done.returncode == 0, done.stdout + done.stderr
    assert cloud.get("a").strip() == planted[::-1]
    assert cloud.get("b") == str(len(planted))
    texts = {
        "stdout": done.stdout,
        "stderr": done.stderr,
        "definitions": "\n".join(watcher.seen["definitions"]),
        "processes": "\n".join(watcher.seen["processes"]),
        "blobs": "\n".join(watcher.seen["blobs"]),
        "left blobs": "".join(cloud.get(name) for name in cloud.names()),
    }
    assert "rk-" in texts["definitions"] and texts["blobs"]
    for path in cloud.folder.rglob("*"):
        if path.is_file() and path.suffix not in (".pyc",):
            texts[str(path)] = path.read_bytes().decode("latin-1")
    secrets = [planted, cloud.emulator.key]
    secrets += parse_qs(given)["sig"] if "sig=" in given else [given]
    for where, text in texts.items():
        for secret in secrets:
            for form in (secret, quote(secret, safe=""), json.dumps(secret)[1:-1]):
                assert form not in text, f"a secret is in {where}"
