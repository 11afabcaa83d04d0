"""The program as a node of Azure Batch runs it: prepared once, then a process for each task."""

from __future__ import annotations

import hashlib
import io
import json
import os
import shutil
import signal
import subprocess
import sys
import tarfile
import time

import pytest

from rulekit.node.archive import build
from rulekit.node.orders import results_from_text
from rulekit.node.prepare import make_settings
from rulekit.node.seal import key_of, new_key, seal

from .test_archive import pythons


@pytest.fixture(scope="session")
def program(tmp_path_factory):
    path = str(tmp_path_factory.mktemp("archive") / "rulekit.pyz")
    build(path)
    return path


class Node:
    """A machine with the folders and variables of Azure Batch."""

    def __init__(self, bench, program, folder):
        self.bench = bench
        self.folder = folder
        self.key = new_key()
        self.program = program
        self.prep = folder / "prep"
        self.prep.mkdir()
        (folder / "shared").mkdir()
        self.environment = {
            "PATH": os.environ["PATH"],
            "AZ_BATCH_NODE_SHARED_DIR": str(folder / "shared"),
            "AZ_BATCH_JOB_PREP_WORKING_DIR": str(self.prep),
            "AZ_BATCH_NODE_ID": "tvmps_1_d",
        }
        self.tasks = 0
        self.python = sys.executable

    def prepare(self, secrets=None, **settings):
        made = make_settings(self.bench.accounts, "run-1", **settings)
        (self.prep / "prepare.json").write_text(json.dumps(made))
        # Compiled once for a Python: what is there already is not unpacked again.
        compiled = f"{self.program}.{os.path.basename(self.python)}"
        if os.path.isdir(compiled) and not (self.prep / "app").exists():
            os.symlink(compiled, self.prep / "app")
        done = self._prepare(secrets)
        if done.returncode == 0 and not os.path.isdir(compiled):
            shutil.copytree(self.prep / "app", compiled)
        return done

    def _prepare(self, secrets):
        text = json.dumps(self.bench.secrets() if secrets is None else secrets)
        (self.prep / "secrets.sealed").write_bytes(seal(text.encode(), key_of(self.key)))
        return subprocess.run(
            [self.python, "-I", "-S", self.program, "prepare", str(self.prep)],
            env={**self.environment, "RK_SEAL_KEY": self.key},
            capture_output=True,
            text=True,
            timeout=180,
        )

    def start(self, *orders, mine=-1, **options):
        """A task whose order is one of several in a blob."""
        texts = [json.dumps(order).encode() for order in orders]
        self.bench.azurite.put(self.bench.container, "orders", b"".join(texts))
        at = mine % len(texts)
        self.tasks += 1
        folder = self.folder / f"task{self.tasks}"
        folder.mkdir()
        return subprocess.Popen(
            [self.python, "-I", "-S", str(self.prep / "app"), "task"],
            env={
                **self.environment,
                "AZ_BATCH_TASK_WORKING_DIR": str(folder),
                "RK_SEAL_KEY": self.key,
                "RK_ORDER": f"main/{self.bench.container}/orders",
                "RK_RANGE": f"{sum(map(len, texts[:at]))}:{len(texts[at])}",
            },
            cwd=folder,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            **options,
        )

    def run(self, *orders, **options):
        process = self.start(*orders, **options)
        said = process.communicate(timeout=180)[0]
        return process.returncode, said

    def results(self):
        return results_from_text(self.bench.azurite.get(self.bench.container, "result"))


@pytest.fixture
def node(bench, program, tmp_path):
    return Node(bench, program, tmp_path)


def tar_of(**files):
    made = io.BytesIO()
    with tarfile.open(fileobj=made, mode="w:gz") as tar:
        for name, text in files.items():
            entry = tarfile.TarInfo(name.replace("__", "/"))
            entry.size = len(text)
            tar.addfile(entry, io.BytesIO(text.encode()))
    return made.getvalue()


def result_at(bench):
    return ("main", bench.container, "result")


@pytest.mark.parametrize("python", pythons())
def test_a_task_runs_its_part_of_the_orders_and_tells_the_result_twice(node, bench, spec, python):
    node.python = python
    prepared = node.prepare()
    assert prepared.returncode == 0, prepared.stdout + prepared.stderr
    bench.put("in", b"x")
    orders = [
        bench.order(spec(f"cat in > out{n}", [f"out{n}"], ["in"]), result=result_at(bench))
        for n in range(3)
    ]
    code, said = node.run(*orders, mine=1)
    assert code == 0, said
    assert bench.names() == ["in", "out1"]
    (result,) = node.results()
    assert result.ok
    with bench.azurite.client() as client:
        found = client.get_blob_client(bench.container, "result").get_blob_properties()
    assert results_from_text(found.metadata["rulekit"]) == [result]
    code, said = node.run(*orders, mine=1)
    assert (code, "the result is there already" in said) == (0, True)


def test_a_failed_job_is_1_and_a_machine_without_containers_75(node, bench, spec):
    node.prepare()
    code, said = node.run(bench.order(spec("exit 7"), result=result_at(bench)))
    assert code == 1, said
    assert node.results()[0].exit_code == 7
    node.environment["PATH"] = "/nowhere"
    order = bench.order(spec("true"), result=result_at(bench), images=["some/image:1"])
    code, said = node.run(order)
    assert code == 75, said
    assert node.results()[0].problem == "container"


