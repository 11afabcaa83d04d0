"""The life of a node: allocation, boot, images, start task, loss.

Source of the states: the reference of BatchNodeState; timing as in `settings.Delays`.
"""

from __future__ import annotations

import os
import secrets

from rulekit.emulator import containers, layout, preparation, taskruns
from rulekit.emulator.execution import Order, Outcome, Run
from rulekit.emulator.formats import stamp
from rulekit.emulator.staging import StagingError
from rulekit.emulator.state import Node

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from rulekit.emulator.state import Pool


def create(pool: Pool, dedicated: bool) -> Node:
    """A new node of the pool, which begins to boot."""
    world = pool.world
    number = world.number()
    ident = f"tvmps_{secrets.token_hex(32)}_{'d' if dedicated else 'p'}"
    root = os.path.join(world.settings.root, f"n{number}")
    node = Node(pool, ident, dedicated, number, root)
    pool.nodes[ident.lower()] = node
    world.ledger.node_starts(node.id, pool.id, pool.spec["vmSize"], dedicated)
    layout.make_node(root)
    node.timer = world.clock.chore(world.settings.delays.creating, lambda: _starting(node))
    return node


def _starting(node: Node) -> None:
    if node.gone:
        return
    node.move("starting")
    node.booted = node.world.clock.now()
    seconds = node.world.settings.delays.starting
    node.timer = node.world.clock.chore(seconds, lambda: _agent_up(node))


def _agent_up(node: Node) -> None:
    if node.gone:
        return
    found = node.world.faults.event("unusable", pool=node.pool.id, node=node.id)
    if found is not None:
        default = [{"code": "NodeUnusable", "message": "The node was made unusable by a fault"}]
        make_unusable(node, found.plan.get("errors", default))
        return
    machine = node.pool.spec.get("virtualMachineConfiguration") or {}
    images = (machine.get("containerConfiguration") or {}).get("containerImageNames") or []
    if not images:
        _start_task(node)
        return

    def pull() -> None:
        problem: dict[str, Any] | None = None
        for image in images:
            try:
                containers.pull(node, str(image))
            except StagingError as error:
                problem = error.info
                break
        with node.world.lock:
            if node.gone or node.state != "starting":
                return
            if problem is None:
                _start_task(node)
                return
            details = problem["details"]
            text = problem["message"]
            make_unusable(
                node, [{"code": problem["code"], "message": text, "errorDetails": details}]
            )

    seconds = node.world.settings.delays.pulling * len(images)
    node.timer = node.world.clock.chore(seconds, lambda: node.world.work(pull))


def _start_task(node: Node) -> None:
    spec = node.pool.spec.get("startTask")
    node.started_with = spec
    if spec is None:
        node.start_info = None
        _ready(node)
        return
    if spec.get("waitForSuccess", True):
        node.move("waitingforstarttask")
    else:
        _ready(node)
    _run_start(node, spec, 0)


def _run_start(node: Node, spec: dict[str, Any], retries: int) -> None:
    now = stamp(node.world.clock.now())
    info: dict[str, Any] = {"state": "running", "startTime": now, "retryCount": retries}
    if retries:
        info["lastRetryTime"] = now
    node.start_info = info
    directory = f"{node.root}/startup"
    extra = layout.settings_of(spec.get("environmentSettings"))
    command = str(spec["commandLine"])
    found = node.world.faults.event("start-task", pool=node.pool.id, node=node.id)
    if found is not None:
        command = "/bin/sh -c 'echo failed by a planned fault >&2; exit 1'"
    order = Order(
        command=command,
        directory=directory,
        environment=layout.environment(node, directory, extra=extra),
        resources=spec.get("resourceFiles"),
        container=spec.get("containerSettings"),
        keep=True,
        task="startup",
    )

    def ended(_run: Run, outcome: Outcome) -> None:
        node.chores.pop("start", None)
        if node.gone:
            return
        info.update(preparation.result_of(outcome, node.world.clock.now()))
        limit = int(spec.get("maxTaskRetryCount") or 0)
        if outcome.failure is not None and (limit < 0 or retries < limit):
            _run_start(node, spec, retries + 1)
        elif node.state != "waitingforstarttask":
            return
        elif outcome.failure is None:
            _ready(node)
        else:
            code = str(outcome.failure["code"])
            node.move("starttaskfailed", code)
            node.errors = [
                {
                    "code": "StartTaskFailure",
                    "message": "The start task of the node failed",
                    "errorDetails": outcome.failure["details"],
                }
            ]
            node.world.tell("node-freed", node)

    node.chores["start"] = Run(node, order, ended)


def _ready(node: Node) -> None:
    node.timer = None
    node.errors = []
    node.settle()
    world = node.world
    if node.leaving:
        left_alone(node)
        return
    world.kick()
    if node.dedicated:
        return
    found = world.faults.event("preempt", pool=node.pool.id, node=node.id)
    if found is not None:
        seconds = world.faults.delay(found)
        node.timer = world.clock.after(seconds, lambda: preempt(node))


