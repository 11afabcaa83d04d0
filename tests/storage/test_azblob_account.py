"""Accounts, tokens and names: what users write, in all its forms."""

from __future__ import annotations

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rulekit.errors.tree import InfrastructureError, UsageError
from rulekit.model.bloburl import BadUrl, clean_sas, parse_account_url
from rulekit.model.stores import Stores, StoreSettings
from rulekit.storage.azblob.account import (
    DEVELOPMENT_KEY,
    account_from_environment,
    account_of,
    accounts_of,
    from_connection_string,
)
from rulekit.storage.azblob.masking import masked
from rulekit.storage.azblob.names import check_names, fault_of_container, fault_of_name
from rulekit.storage.azblob.sas import lacking, parse_sas, trouble

KEY = "QUJDREVGR0hJSktMTU5PUFFSU1RVVldYWVphYmNkZWY="
SAS = "sv=2026-10-06&ss=b&srt=co&sp=rwdlac&se=2030-01-01T00:00:00Z&sig=c2VjcmV0c2VjcmV0%3D"


@pytest.mark.parametrize(
    ("text", "url", "account", "container", "name"),
    [
        ("https://acc.blob.core.windows.net", "https://acc.blob.core.windows.net", "acc", "", ""),
        ("https://acc.blob.core.windows.net/", "https://acc.blob.core.windows.net", "acc", "", ""),
        (" HTTPS://ACC.blob.core.windows.net\n", "https://acc.blob.core.windows.net", "acc", "", ""),
        ("https://acc.blob.core.windows.net/box/a/b%20c", "https://acc.blob.core.windows.net", "acc", "box", "a/b c"),
        ("https://acc.blob.core.usgovcloudapi.net", "https://acc.blob.core.usgovcloudapi.net", "acc", "", ""),
        ("https://acc.blob.core.chinacloudapi.cn/", "https://acc.blob.core.chinacloudapi.cn", "acc", "", ""),
        ("https://acc.z12.blob.storage.azure.net", "https://acc.z12.blob.storage.azure.net", "acc", "", ""),
        ("https://acc-secondary.blob.core.windows.net", "https://acc-secondary.blob.core.windows.net", "acc", "", ""),
        ("https://data.example.org/box", "https://data.example.org", "data.example.org", "box", ""),
        ("http://127.0.0.1:10000/devstoreaccount1", "http://127.0.0.1:10000/devstoreaccount1", "devstoreaccount1", "", ""),
        ("http://127.0.0.1:10000/devstoreaccount1/box/x", "http://127.0.0.1:10000/devstoreaccount1", "devstoreaccount1", "box", "x"),
        ("http://azurite:10000/dev", "http://azurite:10000/dev", "dev", "", ""),
        ("http://localhost/dev/", "http://localhost/dev", "dev", "", ""),
        ("https://storage.example.org:8443/dev", "https://storage.example.org:8443/dev", "dev", "", ""),
        ("http://[::1]:10000/dev", "http://[::1]:10000/dev", "dev", "", ""),
    ],
)  # fmt: skip
def test_urls(text, url, account, container, name):
    for token in ("", "?" + SAS):
        found = parse_account_url(text.strip() + token)
        assert (found.url, found.account, found.container, found.name) == (
            url,
            account,
            container,
            name,
        )
        assert found.sas == token[1:]
        assert "c2VjcmV0" not in repr(found)


@pytest.mark.parametrize(
    "text",
    ["", "acc", "acc.blob.core.windows.net", "ftp://x/y", "https://", "https:///x", "http://127.0.0.1:10000",
     "https://user:pw@acc.blob.core.windows.net", "https://a b/", "az://box/x"],
)  # fmt: skip
def test_what_is_no_url(text):
    with pytest.raises(BadUrl):
        parse_account_url(text)


@given(st.text())
def test_any_text_is_a_url_or_refused(text):
    for url in (text, "https://" + text, "http://127.0.0.1:1/" + text):
        try:
            found = parse_account_url(url)
        except BadUrl:
            continue
        assert parse_account_url(found.url).url == found.url


@given(st.permutations(SAS.split("&")), st.sampled_from(["", "?", " ?", "&"]))
def test_a_sas_in_any_order(parts, start):
    token = "&".join(parts)
    assert clean_sas(start + token + "\n") == token
    account = account_of("https://acc.blob.core.windows.net/", start + token)
    assert (account.kind, account.secret) == ("sas", token)
    sas = parse_sas(token)
    assert sas.permissions == "rwdlac" and sas.resource == "account" and sas.expires == 1893456000
    assert lacking(sas) == ""


