"""Requests made from the contract, right and wrong: the emulator answers all of them, none with 5xx.

A few for each operation; `RULEKIT_LONG=1` makes many.
"""

from __future__ import annotations

import itertools
import os

import hypothesis
import pytest
import requests
from contract import Contract, document

from rulekit.emulator.server import Emulator
from rulekit.emulator.settings import Quotas

if os.environ.get("CI"):
    import schemathesis
else:
    schemathesis = pytest.importorskip("schemathesis")

pytestmark = pytest.mark.slow
LONG = bool(os.environ.get("RULEKIT_LONG"))
KNOWN = {
    "poolId": "p",
    "jobId": "j",
    "taskId": "t",
    "jobScheduleId": "s",
    "filePath": "stdout.txt",
    "userName": "u",
}
_turns = itertools.count()
schema = schemathesis.openapi.from_dict(document())
OPERATIONS = {
    found.ok().definition.raw["operationId"]: found.ok() for found in schema.get_all_operations()
}


@pytest.fixture(scope="module")
def emulator():
    # Without authentication, so that what is behind it is reached; with small quotas, as pools of
    # a million nodes are asked for.
    quotas = Quotas(dedicated_cores=8, spot_cores=4, pools=40, active_jobs=100)
    with Emulator(verify=False, quotas=quotas) as server:
        server.judge = Contract()
        server.service.on_exchange = server.judge.note
        prepare(server)
        yield server
        assert server.errors == []
        assert "\n".join(server.judge.violations) == ""


def prepare(server) -> None:
    """The things that have the known names, if they are not there (any more)."""

    def post(path: str, body: dict) -> None:
        answer = requests.post(
            f"{server.url}{path}?api-version=2025-06-01",
            json=body,
            headers={"Content-Type": "application/json; odata=minimalmetadata"},
            timeout=30,
        )
        assert answer.status_code in (201, 409), answer.text

    image = {"publisher": "microsoft-dsvm", "offer": "ubuntu-hpc", "sku": "2404"}
    machine = {"imageReference": image, "nodeAgentSKUId": "batch.node.ubuntu 24.04"}
    pool = {"id": "p", "vmSize": "standard_d2s_v5", "virtualMachineConfiguration": machine}
    post("/pools", {**pool, "targetDedicatedNodes": 1})
    post("/jobs", {"id": "j", "poolInfo": {"poolId": "p"}})
    post("/jobs/j/tasks", {"id": "t", "commandLine": "/bin/true"})
    job = {"poolInfo": {"poolId": "p"}}
    post("/jobschedules", {"id": "s", "schedule": {}, "jobSpecification": job})


def tamed(value: object, name: str = "") -> object:
    """A generated body that starts no program and asks no server but ours."""
    if isinstance(value, dict):
        return {key: tamed(item, key) for key, item in value.items()}
    if isinstance(value, list):
        return [tamed(item, name) for item in value]
    if isinstance(value, str) and name == "commandLine":
        return f"/bin/true {value}"
    if isinstance(value, str) and name.endswith(("Url", "url")):
        return "http://127.0.0.1:9/"
    return value


def ask(case, server) -> None:
    """Sends a generated request, mostly about what exists, and looks at the answer."""
    known = next(_turns) % 4 != 0
    for name in case.path_parameters or {}:
        if known and name in KNOWN:
            case.path_parameters[name] = KNOWN[name]
        elif known and name == "nodeId":
            pool = server.world.pools.get("p")
            case.path_parameters[name] = next(iter(pool.nodes), "none") if pool else "none"
    if isinstance(case.body, dict | list):
        case.body = tamed(case.body)
    answer = case.call(base_url=server.url, timeout=30)
    # The one 5xx that is the service's own rule: a formula may be changed every 30 s only.
    assert answer.status_code < 500 or "TooManyEnableAutoScaleRequests" in answer.text, answer.text
    assert answer.headers["request-id"]


def settings(examples: int):
    return hypothesis.settings(
        max_examples=examples,
        deadline=None,
        derandomize=not LONG,
        suppress_health_check=list(hypothesis.HealthCheck),
        database=None,
        phases=[hypothesis.Phase.explicit, hypothesis.Phase.generate],
    )


@pytest.mark.parametrize("mode", ["positive", "negative"])
@pytest.mark.parametrize("name", sorted(OPERATIONS))
def test_nothing_is_answered_with_5xx(name, mode, emulator):
    generated = OPERATIONS[name].as_strategy(generation_mode=schemathesis.GenerationMode(mode))

    @settings(300 if LONG else 2)
    @hypothesis.given(generated)
    def session(case):
        ask(case, emulator)

    prepare(emulator)
    try:
        session()
    except hypothesis.errors.Unsatisfiable:
        # There is nothing wrong that could be sent, as the operation takes no arguments.
        assert mode == "negative"


@pytest.mark.long
@pytest.mark.skipif(not LONG, reason="hundreds of requests for each operation: RULEKIT_LONG=1")
@schema.parametrize()
@settings(100)
def test_nothing_at_the_limits_is_answered_with_5xx(case, emulator):
    ask(case, emulator)


@pytest.mark.parametrize("value", ["²", "٣", "1e3", "-1", "", "9" * 5000, "0x10", " 5", "null"])
@pytest.mark.parametrize("name", ["timeOut", "maxresults"])
def test_numbers_in_queries_that_are_none(name, value, emulator):
    query = {"api-version": "2025-06-01", name: value}
    answer = requests.get(f"{emulator.url}/jobs", params=query, timeout=30)
    assert answer.status_code in (200, 400)
