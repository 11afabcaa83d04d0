"""Requests about nodes."""

from __future__ import annotations

import os

from rulekit.emulator import defaults, identities, lists, nodelife, taskruns, transfer, views
from rulekit.emulator.api_pools import pool_of
from rulekit.emulator.formats import stamp
from rulekit.emulator.messages import Answer
from rulekit.emulator.odata_fields import FIELDS
from rulekit.emulator.problem import Problem

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from rulekit.emulator.messages import Call
    from rulekit.emulator.state import Node, Pool, World

_COUNTED = (
    "creating",
    "idle",
    "offline",
    "preempted",
    "rebooting",
    "reimaging",
    "running",
    "starting",
    "startTaskFailed",
    "leavingPool",
    "unknown",
    "unusable",
    "waitingForStartTask",
    "deallocated",
    "deallocating",
    "upgradingOS",
)


def node_of(world: World, call: Call) -> Node:
    """The node of the address. Raises Problem."""
    pool = pool_of(world, call)
    found = pool.nodes.get(call.params["nodeId"].lower())
    if found is None:
        raise Problem("NodeNotFound", "The specified node does not exist.")
    return found


def list_all(world: World, call: Call) -> Answer:
    """GET /pools/{poolId}/nodes."""
    pool = pool_of(world, call)
    return lists.answer(call, FIELDS["nodes"], sorted(pool.nodes.items()), views.node, "nodes")


def get(world: World, call: Call) -> Answer:
    """GET /pools/{poolId}/nodes/{nodeId}."""
    node = node_of(world, call)
    select = lists.selection(call)
    body = {"odata.metadata": f"{call.base}/$metadata#nodes/@Element", **views.node(node)}
    return Answer(200, select(body) if select is not None else body)


def counts(world: World, call: Call) -> Answer:
    """GET /nodecounts."""

    def view(pool: Pool) -> dict[str, Any]:
        shown: dict[str, Any] = {"poolId": pool.id}
        for name, dedicated in (("dedicated", True), ("lowPriority", False)):
            here = [n for n in pool.nodes.values() if n.dedicated is dedicated]
            tally = {s: sum(n.state == s.lower() for n in here) for s in _COUNTED}
            shown[name] = {**tally, "total": len(here)}
        return shown

    # The service gives at most ten pools a page.
    most = min(10, lists.page_size(call))
    entities = sorted(world.pools.items())
    return lists.answer(call, FIELDS["nodecounts"], entities, view, "nodecounts", most)


def _busy(node: Node) -> None:
    if node.state in ("creating", "starting", "preempted", "leavingpool", "deallocated"):
        raise Problem("NodeNotReady", f"The node is {node.state} and cannot do this now.")


def reboot(world: World, call: Call) -> Answer:
    """POST /pools/{poolId}/nodes/{nodeId}/reboot."""
    node = node_of(world, call)
    _busy(node)
    nodelife.restart(node, str(call.json.get("nodeRebootOption") or "requeue"), "rebooting")
    return Answer(202, None, {"DataServiceId": _address(node)})


def reimage(world: World, call: Call) -> Answer:
    """POST /pools/{poolId}/nodes/{nodeId}/reimage."""
    node = node_of(world, call)
    _busy(node)
    nodelife.restart(node, str(call.json.get("nodeReimageOption") or "requeue"), "reimaging")
    return Answer(202, None, {"DataServiceId": _address(node)})


def deallocate(world: World, call: Call) -> Answer:
    """POST /pools/{poolId}/nodes/{nodeId}/deallocate."""
    node = node_of(world, call)
    _busy(node)
    nodelife.deallocate(node, str(call.json.get("nodeDeallocateOption") or "requeue"))
    return Answer(202, None, {"DataServiceId": _address(node)})


def start(world: World, call: Call) -> Answer:
    """POST /pools/{poolId}/nodes/{nodeId}/start."""
    node = node_of(world, call)
    if node.state != "deallocated":
        raise Problem("OperationNotValidOnNode", "The node is not deallocated.")
    nodelife.start_again(node)
    return Answer(202, None, {"DataServiceId": _address(node)})


def _address(node: Node) -> str:
    return f"{node.world.url}/pools/{node.pool.id}/nodes/{node.id}"


def disable(world: World, call: Call) -> Answer:
    """POST /pools/{poolId}/nodes/{nodeId}/disablescheduling."""
    node = node_of(world, call)
    if node.scheduling == "disabled":
        raise Problem("NodeAlreadyInTargetSchedulingState")
    node.scheduling = "disabled"
    option = str(call.json.get("nodeDisableSchedulingOption") or "requeue").lower()
    for task in taskruns.tasks_on(node):
        if option == "terminate":
            taskruns.terminate(task)
        elif option == "requeue":
            taskruns.requeue(task, "its node takes no tasks any more")
    if node.state == "idle":
        node.settle()
    world.kick()
    return Answer(200, None, {"DataServiceId": _address(node)})


