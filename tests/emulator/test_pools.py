"""Pools and nodes: allocation, boot, start tasks, resize, errors, preemption, autoscale."""

from __future__ import annotations

import pytest
from azure.batch import models
from emukit import (
    add,
    alive,
    finished,
    make_job,
    make_pool,
    output,
    refused,
    running,
    shell,
    until,
)

from rulekit.emulator.settings import Delays, Quotas


@pytest.fixture
def emu():
    with running() as (emulator, client):
        yield emulator, client


def states(client, pool="pool"):
    return sorted(str(getattr(n.state, "value", n.state)) for n in client.list_nodes(pool))


def steady(client, pool="pool"):
    return until(lambda: (p := client.get_pool(pool)).allocation_state == "steady" and p)


def ready(client, count, pool="pool"):
    until(lambda: states(client, pool) == ["idle"] * count)


def script(command, **more):
    return models.BatchStartTask(command_line=f"/bin/sh -c '{command}'", **more)


def test_a_pool_is_filled_in_and_its_nodes_boot_in_order(emu):
    emulator, client = emu
    make_pool(client, nodes=2, target_low_priority_nodes=1, task_slots_per_node=4)
    ready(client, 3)
    pool = steady(client)
    assert (pool.current_dedicated_nodes, pool.current_low_priority_nodes) == (2, 1)
    assert pool.task_slots_per_node == 4
    assert pool.enable_inter_node_communication is False
    assert pool.as_dict()["taskSchedulingPolicy"]["nodeFillType"] == "Spread"
    assert pool.as_dict()["resizeTimeout"] == "PT15M"
    assert pool.resize_errors is None
    nodes = list(client.list_nodes("pool"))
    assert sorted(n.id[-2:] for n in nodes) == ["_d", "_d", "_p"]
    assert all(n.id.startswith("tvmps_") and len(n.id) == 72 for n in nodes)
    for node in nodes:
        seen = [c.after for c in emulator.ledger.changes("node", node.id)]
        assert seen == ["creating", "starting", "idle"]
        assert node.is_dedicated is node.id.endswith("_d")
    counts = next(iter(client.list_pool_node_counts(filter="poolId eq 'pool'")))
    assert (counts.dedicated.idle, counts.dedicated.total) == (2, 2)
    assert (counts.low_priority.idle, counts.low_priority.creating) == (1, 0)


def test_start_task_then_tasks_and_what_it_left(emu):
    _, client = emu
    make_pool(
        client, start_task=script("echo hi; echo shared > $AZ_BATCH_NODE_SHARED_DIR/s; echo w > w")
    )
    make_job(client)
    add(
        client, "job", shell("t", "cat $AZ_BATCH_NODE_SHARED_DIR/s $AZ_BATCH_NODE_STARTUP_DIR/wd/w")
    )
    task = finished(client)["t"]
    assert output(client, "job", "t") == "shared\nw\n"
    node = client.get_node("pool", task.node_info.node_id)
    assert (node.start_task_info.state, node.start_task_info.exit_code) == ("completed", 0)
    assert node.start_task_info.result == "success"
    text = b"".join(client.download_node_file("pool", node.id, "startup/stdout.txt"))
    assert text == b"hi\n"


def test_a_start_task_that_fails_after_its_retries(emu):
    emulator, client = emu
    start = script("echo bad >&2; exit 3", max_task_retry_count=2)
    make_pool(client, start_task=start)
    make_job(client)
    add(client, "job", shell("t", "true"))
    until(lambda: states(client) == ["starttaskfailed"])
    node = next(iter(client.list_nodes("pool")))
    info = node.start_task_info
    assert (info.exit_code, info.retry_count, info.result) == (3, 2, "failure")
    assert info.failure_info.code == "FailureExitCode"
    assert node.errors[0].code == "StartTaskFailure"
    text = b"".join(client.download_node_file("pool", node.id, "startup/stderr.txt"))
    assert text == b"bad\n" * 3
    assert client.get_task("job", "t").state == "active"
    waiting = [c.after for c in emulator.ledger.changes("node", node.id)]
    assert waiting == ["creating", "starting", "waitingforstarttask", "starttaskfailed"]