@pytest.mark.parametrize(
    ("environment", "kind", "name"),
    [
        ({}, None, None),
        ({"AZ_BLOB_ACCOUNT_URL": "https://acc.blob.core.windows.net/"}, "identity", "acc"),
        ({"AZ_BLOB_ACCOUNT_URL": "https://acc.blob.core.windows.net/?" + SAS}, "sas", "acc"),
        ({"AZ_BLOB_ACCOUNT_URL": "https://acc.blob.core.windows.net", "AZ_BLOB_CREDENTIAL": KEY}, "key", "acc"),
        ({"AZ_BLOB_ACCOUNT_URL": "https://acc.blob.core.windows.net", "AZ_BLOB_CREDENTIAL": "?" + SAS}, "sas", "acc"),
        ({"AZ_BLOB_ACCOUNT_URL": "https://acc.blob.core.windows.net", "AZURE_STORAGE_KEY": KEY}, "identity", "acc"),
        ({"AZ_BLOB_ACCOUNT_URL": "https://acc.blob.core.windows.net", "AZURE_STORAGE_ACCOUNT": "acc", "AZURE_STORAGE_KEY": KEY}, "key", "acc"),
        ({"AZ_BLOB_ACCOUNT_URL": "https://acc.blob.core.windows.net", "AZURE_STORAGE_ACCOUNT": "other", "AZURE_STORAGE_KEY": KEY}, "identity", "acc"),
        ({"AZ_BLOB_ACCOUNT_URL": "https://data.example.org", "AZURE_STORAGE_ACCOUNT": "acc", "AZ_BLOB_CREDENTIAL": KEY}, "key", "acc"),
        ({"AZURE_STORAGE_CONNECTION_STRING": f"AccountName=acc;AccountKey={KEY};EndpointSuffix=core.windows.net"}, "key", "acc"),
        ({"AZURE_STORAGE_ACCOUNT": "acc", "AZURE_STORAGE_SAS_TOKEN": "?" + SAS}, "sas", "acc"),
        ({"AZURE_STORAGE_ACCOUNT": "acc"}, "identity", "acc"),
        ({"SNAKEMAKE_STORAGE_AZURE_ENDPOINT_URL": "https://acc.blob.core.windows.net", "SNAKEMAKE_STORAGE_AZURE_SAS_TOKEN": SAS}, "sas", "acc"),
        ({"AZ_BLOB_ACCOUNT_URL": "http://127.0.0.1:10000/devstoreaccount1"}, "key", "devstoreaccount1"),
        ({"AZURE_STORAGE_CONNECTION_STRING": "UseDevelopmentStorage=true"}, "key", "devstoreaccount1"),
    ],
)  # fmt: skip
def test_accounts_from_variables(environment, kind, name):
    found = account_from_environment(environment)
    if kind is None:
        assert found is None
        return
    assert (found.kind, found.name) == (kind, name)
    assert found.secret in ("", KEY, SAS, DEVELOPMENT_KEY)
    for secret in (KEY, "c2VjcmV0", DEVELOPMENT_KEY):
        assert secret not in repr(found)


@pytest.mark.parametrize(
    ("environment", "words"),
    [
        ({"AZ_BLOB_ACCOUNT_URL": "acc"}, "`AZ_BLOB_ACCOUNT_URL` is no URL"),
        ({"AZ_BLOB_ACCOUNT_URL": "https://acc.blob.core.windows.net", "AZ_BLOB_CREDENTIAL": "sv=2026-10-06"},
         "`AZ_BLOB_CREDENTIAL` is neither"),
        ({"AZURE_STORAGE_CONNECTION_STRING": "hello"}, "tells no account"),
        ({"AZ_BLOB_ACCOUNT_URL": "http://10.0.0.1:10000/acc"}, "identities are for https"),
    ],
)  # fmt: skip
def test_what_cannot_be_used(environment, words):
    with pytest.raises(UsageError) as caught:
        account_from_environment(environment)
    assert caught.value.diagnostics[0].code == "RK0641"
    assert words in str(caught.value) and "sv=" not in str(caught.value)


def test_connection_strings_with_a_sas_and_an_endpoint():
    found = from_connection_string(
        f"BlobEndpoint=https://acc.blob.core.windows.net/;SharedAccessSignature={SAS}"
    )
    assert (found.kind, found.secret, found.url) == (
        "sas",
        SAS,
        "https://acc.blob.core.windows.net",
    )