def test_another_key_or_a_lost_order_is_the_machines_trouble(node, bench, spec):
    node.prepare()
    order = bench.order(spec("true"), result=result_at(bench))
    (node.prep / "secrets.sealed").write_bytes(seal(b"{}", key_of(new_key())))
    code, said = node.run(order)
    assert code == 75
    assert "cannot be unsealed" in said
    refused = node.prepare(secrets={"sas": {"main": bench.azurite.account_sas(hours=-2)}})
    assert refused.returncode == 0  # nothing was fetched
    code, said = node.run(order)
    assert code == 75
    assert "the SAS has expired 2.0 h ago" in said


def test_sources_stand_in_the_working_directory_and_are_fetched_once(node, bench, spec):
    data = tar_of(scripts__lib__a="A", scripts__b="B", top="T")
    digest = "sha256:" + hashlib.sha256(data).hexdigest()
    bench.azurite.put(bench.container, "sources", data)
    sources = (("main", bench.container, "sources"), digest)
    assert node.prepare(sources=sources).returncode == 0
    bench.azurite.client().get_blob_client(bench.container, "sources").delete_blob()
    command = (
        "cat scripts/lib/a scripts/b top > scripts/out; cat /driver/project/top >> scripts/out;"
        " echo x > scripts/lib/left"
    )
    order = bench.order(spec(command, ["scripts/out"]), sources=sources, result=result_at(bench))
    code, said = node.run(order)
    assert code == 0, said
    assert bench.get("scripts/out") == b"ABTT"
    assert not [name for _, _, names in os.walk(node.folder / "shared") for name in names if name == "left"]  # fmt: skip


def test_a_python_script_of_the_driver_runs_with_the_sources_beside_it(node, bench, spec):
    data = tar_of(scripts__helper="x", **{"scripts/tool.py": "word = 'from a module'\n"})
    digest = "sha256:" + hashlib.sha256(data).hexdigest()
    bench.azurite.put(bench.container, "sources", data)
    sources = (("main", bench.container, "sources"), digest)
    node.prepare(sources=sources)
    body = {
        "kind": "script",
        "language": "python",
        "path": "/driver/project/scripts/main.py",
        "source": "import tool\nopen(snakemake.output[0], 'w').write(tool.word + __file__[-8:])\n",
        "interpreter": ["/driver/bin/python3"],
    }
    empty = {"items": [], "names": {}}
    context = {
        **dict.fromkeys(("input", "params", "wildcards", "log", "resources"), empty),
        "output": {"items": ["out"], "names": {}},
        "threads": 1,
        "config": {},
        "rule": "a",
        "scriptdir": "/driver/project/scripts",
        "jobid": 1,
        "bench_iteration": None,
    }
    order = bench.order(
        spec(body=body, outputs=["out"], context=context), sources=sources, result=result_at(bench)
    )
    code, said = node.run(order)
    assert code == 0, said
    assert bench.get("out") == b"from a module/main.py"


def test_secrets_are_in_no_place_that_a_job_or_a_neighbour_can_see(node, bench, spec):
    secrets = bench.secrets(WANTED="wanted-value", OTHER="unwanted-value")
    secrets["sas"]["main"] = sas = bench.azurite.account_sas()
    node.prepare(secrets)
    bench.put("in", b"x")
    command = (
        "{ env; cat /proc/$PPID/environ /proc/$PPID/cmdline; cat /proc/[0-9]*/cmdline;"
        ' grep -ras . "$PWD/.." | head -c 3000000; } > seen 2> errors || true; cp in out'
    )
    order = bench.order(
        spec(command, ["seen", "out"], ["in"], logs=("errors",)),
        result=result_at(bench),
        output=("main", bench.container, "output"),
        envvars=["WANTED"],
    )
    code, said = node.run(order)
    assert code == 0, said
    seen = bench.get("seen")
    assert b"WANTED=wanted-value" in seen
    signature = sas.partition("sig=")[2].partition("&")[0]
    texts = {"seen": seen, "said": said.encode(), "order": json.dumps(order).encode()}
    for name in ("result", "output", "orders"):
        texts[name] = bench.azurite.get(bench.container, name)
    for folder, _, names in os.walk(node.folder):
        for name in names:
            texts[name] = open(os.path.join(folder, name), "rb").read()
    for name, text in texts.items():
        for secret in (node.key, signature, "unwanted-value"):
            assert secret.encode() not in text, name
        if name not in ("seen",):
            assert b"wanted-value" not in text, name


def test_a_task_that_is_asked_to_stop_stops_its_job_and_says_so(node, bench, spec):
    node.prepare()
    order = bench.order(
        spec("echo begun > log; sleep 600 & wait; touch out", ["out"], logs=("log",)),
        result=result_at(bench),
    )
    process = node.start(order)
    log = node.folder / "task1" / "rk" / "work" / "log"
    until = time.monotonic() + 120
    while not log.exists() and time.monotonic() < until:
        time.sleep(0.05)
    process.send_signal(signal.SIGTERM)
    said = process.communicate(timeout=180)[0]
    assert process.returncode == 1, said
    (result,) = node.results()
    assert result.problem == "cancelled"
    assert bench.names() == ["log"]


def test_inside_of_the_image_no_further_container_is_started(node, bench, spec):
    node.prepare()
    node.environment["RK_INSIDE"] = "1"
    order = bench.order(spec("echo x > out", ["out"]), images=["some/image:1"])
    code, said = node.run(order)
    assert code == 0, said
    assert bench.get("out") == b"x\n"


def test_an_order_that_is_none_is_told(node, bench, spec):
    node.prepare()
    for order, text in (
        ({"format": 3}, "an order of the format 3 cannot be read here"),
        ("x", "an order is a JSON object"),
    ):
        code, said = node.run(order)
        assert code == 75
        assert text in said
        assert "Traceback" not in said
