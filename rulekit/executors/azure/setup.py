"""What a run puts into the storage before its first task, and what its tasks are told of it."""

from __future__ import annotations

import json
import time

from rulekit.errors import RulekitError
from rulekit.executors.azure import access, bootstrap, definitions, staging
from rulekit.frozen import frozen
from rulekit.node import orders, prepare, seal

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from typing import Any

    from rulekit.executors.azure.packs import Packs
    from rulekit.executors.azure.pools import OpenPool
    from rulekit.executors.azure.settings import AzureSettings
    from rulekit.executors.azure.staging import RunFiles
    from rulekit.executors.azure.tasks import Task
    from rulekit.model.places import Location, Places

# What the machine's Python may have beside its standard library is not asked for.
_PYTHON = "exec python3 -I -S"
_PREPARE = f'{_PYTHON} "$AZ_BATCH_TASK_WORKING_DIR/{definitions.PROGRAM}" prepare'
_PREPARE += ' "$AZ_BATCH_TASK_WORKING_DIR"'
_AGAIN_S = 600.0  # until access is tried to be renewed again
_TASK = f'{_PYTHON} "$AZ_BATCH_JOB_PREP_WORKING_DIR/app" task'


@frozen
class RunFacts:
    """What the engine knows of a run that its tasks need.

    environment: names and values of `--envvars` and `envvars:`. sources: a tar.gz of what rules
    need beside their inputs (content, digest), None if there is none, and moved where what lies
    outside of the working directory is in it: as `node.sources.pack_sources` gives them.
    everything: whether the node program must hold all of rulekit, for `run:` bodies.
    """

    environment: Mapping[str, str]
    sources: tuple[bytes, str] | None = None
    moved: Mapping[str, str] | None = None
    everything: bool = False


class Setup:
    """Uploads with the first task what all of them need. Its key is known to nobody else."""

    def __init__(
        self,
        settings: AzureSettings,
        storage: Any,
        places: Places,
        files: RunFiles,
        facts: RunFacts,
        say: Callable[[str, str], None],
        packs: Packs | None = None,
    ) -> None:
        self._packs = packs
        self._settings = settings
        self._storage = storage
        self._places = places
        self._files = files
        self._facts = facts
        self._say = say
        self._key = seal.new_key()
        self._accounts: Mapping[str, Any] = {}
        self._sealed = b""
        self._sources: tuple[list[str], str] | None = None
        self._done = False
        self._renewal: float | None = None  # when access is to be made anew
        self._told = False

    def prepare(self, opened: OpenPool) -> None:
        """Upload, once. Raises InfrastructureError."""
        if self._done:
            return
        self._files.put_program(self._facts.everything)
        self._grant()
        if self._facts.sources is not None:
            data, digest = self._facts.sources
            where = self._files.put("sources.tar.gz", data)
            self._sources = (_triple(where), digest)
        # Where the service runs tasks in containers, it pulls their images itself.
        image = None if opened.needs_image else self._settings.container_image
        settings = prepare.make_settings(
            self._accounts,
            self._files.run,
            sources=self._sources,
            images=(image,) if image else (),
        )
        self._files.put(definitions.PREPARE, json.dumps(settings).encode())
        self._done = True

    def _grant(self) -> None:
        """Access to the storage for machines from now on, in a bundle under seal."""
        now = time.time()
        granted = access.grant(self._storage, self._places, self._files.root, self._settings)
        self._accounts = granted.accounts
        key = self._files.root.account
        self._files.quicken(granted.accounts[key], granted.sas.get(key))
        bundle: dict[str, Any] = {
            "sas": granted.sas,
            "environment": dict(self._facts.environment),
        }
        if self._settings.registry_url and self._settings.registry_password is not None:
            bundle["registries"] = [
                {
                    "server": self._settings.registry_url,
                    "user": self._settings.registry_user,
                    "password": self._settings.registry_password.reveal(),
                }
            ]
        self._sealed = seal.seal(json.dumps(bundle).encode(), seal.key_of(self._key))
        self._files.put(definitions.BUNDLE, self._sealed)
        self._renewal = None if granted.ends is None else now + (granted.ends - now) / 2

    def renew(self, now: float) -> bool:
        """Makes the access of machines anew when half of its life is over; True then: tasks go to
        new jobs from now on, for which machines prepare themselves once more. If it cannot be made,
        the old one is used on, with a warning. `now` in seconds of the epoch."""
        if self._renewal is None or now < self._renewal:
            return False
        try:
            self._grant()
        except RulekitError as error:
            self._renewal = now + _AGAIN_S
            if not self._told:
                self._told = True
                self._say("warning", f"access to the storage cannot be renewed: {error}")
            return False
        self._told = False
        return True

    def job(self, opened: OpenPool, labels: Mapping[str, str]) -> dict[str, Any]:
        """The definition of the job in a pool."""
        wanted = (definitions.PROGRAM, definitions.PREPARE, definitions.BUNDLE)
        places = [self._files.at(name) for name in wanted]
        environment = {prepare.KEY: self._key}
        if access.needs_bootstrap(self._storage, self._files.root.account, self._settings):
            fetched = [
                (name, access.plain_link(self._storage, place))
                for name, place in zip(wanted[:2], places[:2], strict=True)
            ]
            account = self._files.root.account
            command = bootstrap.command(account, fetched, _PREPARE)
            files: list[tuple[str, str]] = []
            own = {bootstrap.BUNDLE: bootstrap.sealed_text(self._sealed)}
        else:
            command, own = _PREPARE, {}
            urls = access.links(self._storage, places, self._settings)
            files = list(zip(wanted, urls, strict=True))
        return definitions.job(
            opened.job_id,
            opened.pool_id,
            self._files.run,
            hours=self._settings.job_hours,
            files=files,
            environment=environment,
            own=own,
            command=definitions.shell(command),
            labels=labels,
            identity=self._settings.identity_resource_id,
        )

    def order(self, opened: OpenPool, task: Task) -> dict[str, Any]:
        """The order of a task. Raises ValueError or TypeError if it cannot be written down."""
        images: list[str | None] = []
        if not opened.needs_image:  # there the node program is in the container already
            images = [detail.image or self._settings.container_image for detail in task.details]
        return orders.make_order(
            task.specs,
            self._places.find,
            self._accounts,
            self._files.run,
            images=images,
            options=[list(detail.options) for detail in task.details],
            sources=self._sources,
            result=_triple(self._files.at(staging.result_name(task.batch, task.token))),
            output=_triple(self._files.at(staging.output_name(task.batch, task.token))),
            inner=task.inner,
            moved=self._facts.moved,
            envvars=self._facts.environment,
            environments=None if self._packs is None else self._packs.of(task.specs),
        )

    def task(self, opened: OpenPool, task: Task, place: tuple[int, int]) -> dict[str, Any]:
        """The definition of a task whose order is at `place` in the blob of its batch."""
        blob = self._files.at(staging.orders_name(task.batch))
        environment = {
            "RK_ORDER": "/".join(_triple(blob)),
            "RK_RANGE": f"{place[0]}:{place[1]}",
        }
        image = None
        if opened.needs_image:
            named = [detail.image for detail in task.details if detail.image]
            image = named[0] if named else self._settings.container_image
            environment["RK_INSIDE"] = "1"
        return definitions.task(
            task.id,
            shown=task.shown(),
            command=definitions.shell(_TASK),
            environment=environment,
            slots=task.slots,
            limit_s=task.limit_s(),
            image=image,
        )


def _triple(location: Location) -> list[str]:
    return [location.account, location.container, location.name]