def test_a_start_task_that_is_not_waited_for(emu):
    _, client = emu
    make_pool(client, start_task=script("exit 3", wait_for_success=False))
    make_job(client)
    add(client, "job", shell("t", "true"))
    assert finished(client)["t"].execution_info.exit_code == 0


def test_resize_up_and_down_requeues(emu):
    emulator, client = emu
    make_pool(client, nodes=1)
    make_job(client)
    add(client, "job", shell("t", "sleep 987640"))
    until(lambda: alive("sleep\x00987640"))
    with refused("InvalidPropertyValue", 400):
        client.begin_resize_pool(
            "pool", models.BatchPoolResizeOptions(target_dedicated_nodes=1, resize_timeout="PT1M")
        )
    change = models.BatchPoolResizeOptions(target_dedicated_nodes=0)
    poller = client.begin_resize_pool("pool", change, polling_interval=0.02)
    poller.wait()
    assert poller.status() == "Succeeded"
    until(lambda: states(client) == [] and not alive("sleep\x00987640"))
    task = client.get_task("job", "t")
    assert task.state == "active"
    assert (task.execution_info.requeue_count, task.execution_info.retry_count) == (1, 0)
    change = models.BatchPoolResizeOptions(target_low_priority_nodes=1)
    client.begin_resize_pool("pool", change, polling_interval=0.02).wait()
    until(lambda: client.get_task("job", "t").state == "running")
    assert client.get_pool("pool").target_dedicated_nodes == 0
    assert emulator.ledger.changes("resize-error") == []


def test_a_node_that_leaves_after_its_task(emu):
    _, client = emu
    make_pool(client)
    make_job(client)
    add(client, "job", shell("t", "while ! test -e go; do sleep 0.02; done"), shell("u", "true"))
    until(lambda: client.get_task("job", "t").state == "running")
    client.begin_resize_pool(
        "pool",
        models.BatchPoolResizeOptions(
            target_dedicated_nodes=0, node_deallocation_option="taskcompletion"
        ),
        polling_interval=0.1,
    )
    node = next(iter(client.list_nodes("pool")))
    assert client.get_task("job", "t").state == "running"
    client.terminate_task("job", "t")
    until(lambda: states(client) == [])
    # The other task did not get the node that was on its way out.
    assert client.get_task("job", "u").state == "active"
    with refused("NodeNotFound", 404):
        client.get_node("pool", node.id)


def test_remove_nodes(emu):
    _, client = emu
    make_pool(client, nodes=3)
    ready(client, 3)
    steady(client)
    ids = [n.id for n in client.list_nodes("pool")]
    with refused("NodeNotFound", 404):
        client.begin_remove_nodes("pool", models.BatchNodeRemoveOptions(node_ids=["tvmps_x_d"]))
    client.begin_remove_nodes(
        "pool", models.BatchNodeRemoveOptions(node_ids=ids[:2]), polling_interval=0.02
    ).wait()
    until(lambda: [n.id for n in client.list_nodes("pool")] == ids[2:])
    assert steady(client).target_dedicated_nodes == 1


def test_core_quotas_show_as_resize_errors():
    quotas = Quotas(dedicated_cores=5, spot_cores=3)
    with running(quotas=quotas) as (_, client):
        make_pool(client, nodes=4, target_low_priority_nodes=4)
        pool = steady(client)
        assert [e.code for e in pool.resize_errors] == [
            "AccountCoreQuotaReached",
            "AccountLowPriorityCoreQuotaReached",
        ]
        # Standard_D2_v3 has two cores.
        assert (pool.current_dedicated_nodes, pool.current_low_priority_nodes) == (2, 1)
        assert (pool.target_dedicated_nodes, pool.target_low_priority_nodes) == (4, 4)
        make_pool(client, "other", nodes=1)
        assert steady(client, "other").resize_errors[0].code == "AccountCoreQuotaReached"


def test_family_quotas():
    with running(quotas=Quotas(families={"standardDv3Family": 2})) as (_, client):
        make_pool(client, nodes=2)
        pool = steady(client)
        assert [e.code for e in pool.resize_errors] == ["AccountVMSeriesCoreQuotaReached"]
        assert pool.current_dedicated_nodes == 1


