"""Random use of everything at once; after each step the books of the emulator must balance."""

from __future__ import annotations

import os
import random
import time

import pytest
from azure.core.exceptions import HttpResponseError
from emukit import add, alive, make_job, make_pool, running, shell, until

LONG = bool(os.environ.get("RULEKIT_LONG"))


def balance(world) -> None:
    """What is written twice must agree."""
    with world.lock:
        for pool in world.pools.values():
            for node in pool.nodes.values():
                here = [t for j in world.jobs.values() for t in j.tasks.values() if t.node is node]
                assert node.used_slots == sum(t.slots for t in here), node.id
                assert node.used_slots <= pool.slots
                assert set(node.runs) == {t.label for t in here}
                if node.state in ("idle", "running") and not node.leaving:
                    assert (node.state == "running") is bool(node.runs), (node.state, node.runs)
                if node.state not in ("running", "idle"):
                    assert not here or node.leaving, (node.state, here)
        for job in world.jobs.values():
            tally = dict.fromkeys(("active", "running", "completed", "succeeded", "failed"), 0)
            for task in job.tasks.values():
                kind = "running" if task.state == "preparing" else task.state
                tally[kind] += 1
                if kind == "completed":
                    tally["succeeded" if task.result == "success" else "failed"] += 1
                assert (task.node is not None) is (kind == "running"), (task.label, task.state)
                waits = bool(task.waits_for or task.ranges)
                queued = task.number in job.ready
                assert queued is (kind == "active" and not waits), (task.label, task.state)
            assert tally == job.counts, job.id
            assert job.running == tally["running"]


class Player:
    """Does one random thing after another by the real client."""

    def __init__(self, emulator, client, seed: int) -> None:
        self.emulator, self.client = emulator, client
        self.random = random.Random(seed)
        self.jobs = 0
        self.tasks = 0

    def step(self) -> None:
        name = self.random.choice(
            ["tasks"] * 6
            + ["job", "terminate", "reactivate", "delete", "disable", "enable", "end", "drop"]
            + ["preempt", "unusable", "resize", "reboot", "schedule"] * 2
        )
        try:
            getattr(self, "do_" + name)()
        except HttpResponseError as error:
            # A wrong moment is fine, a fault of the emulator is not.
            assert error.status_code in (404, 409), error

    def job(self) -> str:
        return f"j{self.random.randrange(max(1, self.jobs))}"

    def some_task(self, **filters):
        found = list(self.client.list_tasks(self.job(), select=["id", "url"]))
        task = self.random.choice(found) if found else None
        return None if task is None else (task.url.split("/")[-3], task.id)

    def do_job(self) -> None:
        more = {}
        if self.random.random() < 0.4:
            more["job_preparation_task"] = {"commandLine": "/bin/sh -c 'sleep 0.02'"}
            more["job_release_task"] = {"commandLine": "true"}
        if self.random.random() < 0.3:
            more["all_tasks_complete_mode"] = "noaction"
        make_job(
            self.client,
            f"j{self.jobs}",
            self.random.choice(["a", "b"]),
            uses_task_dependencies=True,
            priority=self.random.randrange(-3, 4),
            **more,
        )
        self.jobs += 1

    def do_tasks(self) -> None:
        made = []
        for _ in range(self.random.randrange(1, 12)):
            script = self.random.choice(
                ["true", "exit 3", "sleep 0.05", "sleep 0.2", "sleep 300 & true"]
            )
            more = {"required_slots": self.random.choice([1, 1, 1, 2, 3])}
            if self.tasks and self.random.random() < 0.2:
                more["depends_on"] = {"taskIds": [f"t{self.random.randrange(self.tasks)}"]}
            if self.random.random() < 0.2:
                more["constraints"] = {"maxTaskRetryCount": 2}
            made.append(shell(f"t{self.tasks}", script, **more))
            self.tasks += 1
        add(self.client, self.job(), *made)

    def do_terminate(self) -> None:
        if found := self.some_task():
            self.client.terminate_task(*found)

    def do_reactivate(self) -> None:
        if found := self.some_task():
            self.client.reactivate_task(*found)

    def do_delete(self) -> None:
        if found := self.some_task():
            self.client.delete_task(*found)

    def do_disable(self) -> None:
        option = self.random.choice(["requeue", "terminate", "wait"])
        self.client.begin_disable_job(self.job(), {"disableTasks": option}, polling_interval=60)

    def do_enable(self) -> None:
        self.client.begin_enable_job(self.job(), polling_interval=60)

    def do_end(self) -> None:
        if self.random.random() < 0.4:
            self.client.begin_terminate_job(
                self.job(), {"terminateReason": "x"}, polling_interval=60
            )

    def do_drop(self) -> None:
        if self.random.random() < 0.3:
            self.client.begin_delete_job(self.job(), polling_interval=60)

    def do_preempt(self) -> None:
        self.emulator.control.preempt(count=self.random.randrange(1, 3))

    def do_unusable(self) -> None:
        self.emulator.control.make_unusable(count=1)

    def do_resize(self) -> None:
        option = self.random.choice(["requeue", "terminate", "taskcompletion"])
        self.client.begin_resize_pool(
            self.random.choice(["a", "b"]),
            {
                "targetDedicatedNodes": self.random.randrange(3),
                "targetLowPriorityNodes": self.random.randrange(4),
                "nodeDeallocationOption": option,
            },
            polling_interval=60,
        )

    def node(self):
        pool = self.random.choice(["a", "b"])
        nodes = list(self.client.list_nodes(pool))
        return (pool, self.random.choice(nodes).id) if nodes else None

    def do_reboot(self) -> None:
        if found := self.node():
            self.client.begin_reboot_node(
                *found, {"nodeRebootOption": "requeue"}, polling_interval=60
            )

    def do_schedule(self) -> None:
        if found := self.node():
            option = self.random.choice(["requeue", "terminate", "taskcompletion"])
            if self.random.random() < 0.3:
                self.client.disable_node_scheduling(*found, {"nodeDisableSchedulingOption": option})
            else:
                self.client.enable_node_scheduling(*found)


