"""The emulator as a whole.

with Emulator() as e:
    client = BatchClient(e.url, AzureNamedKeyCredential(e.account, e.key))
"""

from __future__ import annotations

import atexit
import base64
import glob
import os
import secrets
import shutil
import signal
import tempfile
from concurrent.futures import ThreadPoolExecutor

from rulekit.emulator import (
    allocation,
    api_pools,
    api_schedules,
    joblife,
    scaling,
    scheduler,
    upkeep,
)
from rulekit.emulator.control import Control
from rulekit.emulator.httpd import Httpd
from rulekit.emulator.service import Service
from rulekit.emulator.settings import Delays, Quotas, Settings
from rulekit.emulator.state import World

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

    from rulekit.emulator.clock import Clock
    from rulekit.emulator.faults import Faults
    from rulekit.emulator.ledger import Ledger


class Emulator:
    """A running Batch service on loopback; also a context manager.

    `port` 0 takes a free one. `accounts` maps names to keys (base64); by default one account with a
    fresh key; all of them see the same pools and jobs. `clock_speed` divides the service's own
    delays. `nodes_root` is where nodes live (default: a new temporary directory); what is made
    below it is removed at the end. `auth` names what is accepted: `key`, `token`. `environment`
    is added to the variables of every task. `certificate` (certificate file, key file) makes it
    https.
    """

    def __init__(
        self,
        port: int = 0,
        accounts: Mapping[str, str] | None = None,
        clock_speed: float = 1000.0,
        *,
        host: str = "127.0.0.1",
        nodes_root: str | None = None,
        delays: Delays | None = None,
        quotas: Quotas | None = None,
        auth: frozenset[str] = frozenset({"key", "token"}),
        environment: Mapping[str, str] | None = None,
        certificate: tuple[str, str] | None = None,
        workers: int = 16,
        verify: bool = True,
    ) -> None:
        known = dict(accounts or {"emulated": base64.b64encode(secrets.token_bytes(64)).decode()})
        if nodes_root is not None:
            os.makedirs(nodes_root, exist_ok=True)
        self._root = tempfile.mkdtemp(prefix="rk-nodes-", dir=nodes_root)
        settings = Settings(
            speed=clock_speed,
            root=os.path.realpath(self._root),
            delays=delays or Delays(),
            quotas=quotas or Quotas(),
            auth=auth,
            environment=environment,
            workers=workers,
            verify=verify,
        )
        self.world = World(settings)
        self.account, self.key = next(iter(known.items()))
        self.world.account = self.account
        self.control = Control(self.world)
        self.service = Service(self.world, known, self.control.answer)
        self._httpd = Httpd(host, port, self.service.handle, certificate)
        scheme = "http" if certificate is None else "https"
        self.port = self._httpd.port
        self.url = f"{scheme}://{host}:{self.port}"
        self.world.url = self.url
        scheduler.install(self.world)
        joblife.install(self.world)
        allocation.watch_leavers(self.world)
        api_schedules.install(self.world)
        self.world.on("pool-made", api_pools.open_pool)
        with self.world.lock:
            scaling.install(self.world)
            upkeep.install(self.world)
        self._closed = False
        self.world.clock.start()
        self._httpd.start()
        # Who forgets to close it must not leave processes behind.
        atexit.register(self.close)

    @property
    def root(self) -> str:
        """The directory that holds the nodes."""
        return self.world.settings.root

    @property
    def faults(self) -> Faults:
        """Planned failures: `faults.add({...})`."""
        return self.world.faults

    @property
    def ledger(self) -> Ledger:
        """What happened."""
        return self.world.ledger

    @property
    def clock(self) -> Clock:
        """The time."""
        return self.world.clock

    @property
    def errors(self) -> list[str]:
        """Mistakes of the emulator itself (tracebacks); a test should find none."""
        return self.world.clock.errors

    def __enter__(self) -> Emulator:
        return self

    def __exit__(self, *_exc: object) -> None:
        self.close()

    def close(self) -> None:
        """Kill all tasks, stop answering, remove all nodes."""
        if self._closed:
            return
        self._closed = True
        atexit.unregister(self.close)
        world = self.world
        self._httpd.close()
        with world.lock:
            for pool in world.pools.values():
                for node in pool.nodes.values():
                    for run in (*node.runs.values(), *node.chores.values()):
                        if run is not None:
                            run.lose()
            world.closed = True
        world.clock.stop()
        world.reaper.close()
        world.workers.shutdown(wait=True)
        kill_strays(world.settings.root)
        remove_tree(self._root)


def remove_tree(root: str) -> None:
    """Remove the nodes with all their files; on a slow disk many hands are ten times faster."""
    inner = glob.glob(os.path.join(glob.escape(root), "*", "workitems", "*", "job-1", "*"))
    if len(inner) > 50:
        with ThreadPoolExecutor(16) as many:
            list(many.map(lambda path: shutil.rmtree(path, ignore_errors=True), inner))
    shutil.rmtree(root, ignore_errors=True)


def kill_strays(root: str) -> int:
    """Kill processes that tasks left behind in sessions of their own (Linux); how many."""
    wanted = f"AZ_BATCH_NODE_ROOT_DIR={root}/".encode()
    killed = 0
    try:
        numbers = [name for name in os.listdir("/proc") if name.isdigit()]
    except OSError:
        return 0
    for number in numbers:
        if int(number) == os.getpid():
            continue
        try:
            with open(f"/proc/{number}/environ", "rb") as source:
                if wanted not in source.read():
                    continue
            os.kill(int(number), signal.SIGKILL)
            killed += 1
        except OSError:
            continue
    return killed