def test_pool_quota_and_ids(emu):
    with running(quotas=Quotas(pools=1)) as (_, client):
        make_pool(client, "Pool", 0)
        with refused("PoolExists", 409):
            make_pool(client, "pOOL", 0)
        with refused("PoolQuotaReached", 409):
            make_pool(client, "second", 0)
        assert client.get_pool("POOL").id == "Pool"
        for bad in ("a.b", "ä", "x" * 65, "a b"):
            with refused("InvalidPropertyValue", 400):
                make_pool(client, bad, 0)


def test_allocation_failure_and_no_steady_state_of_errors(emu):
    emulator, client = emu
    emulator.faults.add(event="allocation", code="AllocationFailed", times=1)
    make_pool(client, nodes=1)
    pool = steady(client)
    assert pool.resize_errors[0].code == "AllocationFailed"
    assert pool.current_dedicated_nodes == 0
    change = models.BatchPoolResizeOptions(target_dedicated_nodes=1)
    client.begin_resize_pool("pool", change, polling_interval=0.02).wait()
    assert client.get_pool("pool").resize_errors is None
    ready(client, 1)


def test_stop_resize():
    with running(delays=Delays(allocating=1e6)) as (_, client):
        make_pool(client, nodes=5)
        assert client.get_pool("pool").allocation_state == "resizing"
        with refused("PoolBeingResized", 409):
            client.begin_resize_pool(
                "pool", models.BatchPoolResizeOptions(target_dedicated_nodes=1)
            )
        client.begin_stop_pool_resize("pool", polling_interval=0.02).wait()
        pool = client.get_pool("pool")
        assert pool.allocation_state == "steady"
        assert pool.target_dedicated_nodes == 0
        assert pool.resize_errors[0].code == "ResizeStopped"


def test_deleting_a_pool_goes_on_in_the_background():
    with running(delays=Delays(deleting=1e6)) as (emulator, client):
        make_pool(client)
        make_job(client)
        add(client, "job", shell("t", "sleep 987641"))
        until(lambda: alive("sleep\x00987641"))
        client.begin_delete_pool("pool", polling_interval=0.1)
        assert client.get_pool("pool").state == "deleting"
        with refused("PoolBeingDeleted", 409):
            client.begin_delete_pool("pool", polling_interval=0.1)
        with refused("PoolExists", 409):
            make_pool(client)
        emulator.clock.advance(1001)
        until(lambda: "pool" not in [p.id for p in client.list_pools()])
        with refused("PoolNotFound", 404):
            client.get_pool("pool")
        assert client.get_task("job", "t").state == "active"
        until(lambda: not alive("sleep\x00987641"))
        # A new pool of that name takes the tasks of the job.
        make_pool(client)
        until(lambda: client.get_task("job", "t").state == "running")


def test_preemption_kills_and_requeues_and_the_node_comes_back(emu):
    emulator, client = emu
    make_pool(client, nodes=0, target_low_priority_nodes=1)
    make_job(client)
    add(
        client,
        "job",
        shell(
            "t",
            "if test -e $AZ_BATCH_NODE_SHARED_DIR/x; then exit 9; fi;"
            " touch $AZ_BATCH_NODE_SHARED_DIR/x; sleep 987642",
        ),
    )
    until(lambda: alive("sleep\x00987642"))
    first = client.get_task("job", "t").node_info.node_id
    assert emulator.control.preempt() == [first]
    assert not alive("sleep\x00987642") or until(lambda: not alive("sleep\x00987642"))
    until(lambda: client.get_task("job", "t").state == "running")
    task = client.get_task("job", "t")
    # The same node, empty.
    assert task.node_info.node_id == first
    assert task.execution_info.requeue_count == 1
    assert task.execution_info.retry_count == 0
    moves = [c.after for c in emulator.ledger.changes("node", first)]
    assert moves[3:] == ["running", "preempted", "creating", "starting", "idle", "running"]
    assert emulator.control.preempt("nothing-*") == []