@pytest.mark.parametrize("seed", range(60 if LONG else 2))
def test_the_books_balance(seed, tmp_path, monkeypatch):
    # Pollers that nobody waits for would ask on for ever.
    monkeypatch.setattr("azure.core.polling._poller.LROPoller.__init__", _quiet)
    with running(clock_speed=2000.0, nodes_root=str(tmp_path)) as (emulator, client):
        make_pool(client, "a", 1, target_low_priority_nodes=2, task_slots_per_node=3)
        make_pool(client, "b", 1, target_low_priority_nodes=1, task_slots_per_node=2)
        player = Player(emulator, client, seed)
        player.do_job()
        for _ in range(400 if LONG else 80):
            player.step()
            balance(emulator.world)
            if player.random.random() < 0.1:
                time.sleep(0.01)
        # In the end everything that can run does.
        monkeypatch.undo()
        for pool in ("a", "b"):
            until(lambda pool=pool: client.get_pool(pool).allocation_state == "steady")
            client.begin_resize_pool(
                pool,
                {"targetDedicatedNodes": 0, "targetLowPriorityNodes": 0},
                polling_interval=0.02,
            ).wait()
            until(lambda pool=pool: not list(client.list_nodes(pool)))
            client.begin_resize_pool(
                pool,
                {"targetDedicatedNodes": 2, "targetLowPriorityNodes": 0},
                polling_interval=0.02,
            ).wait()
        for job in client.list_jobs():
            if job.state == "disabled":
                client.begin_enable_job(job.id, polling_interval=0.02).wait()

        def busy():
            balance(emulator.world)
            world = emulator.world
            with world.lock:
                return [
                    (t.label, t.state, j.state, t.node and t.node.state)
                    for j in world.jobs.values()
                    for t in (*j.ready.values(), *(x for x in j.tasks.values() if x.node))
                    if t.slots <= world.pools[j.pool_id].slots
                ]

        end = time.monotonic() + 60
        while (left := busy()) and time.monotonic() < end:
            time.sleep(0.02)
        assert left == []
    until(lambda: not alive(str(tmp_path)))


def _quiet(self, *_args, **_options):
    """A poller that does not poll."""
    self._thread = None
