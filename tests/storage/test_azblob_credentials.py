"""What nodes get: a token that opens what they need, that ends, and that shows nowhere."""

from __future__ import annotations

import base64
import json
import shutil
import subprocess
import time

import pytest
from azure.core.credentials import AccessToken
from azure.core.exceptions import HttpResponseError
from azure.storage.blob import BlobServiceClient
from azurite import Azurite, absent

from rulekit.errors.tree import InfrastructureError
from rulekit.storage.azblob import connect
from rulekit.storage.azblob.account import Account, account_of
from rulekit.storage.azblob.connect import Patience
from rulekit.storage.azblob.credentials import node_access
from rulekit.storage.azblob.sas import parse_sas


def works(azurite, token, container, rights="rwld", **options):
    """Does what the rights name; gives those that were refused."""
    refused = ""
    with BlobServiceClient(azurite.url, credential=token, retry_total=0, **options) as client:
        inside = client.get_container_client(container)
        does = {
            "w": lambda: inside.upload_blob("made", b"x", overwrite=True),
            "l": lambda: list(inside.list_blobs()),
            "r": lambda: inside.download_blob("x").readall(),
            "d": lambda: inside.delete_blob("made"),
        }
        for right in "wlrd":
            if right in rights:
                try:
                    does[right]()
                except HttpResponseError as error:
                    assert error.status_code == 403
                    refused += right
    return refused


def test_a_key_becomes_a_sas_for_the_container(azurite, container):
    azurite.put(container, "x", b"1")
    other = azurite.container()
    account = account_of(azurite.url, azurite.key)
    before = time.time()
    access = node_access(account, [container], lifetime_s=600)
    assert (access.auth, access.client_id, access.url) == ("sas", None, azurite.url)
    assert before + 599 <= access.expires <= time.time() + 605
    sas = parse_sas(access.sas)
    assert sas.resource == "c" and sas.expires == access.expires and not sas.https_only
    assert sas.permissions == "racwdl" and sas.starts < before
    assert works(azurite, access.sas, container) == ""
    assert works(azurite, access.sas, other) == "wlrd"
    assert azurite.key not in access.sas and access.sas not in repr(access)


def test_several_containers_get_a_sas_of_the_account(azurite, container):
    azurite.put(container, "x")
    other = azurite.container()
    azurite.put(other, "x")
    access = node_access(account_of(azurite.url, azurite.key), [container, other], lifetime_s=600)
    assert works(azurite, access.sas, container) == works(azurite, access.sas, other) == ""
    with BlobServiceClient(azurite.url, credential=access.sas, retry_total=0) as client:
        for refused in (client.get_service_properties, lambda: list(client.list_containers())):
            with pytest.raises(HttpResponseError):
                refused()


def test_less_rights_are_less(azurite, container):
    azurite.put(container, "x")
    account = account_of(azurite.url, azurite.key)
    access = node_access(account, [container], lifetime_s=600, rights="rl")
    assert works(azurite, access.sas, container) == "wd"


def test_what_the_user_has_is_passed_on(azurite):
    token = azurite.account_sas(hours=2)
    access = node_access(account_of(azurite.url, "?" + token), ["a", "b"], lifetime_s=1)
    assert (access.auth, access.sas) == ("sas", token)
    assert abs(access.expires - time.time() - 7200) < 120
    public = node_access(Account("p", "p", "https://p", "none"), ["a"], lifetime_s=1)
    assert (public.auth, public.sas) == ("none", "")


def test_an_identity_of_the_nodes_needs_no_secret(azurite):
    account = account_of(azurite.url, azurite.key)
    access = node_access(account, ["a", "b"], lifetime_s=1, identity="1234")
    assert (access.auth, access.client_id, access.sas) == ("identity", "1234", "")
    assert node_access(account, ["a"], lifetime_s=1, identity="").client_id is None


# -- a login: tokens that only https and OAuth give ------------------------------------------------


@pytest.fixture(scope="module")
def secure(tmp_path_factory):
    """Azurite with https and OAuth, and the certificate to trust."""
    if shutil.which("openssl") is None:
        absent("openssl")
    folder = tmp_path_factory.mktemp("tls")
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2",
         "-keyout", "key.pem", "-out", "cert.pem", "-subj", "/CN=127.0.0.1",
         "-addext", "subjectAltName=IP:127.0.0.1"],
        cwd=folder, check=True, capture_output=True,
    )  # fmt: skip
    made = Azurite(
        "--oauth", "basic", "--cert", str(folder / "cert.pem"), "--key", str(folder / "key.pem"),
        scheme="https",
    )  # fmt: skip
    made.certificate = str(folder / "cert.pem")
    yield made
    made.close()