def make_unusable(node: Node, errors: list[dict[str, Any]]) -> None:
    """The service cannot use the node: its tasks go back to the queue."""
    if node.gone or node.state == "leavingpool":
        return
    _drop_runs(node, "the node became unusable")
    node.errors = errors
    node.move("unusable")
    node.world.kick()
    node.world.tell("node-freed", node)


def _drop_runs(node: Node, why: str) -> None:
    # What happens to the node then is the caller's affair, not that of `left_alone`.
    node.held = True
    for task in taskruns.tasks_on(node):
        taskruns.requeue(task, why)
    node.held = False
    for run in list(node.chores.values()):
        run.lose()
    node.chores.clear()
    node.runs.clear()
    node.used_slots = 0
    node.exclusive = False
    if node.timer is not None:
        node.timer.cancel()
        node.timer = None


def preempt(node: Node) -> None:
    """The platform takes a spot node: processes die, local data is lost, tasks are requeued."""
    if node.gone or node.state in ("preempted", "leavingpool"):
        return
    node.move("preempted")
    _drop_runs(node, "the node was preempted")
    preparation.forget(node)
    node.world.ledger.node_ends(node.id)
    node.world.discard(node.root)
    node.world.tell("node-freed", node)
    if node.leaving:
        return
    node.world.kick()
    seconds = node.world.settings.delays.restoring
    node.timer = node.world.clock.chore(seconds, lambda: _restore(node))


def _restore(node: Node) -> None:
    if node.gone or node.state != "preempted" or node.pool.state != "active":
        return
    spec = node.pool.spec
    node.world.ledger.node_starts(node.id, node.pool.id, spec["vmSize"], node.dedicated)
    node.move("creating")
    layout.make_node(node.root)
    seconds = node.world.settings.delays.creating
    node.timer = node.world.clock.chore(seconds, lambda: _starting(node))


def restart(node: Node, option: str, state: str) -> None:
    """Reboot (`rebooting`) or make the node anew (`reimaging`); `option` says what tasks do."""
    _evict(node, option)
    _drop_runs(node, f"the node is {state}")
    preparation.forget(node, reboot=state == "rebooting")
    node.move(state)
    if state == "reimaging":
        node.images.clear()
        node.world.discard(node.root)
        layout.make_node(node.root)
    seconds = node.world.settings.delays.rebooting
    node.timer = node.world.clock.chore(seconds, lambda: _starting(node))


def _evict(node: Node, option: str) -> None:
    node.held = True
    for task in taskruns.tasks_on(node):
        if option == "terminate":
            taskruns.terminate(task)
        else:
            taskruns.requeue(task, "its node was wanted back")
    node.held = False


def leave(node: Node, option: str) -> None:
    """Take the node out of its pool, at once or when its tasks are done (`taskcompletion`)."""
    if node.leaving:
        return
    node.leaving = True
    if option in ("taskcompletion", "retaineddata") and node.runs:
        node.world.kick()
        return
    _evict(node, option)
    _leave_now(node)


def left_alone(node: Node) -> None:
    """A node that waits to leave may have no task any more."""
    if node.held:
        return
    if node.leaving and not node.gone and not node.runs and node.state != "leavingpool":
        _leave_now(node)


def _leave_now(node: Node) -> None:
    _drop_runs(node, "the node leaves the pool")
    node.move("leavingpool")
    seconds = node.world.settings.delays.leaving
    node.timer = node.world.clock.chore(seconds, lambda: remove(node))


def remove(node: Node) -> None:
    """The node is gone, with all that was on it."""
    if node.gone:
        return
    for task in taskruns.tasks_on(node):
        taskruns.requeue(task, "its node is gone")
    _drop_runs(node, "")
    node.gone = True
    node.world.ledger.node_ends(node.id)
    node.world.ledger.change("node", node.id, node.state, "", "removed")
    node.pool.nodes.pop(node.id.lower(), None)
    for task in node.recent:
        if task.directory and task.directory.startswith(node.root + "/"):
            task.files_gone = "TaskFilesUnavailable"
    preparation.forget(node)
    node.world.discard(node.root)
    node.world.tell("node-gone", node)
    node.world.kick()


def deallocate(node: Node, option: str) -> None:
    """Stop the machine without giving it up; it costs nothing until it is started again."""
    _evict(node, option)
    _drop_runs(node, "the node is deallocated")
    preparation.forget(node)
    node.move("deallocating")

    def stopped() -> None:
        if not node.gone and node.state == "deallocating":
            node.move("deallocated")
            node.world.ledger.node_ends(node.id)
            left_alone(node)

    node.timer = node.world.clock.chore(node.world.settings.delays.leaving, stopped)


def start_again(node: Node) -> None:
    """Start a deallocated machine."""
    spec = node.pool.spec
    node.world.ledger.node_starts(node.id, node.pool.id, spec["vmSize"], node.dedicated)
    _starting(node)
