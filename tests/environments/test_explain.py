"""What is said when there is no solution."""

from __future__ import annotations

import channel as packages
import pytest

from rulekit.environments import read_environment, read_settings, solve
from rulekit.errors import SoftwareError


def why(path, platform="linux-64"):
    with pytest.raises(SoftwareError) as raised:
        solve(read_environment(path), (platform,), read_settings())
    found = raised.value.diagnostics[0]
    assert found.code == "RK0523"
    return found


def test_a_misspelt_name(envs):
    found = why(envs("a.yaml", "deep", "taly"))
    assert found.span.line == 5 and found.caret == "is it `tally`?"
    assert found.notes[0].startswith("no package is named `taly`")


def test_a_package_for_another_platform(envs):
    found = why(envs("a.yaml", "macthing"))
    assert found.notes == ("`macthing` is there for osx-arm64 only, not for linux-64",)


def test_a_version_that_is_not_there(envs):
    found = why(envs("a.yaml", "tally >=4"))
    assert found.notes == ("no version of `tally` fits `tally >=4`: there are 1.0, 2.0 and 3.0",)
    assert (found.span.line, found.span.column) == (4, 5)


def test_two_that_exclude_each_other(envs):
    found = why(envs("a.yaml", "tally", "user-a", "binthing", "user-b"))
    assert found.notes[0] == "these exclude each other: `user-a` and `user-b`"
    assert found.notes[1] == "`user-a 1.0` needs `deep 1.*`; `user-b 1.0` needs `deep 2.*`"
    assert found.notes[2].startswith("the solver says:\n")
    assert "deep 1.0, which conflicts" in found.notes[2]


def test_one_against_what_is_asked_for(envs):
    found = why(envs("a.yaml", "user-a", "deep =2"))
    assert found.notes[0] == "these exclude each other: `user-a` and `deep =2`"
    assert found.notes[1] == "`user-a 1.0` needs `deep 1.*`; `deep =2` is asked for"


@pytest.fixture
def two_channels(envs, tmp_path, monkeypatch):
    """A first channel with an old version of a package that the test channel has newer."""
    first = tmp_path / "first"
    make = packages.builder()
    make.write_package(str(first), "deep", "0.5", {"share/deep/0.5": ""})
    make.write_package(str(first), "wants", "1.0", {"share/w": ""}, depends=["__glibc >=99"])
    make.write_index(str(first))

    def write(*dependencies):
        lines = "".join(f"  - {one}\n" for one in dependencies)
        text = f"channels:\n  - {first}\n  - {envs.channel}\ndependencies:\n{lines}"
        return envs.text("a.yaml", text)

    return write


def test_the_first_channel_hides_the_others(two_channels, channel, monkeypatch):
    found = why(two_channels("user-b"))
    assert "is taken from" in found.notes[0] and "2.0, which would fit, is in" in found.notes[0]
    assert "channel_priority: flexible" in found.help
    monkeypatch.setenv("CONDA_CHANNEL_PRIORITY", "flexible")
    path = two_channels("user-b")
    lock = solve(read_environment(path), ("linux-64",), read_settings())
    assert (lock.packages[0].name, lock.packages[0].version) == ("deep", "2.0")
    monkeypatch.setenv("CONDA_CHANNEL_PRIORITY", "strict")
    path = two_channels("user-b", f"'{channel}::deep'")
    assert solve(read_environment(path), ("linux-64",), read_settings()).packages


def test_a_channel_before_the_name(two_channels, channel):
    path = two_channels(f"'{channel}::deep =2'")
    lock = solve(read_environment(path), ("linux-64",), read_settings())
    assert [one.version for one in lock.packages] == ["2.0"]


def test_something_needed_is_missing(envs, tmp_path, monkeypatch):
    monkeypatch.setenv("CONDA_OFFLINE", "yes")  # no look into public channels
    make = packages.builder()
    own = tmp_path / "own"
    make.write_package(str(own), "a", "1.0", {"share/a": ""}, depends=["nothing-such", "b >=2"])
    make.write_package(str(own), "b", "1.0", {"share/b": ""})
    make.write_index(str(own))
    found = why(envs.text("o.yaml", f"channels: [{own}]\ndependencies: [a]\n"))
    assert "`a 1.0` needs `nothing-such`, which is in none of the channels" in found.notes
    assert "no version of `b` fits `b >=2`, which `a` needs: there is 1.0" in found.notes


def test_a_machine_that_is_too_old(two_channels, monkeypatch):
    found = why(two_channels("wants"))
    assert "glibc >=99" in found.notes[0] and "CONDA_OVERRIDE_GLIBC" in found.help
    monkeypatch.setenv("CONDA_OVERRIDE_GLIBC", "99.1")
    for platform in ("linux-64", "linux-aarch64"):
        spec = read_environment(two_channels("wants"))
        assert solve(spec, (platform,), read_settings()).packages


def test_a_spec_that_is_none(envs):
    with pytest.raises(SoftwareError) as raised:
        solve(read_environment(envs("a.yaml", "tally >=1,<")), ("linux-64",), read_settings())
    found = raised.value.diagnostics[0]
    assert found.code == "RK0519" and found.span.line == 4