class Login:
    """A credential as `azure.identity` has them, with a token that the emulator accepts."""

    def get_token(self, *scopes, **options):
        now = int(time.time())

        def part(value):
            return base64.urlsafe_b64encode(json.dumps(value).encode()).rstrip(b"=").decode()

        claims = {
            "aud": "https://storage.azure.com", "iss": "https://sts.windows.net/tenant/",
            "iat": now - 60, "nbf": now - 60, "exp": now + 3600, "oid": "me", "tid": "tenant",
        }  # fmt: skip
        return AccessToken(f"{part({'alg': 'none'})}.{part(claims)}.x", now + 3600)


@pytest.fixture(autouse=True)
def certificates(monkeypatch):
    monkeypatch.setattr("rulekit.node.web._tls", None)  # read anew


@pytest.fixture
def login(secure, monkeypatch):
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", secure.certificate)
    monkeypatch.setattr(connect, "credential_of", lambda account: Login())
    return account_of(secure.url)


def test_a_login_becomes_a_delegated_sas(secure, login):
    assert login.kind == "identity"
    with secure.client(connection_verify=secure.certificate) as client:
        client.create_container("box").upload_blob("x", b"1")
        client.create_container("other")
    access = node_access(login, ["box"], lifetime_s=600, patience=Patience(attempts=1))
    sas = parse_sas(access.sas)
    assert sas.delegated and sas.resource == "c" and sas.https_only
    assert abs(access.expires - time.time() - 600) < 120
    # Azurite 3.37 signs these by an older version than the SDK (two lines are new), so that it
    # cannot be asked whether the token opens the container: the key it is made with is its own.
    long = node_access(login, ["box"], lifetime_s=30 * 86_400)
    assert long.expires < time.time() + 7 * 86_400


def test_a_login_gives_one_token_for_one_container(login):
    with pytest.raises(InfrastructureError) as caught:
        node_access(login, ["a", "b"], lifetime_s=600)
    assert caught.value.diagnostics[0].code == "RK0658"


def test_a_login_lists_and_reads_without_the_sdk(secure, login, monkeypatch):
    from rulekit.model.places import Location
    from rulekit.storage.azblob.client import AzBlobStorage

    box = secure.client(connection_verify=secure.certificate).create_container("lists")
    box.upload_blob("a/x", b"1")
    asked = []
    get_token = Login.get_token
    monkeypatch.setattr(
        Login,
        "get_token",
        lambda self, *scopes, **words: (asked.append(scopes), get_token(self))[1],
    )
    storage = AzBlobStorage({"a": login}, patience=Patience(attempts=1))
    assert list(storage.inventory("a", "lists")) == ["a/x"]
    assert storage.get(Location("a", "lists", "a/x")) == b"1"
    assert storage.stamp(Location("a", "lists", "a/y")) is None
    assert asked == [("https://storage.azure.com/.default",)]  # the token is kept
    assert storage.check("a", "lists") == ()
    storage.close()


def test_a_login_that_fails_is_told(secure, monkeypatch):
    from azure.core.exceptions import ClientAuthenticationError

    from rulekit.storage.azblob.client import AzBlobStorage

    class NoLogin:
        def get_token(self, *scopes, **options):
            raise ClientAuthenticationError(
                "DefaultAzureCredential failed\n\tAzureCliCredential: no"
            )

    monkeypatch.setenv("REQUESTS_CA_BUNDLE", secure.certificate)
    monkeypatch.setattr(connect, "credential_of", lambda account: NoLogin())
    storage = AzBlobStorage({"a": account_of(secure.url)}, patience=Patience(attempts=1))
    with pytest.raises(InfrastructureError) as caught:
        storage.check("a", "box")
    assert caught.value.diagnostics[0].code == "RK0647"
    storage.close()


def test_a_certificate_that_is_not_trusted_is_told(secure, monkeypatch):
    from rulekit.storage.azblob.client import AzBlobStorage

    monkeypatch.delenv("REQUESTS_CA_BUNDLE", raising=False)
    account = account_of(secure.url, secure.key, key="a")
    storage = AzBlobStorage({"a": account}, patience=Patience(attempts=3))
    with pytest.raises(InfrastructureError) as caught:
        storage.check("a", "box")
    assert "certificate" in str(caught.value)
    storage.close()
