"""Clients of the SDK: one for each account, with the retries and time limits of a driver."""

from __future__ import annotations

from rulekit.frozen import frozen

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from azure.storage.blob import BlobServiceClient

    from rulekit.storage.azblob.account import Account


@frozen
class Patience:
    """How long a request is tried. attempts: in all; first_wait_s and longest_wait_s: between them,
    doubling (the service's Retry-After wins); connect_s, read_s: limits for one attempt. Questions
    without the SDK are tried for ten seconds for each attempt but the first."""

    attempts: int = 9
    first_wait_s: float = 0.5
    longest_wait_s: float = 30.0
    connect_s: float = 20.0
    read_s: float = 90.0

    def question_s(self) -> float:
        """Seconds for which a question is tried."""
        return 10.0 * (self.attempts - 1)


def connected(account: Account, patience: Patience) -> BlobServiceClient:
    """A client for an account. Nothing is sent yet; an identity is looked for on the first
    request."""
    import logging

    from azure.storage.blob import BlobServiceClient

    # It warns of each error whose body is no XML, which is told by its status all the same.
    logging.getLogger("azure.storage.blob._shared.response_handlers").setLevel(logging.ERROR)
    retries = patience.attempts - 1
    return BlobServiceClient(
        account.url,
        credential=credential_of(account),
        retry_policy=_retry_policy()(
            retry_total=retries,
            retry_connect=min(retries, 3),
            retry_read=retries,
            retry_status=retries,
            retry_backoff_factor=patience.first_wait_s,
            retry_backoff_max=patience.longest_wait_s,
        ),
        connection_timeout=patience.connect_s,
        read_timeout=patience.read_s,
        user_agent="rulekit",
    )


def _retry_policy() -> Any:
    """azure-core's policy, which repeats 429 and listens to Retry-After; the storage SDK's does not.

    The SDK counts on its own policy to take words out of the request and to mark the answer.
    """
    from azure.core.pipeline.policies import RetryPolicy

    class BlobRetryPolicy(RetryPolicy):  # type: ignore[type-arg]
        def send(self, request: Any) -> Any:
            for word in ("hosts", "location_mode"):
                request.context.options.pop(word, None)
            response = super().send(request)
            response.http_response.location_mode = "primary"  # the SDK looks for it
            return response

    return BlobRetryPolicy


def credential_of(account: Account) -> Any:
    """What the SDK takes as a credential."""
    if account.kind == "key":
        from azure.core.credentials import AzureNamedKeyCredential

        return AzureNamedKeyCredential(account.name, account.secret)
    if account.kind == "sas":
        from azure.core.credentials import AzureSasCredential

        return AzureSasCredential(account.secret)
    if account.kind == "identity":
        from azure.identity import DefaultAzureCredential

        return DefaultAzureCredential(
            managed_identity_client_id=account.client_id,
            exclude_interactive_browser_credential=True,
        )
    return None
