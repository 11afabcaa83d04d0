"""What a run on Azure Batch is told: from flags, a settings file and the environment."""

from __future__ import annotations

import os

from rulekit.errors import UsageError
from rulekit.errors.diagnostic import did_you_mean
from rulekit.executors.azure import variables
from rulekit.frozen import frozen

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from typing import Any

    from rulekit.executors.azure.variables import Field

# Once good, now gone: images of Ubuntu 20.04 and older have left Batch.
_DEAD_IMAGES = ("20-04", "20_04", "18.04", "18_04", "16-04", "2004", "1804")


class Secret:
    """A value that no repr, message or log shows. `str()` of it is stars, too."""

    __slots__ = ("_value",)

    def __init__(self, value: str) -> None:
        self._value = value

    def reveal(self) -> str:
        """The value itself, for the one place that needs it."""
        return self._value

    def __repr__(self) -> str:
        return "Secret(***)"

    __str__ = __repr__

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Secret) and other._value == self._value

    def __hash__(self) -> int:
        return hash(self._value)

    def __reduce__(self) -> Any:
        raise TypeError("a secret is not pickled")


@frozen
class AzureSettings:
    """The settings of one run. See `variables.FIELDS` for what each means; times in their names."""

    account_url: str
    account_name: str
    account_key: Secret | None = None
    pool: str | None = None
    vm_size: str | None = None
    node_count: int = 1
    autoscale: bool = False
    max_nodes: int = 10
    spot: bool = False
    spot_preemptions: int = 3
    tasks_per_node: int | None = None
    fill: str = "spread"
    start_task_url: Secret | None = None
    registry_url: str | None = None
    registry_user: str | None = None
    registry_password: Secret | None = None
    subnet_id: str | None = None
    no_public_ip: bool = False
    identity_client_id: str | None = None
    identity_resource_id: str | None = None
    image_publisher: str | None = None
    image_offer: str | None = None
    image_sku: str | None = None
    image_id: str | None = None
    node_agent: str | None = None
    container_image: str | None = None
    container_limits: bool = True
    resource_prefix: str = "resource-files"
    simplified: bool = False
    keep_pool: bool = False
    lease_minutes: int = 30
    job_hours: int = 720
    subscription_id: str | None = None
    resource_group: str | None = None
    management_url: str | None = None
    credential_scope: str | None = None
    notices: tuple[str, ...] = ()

    def secrets(self) -> tuple[str, ...]:
        """Every secret value, for what hides them."""
        found = (getattr(self, name) for name in type(self).__match_args__)
        values = [value.reveal() for value in found if isinstance(value, Secret)]
        signatures = [part[4:] for v in values for part in v.split("?")[-1].split("&")]
        return tuple(values + [s for s in signatures if len(s) >= 16 and s not in values])


def read(
    flags: Mapping[str, Any] | None = None,
    section: Mapping[str, Any] | None = None,
    environ: Mapping[str, str] | None = None,
    *,
    missing: tuple[str, ...] = (),
) -> AzureSettings:
    """The settings: a flag counts before a settings file, that before the environment.

    `flags` and `section` map names of fields (a file may write ``-`` for ``_``) to values; None
    counts as not given. `missing` are lines about what else the caller found missing (a prefix, a
    storage account): all of it is told at once.

    Raises UsageError (RK0610 something is missing, RK0611 a value is wrong) with a diagnostic for
    each mistake; no message has a secret in it.
    """
    environ = os.environ if environ is None else environ
    problems: list[str] = []
    notices: list[str] = []
    found: dict[str, Any] = {}
    given = {name: value for name, value in (flags or {}).items() if value is not None}
    filed = _filed(section or {}, problems)
    for field in variables.FIELDS:
        value, origin = _lookup(field, given, filed, environ)
        found[field.name] = (
            field.default if value is None else _convert(field, value, origin, problems)
        )
    _slips(environ, notices)
    _agree(found, notices, problems)
    if problems:
        raise _errors("RK0611", problems)
    _complete(found, list(missing))
    return AzureSettings(**found, notices=tuple(notices))


def _filed(section: Mapping[str, Any], problems: list[str]) -> dict[str, Any]:
    filed: dict[str, Any] = {}
    for key, value in section.items():
        name = str(key).replace("-", "_")
        if name not in variables.BY_NAME:
            hint = did_you_mean("setting", name, variables.BY_NAME)
            problems.append(f"`azure:` has no setting `{key}`" + (f"; {hint}" if hint else ""))
        elif value is not None:
            filed[name] = value
    return filed


def _lookup(
    field: Field,
    flags: Mapping[str, Any],
    filed: Mapping[str, Any],
    environ: Mapping[str, str],
) -> tuple[Any, str]:
    if field.name in flags:
        return flags[field.name], f"`{field.name}`"
    if field.name in filed:
        return filed[field.name], f"`{field.name}` of the settings file"
    for name in variables.names_of(field):
        value = environ.get(name, "").strip()
        if value:
            return value, f"`{name}`"
    return None, ""


def _convert(field: Field, value: Any, origin: str, problems: list[str]) -> Any:
    """A value of the field's kind; the problem is noted where it has none."""
    if field.kind == "secret":
        return Secret(str(value))
    text = str(value).strip()
    make: Callable[[Field, str], Any] = _KINDS[field.kind]
    try:
        return make(field, text)
    except ValueError as error:
        problems.append(f"{origin} is `{text}`: {error}")
        return field.default