def enable(world: World, call: Call) -> Answer:
    """POST /pools/{poolId}/nodes/{nodeId}/enablescheduling."""
    node = node_of(world, call)
    if node.scheduling == "enabled":
        raise Problem("NodeAlreadyInTargetSchedulingState")
    node.scheduling = "enabled"
    if node.state == "offline":
        node.settle()
    world.kick()
    return Answer(200, None, {"DataServiceId": _address(node)})


def create_user(world: World, call: Call) -> Answer:
    """POST /pools/{poolId}/nodes/{nodeId}/users; the user exists in name only."""
    node = node_of(world, call)
    name = str(call.json["name"])
    if name.lower() in node.users:
        raise Problem("NodeUserExists")
    node.users[name.lower()] = {"name": name}
    address = f"{_address(node)}/users/{name}"
    return Answer(201, None, {"DataServiceId": address, "Location": address})


def replace_user(world: World, call: Call) -> Answer:
    """PUT /pools/{poolId}/nodes/{nodeId}/users/{userName}."""
    node = node_of(world, call)
    if call.params["userName"].lower() not in node.users:
        raise Problem("NodeUserNotFound")
    return Answer(200, None, {"DataServiceId": f"{_address(node)}/users/{call.params['userName']}"})


def delete_user(world: World, call: Call) -> Answer:
    """DELETE /pools/{poolId}/nodes/{nodeId}/users/{userName}."""
    node = node_of(world, call)
    if node.users.pop(call.params["userName"].lower(), None) is None:
        raise Problem("NodeUserNotFound")
    return Answer(200)


def login_settings(world: World, call: Call) -> Answer:
    """GET /pools/{poolId}/nodes/{nodeId}/remoteloginsettings."""
    node = node_of(world, call)
    body = {
        "odata.metadata": f"{call.base}/$metadata#Microsoft.Azure.Batch.Protocol.Entities."
        "ComputeNodeRemoteLoginSettings",
        "remoteLoginIPAddress": "127.0.0.1",
        "remoteLoginPort": 50000 + node.number % 10000,
        "ipv6RemoteLoginIPAddress": "::1",
        "ipv6RemoteLoginPort": 50000 + node.number % 10000,
    }
    return Answer(200, body)


def upload_logs(world: World, call: Call) -> Answer:
    """POST /pools/{poolId}/nodes/{nodeId}/uploadbatchservicelogs.

    As in the service the upload goes on afterwards. What is uploaded is the node's history.
    """
    node = node_of(world, call)
    container = str(call.json["containerUrl"])
    if not container.startswith(("http://", "https://")):
        raise defaults.invalid("containerUrl", "", "An address is expected.")
    changes = world.ledger.changes("node", node.id)
    text = "".join(f"{stamp(c.when)} {c.before} -> {c.after} {c.note}\n" for c in changes)
    directory = f"{node.pool.id}/{node.id}"
    identity = (call.json.get("identityReference") or {}).get("resourceId")
    path = os.path.join(node.root, "volatile", f"history-{world.number()}.log")

    def upload() -> None:
        token = identities.storage_token(node.pool, identity) if identity else None
        try:
            with open(path, "w", encoding="utf-8") as out:
                out.write(text)
            transfer.store(container, f"{directory}/agent.log", path, token)
        except (OSError, transfer.TransferError) as error:
            world.ledger.change("node-logs", node.id, "", "failed", str(error))

    world.work(upload)
    body = {
        "odata.metadata": f"{call.base}/$metadata#uploadbatchservicelogsresult",
        "virtualDirectoryName": directory,
        "numberOfFilesUploaded": 1,
    }
    return Answer(200, body)


def extensions(world: World, call: Call) -> Answer:
    """GET /pools/{poolId}/nodes/{nodeId}/extensions."""
    found = views.extensions(node_of(world, call))
    entities = [(f"{i:04d}", item) for i, item in enumerate(found)]
    return lists.answer(call, FIELDS["extensions"], entities, dict, "extensions")


def extension(world: World, call: Call) -> Answer:
    """GET /pools/{poolId}/nodes/{nodeId}/extensions/{extensionName}."""
    for item in views.extensions(node_of(world, call)):
        if item["vmExtension"]["name"] == call.params["extensionName"]:
            select = lists.selection(call)
            return Answer(200, select(item) if select is not None else item)
    raise Problem("ResourceNotFound", "The node has no such extension.")
