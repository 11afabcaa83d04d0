"""Which machine a job gets, how many slots, and what is refused before anything runs."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rulekit.errors import PlanError
from rulekit.executors.azure import sizes
from rulekit.executors.azure.settings import AzureSettings
from rulekit.executors.azure.sizes import Need, Shape, Sizes, need_of
from rulekit.model import vmsizes


def of(**more):
    return Sizes(AzureSettings("https://a.b", "a", **more))


def test_resources_are_read_in_their_units():
    need = need_of(3, {"mem_mb": 1000, "disk_mib": 50, "gpu": 1, "other": 7})
    assert (need.threads, round(need.memory_mib, 1), need.disk_mib, need.gpus) == (3, 953.7, 50, 1)
    assert need_of(1, {"mem_mb": "<TBD>", "disk_mb": None, "gpu": True}) == Need()


def test_a_small_job_goes_to_the_usual_size_and_a_big_one_to_the_smallest_that_holds_it():
    chosen = of()
    shape, slots = chosen.place(Need(1))
    assert (shape.vm_size, shape.slots, slots) == (sizes.USUAL, 4, 1)
    shape, slots = chosen.place(Need(4, 30_000))
    assert (shape.vm_size, slots) == ("Standard_E4ds_v5", 4)
    shape, _ = chosen.place(Need(33))
    assert shape.vm_size == "Standard_D48ds_v5"
    shape, _ = chosen.place(Need(1, 0, 0, 1))
    assert shape.vm_size == "Standard_NC4as_T4_v3"
    assert chosen.place(Need(1000)) is None


def test_slots_cover_the_scarcest_part():
    shape, slots = of().place(Need(1, 8000))
    assert (shape.vm_size, slots) == (sizes.USUAL, 3)  # of 15,400 MiB in four slots
    shape, slots = of(vm_size="standard_d4ds_v5", tasks_per_node=1).place(Need(1))
    assert (shape.vm_size, shape.slots, slots) == ("Standard_D4ds_v5", 1, 1)


def test_a_job_that_does_not_fit_is_refused_with_the_size_that_does():
    with pytest.raises(PlanError) as caught:
        sizes.require(
            of(vm_size="Standard_D4ds_v5"),
            [("small", 1, {}), ("big", 2, {"mem_mb": 64_000}), ("big2", 2, {"mem_mb": 64_000})],
        )
    (found,) = caught.value.diagnostics
    assert found.code == "RK0614"
    assert "`big` (and 1 more jobs)" in found.message
    assert "BATCH_POOL_VM_SIZE=Standard_E8ds_v5" in (found.help or "")


def test_no_job_waits_for_more_than_a_machine_has():
    with pytest.raises(PlanError) as caught:
        sizes.require(of(), [("huge", 500, {})])
    assert "no machine size holds job `huge`" in str(caught.value)


def test_an_unknown_size_is_told_and_judged_by_slots_alone():
    chosen = of(vm_size="Standard_D4ds_v55", tasks_per_node=2)
    assert "`Standard_D4ds_v5`" in (chosen.unknown or "")
    assert chosen.place(Need(2, 10**9)) == (Shape("Standard_D4ds_v55", 2, False, None), 2)
    assert chosen.place(Need(3)) is None


needs = st.builds(
    Need,
    st.integers(1, 128),
    st.floats(0, 2_000_000),
    st.floats(0, 5_000_000),
    st.integers(0, 4),
)


@given(needs, st.sampled_from(sorted(vmsizes.vm_sizes())), st.integers(1, 256))
def test_slots_never_promise_what_is_not_there(need, name, slots):
    size = vmsizes.vm_sizes()[name]
    shape = Shape(name, slots, False, size)
    taken = sizes.slots_for(need, shape)
    fits = (
        need.threads <= size.vcpus
        and need.memory_mib <= size.memory_mib
        and need.disk_mib <= sizes.disk_of(size)
        and need.gpus <= sizes.gpus_of(size)
    )
    if taken is None:
        return
    assert fits
    assert 1 <= taken <= slots
    together = slots // taken  # so many of them may run at once
    assert together * need.threads <= size.vcpus or need.threads <= size.vcpus / slots
    assert together * need.memory_mib <= size.memory_mib * 1.0001


@given(needs)
def test_what_is_placed_fits(need):
    placed = of().place(need)
    if placed is not None:
        shape, slots = placed
        assert 1 <= slots <= shape.slots
        assert shape.size is not None and shape.size.vcpus >= need.threads


def test_a_size_without_a_local_disk_works_on_that_of_the_system():
    chosen = of(vm_size="Standard_D4s_v5")
    assert chosen.place(Need(1, 0, 20_000)) is not None
    assert chosen.place(Need(1, 0, 40_000)) is None
