"""Settings of a run on Azure Batch: names, kinds, what is missing, what is secret."""

from __future__ import annotations

import pickle

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rulekit.errors import UsageError
from rulekit.executors.azure import settings, variables

URL = "https://acc.westeurope.batch.azure.com"
KEY = "c2VjcmV0LWtleS1vZi10aGUtYmF0Y2gtYWNjb3VudA=="
BASE = {"AZ_BATCH_ACCOUNT_URL": URL, "AZ_BATCH_ACCOUNT_KEY": KEY}


def read(environ=None, **more):
    return settings.read(environ={**BASE, **(environ or {})}, **more)


def messages(error: UsageError) -> str:
    return "\n".join(
        " ".join((d.code, d.message, *d.notes, d.help or "")) for d in error.diagnostics
    )


def test_every_name_of_snakemake_7_is_understood():
    found = read(
        {
            "BATCH_POOL_VM_SIZE": "Standard_D2_v3",
            "BATCH_POOL_NODE_COUNT": "3",
            "BATCH_TASKS_PER_NODE": "2",
            "BATCH_NODE_FILL_TYPE": "Pack",
            "BATCH_NODE_START_TASK_SAS_URL": "https://s.example/c/start.sh?sig=abcdefghijklmnopqrst",
            "BATCH_CONTAINER_REGISTRY_URL": "reg.azurecr.io",
            "BATCH_CONTAINER_REGISTRY_USER": "me",
            "BATCH_CONTAINER_REGISTRY_PASS": "hush-hush",
            "BATCH_POOL_SUBNET_ID": "/subscriptions/x",
            "BATCH_MANAGED_IDENTITY_CLIENT_ID": "id",
            "BATCH_MANAGED_IDENTITY_RESOURCE_ID": "/subscriptions/y",
            "BATCH_POOL_IMAGE_PUBLISHER": "p",
            "BATCH_POOL_IMAGE_OFFER": "o",
            "BATCH_POOL_IMAGE_SKU": "22-04-lts",
            "BATCH_POOL_VM_NODE_AGENT_SKU_ID": "batch.node.ubuntu 22.04",
            "BATCH_POOL_VM_CONTAINER_IMAGE": "ubuntu",
            "BATCH_POOL_RESOURCE_FILE_PREFIX": "rf",
            "BATCH_NODE_COMMUNICATION_SIMPLIFIED": "true",
        }
    )
    assert (found.account_url, found.account_name) == (URL, "acc")
    assert found.vm_size == "Standard_D2_v3"
    assert (found.node_count, found.tasks_per_node, found.fill) == (3, 2, "pack")
    assert found.start_task_url.reveal().endswith("qrst")
    assert found.registry_password.reveal() == "hush-hush"
    assert (found.subnet_id, found.identity_client_id) == ("/subscriptions/x", "id")
    assert found.identity_resource_id == "/subscriptions/y"
    assert (found.image_publisher, found.image_offer, found.image_sku) == ("p", "o", "22-04-lts")
    assert found.node_agent == "batch.node.ubuntu 22.04"
    assert (found.container_image, found.resource_prefix, found.simplified) == (
        "ubuntu",
        "rf",
        True,
    )


def test_every_field_has_all_its_names_and_they_are_distinct():
    known = variables.known()
    assert len(known) == sum(len(variables.names_of(field)) for field in variables.FIELDS)
    assert {field.name for field in variables.FIELDS} <= set(settings.AzureSettings.__match_args__)
    for field in variables.FIELDS:
        yes = "no" if field.default is True else "yes"
        value = {"number": str(field.least + 7), "yes": yes, "fill": "pack", "url": "https://q.r"}
        for name in variables.names_of(field):
            given = {name: value.get(field.kind, "text")}
            if field.name in ("image_publisher", "image_offer", "image_sku", "image_id"):
                continue  # not alone
            if field.name.startswith("registry_"):
                continue
            found = getattr(settings.read(environ={**_without(field.name), **given}), field.name)
            assert found != field.default, name


def _without(name: str) -> dict[str, str]:
    return {k: v for k, v in BASE.items() if variables.known()[k].name != name} | (
        {"RULEKIT_AZURE_ACCOUNT_NAME": "n"} if name != "account_name" else {}
    )


def test_a_flag_counts_before_the_file_and_that_before_the_environment():
    environ = {"BATCH_POOL_VM_SIZE": "env", "BATCH_POOL_NODE_COUNT": "2"}
    section = {"vm-size": "file", "node_count": 3, "max-nodes": 4}
    found = read(environ, section=section, flags={"vm_size": "flag", "node_count": None})
    assert (found.vm_size, found.node_count, found.max_nodes) == ("flag", 3, 4)


