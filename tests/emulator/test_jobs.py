"""Jobs: order of tasks, slots, dependencies, preparation and release, how a job ends."""

from __future__ import annotations

import pytest
from azure.batch import models
from azure.core.exceptions import HttpResponseError
from emukit import (
    add,
    alive,
    finished,
    machine,
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


def state(client, job="job"):
    return str(getattr(s := client.get_job(job).state, "value", s))


def started(emulator, job="job"):
    """The ids of tasks in the order in which they began to run."""
    return [
        c.name.split("/")[1]
        for c in emulator.ledger.tasks()
        if c.after == "running" and c.name.startswith(job + "/")
    ]


HOLD = "while ! test -e go; do sleep 0.02; done"


def test_defaults_of_jobs_and_tasks_are_filled_in(emu):
    _, client = emu
    make_pool(client, nodes=0)
    make_job(client)
    job = client.get_job("job").as_dict()
    assert job["constraints"] == {
        "maxWallClockTime": "P10675199DT2H48M5.4775807S",
        "maxTaskRetryCount": 0,
    }
    assert (job["priority"], job["onAllTasksComplete"], job["onTaskFailure"]) == (
        0,
        "noaction",
        "noaction",
    )
    assert job["executionInfo"]["poolId"] == "pool"
    add(client, "job", shell("t", "true"))
    task = client.get_task("job", "t").as_dict()
    assert task["constraints"] == {
        "maxWallClockTime": "P10675199DT2H48M5.4775807S",
        "retentionTime": "P7D",
        "maxTaskRetryCount": 0,
    }
    assert task["requiredSlots"] == 1
    assert task["userIdentity"]["autoUser"]["elevationLevel"] == "nonadmin"
    assert task["executionInfo"] == {"retryCount": 0, "requeueCount": 0}
    assert len(task["creationTime"].split(".")[1]) == 8  # seven digits and a Z


def test_the_retry_count_of_a_job_is_the_default_of_its_tasks(emu):
    _, client = emu
    make_pool(client)
    make_job(client, constraints=models.BatchJobConstraints(max_task_retry_count=1))
    add(client, "job", shell("t", "exit 1"))
    assert finished(client)["t"].execution_info.retry_count == 1


def test_tasks_start_in_their_order_and_jobs_by_priority(emu):
    emulator, client = emu
    make_pool(client, nodes=0)
    make_job(client, "low", priority=-5)
    make_job(client, "high", priority=7)
    for job in ("low", "high"):
        add(client, job, *(shell(f"t{n:02d}", "true") for n in range(12)))
    client.begin_resize_pool("pool", models.BatchPoolResizeOptions(target_dedicated_nodes=1))
    finished(client, "low")
    assert started(emulator, "high") == [f"t{n:02d}" for n in range(12)]
    runs = [c.name for c in emulator.ledger.tasks() if c.after == "running"]
    assert [name.split("/")[0] for name in runs] == ["high"] * 12 + ["low"] * 12


def test_slots(emu):
    _, client = emu
    make_pool(client, task_slots_per_node=4)
    make_job(client)
    add(
        client,
        "job",
        shell("three", HOLD, required_slots=3),
        shell("two", HOLD, required_slots=2),
        shell("one", HOLD),
        shell("never", HOLD, required_slots=5),
    )
    until(lambda: client.get_task("job", "one").state == "running")
    # The task of two does not fit beside that of three; the one behind it does.
    assert client.get_task("job", "two").state == "active"
    node = next(iter(client.list_nodes("pool")))
    assert (node.running_tasks_count, node.running_task_slots_count) == (2, 4)
    found = client.get_job_task_counts("job")
    assert (found.task_counts.running, found.task_slot_counts.running) == (2, 4)
    assert (found.task_counts.active, found.task_slot_counts.active) == (2, 7)
    client.terminate_task("job", "three")
    until(lambda: client.get_task("job", "two").state == "running")
    assert client.get_task("job", "never").state == "active"


@pytest.mark.parametrize("fill,used", [("pack", [0, 3]), ("spread", [1, 2])])
def test_pack_and_spread(emu, fill, used):
    _, client = emu
    policy = models.BatchTaskSchedulingPolicy(node_fill_type=fill)
    make_pool(client, nodes=2, task_slots_per_node=4, task_scheduling_policy=policy)
    until(lambda: [n.state for n in client.list_nodes("pool")] == ["idle", "idle"])
    make_job(client)
    add(client, "job", *(shell(f"t{n}", HOLD) for n in range(3)))
    until(lambda: client.get_job_task_counts("job").task_counts.running == 3)
    assert sorted(n.running_tasks_count for n in client.list_nodes("pool")) == used


def test_affinity(emu):
    _, client = emu
    make_pool(client, nodes=3, task_slots_per_node=4)
    until(lambda: [n.state for n in client.list_nodes("pool")] == ["idle"] * 3)
    make_job(client)
    wanted = list(client.list_nodes("pool"))[1]
    hint = models.BatchAffinityInfo(affinity_id=wanted.affinity_id)
    add(client, "job", *(shell(f"t{n}", "sleep 0.1", affinity_info=hint) for n in range(4)))
    assert {t.node_info.node_id for t in finished(client).values()} == {wanted.id}


def test_max_parallel_tasks(emu):
    emulator, client = emu
    make_pool(client, nodes=2, task_slots_per_node=4)
    make_job(client, max_parallel_tasks=2)
    add(client, "job", *(shell(f"t{n}", "sleep 0.03") for n in range(8)))
    finished(client)
    at_once = most = 0
    for change in emulator.ledger.tasks():
        at_once += (change.after == "running") - (change.after == "completed")
        most = max(most, at_once)
    assert most == 2


def needs(*ids, ranges=()):
    found = [models.BatchTaskIdRange(start=a, end=b) for a, b in ranges]
    return models.BatchTaskDependencies(task_ids=list(ids), task_id_ranges=found)


def test_dependencies(emu):
    emulator, client = emu
    make_pool(client, nodes=2, task_slots_per_node=2)
    make_job(client, uses_task_dependencies=True)
    add(
        client,
        "job",
        shell("last", "true", depends_on=needs("left", "right")),
        shell("left", "sleep 0.05", depends_on=needs("first")),
        shell("right", "true", depends_on=needs("FIRST")),
        shell("blocked", "true", depends_on=needs("bad")),
        shell("bad", "exit 3"),
    )
    add(client, "job", shell("first", "sleep 0.05"))
    finished(client, "job", "last", "left", "right", "first", "bad")
    order = started(emulator)
    assert order.index("first") < min(order.index("left"), order.index("right"))
    assert order[-1] == "last"
    assert client.get_task("job", "blocked").state == "active"
    # Added after its parents were done: it runs at once.
    add(client, "job", shell("late", "true", depends_on=needs("first", "last")))
    finished(client, "job", "late")


def test_dependencies_on_ranges_of_numbers(emu):
    emulator, client = emu
    make_pool(client, task_slots_per_node=4)
    make_job(client, uses_task_dependencies=True)
    add(
        client,
        "job",
        shell("end", "true", depends_on=needs(ranges=[(1, 3), (7, 7)])),
        shell("1", "true"),
        shell("002", "true"),
        shell("7", "true"),
    )
    finished(client, "job", "1", "002", "7")
    assert client.get_task("job", "end").state == "active"
    add(client, "job", shell("3", "true"))
    finished(client, "job", "end")
    assert started(emulator)[-1] == "end"


def test_dependencies_need_the_jobs_consent(emu):
    _, client = emu
    make_pool(client, nodes=0)
    make_job(client)
    with refused("TaskDependenciesNotSpecifiedOnJob", 400):
        client.create_task("job", shell("t", "true", depends_on=needs("a")))
    make_job(client, "yes", uses_task_dependencies=True)
    with refused("TaskDependencyListTooLong", 400):
        many = [f"{'x' * 60}{n:04d}" for n in range(1100)]
        client.create_task("yes", shell("t", "true", depends_on=needs(*many)))


def exits(code=None, default=None, **more):
    made = {}
    if code is not None:
        made["exit_codes"] = [
            models.ExitCodeMapping(code=code, exit_options=models.ExitOptions(**more))
        ]
    if default is not None:
        made["default"] = models.ExitOptions(**default)
    return models.ExitConditions(**made)


def test_exit_conditions_satisfy_and_block(emu):
    _, client = emu
    make_pool(client, task_slots_per_node=4)
    make_job(client, uses_task_dependencies=True)
    fine = exits(3, dependency_action="satisfy")
    strict = exits(0, dependency_action="block")
    lenient = exits(default={"dependency_action": "satisfy"})
    add(
        client,
        "job",
        shell("three", "exit 3", exit_conditions=fine),
        shell("after3", "true", depends_on=needs("three")),
        shell("zero", "true", exit_conditions=strict),
        shell("after0", "true", depends_on=needs("zero")),
        models.BatchTaskCreateOptions(
            id="absent", command_line="nothing-here", exit_conditions=lenient
        ),
        shell("afterabsent", "true", depends_on=needs("absent")),
    )
    finished(client, "job", "after3", "zero", "afterabsent")
    assert client.get_task("job", "after0").state == "active"


def test_a_failing_task_may_end_or_stop_its_job(emu):
    _, client = emu
    make_pool(client, task_slots_per_node=4)
    make_job(client, task_failure_mode="performexitoptionsjobaction")
    ends = exits(3, job_action="terminate")
    add(client, "job", shell("other", "sleep 987630"), shell("t", "exit 3", exit_conditions=ends))
    until(lambda: state(client) == "completed")
    assert client.get_job("job").execution_info.termination_reason == "TaskFailed"
    assert client.get_task("job", "other").execution_info.failure_info.code == "TaskEnded"
    until(lambda: not alive("sleep\x00987630"))
    make_job(client, "second", task_failure_mode="performexitoptionsjobaction")
    stops = exits(default={"job_action": "disable"})
    add(client, "second", shell("t", "exit 9", exit_conditions=stops))
    until(lambda: state(client, "second") == "disabled")
    # Without the mode an exit option is of no effect.
    make_job(client, "third")
    add(client, "third", shell("t", "exit 3", exit_conditions=ends))
    finished(client, "third")
    assert state(client, "third") == "active"


def test_a_job_may_end_with_its_last_task(emu):
    _, client = emu
    make_pool(client)
    make_job(client)
    add(client, "job", shell("t", "true"), shell("u", "exit 1"))
    client.update_job("job", models.BatchJobUpdateOptions(all_tasks_complete_mode="terminatejob"))
    until(lambda: state(client) == "completed")
    job = client.get_job("job")
    assert job.execution_info.termination_reason == "AllTasksCompleted"
    assert job.execution_info.end_time is not None
    with refused("JobCompleted", 409):
        client.create_task("job", shell("v", "true"))
    with refused("JobCompleted", 409):
        client.update_job("job", models.BatchJobUpdateOptions(priority=1))
    # An empty job ends at once; the mode cannot be taken back.
    make_job(client, "empty", all_tasks_complete_mode="terminatejob")
    until(lambda: state(client, "empty") == "completed")


def test_the_mode_cannot_be_set_back(emu):
    _, client = emu
    make_pool(client, nodes=0)
    make_job(client)
    add(client, "job", shell("t", "true"))
    client.update_job("job", models.BatchJobUpdateOptions(all_tasks_complete_mode="terminatejob"))
    with pytest.raises(HttpResponseError):
        client.update_job("job", models.BatchJobUpdateOptions(all_tasks_complete_mode="noaction"))


def test_terminate_and_delete_a_job(emu):
    _, client = emu
    make_pool(client)
    make_job(client)
    add(client, "job", shell("t", "sleep 987631"), shell("u", "true"))
    until(lambda: alive("sleep\x00987631"))
    poller = client.begin_terminate_job("job", {"terminateReason": "enough"}, polling_interval=0.02)
    poller.wait()
    assert poller.status() == "Succeeded"
    job = client.get_job("job")
    assert (job.state, job.execution_info.termination_reason) == ("completed", "enough")
    assert {t.state for t in client.list_tasks("job")} == {"completed"}
    until(lambda: not alive("sleep\x00987631"))
    with refused("JobCompleted", 409):
        client.begin_terminate_job("job", {"terminateReason": "again"})
    directory = client.get_task("job", "t").node_info.task_root_directory
    node = client.get_task("job", "t").node_info.node_id
    client.begin_delete_job("job", polling_interval=0.02).wait()
    with refused("JobNotFound", 404):
        client.get_job("job")
    until(
        lambda: (
            directory not in [f.name for f in client.list_node_files("pool", node, recursive=True)]
        )
    )
    make_job(client)
    assert list(client.list_tasks("job")) == []


def test_deleting_a_job_that_runs(emu):
    _, client = emu
    make_pool(client)
    make_job(client)
    add(client, "job", shell("t", "sleep 987632"))
    until(lambda: alive("sleep\x00987632"))
    client.begin_delete_job("job", polling_interval=0.02).wait()
    until(lambda: not alive("sleep\x00987632"))
    node = next(iter(client.list_nodes("pool")))
    assert (node.state, node.running_tasks_count) == ("idle", 0)


def test_states_in_between_can_be_seen():
    # So slow that nothing passes by itself while the test looks.
    with running(clock_speed=0.01, delays=Delays(0, 0, 0, 0, 0, 1e6, 0, 0)) as (emulator, client):
        make_pool(client, nodes=0)
        make_job(client)
        client.begin_terminate_job("job", {"terminateReason": "x"}, polling_interval=0.5)
        assert state(client) == "terminating"
        with refused("JobBeingTerminated", 409):
            client.create_task("job", shell("t", "true"))
        emulator.clock.advance(200)
        until(lambda: state(client) == "completed")
        client.begin_delete_job("job", polling_interval=0.5)
        assert state(client) == "deleting"
        with refused("JobBeingDeleted", 409):
            client.begin_delete_job("job")


@pytest.mark.parametrize("option", ["requeue", "terminate", "wait"])
def test_disable_and_enable(emu, option):
    _, client = emu
    make_pool(client)
    make_job(client)
    add(client, "job", shell("t", HOLD), shell("u", "true"))
    until(lambda: client.get_task("job", "t").state == "running")
    client.begin_disable_job("job", {"disableTasks": option}, polling_interval=0.05)
    if option == "wait":
        assert state(client) == "disabling"
        client.terminate_task("job", "t")
    until(lambda: state(client) == "disabled")
    kept = {"requeue": "active", "terminate": "completed", "wait": "completed"}[option]
    assert client.get_task("job", "t").state == kept
    assert client.get_task("job", "u").state == "active"
    # Only now the job may move to another pool.
    make_pool(client, "other")
    client.update_job(
        "job", models.BatchJobUpdateOptions(pool_info=models.BatchPoolInfo(pool_id="other"))
    )
    client.begin_enable_job("job", polling_interval=0.02).wait()
    if option == "requeue":
        until(lambda: client.get_task("job", "t").state == "running")
        client.terminate_task("job", "t")
    assert finished(client, "job", "u")["u"].node_info.pool_id == "other"


def test_an_active_job_keeps_its_pool(emu):
    _, client = emu
    make_pool(client, nodes=0)
    make_job(client)
    with refused("JobNotDisabled", 409):
        client.update_job(
            "job", models.BatchJobUpdateOptions(pool_info=models.BatchPoolInfo(pool_id="x"))
        )


def test_preparation_and_release(emu):
    _, client = emu
    make_pool(client, nodes=2, task_slots_per_node=2)
    until(lambda: [n.state for n in client.list_nodes("pool")] == ["idle", "idle"])
    make_job(
        client,
        job_preparation_task=models.BatchJobPreparationTask(
            command_line="/bin/sh -c 'sleep 0.05; echo data > f; echo x >> ../../count'"
        ),
        job_release_task=models.BatchJobReleaseTask(
            command_line="/bin/sh -c 'echo bye > $AZ_BATCH_NODE_SHARED_DIR/released'"
        ),
    )
    add(
        client,
        "job",
        *(shell(f"t{n}", "cat $AZ_BATCH_JOB_PREP_WORKING_DIR/f; sleep 0.05") for n in range(6)),
    )
    tasks = finished(client)
    assert {output(client, "job", name) for name in tasks} == {"data\n"}
    nodes = {t.node_info.node_id for t in tasks.values()}
    assert len(nodes) == 2
    for node in nodes:
        count = b"".join(client.download_node_file("pool", node, "workitems/job/job-1/count"))
        assert count == b"x\n"
    for entry in client.list_job_preparation_and_release_task_status("job"):
        info = entry.job_preparation_task_execution_info
        assert (info.state, info.exit_code, info.result) == ("completed", 0, "success")
        assert entry.job_release_task_execution_info is None
    client.begin_terminate_job("job", {"terminateReason": "x"}, polling_interval=0.02).wait()
    released = list(client.list_job_preparation_and_release_task_status("job"))
    assert {e.job_release_task_execution_info.exit_code for e in released} == {0}
    for node in nodes:
        assert b"".join(client.download_node_file("pool", node, "shared/released")) == b"bye\n"


def test_a_failed_preparation_keeps_tasks_off_the_node(emu):
    _, client = emu
    make_pool(client)
    make_job(
        client,
        job_preparation_task=models.BatchJobPreparationTask(
            command_line="/bin/sh -c 'echo x >> n; exit 4'",
            constraints=models.BatchTaskConstraints(max_task_retry_count=1),
        ),
    )
    add(client, "job", shell("t", "true"))

    def failed():
        found = list(client.list_job_preparation_and_release_task_status("job"))
        return found and found[0].job_preparation_task_execution_info

    info = until(lambda: (i := failed()) and i.state == "completed" and i)
    assert (info.exit_code, info.retry_count, info.result) == (4, 1, "failure")
    until(lambda: client.get_task("job", "t").state == "active")
    assert client.get_task("job", "t").execution_info.requeue_count == 0


def test_a_job_manager_runs_first_and_alone_and_ends_the_job(emu):
    emulator, client = emu
    make_pool(client, task_slots_per_node=4)
    make_job(
        client,
        job_manager_task=models.BatchJobManagerTask(
            id="boss", command_line="/bin/sh -c 'while ! test -e go; do sleep 0.02; done'"
        ),
    )
    add(client, "job", shell("t", "true"))
    until(lambda: client.get_task("job", "boss").state == "running")
    assert client.get_task("job", "t").state == "active"
    client.terminate_task("job", "boss")
    until(lambda: state(client) == "completed")
    assert client.get_job("job").execution_info.termination_reason == "JobManagerTaskCompleted"
    assert started(emulator)[0] == "boss"


def test_an_auto_pool_lives_as_long_as_its_job(emu):
    _, client = emu
    auto = models.BatchAutoPoolSpecification(
        auto_pool_id_prefix="mine-",
        pool_lifetime_option="job",
        pool=models.BatchPoolSpecification(
            vm_size="Standard_D2_v3",
            target_dedicated_nodes=1,
            virtual_machine_configuration=machine(),
        ),
    )
    make_job(client, pool_info=models.BatchPoolInfo(auto_pool_specification=auto))
    add(client, "job", shell("t", "true"))
    finished(client)
    (pool,) = client.list_pools()
    assert pool.id.startswith("mine-") and pool.id[5:] == pool.id[5:].upper()
    assert client.get_job("job").execution_info.pool_id == pool.id
    client.begin_terminate_job("job", {"terminateReason": "x"}, polling_interval=0.02).wait()
    until(lambda: not list(client.list_pools()))


def test_the_wall_clock_limit_of_a_job(emu):
    emulator, client = emu
    make_pool(client)
    make_job(client, constraints=models.BatchJobConstraints(max_wall_clock_time="P1D"))
    add(client, "job", shell("t", "sleep 987633"))
    until(lambda: alive("sleep\x00987633"))
    emulator.clock.advance(86500)
    until(lambda: state(client) == "completed")
    job = client.get_job("job")
    assert job.execution_info.termination_reason == "MaxWallClockTimeExpiry"
    until(lambda: not alive("sleep\x00987633"))


def test_the_quota_of_active_jobs_does_not_count_completed_ones():
    with running(quotas=Quotas(active_jobs=2)) as (_, client):
        make_pool(client, nodes=0)
        make_job(client, "a")
        make_job(client, "b")
        with refused("ActiveJobAndScheduleQuotaReached", 409):
            make_job(client, "c")
        client.begin_terminate_job("a", {"terminateReason": "x"}, polling_interval=0.02).wait()
        make_job(client, "c")


def test_names_of_jobs_and_tasks(emu):
    _, client = emu
    make_pool(client, nodes=0)
    make_job(client, "Job", job_preparation_task=models.BatchJobPreparationTask(command_line="x"))
    with refused("JobExists", 409):
        make_job(client, "jOB")
    add(client, "JOB", shell("Task", "true"))
    assert client.get_task("job", "TASK").id == "Task"
    with refused("TaskExists", 409):
        client.create_task("job", shell("task", "true"))
    with refused("TaskIdSameAsJobPreparationTask", 409):
        client.create_task("job", shell("jobpreparation", "true"))
    found = client.create_task_collection(
        "job",
        models.BatchTaskGroup(
            task_values=[shell("task", "x"), shell("new", "x"), shell("a b", "x")]
        ),
    ).result_values
    assert [(r.task_id, r.status.lower()) for r in found] == [
        ("task", "clienterror"),
        ("new", "success"),
        ("a b", "clienterror"),
    ]
    assert found[0].error.code == "TaskExists"
    assert found[2].error.code == "InvalidPropertyValue"
    assert found[1].etag and found[1].location.endswith("/jobs/Job/tasks/new")


def test_more_than_a_hundred_tasks_in_one_request(emu):
    _, client = emu
    make_pool(client, nodes=0)
    make_job(client)
    with refused("InvalidPropertyValue", 400):
        client.create_task_collection(
            "job", models.BatchTaskGroup(task_values=[shell(f"t{n}", "x") for n in range(101)])
        )
    result = client.create_tasks("job", [shell(f"t{n}", "x") for n in range(250)])
    assert len(result.result_values) == 250
    # Adding them again is a success for the SDK.
    again = client.create_tasks("job", [shell(f"t{n}", "x") for n in range(3)])
    assert len(again.result_values) == 3


def test_what_the_emulator_does_not_imitate_is_refused(emu):
    _, client = emu
    make_pool(client, nodes=0)
    make_job(client)
    several = models.MultiInstanceSettings(coordination_command_line="true", number_of_instances=2)
    with refused("InvalidPropertyValue", 400):
        client.create_task("job", shell("t", "true", multi_instance_settings=several))
    package = models.BatchApplicationPackageReference(application_id="a")
    with refused("InvalidApplicationPackageReferences", 409):
        client.create_task("job", shell("t", "true", application_package_references=[package]))


def test_a_schedule_makes_one_job_after_another(emu):
    import datetime

    emulator, client = emu
    make_pool(client)
    spec = models.BatchJobSpecification(
        pool_info=models.BatchPoolInfo(pool_id="pool"),
        all_tasks_complete_mode="terminatejob",
        job_manager_task=models.BatchJobManagerTask(id="m", command_line="true"),
    )
    each = models.BatchJobScheduleConfiguration(recurrence_interval=datetime.timedelta(hours=1))
    client.create_job_schedule(
        models.BatchJobScheduleCreateOptions(id="s", schedule=each, job_specification=spec)
    )
    until(lambda: [j.state for j in client.list_jobs_from_schedule("s")] == ["completed"])
    assert client.get_job("s:job-1").state == "completed"
    emulator.clock.advance(3700)
    until(lambda: len(list(client.list_jobs_from_schedule("s"))) == 2)
    client.begin_delete_job_schedule("s", polling_interval=0.02).wait()
    with refused("JobScheduleNotFound", 404):
        client.get_job_schedule("s")
    until(lambda: not list(client.list_jobs()))


def auto_pool(lifetime):
    pool = models.BatchPoolSpecification(
        vm_size="Standard_D2_v3",
        target_dedicated_nodes=1,
        virtual_machine_configuration=machine(),
    )
    return models.BatchPoolInfo(
        auto_pool_specification=models.BatchAutoPoolSpecification(
            pool_lifetime_option=lifetime, pool=pool
        )
    )


def test_an_auto_pool_of_a_schedule_serves_all_its_jobs(emu):
    import datetime

    emulator, client = emu
    spec = models.BatchJobSpecification(
        pool_info=auto_pool("jobschedule"),
        job_manager_task=models.BatchJobManagerTask(id="m", command_line="true"),
    )
    each = models.BatchJobScheduleConfiguration(recurrence_interval=datetime.timedelta(hours=1))
    client.create_job_schedule(
        models.BatchJobScheduleCreateOptions(id="s", schedule=each, job_specification=spec)
    )
    until(lambda: state(client, "s:job-1") == "completed")
    (pool,) = client.list_pools()
    emulator.clock.advance(3700)
    until(lambda: [j.state for j in client.list_jobs()] == ["completed"] * 2)
    assert [p.id for p in client.list_pools()] == [pool.id]
    client.begin_terminate_job_schedule("s", polling_interval=0.02).wait()
    until(lambda: not list(client.list_pools()))


def test_an_auto_pool_beyond_the_quota():
    with running(quotas=Quotas(pools=0)) as (_, client):
        make_job(client, pool_info=auto_pool("job"))
        add(client, "job", shell("t", "true"))
        found = client.get_job("job").execution_info.scheduling_error
        assert found.code == "AutoPoolCreationFailedWithQuotaReached"
        assert client.get_task("job", "t").state == "active"


def test_a_name_can_be_used_again_at_once(emu):
    """Files of the old job or task do not meet those of the new one."""
    _, client = emu
    make_pool(client)
    for number in range(5):
        make_job(client)
        for turn in range(3):
            add(client, "job", shell("t", f"ls; touch {number}-{turn} $(seq 200)"))
            finished(client)
            assert output(client, "job", "t") == ""
            client.delete_task("job", "t")
        add(client, "job", shell("t", "touch left"))
        finished(client)
        client.begin_delete_job("job", polling_interval=0.01).wait()
