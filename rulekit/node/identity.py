"""Tokens for the identity of a cloud machine, from its metadata service.

Facts: Microsoft's page on tokens for managed identities of virtual machines; `RULEKIT_IMDS` is the
address of another such service (tests).
"""

from __future__ import annotations

import json
import os
import threading
import time

from rulekit.node.trouble import ServiceTrouble
from rulekit.node.web import REPEATED, Web, address_of

METADATA = "http://169.254.169.254"
RESOURCE = "https://storage.azure.com/"
_EARLY_S = 300.0  # a token is renewed so long before its end
_PATIENCE_S = 60.0


class Tokens:
    """The token of one identity, renewed before it ends. Safe to use from threads."""

    def __init__(self, client_id: str | None, web: Web) -> None:
        self._client_id = client_id
        self._web = web
        self._lock = threading.Lock()
        self._token = ""
        self._good_until = 0.0

    def token(self) -> str:
        """A token that is still good. Raises `ServiceTrouble`, which does not hold it."""
        with self._lock:
            if time.time() >= self._good_until:
                self._renew()
            return self._token

    def forget(self, token: str) -> None:
        """That token was refused: the next one is a new one."""
        with self._lock:
            if token == self._token:
                self._good_until = 0.0

    def _renew(self) -> None:
        from urllib.parse import urlencode

        asked = {"api-version": "2018-02-01", "resource": RESOURCE}
        if self._client_id:
            asked["client_id"] = self._client_id
        what = "the identity of this machine"
        web = self._web
        patient = Web(min(_PATIENCE_S, web.patience_s), min(10.0, web.timeout_s))
        web.check()
        answer = patient.send(
            "GET",
            address_of(os.environ.get("RULEKIT_IMDS") or METADATA),
            "/metadata/identity/oauth2/token?" + urlencode(asked),
            lambda: {"Metadata": "true"},
            accept=(200,),
            what=what,
            # The service is late in knowing a new machine's identity, and is renewed now and then.
            repeated=REPEATED | {404, 410},
        )
        patient.close()
        try:
            said = json.loads(answer.body)
        except ValueError:
            said = {}
        if answer.status != 200 or not isinstance(said, dict) or not said.get("access_token"):
            reason = ""
            if isinstance(said, dict):
                reason = str(said.get("error_description") or said.get("error") or "")
            raise ServiceTrouble(
                "access",
                f"{what} gets no token for the storage ({answer.status}): "
                f"{reason.strip() or 'no reason is given'}",
                answer.status,
                "",
            )
        self._token = str(said["access_token"])
        try:
            left = float(said.get("expires_in") or 0)
        except ValueError:
            left = 0.0
        self._good_until = time.time() + max(30.0, left - _EARLY_S)