def test_preemption_does_not_touch_dedicated_nodes(emu):
    emulator, client = emu
    make_pool(client)
    ready(client, 1)
    assert emulator.control.preempt() == []


def test_an_unusable_node(emu):
    emulator, client = emu
    emulator.faults.add(event="unusable", times=1)
    make_pool(client, nodes=2)
    make_job(client)
    until(lambda: states(client) == ["idle", "unusable"])
    bad = next(n for n in client.list_nodes("pool", filter="state eq 'unusable'"))
    assert bad.errors[0].code == "NodeUnusable"
    add(client, "job", *(shell(f"t{n}", "true") for n in range(3)))
    assert all(t.node_info.node_id != bad.id for t in finished(client).values())
    with refused("NodeNotReady", 409):
        list(client.list_node_files("pool", bad.id))
    good = next(n for n in client.list_nodes("pool", filter="state eq 'idle'"))
    add(client, "job", shell("long", "sleep 987643"))
    until(lambda: alive("sleep\x00987643"))
    assert emulator.control.make_unusable() == [good.id]
    assert client.get_task("job", "long").state == "active"
    until(lambda: not alive("sleep\x00987643"))


def test_reboot_reimage_and_scheduling(emu):
    emulator, client = emu
    make_pool(client, start_task=script("echo once"))
    ready(client, 1)
    node = next(iter(client.list_nodes("pool"))).id
    client.begin_reboot_node(
        "pool", node, {"nodeRebootOption": "requeue"}, polling_interval=0.02
    ).wait()
    ready(client, 1)
    text = b"".join(client.download_node_file("pool", node, "startup/stdout.txt"))
    assert text == b"once\nonce\n"
    client.begin_reimage_node(
        "pool", node, {"nodeReimageOption": "requeue"}, polling_interval=0.02
    ).wait()
    ready(client, 1)
    text = b"".join(client.download_node_file("pool", node, "startup/stdout.txt"))
    assert text == b"once\n"
    make_job(client)
    client.disable_node_scheduling("pool", node, {"nodeDisableSchedulingOption": "requeue"})
    add(client, "job", shell("t", "true"))
    with refused("NodeAlreadyInTargetSchedulingState", 409):
        client.disable_node_scheduling("pool", node, {"nodeDisableSchedulingOption": "requeue"})
    found = client.get_node("pool", node)
    assert (found.scheduling_state, found.state) == ("disabled", "offline")
    assert client.get_task("job", "t").state == "active"
    client.enable_node_scheduling("pool", node)
    assert finished(client)["t"].execution_info.exit_code == 0
    assert emulator.errors == []


FORMULA = """
$samples = $PendingTasks.GetSamplePercent(TimeInterval_Minute * 3);
$tasks = $samples < 70 ? max(0, $PendingTasks.GetSample(1)) : max($PendingTasks.GetSample(1),
    avg($PendingTasks.GetSample(TimeInterval_Minute * 3)));
$TargetDedicatedNodes = min(3, $tasks);
$NodeDeallocationOption = taskcompletion;
"""


def test_a_formula_scales_up_with_the_tasks_and_down_to_zero(emu):
    emulator, client = emu
    make_pool(
        client,
        nodes=None,
        enable_auto_scale=True,
        auto_scale_formula=FORMULA,
        auto_scale_evaluation_interval="PT5M",
    )
    make_job(client)
    add(client, "job", *(shell(f"t{n}", "sleep 0.3") for n in range(5)))
    tasks = finished(client)
    assert all(t.execution_info.exit_code == 0 for t in tasks.values())
    until(lambda: states(client) == [])
    pool = client.get_pool("pool")
    assert pool.enable_auto_scale is True
    assert "$TargetDedicatedNodes=0" in pool.auto_scale_run.results
    # Running tasks were let finish.
    assert all(t.execution_info.requeue_count == 0 for t in tasks.values())
    assert 1 < len({n.node for n in emulator.ledger.nodes()}) <= 8
    with refused("OperationInvalidForCurrentState", 409):
        client.begin_resize_pool("pool", models.BatchPoolResizeOptions(target_dedicated_nodes=1))