def _number(field: Field, text: str) -> int:
    try:
        number = int(text)
    except ValueError:
        raise ValueError("not a whole number") from None
    if number < field.least:
        raise ValueError(f"must be {field.least} or more")
    return number


def _yes(field: Field, text: str) -> bool:
    low = text.lower()
    if low in ("1", "true", "yes", "on", "simplified"):
        return True
    if low in ("0", "false", "no", "off", "", "none", "classic", "default"):
        return False
    raise ValueError("neither yes nor no")


def _fill(field: Field, text: str) -> str:
    if text.lower() not in ("spread", "pack"):
        raise ValueError("neither `spread` nor `pack`")
    return text.lower()


def _url(field: Field, text: str) -> str:
    from urllib.parse import urlsplit

    # A host alone will do: `name.region.batch.azure.com` is what the portal shows.
    parts = urlsplit(text if "://" in text else f"https://{text}")
    if parts.scheme not in ("https", "http") or not parts.hostname:
        raise ValueError("not an address such as https://NAME.REGION.batch.azure.com")
    if parts.scheme == "http" and not is_loopback(parts.hostname):
        raise ValueError("http would send what is secret in clear; use https")
    path = parts.path.rstrip("/")
    return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}{path}"


_KINDS: dict[str, Callable[[Field, str], Any]] = {
    "text": lambda _field, text: text or None,
    "number": _number,
    "yes": _yes,
    "fill": _fill,
    "url": _url,
}


def is_loopback(host: str) -> bool:
    """Whether a host name means this machine."""
    host = host.lower()
    return host in ("localhost", "::1") or host.endswith(".localhost") or host.startswith("127.")


def _agree(found: dict[str, Any], notices: list[str], problems: list[str]) -> None:
    """What fits together and what does not."""
    from urllib.parse import urlsplit

    if found["account_name"] is None and found["account_url"]:
        host = urlsplit(found["account_url"]).hostname or ""
        first = host.partition(".")[0]
        # An address by number has no name in it: then the path may have one, as Azurite's has.
        last = urlsplit(found["account_url"]).path.strip("/")
        name = "emulated" if is_loopback(host) else None
        found["account_name"] = last or (name if first.isdigit() or "." not in host else first)
    image = [found["image_publisher"], found["image_offer"], found["image_sku"]]
    if any(image) and not all(image):
        problems.append("publisher, offer and SKU of the machine image go together")
    if found["image_id"] and not found["node_agent"]:
        problems.append(
            "an own machine image needs its node agent (BATCH_POOL_VM_NODE_AGENT_SKU_ID)"
        )
    if any(dead in str(found["image_sku"]) for dead in _DEAD_IMAGES):
        notices.append(
            f"the machine image {'/'.join(map(str, image))} is out of support and no longer on"
            " offer: leave BATCH_POOL_IMAGE_* away and a good one is chosen"
        )
        found["image_publisher"] = found["image_offer"] = found["image_sku"] = None
        found["node_agent"] = None
    if (found["registry_user"] is None) != (found["registry_password"] is None):
        problems.append("user and password of the container registry go together")
    if found["registry_user"] and not found["registry_url"]:
        problems.append("BATCH_CONTAINER_REGISTRY_URL is missing for the user of the registry")
    if (found["tasks_per_node"] or 0) > 256:
        problems.append(f"tasks per node: {found['tasks_per_node']} are more than the 256 possible")
    if found["subnet_id"] and found["account_key"]:
        notices.append(
            "pools in a subnet need an identity: the key of the Batch account may not do"
        )


def _complete(found: dict[str, Any], missing: list[str]) -> None:
    """Raises one error that lists all that is missing."""
    if not found["account_url"]:
        missing.insert(0, "the Batch account: --az-batch-account-url or AZ_BATCH_ACCOUNT_URL")
    elif not found["account_name"]:
        missing.insert(
            0, "the name of the Batch account, not to be seen in its address: AZ_BATCH_ACCOUNT_NAME"
        )
    if not missing:
        return
    head = "to run on Azure Batch, something is missing" + (
        ":" if len(missing) > 1 else f": {missing[0]}"
    )
    raise UsageError(
        head,
        code="RK0610",
        notes=tuple(missing) if len(missing) > 1 else (),
        help="to try it without an account: `rulekit azure emulate` prints what to set",
    )


def _slips(environ: Mapping[str, str], notices: list[str]) -> None:
    """Names that are almost ours. Other programs may have such variables, so it is no error."""
    known = variables.known()
    for name in sorted(environ):
        # Inside a Batch task there are variables of the service.
        if name in known or not name.startswith(variables.WATCHED):
            continue
        hint = did_you_mean("variable", name, known)
        notices.append(f"{name} is set and means nothing here" + (f"; {hint}" if hint else ""))


def _errors(code: str, problems: list[str]) -> UsageError:
    from rulekit.errors.diagnostic import Diagnostic

    return UsageError(
        diagnostics=tuple(
            Diagnostic(code, text, help="see `docs/reference/azure.md` for all settings")
            for text in problems
        )
    )
