"""The command against an emulated Azure: Azurite, the emulator of Batch, a project folder."""

from __future__ import annotations

import os
import subprocess
import sys

from azruns import lasting

from rulekit.emulator.server import Emulator

PREFIX = "lab/run"


class Cloud:
    """One container, one Batch account, one folder. `blobs` are below the prefix of the runs."""

    def __init__(self, azurite, container, folder, **options):
        self.azurite = azurite
        self.container = container
        self.folder = folder
        self.emulator = Emulator(**options)
        self.environment = {
            **{k: v for k, v in os.environ.items() if not k.startswith(("AZ", "BATCH_"))},
            **azurite.environment(),
            "AZ_BATCH_ACCOUNT_URL": self.emulator.url,
            "AZ_BATCH_ACCOUNT_NAME": self.emulator.account,
            "AZ_BATCH_ACCOUNT_KEY": self.emulator.key,
            "XDG_CACHE_HOME": str(folder / ".cache"),
        }

    def write(self, name, text):
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)

    def put(self, path, data):
        self.azurite.put(self.container, f"{PREFIX}/{path}", data)

    def get(self, path):
        return self.azurite.get(self.container, f"{PREFIX}/{path}").decode()

    def names(self):
        """Blobs below the prefix, ours left out."""
        found = self.azurite.names(self.container, PREFIX + "/")
        found = [name[len(PREFIX) + 1 :] for name in found]
        return [name for name in found if not name.startswith(".rulekit/")]

    def ours(self):
        return self.azurite.names(self.container, f"{PREFIX}/.rulekit/")

    def words(self, *words, batch=True):
        where = ["--az-batch"] if batch else ["--cores", "2"]
        if batch is None:
            where = []
        provider = ["--default-remote-provider", "AzBlob"]
        provider += ["--default-remote-prefix", f"{self.container}/{PREFIX}"]
        return [sys.executable, "-m", "rulekit", *where, *provider, *words]

    def run(self, *words, batch=True, timeout=400, **environment):
        return subprocess.run(
            self.words(*words, batch=batch),
            cwd=self.folder,
            env={**self.environment, **environment},
            capture_output=True,
            text=True,
            timeout=timeout,
        )

    def measured(self, *words):
        """Runs the command; its exit code, what it said, and its CPU seconds, the driver's alone."""
        said = self.folder / "said.txt"
        with open(said, "wb") as out:
            process = subprocess.Popen(
                self.words(*words), cwd=self.folder, env=self.environment, stdout=out, stderr=out
            )
            _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
        return process.returncode, said.read_text(), usage.ru_utime + usage.ru_stime

    def start(self, *words, **environment):
        return subprocess.Popen(
            self.words(*words),
            cwd=self.folder,
            env={**self.environment, **environment},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )

    def batch_requests(self):
        return len(self.emulator.ledger.requests())

    def left(self):
        """Pools and jobs that are still there, and not on their way out."""
        return [*lasting(self.emulator, "pools"), *lasting(self.emulator, "jobs")]

    def close(self):
        self.emulator.close()
