"""What users are told when storage is refused, missing or out of reach: the whole text."""

from __future__ import annotations

import pytest

from rulekit.errors.diagnostic import write_out
from rulekit.errors.tree import InfrastructureError
from rulekit.model.places import Location
from rulekit.storage.azblob.account import account_of
from rulekit.storage.azblob.client import AzBlobStorage
from rulekit.storage.azblob.connect import Patience
from rulekit.storage.azblob.failures import translated

QUICK = Patience(attempts=1, connect_s=5, read_s=10)
NEW = """make one, and put it into AZ_BLOB_CREDENTIAL:
          az storage container generate-sas --account-name devstoreaccount1 \\
              --name BOX --permissions racwdl --expiry DATE"""
WHOLE = "a run needs Read, Add, Create, Write, Delete and List (racwdl): "
BOX = "the container `BOX` of the storage account `devstoreaccount1`"
UNFIT = f"""is refused: the SAS does not fit
  = help: it is for another account or container, was cut (put it into quotes in the shell),
          or its key was rotated: {NEW}"""


def said(azurite, container, do, credential=None, url=None):
    """The message, with what differs from run to run taken out."""
    account = account_of(url or azurite.url, credential or azurite.key, key="a")
    storage = AzBlobStorage({"a": account}, patience=QUICK)
    try:
        with pytest.raises(InfrastructureError) as caught:
            do(storage)
    finally:
        storage.close()
    (found,) = caught.value.diagnostics
    text = write_out(found, lambda *_: None)
    secret = account.secret
    assert secret not in text and secret not in repr(caught.value) and "sig=" not in text
    return text.replace(container, "BOX").replace(azurite.host, "HOST")


@pytest.fixture
def do(container):
    class Do:
        check = staticmethod(lambda s: s.check("a", container))
        read = staticmethod(lambda s: s.get(Location("a", container, "x")))
        write = staticmethod(lambda s: s.put(Location("a", container, "x"), b""))
        listing = staticmethod(lambda s: s.inventory("a", container))
        delete = staticmethod(lambda s: s.delete([Location("a", container, "x")]))

    return Do


def test_a_blob_that_is_not_there(azurite, container, do):
    assert said(azurite, container, do.read) == f"error[RK0650]: there is no blob `x` in {BOX}"


def test_a_container_that_is_not_there(azurite, container):
    found = said(azurite, container, lambda s: s.get(Location("a", "nowhere", "x")))
    assert found == (
        """error[RK0644]: there is no container `nowhere` in the storage account `devstoreaccount1`
  = note: the account is at http://HOST/devstoreaccount1
  = help: make it: `az storage container create --account-name devstoreaccount1 --name nowhere`"""
    )


def test_a_container_that_may_not_be_made(azurite, container):
    found = said(
        azurite,
        container,
        lambda s: s.put(Location("a", "nowhere", "x"), b""),
        azurite.container_sas("nowhere"),
    )
    assert found.startswith("error[RK0644]: there is no container `nowhere`")


def test_an_account_that_is_not_there(azurite, container, do):
    for what in (do.check, do.listing):
        found = said(
            azurite, container, what, url=azurite.url.replace("devstoreaccount1", "nobody")
        )
        assert found == (
            """error[RK0644]: there is no storage account `nobody`, or it does not show the container `BOX`
  = note: the account is at http://HOST/nobody
  = help: check the name; containers that are not public need AZ_BLOB_CREDENTIAL"""
        )


def test_an_expired_sas(azurite, container, do):
    for what in (do.check, do.read, do.write, do.listing):
        found = said(azurite, container, what, azurite.container_sas(container, hours=-2))
        first, rest = found.split("it expired at ")
        assert first == (
            "error[RK0645]: the SAS of the storage account `devstoreaccount1` cannot be used: "
        )
        assert rest.split(" UTC\n", 1)[1] == f"  = help: {NEW}"


@pytest.mark.parametrize(
    ("rights", "what", "words"),
    [
        ("rl", "check", "writing to {} is refused: the SAS does not give Write (w)"),
        ("rl", "write", "writing to {} is refused: the SAS does not give Write (w)"),
        ("rw", "check", "listing {} is refused: the SAS does not give List (l)"),
        ("rw", "listing", "listing {} is refused: the SAS does not give List (l)"),
        ("lw", "read", "reading {} is refused: the SAS does not give Read (r)"),
        ("rlw", "delete", "deleting in {} is refused: the SAS does not give Delete (d)"),
    ],
)
def test_a_sas_without_a_right(azurite, container, do, rights, what, words):
    found = said(azurite, container, getattr(do, what), azurite.container_sas(container, rights))
    first, help_ = found.split("\n", 1)
    assert first == "error[RK0643]: " + words.format(BOX).replace("listing the", "listing the")
    assert help_ == f"  = help: {WHOLE}{NEW}"