def test_accounts_of_a_workflow():
    environment = {
        "AZ_BLOB_ACCOUNT_URL": "https://acc.blob.core.windows.net",
        "AZ_BLOB_CREDENTIAL": KEY,
    }
    stores = Stores(
        (
            StoreSettings("other", "https://other.blob.core.windows.net", "?" + SAS),
            StoreSettings("again", "https://acc.blob.core.windows.net/"),
            StoreSettings("public", "https://public.blob.core.windows.net"),
        )
    )
    found = accounts_of(stores, environment)
    assert {key: (one.key, one.name, one.kind) for key, one in found.items()} == {
        "acc": ("acc", "acc", "key"),
        "default": ("default", "acc", "key"),
        "other": ("other", "other", "sas"),
        "again": ("again", "acc", "key"),
        "public": ("public", "public", "identity"),
    }


def test_the_troubles_of_a_token():
    now = time.time()
    read = parse_sas("sr=c&sp=rl&spr=https&sig=x&se=2030-01-01")
    assert set(trouble(read, "https://a", now)) == {"rights"}
    assert set(trouble(read, "http://a", now, "rl")) == {"scheme"}
    assert set(trouble(parse_sas("sr=c&sp=racwdl&se=2020-01-01T00:00:00Z&sig=x"), "", now)) == {
        "expired"
    }
    assert set(trouble(parse_sas("sr=c&sp=racwdl&st=2090-01-01&sig=x"), "", now)) == {"early"}
    assert set(trouble(parse_sas("sr=b&sp=racwdl&sig=x"), "", now)) == {"reach"}
    assert set(trouble(parse_sas("ss=f&srt=sco&sp=racwdl&sig=x"), "", now)) == {"service"}
    assert set(trouble(parse_sas("ss=b&srt=s&sp=racwdl&sig=x"), "", now)) == {"reach"}
    # A stored access policy may hold the rights and dates.
    assert trouble(parse_sas("sr=c&si=policy&sig=x"), "", now) == {}


@given(st.text())
def test_any_text_is_parsed_as_a_sas(text):
    trouble(parse_sas(text), "https://a", 0.0)
    clean_sas(text)


def test_secrets_are_masked():
    text = (
        f"GET https://acc.blob.core.windows.net/box/x?{SAS} failed; AccountKey={KEY}; "
        f"key {DEVELOPMENT_KEY}, also as {SAS.replace('=', '%3D')}"
    )
    hidden = masked(text, (KEY,))
    assert "c2Vjcm" not in hidden and KEY not in hidden and DEVELOPMENT_KEY not in hidden
    assert hidden.startswith("GET https://acc.blob.core.windows.net/box/x?sv=2026-10-06&")


@pytest.mark.parametrize(
    ("name", "why"),
    [("", "empty"), ("a/", "ends with `/`"), ("/a", "begins with `/`"), ("a//b", "`//`"), ("a.", "dot"),
     ("a./b", "dot"), ("a/../b", "`..`"), ("x" * 1025, "1025"), ("a\nb", "U+000A"), ("a\x7f", "U+007F"),
     ("a\\b", "backslash"), ("/".join("x" * 255), "255 parts"), ("a\udcff", "UTF-8"), ("😀" * 513, "1026")],
)  # fmt: skip
def test_names_that_cannot_be_stored(name, why):
    assert why in fault_of_name(name)


@pytest.mark.parametrize(
    "name",
    [
        "a",
        "a b",
        "ü",
        "a#b",
        "100%",
        "{x}",
        "a?b",
        ".hidden",
        "a..b",
        "x" * 1024,
        "😀" * 512,
        "'\"&",
    ],
)
def test_names_that_can_be_stored(name):
    assert fault_of_name(name) is None


def test_bad_names_are_told_with_their_paths():
    check_names([("a", "p/a"), ("b", "p/b")])
    with pytest.raises(InfrastructureError) as caught:
        check_names([("a", "p/a"), ("b.", "p/b."), ("c\t", "p/c\t")])
    (found,) = caught.value.diagnostics
    assert found.code == "RK0642" and "`b.`" in found.message and "1 more" in found.message
    assert "U+0009" in found.notes[0] and "local(" in found.help


def test_names_of_containers():
    for good in ("abc", "a-b", "0-0", "x" * 63, "$root", "$web"):
        assert fault_of_container(good) is None
    for bad in ("", "ab", "x" * 64, "A-b", "-ab", "ab-", "a--b", "a_b", "a.b"):
        assert fault_of_container(bad)
