"""How rule files name stored files: ``az://container/path`` and what providers make of names.

A name becomes a plain path (`model.places.STORED` and what follows) as soon as it is met, wildcards
and all; nothing after this module knows of schemes. One table belongs to the load that is going on
and to the planning after it, as user functions give names while planning, too.
"""

from __future__ import annotations

from rulekit.errors.tree import RuleFileError
from rulekit.language.storagestate import State
from rulekit.model.bloburl import BadUrl, parse_account_url
from rulekit.model.flags import FlaggedStr, flags_of
from rulekit.model.places import (
    STORED,
    Location,
    Places,
    merged,
    normal,
    root_of_pattern,
    stored_path,
)
from rulekit.model.stores import DEFAULT_ACCOUNT, Stores, StoreSettings

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable
    from typing import Any

    from rulekit.language.storagerecord import RecordedStorage
    from rulekit.model.places import Root
    from rulekit.model.stores import StorageHook, StoredView

SCHEMES = ("az://", "ab://")
# Flags of names that came from a provider: those of Snakemake 8 and 7.
FLAG, FLAG_7 = "storage_object", "remote_object"


def is_stored_name(text: str) -> bool:
    """Whether a text is a name with a scheme of Azure Blob Storage."""
    return text[:5] in SCHEMES


class StorageTable:
    """The accounts and roots that names of one workflow have led to."""

    def __init__(self, hook: StorageHook | None = None) -> None:
        self.hook = hook
        self.settings: dict[str, StoreSettings] = {}
        self.roots: set[Root] = set()
        # What was asked, as long as the rule file is read.
        self._listed: dict[str, tuple[str, ...]] | None = {}
        self._seen: dict[str, bool] = {}
        self._account: tuple[str, str] | None = None
        self._names: dict[tuple[str, str], str] = {}

    # -- accounts ------------------------------------------------------------------------------

    def account(self) -> tuple[str, str]:
        """Key and URL of the account of names that tell none."""
        if self._account is None:
            self._account = (DEFAULT_ACCOUNT, "") if self.hook is None else self.hook.account()
        return self._account

    def use_account(self, url: str, credential: str = "", name: str = "") -> str:
        """The key of an account that the rule file configures; the same account, the same key.

        `url` may be empty for the environment's. Raises `RuleFileError`.
        """
        default_key, default_url = self.account()
        if not url and not name:
            if credential:
                self.settings[default_key] = StoreSettings(default_key, "", credential)
            return default_key
        if not url:
            url = f"https://{name}.blob.core.windows.net"
        try:
            parsed = parse_account_url(url)
        except BadUrl as error:
            raise RuleFileError(
                f"the URL of a storage account cannot be used: {error}",
                code="RK0656",
                help="for example `https://NAME.blob.core.windows.net`",
            ) from None
        credential = credential or parsed.sas
        if parsed.url == default_url and not credential:
            return default_key
        key = parsed.account
        if parsed.url != default_url:
            taken = self.settings.get(key)
            if (taken is not None and taken.url != parsed.url) or key == default_key:
                import zlib

                key = f"{key}-{zlib.crc32(parsed.url.encode()):08x}"
        known = self.settings.get(key)
        if known is None or credential:
            self.settings[key] = StoreSettings(key, parsed.url, credential)
        return key

    def stores(self) -> Stores:
        """What the workflow says of storage, as of now."""
        return Stores(tuple(self.settings.values()), merged(self.roots))

    def view(self) -> StoredView:
        """Stored files as they are. Raises `RuleFileError` where nothing opens them."""
        if self.hook is None:
            raise RuleFileError(
                "stored files are asked for where nothing can open them", code="RK0640"
            )
        return self.hook.view(self.stores())

    # -- names ---------------------------------------------------------------------------------

    def path(self, text: str, account: str | None = None) -> str:
        """The path of a stored name, with or without wildcards.

        ``az://container/path``, ``az://account/container/path`` for an account that is known,
        ``https://NAME.blob.core.windows.net/container/path``, ``container/path``. `account`: the
        key of the provider's account, None for the run's. Raises `RuleFileError`.
        """
        key = (text, account or "")
        found = self._names.get(key)
        if found is None:
            found = self._names[key] = self._path(text, account)
        return found

    def _path(self, text: str, account: str | None) -> str:
        own = self.account()[0] if account is None else account
        rest = text
        scheme, separator, after = text.partition("://")
        if separator:
            if scheme in ("http", "https"):
                return self._url(text)
            if scheme not in ("az", "ab"):
                raise other_scheme(scheme, text)
            rest = after
        first, _, behind = rest.partition("/")
        if separator and "/" in behind and self._is_account(first, own):
            own = first if first in self.settings or first == self.account()[0] else own
            first, _, behind = behind.partition("/")
        if not first or not behind:
            missing = "a container" if not first else "a path behind the container"
            raise RuleFileError(
                f"the stored name `{text}` has not {missing}"
                if missing.startswith("a p")
                else f"the stored name `{text}` names no container",
                code="RK0653",
                help="it is written `az://container/path`",
            )
        return self._located(text, own, first, behind)

    def _is_account(self, name: str, own: str) -> bool:
        known = {own, self.account()[0], *self.settings}
        known.discard(DEFAULT_ACCOUNT)
        return name in known

    def _url(self, text: str) -> str:
        try:
            parsed = parse_account_url(text)
        except BadUrl as error:
            raise RuleFileError(
                f"the stored name `{text.partition('?')[0]}` cannot be used: {error}", code="RK0653"
            ) from None
        if not parsed.container or not parsed.name:
            raise RuleFileError(
                f"the stored name `{text.partition('?')[0]}` names no blob",
                code="RK0653",
                help="it is written `https://NAME.blob.core.windows.net/container/path`",
            )
        key = self.use_account(parsed.url, parsed.sas)
        return self._located(text.partition("?")[0], key, parsed.container, parsed.name)

    def _located(self, text: str, account: str, container: str, name: str) -> str:
        plain = normal("x/" + name)
        if plain is None or plain == "x" or container in (".", "..") or "/" in container:
            raise RuleFileError(
                f"the stored name `{text}` leads out of its container",
                code="RK0653",
                help="`..` has no meaning in names of blobs",
            )
        location = Location(account, container, plain[2:])
        root = None if self.hook is None else self.hook.root
        if root is not None and account == root.account and container == root.container:
            # The same file has one path, however it is named.
            path = Places((), root).path_of(location)
            if path is not None and not path.startswith(".rulekit/"):
                return path
        made = stored_path(location)
        assert made is not None
        self.roots.add(root_of_pattern(location))
        return made

    def converted(self, value: Any) -> Any:
        """The path of a stored name, with its flags; prefixes of modules do not apply to it."""
        path = self.path(str(value))
        flags = {**flags_of(value), "path_modified": True}
        multiext = flags.get("multiext")
        if multiext and is_stored_name(multiext["prefix"]):
            flags = {**flags, "multiext": {**multiext, "prefix": self.path(multiext["prefix"])}}
        return FlaggedStr(path, flags)

    def _may_be_stored(self, path: str) -> bool:
        return path.startswith(STORED) or (self.hook is not None and self.hook.root is not None)

    # -- what there is -------------------------------------------------------------------------

    def names_for(self, pattern: str) -> tuple[str, Iterable[str] | None]:
        """For `glob_wildcards`: the pattern as a path, and the stored paths to look through; None
        for them if the pattern is of this disk."""
        if is_stored_name(pattern):
            pattern = self.path(pattern)
        elif not self._may_be_stored(pattern):
            return pattern, None
        folder = pattern.partition("{")[0].rpartition("/")[0]
        view = self.view()
        if not view.is_stored(folder + "/x" if folder else "x"):
            return pattern, None
        found = tuple(view.below(folder))
        if self._listed is not None:
            self._listed[folder] = found
        return pattern, found

    def exists(self, path: str) -> tuple[str, bool | None]:
        """The path of a name, and whether that stored file is there; None if it is of this disk."""
        if is_stored_name(path):
            path = self.path(path)
        elif not self._may_be_stored(path):
            return path, None
        view = self.view()
        if not view.is_stored(path):
            return path, None
        found = view.exists(path)
        if self._listed is not None:
            self._seen[path] = found
        return path, found

    def recorded(self) -> RecordedStorage:
        """What was asked up to now. From here on nothing is noted any more."""
        from rulekit.language.storagerecord import RecordedStorage

        root = None if self.hook is None else self.hook.root
        made = RecordedStorage(root, self.account(), self._listed or {}, self._seen)
        self._listed, self._seen = None, {}
        return made


def other_scheme(scheme: str, text: str) -> RuleFileError:
    """The error for a name of another provider."""
    how = {
        "s3": "`aws s3 cp`",
        "gs": "`gcloud storage cp`",
        "http": "`curl -fsSL -o {output} URL`",
        "https": "`curl -fsSL -o {output} URL`",
        "ftp": "`curl -fsSL -o {output} URL`",
    }.get(scheme.lower(), "the program for it")
    return RuleFileError(
        f"files of `{scheme}` storage are not available: `{text.partition('?')[0]}`",
        code="RK0654",
        help=f"fetch the file in a rule of its own, with {how}; stored files of Azure are "
        "`az://container/path`",
    )


def table() -> StorageTable:
    """The table of the workflow that is read or planned."""
    if State.table is None:
        State.table = StorageTable(State.hook)
    return State.table
