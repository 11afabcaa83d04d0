"""The table of machine sizes."""

from __future__ import annotations

import os

from rulekit.model import vmsizes
from rulekit.model.vmsizes import size, vm_sizes


def test_sizes_are_found_in_any_case_of_letters() -> None:
    found = size("standard_d4S_V5")
    assert found is not None and found is vm_sizes()["Standard_D4s_v5"]
    assert (found.vcpus, found.memory_mib, found.temp_disk_mib) == (4, 16 * 1024, 0)
    assert (found.family, found.arch, found.gpus) == ("standardDSv5Family", "x64", 0)
    assert size("Standard_D4s") is None
    assert size("") is None


def test_a_constrained_size_has_the_cores_that_can_be_used() -> None:
    found = size("Standard_E16-4ds_v5")
    assert found is not None and found.vcpus == 4


def test_every_size_is_sound() -> None:
    assert len(vm_sizes()) > 1000
    for name, one in vm_sizes().items():
        assert name == one.name and name.startswith("Standard_")
        assert one.vcpus >= 1 and one.memory_mib >= 512
        assert one.temp_disk_mib >= 0 and (one.nvme_disk_mib or 0) >= 0
        assert one.arch in ("x64", "arm64")
        assert one.usd_per_hour is None or 0 < one.usd_per_hour < 500
        if one.usd_per_hour is not None:
            assert one.usd_per_hour_low_priority is not None
            assert one.usd_per_hour_low_priority <= one.usd_per_hour
            assert one.family is not None


def test_the_licences_travel_with_the_data() -> None:
    folder = os.path.dirname(vmsizes.__file__)
    with open(os.path.join(folder, "vm_sizes.txt"), encoding="utf-8") as file:
        text = file.read()
    assert "MIT" in text and "Apache" in text