def test_all_that_is_missing_is_told_at_once():
    with pytest.raises(UsageError) as caught:
        settings.read(environ={}, missing=("a prefix: --default-remote-prefix",))
    text = messages(caught.value)
    assert "RK0610" in text
    assert "AZ_BATCH_ACCOUNT_URL" in text
    assert "--default-remote-prefix" in text
    assert "azure emulate" in text


def test_an_account_by_number_needs_a_name():
    with pytest.raises(UsageError) as caught:
        settings.read(environ={"AZ_BATCH_ACCOUNT_URL": "https://10.0.0.1"})
    assert "AZ_BATCH_ACCOUNT_NAME" in messages(caught.value)
    emulator = settings.read(environ={"AZ_BATCH_ACCOUNT_URL": "http://127.0.0.1:4321"})
    assert emulator.account_name == "emulated"
    environ = {"AZ_BATCH_ACCOUNT_URL": "http://127.0.0.1:4321", "AZ_BATCH_ACCOUNT_NAME": "dev"}
    assert settings.read(environ=environ).account_name == "dev"
    environ = {"AZ_BATCH_ACCOUNT_URL": "http://127.0.0.1:4321/dev"}
    assert settings.read(environ=environ).account_name == "dev"


@pytest.mark.parametrize(
    ("name", "value", "part"),
    [
        ("BATCH_POOL_NODE_COUNT", "many", "not a whole number"),
        ("BATCH_POOL_NODE_COUNT", "0", "must be 1 or more"),
        ("BATCH_NODE_FILL_TYPE", "tight", "neither `spread` nor `pack`"),
        ("RULEKIT_AZURE_SPOT", "maybe", "neither yes nor no"),
        ("AZ_BATCH_ACCOUNT_URL", "http://acc.westeurope.batch.azure.com", "in clear"),
        ("AZ_BATCH_ACCOUNT_URL", "ftp://acc", "not an address"),
        ("BATCH_TASKS_PER_NODE", "300", "256"),
        ("BATCH_POOL_IMAGE_SKU", "22-04-lts", "go together"),
        ("BATCH_CONTAINER_REGISTRY_USER", "me", "go together"),
    ],
)
def test_wrong_values_are_named(name, value, part):
    with pytest.raises(UsageError) as caught:
        read({name: value})
    text = messages(caught.value)
    assert "RK0611" in text
    assert part in text


def test_an_unknown_key_of_the_file_names_the_near_one():
    with pytest.raises(UsageError) as caught:
        read(section={"vm-sise": "x"})
    assert "`vm_size`" in messages(caught.value)


def test_slips_in_variables_are_told_and_harmless():
    found = read({"BATCH_POOL_VMSIZE": "x", "BATCH_OF_SOMETHING": "y"})
    assert len(found.notices) == 1
    assert "`BATCH_POOL_VM_SIZE`" in found.notices[0]


def test_a_dead_default_is_replaced_with_a_notice():
    found = read(
        {
            "BATCH_POOL_IMAGE_PUBLISHER": "microsoft-azure-batch",
            "BATCH_POOL_IMAGE_OFFER": "ubuntu-server-container",
            "BATCH_POOL_IMAGE_SKU": "20-04-lts",
            "BATCH_POOL_VM_NODE_AGENT_SKU_ID": "batch.node.ubuntu 20.04",
        }
    )
    assert found.image_sku is None and found.node_agent is None
    assert "out of support" in found.notices[0]


def test_secrets_are_shown_nowhere():
    signature = "s1gn4ture0fTheStartScript%3D"
    found = read(
        {
            "BATCH_NODE_START_TASK_SAS_URL": f"https://s.example/c/start.sh?se=2030&sig={signature}",
            "BATCH_CONTAINER_REGISTRY_URL": "r",
            "BATCH_CONTAINER_REGISTRY_USER": "u",
            "BATCH_CONTAINER_REGISTRY_PASS": "hush-hush",
        }
    )
    shown = f"{found!r} {found} {found.account_key} {found.account_key!r}"
    for secret in (KEY, signature, "hush-hush"):
        assert secret not in shown
        assert any(secret in one for one in found.secrets())
    with pytest.raises(TypeError):
        pickle.dumps(found.account_key)


@given(st.text(max_size=30), st.sampled_from([f.name for f in variables.FIELDS]))
def test_any_value_is_taken_or_refused_with_a_message(value, name):
    environ = {**BASE, f"RULEKIT_AZURE_{name.upper()}": value.replace("\0", "")}
    try:
        settings.read(environ=environ)
    except UsageError as error:
        assert all(d.code in ("RK0610", "RK0611") for d in error.diagnostics)


def test_the_reference_lists_every_setting_and_every_name():
    import os

    page = os.path.join(os.path.dirname(__file__), "..", "..", "docs", "reference", "azure.md")
    with open(page, encoding="utf-8") as file:
        text = file.read()
    for field in variables.FIELDS:
        assert f"`{field.name}`" in text, field.name
        for name in (*field.variables, *field.plugin):
            assert f"`{name}`" in text, name
