"""The storage of one run: accounts, client, places and view, each made when it is needed.

Light to import and to make: nothing of Azure is imported before a stored file is met.
"""

from __future__ import annotations

from rulekit.model.places import NOWHERE, STORED
from rulekit.model.stores import DEFAULT_ACCOUNT, NO_STORES

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from rulekit.errors.diagnostic import Diagnostic
    from rulekit.errors.tree import PlanError, RulekitError
    from rulekit.model.places import Location, Places, Root
    from rulekit.model.rule import Workflow
    from rulekit.model.stores import Stores
    from rulekit.planning import Plan
    from rulekit.storage.azblob.account import Account
    from rulekit.storage.azblob.client import AzBlobStorage
    from rulekit.storage.stored import StoredFiles


_A_RUN_S = 86_400.0  # a run may well take so long, and write at its end


class StorageSession:
    """What a run has of stored files; a `StorageHook` for the load of its rule files.

    provider, prefix: as in ``--default-storage-provider`` (or ``--default-remote-provider``) and
    the prefix that belongs to it; None for files of this disk. environ: where accounts are told.
    Raises `UsageError` and `InfrastructureError` for a default root that cannot be used.
    """

    def __init__(
        self,
        environ: Mapping[str, str],
        provider: str | None = None,
        prefix: str | None = None,
        *,
        digest_limit: int = 1_000_000,
    ) -> None:
        self.environ = environ
        self.digest_limit = digest_limit
        self._stores: Stores = NO_STORES
        self._accounts: dict[str, Account] | None = None
        self._client: AzBlobStorage | None = None
        self._files: StoredFiles | None = None
        self._written: frozenset[tuple[str, str]] = frozenset()
        self.root: Root | None = None
        if provider or prefix:
            from rulekit.storage.azblob.account import account_from_environment
            from rulekit.storage.azblob.remote import default_root

            self.root = default_root(provider, prefix, account_from_environment(environ))
        if self.root is not None:
            from rulekit.model.places import Places

            self.places: Places = Places((), self.root)
        else:
            self.places = NOWHERE

    def __repr__(self) -> str:
        return f"StorageSession({self.places!r})"

    # -- for the load --------------------------------------------------------------------------

    def account(self) -> tuple[str, str]:
        """Key and URL of the account that the environment tells."""
        from rulekit.storage.azblob.account import account_from_environment

        found = account_from_environment(self.environ)
        return (DEFAULT_ACCOUNT, "") if found is None else (found.key, found.url)

    def view(self, stores: Stores) -> StoredFiles:
        """The one view of this run, which learns of accounts and roots as they come up."""
        from rulekit.frozen import replace
        from rulekit.model.places import merged

        if stores != self._stores:
            self._stores = stores
            self._accounts = None
            if self._client is not None:
                self._client.use_accounts(self.accounts)
        if self.places.roots != stores.roots:
            self.places = replace(self.places, roots=merged(stores.roots))
        files = self.files
        files.places = self.places
        return files

    # -- for the run ---------------------------------------------------------------------------

    def take(self, workflow: Workflow) -> Places:
        """The places of the run, now that its rule files are read."""
        from rulekit.frozen import replace

        if self.root is None and not workflow.stores.roots and not workflow.stores.settings:
            return self.places
        from rulekit.storage.azblob.remote import local_patterns, written_containers

        self.view(workflow.stores)
        self._written = written_containers(workflow)
        if self.root is not None:
            self.places = replace(self.places, local=local_patterns(workflow))
            self.files.places = self.places
        return self.places

    @property
    def in_use(self) -> bool:
        """Whether there may be stored files at all."""
        return self.root is not None or bool(self.places.roots)

    @property
    def accounts(self) -> dict[str, Account]:
        """The accounts of the run by their keys."""
        if self._accounts is None:
            from rulekit.storage.azblob.account import accounts_of

            self._accounts = accounts_of(self._stores, self.environ)
        return self._accounts

    @property
    def client(self) -> AzBlobStorage:
        """The client of the run."""
        if self._client is None:
            from rulekit.storage.azblob.client import AzBlobStorage

            self._client = AzBlobStorage(self.accounts)
        return self._client

    @property
    def files(self) -> StoredFiles:
        """The view of the run."""
        if self._files is None:
            from rulekit.storage.stored import StoredFiles

            self._files = StoredFiles(self.places, self.client, self.digest_limit)
        return self._files

    def secrets(self) -> Iterable[str]:
        """Values that must be shown nowhere."""
        return [one.secret for one in self.accounts.values() if one.secret]

    def check(self, writing: bool = True) -> tuple[Diagnostic, ...]:
        """One look at each container of the run before anything starts. Not `writing`: a dry run.
        Raises the error for what is wrong; gives warnings."""
        seen: dict[tuple[str, str], str] = {}
        for root in self.places.roots:
            place = (root.account, root.container)
            seen[place] = "rlcw" if writing and place in self._written else "rl"
        if self.root is not None:
            seen[self.root.account, self.root.container] = "rlcw" if writing else "rl"
        found: list[Diagnostic] = []
        for (account, container), rights in seen.items():
            found += self.client.check(
                account, container, rights, _A_RUN_S if "w" in rights else 3600.0
            )
        if not writing:
            found += [
                self._unmade(account, container)
                for account, container in seen
                if (account, container) in self.client.gone
                and ((account, container) in self._written or self._is_root(account, container))
            ]
        return tuple(dict.fromkeys(found))

    def _is_root(self, account: str, container: str) -> bool:
        root = self.root
        return root is not None and (account, container) == (root.account, root.container)

    def _unmade(self, account: str, container: str) -> Diagnostic:
        from rulekit.errors.diagnostic import Diagnostic

        name = self.client.account(account).name
        return Diagnostic(
            "RK0692",
            f"there is no container `{container}` in the storage account `{name}`: the run will"
            " make it",
            help="if it is there under another name, this is the moment to see it",
            severity="warning",
        )

    def make_ready(self, plan: Plan, run: bytes | bytearray) -> list[str]:
        """Before the first job: makes the containers that the jobs to run write to, where they are
        missing, and asks whether they may be written to. Gives the names of those that it made.
        Raises `InfrastructureError` (RK0643, RK0644, RK0645)."""
        first: dict[tuple[str, str], Location] = {}
        for job in range(len(run)):
            for path in plan.outputs[job] if run[job] else ():
                found = self.places.find(path)
                if found is not None:
                    first.setdefault((found.account, found.container), found)
        return [at.container for at in first.values() if self.client.make_ready(at)]

    def check_plan(self, plan: Plan) -> None:
        """Refuses names that jobs would write and no blob can have. Raises `InfrastructureError`
        (RK0642, RK0644)."""
        from rulekit.storage.azblob.names import check_places

        check_places(self.places, _written(plan))

    def shown(self, path: str) -> str:
        """A path for people: ``az://container/name`` (with the account before it if it is not the
        run's) for an explicit stored file, else as it is."""
        if not path.startswith(STORED):
            return path
        account, _, rest = path[len(STORED) :].partition("/")
        return f"az://{rest}" if account == self.account()[0] else f"az://{account}/{rest}"

    def shown_text(self, text: str) -> str:
        """A text for people with `shown` names in the place of stored paths, also of those that
        are below the working directory by an absolute path."""
        if STORED not in text:
            return text
        import os
        import re

        here = re.escape(os.getcwd().rstrip("/") + "/")
        part = r"[^/\s'\"`]+"
        stored = re.compile(rf"(?:{here}|(?<![\w/.-]))({re.escape(STORED)}{part}/{part})(?=/)")
        return stored.sub(lambda found: self.shown(found[1]), text)

    def explained(self, error: PlanError) -> RulekitError:
        """An error about a missing file, with where it was looked for. That the container is not
        there at all is an error of its own (RK0644)."""
        first = error.diagnostics[0]
        if first.code not in ("RK0401", "RK0402"):
            return error
        import os
        import re

        from rulekit.errors.tree import PlanError as Error
        from rulekit.frozen import replace

        named = re.findall(r"`([^`]+)`", first.message)
        for path in named if self._client is not None else ():
            at = self.places.find(path)
            if at is not None and (at.account, at.container) in self.client.gone:
                return self._no_container(path, at, first)
        if self.root is None:
            return error
        stored = [path for path in named if self.places.find(path) is not None]
        here = [path for path in stored if not path.startswith(STORED) and os.path.exists(path)]
        if not stored:
            return error
        place = f"az://{self.root.container}/{self.root.below}"
        notes = (*first.notes, f"stored files are looked for below {place}")
        help_ = first.help
        if here:
            notes = (*first.notes, f"`{here[0]}` is on this disk, and was looked for below {place}")
            help_ = (
                "`rulekit azure upload FILE ...` puts files there; in the rule, "
                f'`local("{here[0]}")` keeps it on this disk'
            )
        changed = replace(first, notes=notes, help=help_)
        return Error(diagnostics=(changed, *error.diagnostics[1:]))

    def _no_container(self, path: str, at: Location, first: Diagnostic) -> RulekitError:
        from rulekit.errors.diagnostic import Diagnostic
        from rulekit.errors.tree import InfrastructureError

        account = self.client.account(at.account)
        return InfrastructureError(
            diagnostics=(
                Diagnostic(
                    "RK0644",
                    f"there is no container `{at.container}` in the storage account"
                    f" `{account.name}`, and so no input `{path}`",
                    span=first.span,
                    notes=(f"the account is at {account.url}",),
                    help="is the name of the container right? If it is to be a new one, `rulekit"
                    f" azure upload`\nputs files there, and `az storage container create"
                    f" --account-name {account.name}\n--name {at.container}` makes it",
                ),
            )
        )

    def close(self) -> None:
        """Ends all connections."""
        if self._client is not None:
            self._client.close()


def _written(plan: Plan) -> Iterator[str]:
    """Outputs, and the logs and benchmarks that are known beforehand."""
    for number, outputs in enumerate(plan.outputs):
        yield from outputs
        template = plan.templates[plan.rule[number]]
        if template.logs is not None:
            yield from template.logs.fill(plan.wildcards[number])
        benchmark = plan.benchmark(number)
        if benchmark is not None:
            yield benchmark
