"""Tokens for managed identities: through azure-identity, accepted by Azurite and the emulator."""

from __future__ import annotations

import base64
import json
import os
import sys
import time
import urllib.error
import urllib.request

import pytest
from azurite import Azurite

from rulekit.emulator import imds, tls
from rulekit.emulator.server import Emulator

GROUP = (
    "/subscriptions/s/resourceGroups/g/providers/Microsoft.ManagedIdentity/userAssignedIdentities"
)
READER, WRITER = f"{GROUP}/reader", f"{GROUP}/writer"


@pytest.fixture
def emulator():
    with Emulator() as server:
        yield server
        assert server.errors == []


def with_identities(server, *identities):
    """Gives a pool identities, as the management service does."""
    from rulekit.emulator import armforms, defaults
    from rulekit.emulator.state import Pool

    spec = armforms.from_arm("p", {"vmSize": "standard_d2s_v5"})
    with server.world.lock:
        pool = Pool(server.world, defaults.pool(spec))
        pool.identities = {name: {} for name in identities}
        server.world.pools["p"] = pool
    return pool


def ask(server, query, **headers):
    address = f"{server.url}/metadata/identity/oauth2/token?{query}"
    request = urllib.request.Request(address, headers=headers)
    try:
        with urllib.request.urlopen(request) as answer:
            return answer.status, json.load(answer)
    except urllib.error.HTTPError as error:
        return error.code, json.load(error)


def claims(token):
    part = token.split(".")[1]
    return json.loads(base64.urlsafe_b64decode(part + "=" * (-len(part) % 4)))


def test_a_token_for_an_identity(emulator):
    with_identities(emulator, READER, WRITER)
    query = "api-version=2018-02-01&resource=https://storage.azure.com/"
    status, body = ask(emulator, f"{query}&client_id={imds.client_id(WRITER)}", Metadata="true")
    assert status == 200 and body["token_type"] == "Bearer"
    assert body["client_id"] == imds.client_id(WRITER)
    assert abs(int(body["expires_on"]) - time.time() - 86400) < 60
    said = claims(body["access_token"])
    assert (said["aud"], said["xms_mirid"]) == ("https://storage.azure.com", WRITER)
    status, body = ask(emulator, f"{query}&msi_res_id={READER}", Metadata="true")
    assert body["client_id"] == imds.client_id(READER)


def test_what_the_endpoint_refuses(emulator):
    query = "api-version=2018-02-01&resource=https://storage.azure.com/"
    assert ask(emulator, query)[0] == 400  # no header: a request that was tricked out of somebody
    assert ask(emulator, query, **{"Metadata": "true", "X-Forwarded-For": "1.2.3.4"})[0] == 400
    status, body = ask(emulator, query, Metadata="true")
    assert (status, body["error_description"]) == (400, "Identity not found")
    with_identities(emulator, READER, WRITER)
    status, body = ask(emulator, query, Metadata="true")
    assert status == 400 and "Multiple" in body["error_description"]
    assert ask(emulator, f"{query}&client_id=x", Metadata="true")[0] == 400
    assert ask(emulator, "api-version=2018-02-01", Metadata="true")[0] == 400
    assert ask(emulator, "api-version=1999-01-01&resource=x", Metadata="true")[0] == 400


def test_only_tasks_of_pools_with_an_identity_know_the_endpoint():
    assert imds.variables("http://x", []) == {}
    assert imds.variables("http://x", [READER])["RULEKIT_IMDS"] == "http://x"


def test_azurite_takes_the_token_that_azure_identity_gets(emulator, tmp_path, monkeypatch):
    from azure.core.exceptions import HttpResponseError
    from azure.identity import ManagedIdentityCredential
    from azure.storage.blob import BlobServiceClient

    with_identities(emulator, READER, WRITER)
    monkeypatch.setenv("AZURE_POD_IDENTITY_AUTHORITY_HOST", emulator.url)
    made = tls.make(str(tmp_path))
    options = ["--oauth", "basic", "--cert", made.certificate, "--key", made.key]
    server = Azurite(*options, scheme="https")
    try:
        known = {"connection_verify": made.authority, "retry_total": 0}
        credential = ManagedIdentityCredential(client_id=imds.client_id(READER))
        with BlobServiceClient(server.url, credential=credential, **known) as client:
            client.create_container("box")
            client.get_blob_client("box", "b").upload_blob(b"by identity")
            assert client.get_blob_client("box", "b").download_blob().readall() == b"by identity"
        stranger = ManagedIdentityCredential(client_id="00000000-0000-0000-0000-000000000000")
        with (
            BlobServiceClient(server.url, credential=stranger, **known) as client,
            pytest.raises(Exception, match="Identity not found"),
        ):
            client.get_blob_client("box", "b").download_blob()

        class WrongAudience:
            def get_token(self, *scopes, **_options):
                from azure.core.credentials import AccessToken

                return AccessToken(imds.token("https://vault.azure.net", READER), 2**31)

        with (
            BlobServiceClient(server.url, credential=WrongAudience(), **known) as client,
            pytest.raises(HttpResponseError) as caught,
        ):
            client.get_blob_client("box", "b").download_blob()
        assert caught.value.status_code in (401, 403)
    finally:
        server.close()


def test_the_key_of_a_throw_away_authority_is_not_readable(tmp_path):
    made = tls.make(str(tmp_path / "sub"))
    assert os.stat(made.key).st_mode & 0o777 == 0o600
    assert sorted(os.listdir(tmp_path / "sub")) == ["ca.pem", "key.pem", "server.pem"]


def test_without_cryptography_the_help_says_so(tmp_path, monkeypatch):
    from rulekit.errors.tree import InfrastructureError

    monkeypatch.setitem(sys.modules, "cryptography", None)
    with pytest.raises(InfrastructureError) as caught:
        tls.make(str(tmp_path))
    assert caught.value.diagnostics[0].code == "RK0671"