def test_a_lease_in_the_formula_ends_by_the_clock(emu):
    import datetime

    emulator, client = emu
    end = datetime.datetime.now(datetime.UTC) + datetime.timedelta(minutes=10)
    formula = f'$TargetDedicatedNodes = time() > time("{end:%Y-%m-%dT%H:%M:%SZ}") ? 0 : 1;'
    make_pool(
        client,
        nodes=None,
        enable_auto_scale=True,
        auto_scale_formula=formula,
        auto_scale_evaluation_interval="PT5M",
    )
    ready(client, 1)
    emulator.clock.advance(700)
    until(lambda: states(client) == [])


def test_enabling_and_wrong_formulas():
    # Real speed: two calls are less than 30 s apart.
    with running(clock_speed=1.0, delays=Delays(0, 0, 0, 0, 0, 0, 0, 0)) as (emulator, client):
        make_pool(client, nodes=0)

        def enable(formula, interval=None):
            client.enable_pool_auto_scale(
                "pool",
                models.BatchPoolEnableAutoScaleOptions(
                    auto_scale_formula=formula, auto_scale_evaluation_interval=interval
                ),
            )

        with refused("AutoScalingFormulaSyntaxError", 400):
            enable("$TargetDedicatedNodes = (1;")
        with refused("AutoScalingFormulaTooLong", 400):
            enable("$TargetDedicatedNodes = 1;" + " " * 8192)
        with refused("InvalidPropertyValue", 400):
            enable("$TargetDedicatedNodes = 1;", "PT1M")
        with refused("InvalidPropertyValue", 400):
            make_pool(client, "both", 1, enable_auto_scale=True, auto_scale_formula="$a=1;")
        with refused("MissingRequiredProperty", 400):
            make_pool(client, "none", None, enable_auto_scale=True)
        enable("$TargetDedicatedNodes = 2;")
        until(lambda: client.get_pool("pool").current_dedicated_nodes == 2)
        with refused("TooManyEnableAutoScaleRequests", 503):
            enable("$TargetDedicatedNodes = 3;")
        emulator.clock.advance(31)
        enable("$TargetDedicatedNodes = 1;")
        until(lambda: client.get_pool("pool").current_dedicated_nodes == 1)
        client.disable_pool_auto_scale("pool")
        assert client.get_pool("pool").auto_scale_formula is None


def test_a_broken_evaluation_leaves_the_size_alone(emu):
    _, client = emu
    formula = "$TargetDedicatedNodes = 1 + $nothing;"
    make_pool(client, nodes=None, enable_auto_scale=True, auto_scale_formula=formula)
    pool = until(lambda: (p := client.get_pool("pool")).auto_scale_run and p)
    assert pool.auto_scale_run.error.code == "AutoScalingFormulaEvaluationError"
    assert pool.current_dedicated_nodes == 0


def test_update_and_replace_properties(emu):
    _, client = emu
    make_pool(client, nodes=0, start_task=script("true"), metadata=[{"name": "a", "value": "1"}])
    before = client.get_pool("pool")
    client.update_pool(
        "pool",
        models.BatchPoolUpdateOptions(metadata=[models.BatchMetadataItem(name="b", value="2")]),
    )
    pool = client.get_pool("pool")
    assert [(m.name, m.value) for m in pool.metadata] == [("b", "2")]
    assert pool.start_task is not None
    assert pool.etag != before.etag
    client.replace_pool_properties(
        "pool", models.BatchPoolReplaceOptions(application_package_references=[], metadata=[])
    )
    pool = client.get_pool("pool")
    assert pool.start_task is None
    assert pool.metadata is None


def test_secrets_of_a_pool_are_not_shown(emu):
    _, client = emu
    make_pool(
        client,
        nodes=0,
        user_accounts=[models.UserAccount(name="u", password="planted-pw")],
        mount_configuration=[
            models.MountConfiguration(
                azure_blob_file_system_configuration=models.AzureBlobFileSystemConfiguration(
                    account_name="a",
                    container_name="c",
                    relative_mount_path="m",
                    account_key="planted-key",
                )
            )
        ],
    )
    assert "planted" not in str(client.get_pool("pool").as_dict())
