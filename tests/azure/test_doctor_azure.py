"""`rulekit azure doctor`: what is wrong is told with a next step, before money is spent."""

from __future__ import annotations

import json

import pytest
from azruns import Bench

from rulekit.cli.main import main
from rulekit.executors.azure import doctor, quotas
from rulekit.executors.azure.settings import AzureSettings, Secret


@pytest.fixture
def bench(azurite, container, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    made = Bench(azurite, container)
    monkeypatch.setenv("AZ_BATCH_ACCOUNT_URL", made.emulator.url)
    monkeypatch.setenv("AZ_BATCH_ACCOUNT_NAME", made.emulator.account)
    monkeypatch.setenv("AZ_BATCH_ACCOUNT_KEY", made.emulator.key)
    monkeypatch.setenv("AZ_BLOB_ACCOUNT_URL", azurite.url)
    monkeypatch.setenv("AZ_BLOB_CREDENTIAL", azurite.key)
    for name in ("AZURE_SUBSCRIPTION_ID", "AZURE_RESOURCE_GROUP"):
        monkeypatch.delenv(name, raising=False)
    yield made
    made.close()
    assert made.emulator.errors == []


def findings(bench, capsys, *more, code=0):
    words = ["azure", "doctor", "--json", "--default-remote-prefix", f"{bench.container}/pre"]
    assert main([*words, *more]) == code
    rows = json.loads(capsys.readouterr().out)
    assert all(row["help"] for row in rows if row["level"] == "fail")
    found: dict[str, list] = {}
    for row in rows:
        found.setdefault(row["what"], []).append(row)
    return found


def levels(found):
    return {what: [row["level"] for row in rows] for what, rows in found.items()}


def test_all_well(bench, capsys):
    found = findings(bench, capsys)
    assert levels(found) == {
        "account": ["ok"],
        "image": ["ok"],
        "size": ["ok"],
        "quota": ["warn"],
        "leftovers": ["ok"],
        "storage": ["ok", "ok"],
        "clock": ["ok"],
    }
    assert "ubuntu-hpc" in found["image"][0]["text"]
    assert bench.names() == []


def test_a_wrong_key(bench, capsys, monkeypatch):
    wrong = "d3Jvbmcga2V5IGZvciB0aGlzIGFjY291bnQ="
    monkeypatch.setenv("AZ_BATCH_ACCOUNT_KEY", wrong)
    found = findings(bench, capsys, code=1)
    assert levels(found)["account"] == ["fail"]
    assert "image" not in found
    assert levels(found)["storage"] == ["ok", "ok"], "the rest is looked at all the same"
    assert wrong not in json.dumps(found)


def test_nobody_at_the_address(bench, capsys, monkeypatch):
    from rulekit.executors.azure import client

    monkeypatch.setattr(client, "_PAUSE_MOST_S", 0.1)
    monkeypatch.setenv("AZ_BATCH_ACCOUNT_URL", "http://127.0.0.1:9")
    monkeypatch.setattr("rulekit.cli.commands.azure_words.service_of", _hasty)
    found = findings(bench, capsys, code=1)
    assert "does not answer" in found["account"][0]["text"]


def _hasty(settings):
    from rulekit.executors.azure.client import BatchService

    return BatchService(settings, deadline_s=0.3, first_pause_s=0.1)


def test_a_sas_that_ends_soon_and_may_not_delete(bench, capsys, monkeypatch, azurite):
    token = azurite.container_sas(bench.container, "racwl", hours=2)
    monkeypatch.setenv("AZ_BLOB_CREDENTIAL", token)
    found = findings(bench, capsys, code=1)  # the probe cannot be removed
    texts = [row["text"] for row in found["SAS"]]
    assert any("ends" in text for text in texts)
    assert "it may not delete" in texts
    assert token.rpartition("sig=")[2] not in json.dumps(found)


def test_an_expired_sas(bench, capsys, monkeypatch, azurite):
    monkeypatch.setenv("AZ_BLOB_CREDENTIAL", azurite.container_sas(bench.container, hours=-1))
    found = findings(bench, capsys, code=1)
    assert levels(found)["storage"] == ["fail"]
    assert "expired" in json.dumps(found["storage"])


def test_no_storage_and_no_prefix(bench, capsys, monkeypatch):
    assert main(["azure", "doctor"]) == 0
    assert "no prefix is given" in capsys.readouterr().out
    for name in ("AZ_BLOB_ACCOUNT_URL", "AZ_BLOB_CREDENTIAL"):
        monkeypatch.delenv(name)
    assert main(["azure", "doctor"]) == 1
    assert "no storage account is set" in capsys.readouterr().out


def test_leftovers_and_unknown_sizes(bench, capsys, monkeypatch):
    monkeypatch.setenv("BATCH_POOL_VM_SIZE", "Standard_D4ds_v55")
    found = findings(bench, capsys)
    assert levels(found)["size"] == ["warn"]
    assert "`Standard_D4ds_v5`" in found["size"][0]["text"]


@pytest.mark.parametrize(
    ("skew", "level"), [(0.4, "ok"), (-60, "ok"), (300, "warn"), (-1000, "fail")]
)
def test_the_clock(skew, level):
    checks = doctor.Doctor(AzureSettings("https://a.b", "a"), None, None, None)
    assert checks._clock_finding(skew).level == level


class Account:
    """What the resource manager tells of an account."""

    def __init__(self, **more):
        self.pool_allocation_mode = "BatchService"
        self.allowed_authentication_modes = ["SharedKey", "AAD"]
        self.dedicated_core_quota = 100
        self.low_priority_core_quota = 0
        self.dedicated_core_quota_per_vm_family_enforced = False
        self.dedicated_core_quota_per_vm_family = []
        self.pool_quota = 10
        self.active_job_and_job_schedule_quota = 10
        self.__dict__.update(more)


class Family:
    name = "standardDDSv5Family"
    core_quota = 0


@pytest.mark.parametrize(
    ("settings", "account", "level", "part"),
    [
        ({}, {}, "ok", "cores: 100"),
        ({}, {"dedicated_core_quota": 0}, "fail", "quota is 0"),
        ({"node_count": 30}, {}, "warn", "may ask for 120"),
        ({"spot": True}, {}, "fail", "spot cores"),
        ({"spot": True}, {"low_priority_core_quota": 50}, "warn", "batch service mode"),
        ({}, {"pool_quota": 0}, "fail", "no pool"),
        (
            {},
            {
                "dedicated_core_quota_per_vm_family_enforced": True,
                "dedicated_core_quota_per_vm_family": [Family],
            },
            "fail",
            "standardDDSv5Family",
        ),
        (
            {"account_key": Secret("x" * 20)},
            {"allowed_authentication_modes": ["AAD"]},
            "fail",
            "takes no key",
        ),
    ],
)
def test_quotas(settings, account, level, part):
    made = AzureSettings("https://a.b", "a", vm_size="Standard_D4ds_v5", **settings)
    found = list(quotas.judge(made, Account(**account)))
    assert any(one[0] == level and part in one[1] for one in found), found


def test_words_of_the_profile_of_a_run_hold(bench, capsys, tmp_path, monkeypatch):
    profile = tmp_path / "profiles" / "default" / "config.yaml"
    profile.parent.mkdir(parents=True)
    profile.write_text(
        f"az-batch: true\njobs: 3\ndefault-remote-prefix: {bench.container}/lab\n"
        f"azure:\n  account-url: {bench.emulator.url}\n  vm-size: Standard_D2s_v5\n"
    )
    monkeypatch.delenv("AZ_BATCH_ACCOUNT_URL")
    (tmp_path / "some").write_text("1234")
    assert main(["azure", "upload", "some"]) == 0
    assert bench.azurite.names(bench.container) == ["lab/some"]
    assert main(["azure", "doctor"]) == 0
    said = capsys.readouterr().out
    assert "Standard_D2s_v5" in said and "can be listed" in said, said
    assert main(["azure", "ls", f"--default-remote-prefix={bench.container}/other"]) == 0
    assert main(["azure", "jobs"]) == 0
    assert main(["azure", "jobs", "--workflow-profile", "none"]) == 2
    assert "AZ_BATCH_ACCOUNT_URL" in capsys.readouterr().err
    profile.write_text("default-storage-provider: fs\ndefault-storage-prefix: results\n")
    assert main(["azure", "ls"]) == 2
    assert "which container" in capsys.readouterr().err
