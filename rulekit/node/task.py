"""What a task of Azure Batch does: read its order, run it, store the result.

Environment: ``RK_ORDER`` is ``account/container/name`` of a blob, ``RK_RANGE`` the order's
``offset:length`` in it (all of it if not set); ``RK_PREP`` the folder of the preparation (else
``AZ_BATCH_JOB_PREP_WORKING_DIR``); ``RK_SEAL_KEY`` the key of the sealed secrets; ``RK_INSIDE``
is set where the service has started this program in the job's container already.
"""

from __future__ import annotations

import json
import os
import sys
import time

from rulekit.frozen import replace
from rulekit.node import orders
from rulekit.node.depot import Depot
from rulekit.node.prepare import ENVIRONMENTS, KEY, read_secrets, read_settings, shared_folder
from rulekit.node.sources import sources_here
from rulekit.node.trouble import ServiceTrouble, Trouble
from rulekit.node.work import is_passing, run_order
from rulekit.runner.drive import Watch
from rulekit.runner.files import Refused

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from rulekit.model.spec import JobResult
    from rulekit.node.orders import Order

DONE, FAILED, AGAIN = 0, 1, 75
METADATA = "rulekit"  # of the result blob
_ORDER_MOST = 64 << 20  # bytes


def task(key: str | None) -> int:
    """The exit code: 0 all jobs succeeded, 1 one failed, 75 the machine or the network did."""
    watch = Watch()
    try:
        return _task(key, watch)
    except Refused as refused:
        return _sorry(refused.detail or refused.problem)
    except ValueError as error:
        return _sorry(f"the order cannot be read: {error}")
    finally:
        watch.close()


def _task(key: str | None, watch: Watch) -> int:
    folder = _folder()
    settings = read_settings(folder)
    secrets = read_secrets(folder, key)
    sources = None
    depot = Depot(settings["accounts"], secrets.get("sas") or {}, watch)
    try:
        order = orders.check_order(_read_order(depot))
        if os.environ.get("RK_INSIDE"):
            order = replace(order, images=(None,) * len(order.specs))
        if _is_done(depot, order):
            _say("the result is there already")
            return DONE
        if order.sources:
            shared = shared_folder(folder, order.run)
            sources = sources_here(depot, order.sources[0], order.sources[1], shared)
    finally:
        depot.close()
    root = os.path.join(os.environ.get("AZ_BATCH_TASK_WORKING_DIR") or os.getcwd(), "rk")
    report: dict[str, Any] = {}
    results = run_order(
        order,
        secrets,
        root,
        _say,
        sources=sources,
        report=report,
        watch=watch,
        shared=shared_folder(folder, ENVIRONMENTS),
    )
    return tell(order, secrets, results, report, watch)


def tell(
    order: Order,
    secrets: dict[str, Any],
    results: list[JobResult],
    report: dict[str, Any],
    watch: Watch,
) -> int:
    """Stores the result; the exit code."""
    for result in results:
        if not result.ok:
            why = result.problem or f"exit code {result.exit_code}"
            _say(f"failed: {why} {result.detail}".rstrip())
    if order.result is not None:
        text = orders.results_to_text(results, {**_where(), **report})
        short = orders.results_to_text(results)
        metadata = {METADATA: short} if len(short) <= orders.METADATA_MOST else {}
        depot = Depot(order.accounts, secrets.get("sas") or {}, watch)
        key, container, name = order.result
        try:
            depot.account(key).put(container, name, text.encode(), metadata)
        except Refused as refused:
            return _sorry(f"the result cannot be stored: {refused.detail}")
        finally:
            depot.close()
    if all(result.ok for result in results):
        return DONE
    return AGAIN if is_passing(results) else FAILED


def _folder() -> str:
    names = ("RK_PREP", "AZ_BATCH_JOB_PREP_WORKING_DIR")
    for name in names:
        if os.environ.get(name):
            return os.environ[name]
    raise Trouble("node", f"neither {' nor '.join(names)} says where the preparation was done")


def _read_order(depot: Depot) -> Any:
    """The task's own part of the blob with orders."""
    place = os.environ.get("RK_ORDER", "").split("/", 2)
    if len(place) != 3:
        raise ValueError("RK_ORDER must be `account/container/name`")
    key, container, name = place
    start, length = 0, _ORDER_MOST
    given = os.environ.get("RK_RANGE")
    if given:
        first, _, second = given.partition(":")
        start, length = int(first), int(second)
    try:
        account = depot.account(key)
    except KeyError:
        raise ValueError(f"it is in the account `{key}`, which was not described") from None
    try:
        data, _ = account.read(container, name, start, length)
    except ServiceTrouble as trouble:
        if trouble.problem == "missing-input":
            raise Trouble("node", f"the order is not there: {trouble.detail}") from None
        raise
    try:
        return json.loads(data)
    except ValueError:
        raise ValueError(f"`{container}/{name}` at {given or 0} is no JSON") from None


def _is_done(depot: Depot, order: Order) -> bool:
    """Whether an earlier life of this task came to its end: a task may be started again after
    that when its node was lost."""
    if order.result is None:
        return False
    key, container, name = order.result
    account = depot.account(key)
    there = account.head(container, name)
    if there is None:
        return False
    text: str | bytes = there.metadata.get(METADATA, "")
    if not text:
        text, _ = account.read(container, name, 0, max(1, there.size))
    try:
        results = orders.results_from_text(text)
    except ValueError:
        return False
    tokens = [spec.token for spec in order.specs]
    return [result.token for result in results] == tokens and all(r.ok for r in results)


def _where() -> dict[str, Any]:
    names = {
        "node": "AZ_BATCH_NODE_ID",
        "pool": "AZ_BATCH_POOL_ID",
        "dedicated": "AZ_BATCH_NODE_IS_DEDICATED",
    }
    found = {
        name: os.environ[variable] for name, variable in names.items() if variable in os.environ
    }
    return {**found, "python": sys.version.split()[0], "ended": round(time.time(), 3)}


def _say(text: str) -> None:
    print(f"rulekit: {text}", flush=True)


def _sorry(text: str) -> int:
    print(f"rulekit: {text}", file=sys.stderr, flush=True)
    return AGAIN


def prepared(folder: str, key: str | None) -> int:
    """The preparation as a program; its exit code."""
    from rulekit.node.prepare import prepare

    try:
        prepare(os.path.abspath(folder), key)
    except Refused as refused:
        return _sorry(f"the preparation failed: {refused.detail}")
    return DONE


def seal_key() -> str | None:
    """The key of the sealed secrets, which no other process shall see from here on."""
    from rulekit.node.seal import take_key

    return take_key(KEY)