def test_a_sas_of_another_container(azurite, container, do):
    found = said(azurite, container, do.write, azurite.container_sas("another"))
    assert found == f"error[RK0648]: writing to {BOX} {UNFIT}"


def test_a_wrong_key(azurite, container, do):
    found = said(azurite, container, do.check, "A" * 86 + "==")
    assert found == (
        f"""error[RK0648]: listing {BOX} is refused: the key is not the one of this account
  = help: take the key from the portal (Access keys) or from
          `az storage account keys list --account-name devstoreaccount1`, and put it into
          AZ_BLOB_CREDENTIAL. A key that was rotated is refused like this, too"""
    )


def test_a_service_that_is_out_of_reach(azurite, container, do):
    import socket

    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{closed.getsockname()[1]}/devstoreaccount1"
        found = said(azurite, container, do.check, url=url)
    assert "cannot be reached: it refuses the connection" in found
    assert found.endswith("help: is the emulator running, and on this port?")
    found = said(azurite, container, do.check, url="https://nobody.blob.core.windows.invalid")
    assert found == (
        """error[RK0646]: the storage service at `nobody.blob.core.windows.invalid` cannot be reached: \
its name is not known
  = help: is `nobody` the right name? Is there a network?"""
    )


def test_a_container_name_that_cannot_be(azurite, container):
    found = said(azurite, container, lambda s: s.check("a", "Big"))
    assert found == (
        "error[RK0644]: `Big` cannot be the name of a container: 3 to 63 small letters, digits and "
        "single `-` between them are allowed"
    )


def test_an_account_that_nobody_tells(azurite, container):
    found = said(azurite, container, lambda s: s.get(Location("other", "box", "x")))
    assert "stored files of the account `other` are asked for" in found and "RK0640" in found


# What an emulator does not answer: as the service's reference describes it.


class Answer:
    def __init__(self, status, headers):
        self.status_code = status
        self.reason = "no"
        self.headers = headers

    def text(self, encoding=None):
        return ""


@pytest.mark.parametrize(
    ("credential", "code", "words"),
    [
        ("", "AuthorizationPermissionMismatch", "Storage Blob Data Contributor"),
        ("KEY", "KeyBasedAuthenticationNotPermitted", "the account allows no keys"),
        ("KEY", "AuthorizationFailure", "network rules"),
        ("KEY", "AccountIsDisabled", "disabled"),
    ],
)
def test_other_refusals(credential, code, words):
    from azure.core.exceptions import HttpResponseError

    account = account_of("https://acc.blob.core.windows.net", "QUJD" * 10 if credential else "")
    error = HttpResponseError(response=Answer(403, {"x-ms-error-code": code}))
    found = translated(error, account, "box", "write").diagnostics[0]
    assert found.code == "RK0643" and words in found.message + (found.help or "")


@pytest.mark.parametrize(
    ("ahead", "words"), [(3600, "60 minutes ahead"), (-7200, "120 minutes behind")]
)
def test_a_clock_that_is_wrong(ahead, words):
    from azure.core.exceptions import HttpResponseError

    account = account_of("https://acc.blob.core.windows.net", "QUJD" * 10)
    error = HttpResponseError(
        response=Answer(
            403,
            {"x-ms-error-code": "AuthenticationFailed", "Date": "Sun, 22 Nov 2026 01:00:00 GMT"},
        )
    )
    found = translated(error, account, "box", "write", now=1795309200.0 + ahead).diagnostics[0]
    assert found.code == "RK0649" and words in found.message


def test_no_identity():
    from azure.core.exceptions import ClientAuthenticationError

    account = account_of("https://acc.blob.core.windows.net")
    error = ClientAuthenticationError(
        "DefaultAzureCredential failed.\nAttempted credentials:\n"
        "\tEnvironmentCredential: not set\n\tAzureCliCredential: run `az login`\nmore"
    )
    found = translated(error, account, "box", "list").diagnostics[0]
    assert found.code == "RK0647" and "az login" in found.help
    assert found.notes == ("EnvironmentCredential: not set", "AzureCliCredential: run `az login`")


def test_a_service_principal_with_a_wrong_secret():
    from azure.core.exceptions import ClientAuthenticationError

    account = account_of("https://acc.blob.core.windows.net")
    error = ClientAuthenticationError(
        "AADSTS7000215: Invalid client secret provided.\nTrace ID: 1", response=Answer(401, {})
    )
    found = translated(error, account, "box", "list").diagnostics[0]
    assert found.code == "RK0647"
    assert found.notes == ("AADSTS7000215: Invalid client secret provided.",)


def test_a_sas_that_ends_soon_is_a_warning(azurite, container):
    storage = AzBlobStorage(
        {"a": account_of(azurite.url, azurite.container_sas(container, hours=0.5), key="a")}
    )
    (warning,) = storage.check("a", container)
    assert warning.code == "RK0655" and warning.severity == "warning"
    assert "ends in 30 minutes" in warning.message
    assert storage.check("a", container, lifetime_s=60) == ()
    storage.close()
