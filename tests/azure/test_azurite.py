"""The server that the tests of storage stand on does what they assume."""

from __future__ import annotations

import pytest
from azure.core.exceptions import HttpResponseError


def test_a_blob_comes_back_and_rights_are_checked(azurite, container):
    azurite.put(container, "a b/ü#1 %{x}.txt", b"text")
    assert azurite.names(container) == ["a b/ü#1 %{x}.txt"]
    assert azurite.get(container, "a b/ü#1 %{x}.txt") == b"text"
    reading = azurite.client(azurite.container_sas(container, "rl"))
    with pytest.raises(HttpResponseError) as refused:
        reading.get_blob_client(container, "new").upload_blob(b"")
    assert refused.value.status_code == 403
    expired = azurite.client(azurite.account_sas(hours=-2))
    with pytest.raises(HttpResponseError) as refused:
        list(expired.get_container_client(container).list_blobs())
    assert refused.value.status_code == 403
