"""The commands `az batch` of azure-cli against the emulator, by https.

    python tests/emulator/oracle_azcli.py [--az PROGRAM] [--venv DIRECTORY]

azure-cli is big (1 GB, some minutes), so it gets an environment of its own: `--az` names one that is
there, else `--venv` (default: a temporary one) is made and filled by pip. Prints each command and
whether it did what it should; the exit code is 0 when all did.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time

from rulekit.emulator import tls
from rulekit.emulator.server import Emulator

POOL = {
    "id": "p1",
    "vmSize": "standard_d2s_v5",
    "virtualMachineConfiguration": {
        "imageReference": {"publisher": "microsoft-dsvm", "offer": "ubuntu-hpc", "sku": "2404"},
        "nodeAgentSKUId": "batch.node.ubuntu 24.04",
    },
    "targetDedicatedNodes": 1,
}


class Session:
    """Runs `az` with the variables that point it at an emulator; remembers what failed."""

    def __init__(self, program: str, emulator: Emulator, authority: str, folder: str) -> None:
        self.program = program
        self.folder = folder
        self.failed: list[str] = []
        self.count = 0
        self.environment = {
            **os.environ,
            "AZURE_BATCH_ACCOUNT": emulator.account,
            "AZURE_BATCH_ACCESS_KEY": emulator.key,
            "AZURE_BATCH_ENDPOINT": emulator.url,
            "REQUESTS_CA_BUNDLE": authority,
            "AZURE_CONFIG_DIR": os.path.join(folder, "config"),
            "AZURE_CORE_COLLECT_TELEMETRY": "no",
        }

    def run(self, line: str, query: str | None = None) -> object:
        """The answer of one command as JSON; None if there was none."""
        words = [self.program, "batch", *line.split(" "), "-o", "json"]
        if query is not None:
            words += ["--query", query]
        ended = subprocess.run(
            words,
            env=self.environment,
            cwd=self.folder,
            capture_output=True,
            text=True,
            check=False,
        )
        self.count += 1
        print(f"{'ok    ' if ended.returncode == 0 else 'FAILED'} az batch {line}", flush=True)
        if ended.returncode != 0:
            print("       " + ended.stderr.strip().replace("\n", "\n       "))
            self.failed.append(line)
            return None
        return json.loads(ended.stdout) if ended.stdout.strip() else None

    def expect(self, wanted: object, line: str, query: str | None = None) -> None:
        """One command, and what it must say."""
        before = len(self.failed)
        found = self.run(line, query)
        if found != wanted and len(self.failed) == before:
            print(f"FAILED   said {found!r}, not {wanted!r}")
            self.failed.append(line)

    def wait(self, wanted: object, line: str, query: str) -> None:
        """The same command until it says what it must, half a minute long."""
        end = time.monotonic() + 30
        while self.run(line, query) != wanted:
            if time.monotonic() > end or self.failed:
                self.failed.append(f"{line}: never {wanted!r}")
                return


def session(az: Session) -> None:
    """What people do with `az batch`."""
    with open(os.path.join(az.folder, "pool.json"), "w") as file:
        json.dump(POOL, file)
    with open(os.path.join(az.folder, "tasks.json"), "w") as file:
        tasks = [{"id": f"many{i}", "commandLine": "/bin/true"} for i in range(3)]
        json.dump(tasks, file)
    az.run("pool create --json-file pool.json")
    az.expect(["p1"], "pool list", "[].id")
    az.expect("active", "pool show --pool-id p1", "state")
    az.run("pool set --pool-id p1 --metadata a=b")
    az.wait(["idle"], "node list --pool-id p1", "[].state")
    az.expect(1, "pool node-counts list", "[0].dedicated.total")
    images = az.run("pool supported-images list", "length(@)")
    if not images:
        az.failed.append("pool supported-images list: nothing")
    az.run("job create --id j1 --pool-id p1")
    az.expect(["j1"], "job list", "[].id")
    az.expect("active", "job show --job-id j1", "state")
    az.expect("t1", "task create --job-id j1 --task-id t1 --command-line /bin/hostname", "id")
    az.run("task create --job-id j1 --json-file tasks.json")
    az.wait(["completed"] * 4, "task list --job-id j1", "[].state")
    az.expect(0, "task show --job-id j1 --task-id t1", "executionInfo.exitCode")
    az.expect(4, "job task-counts show --job-id j1", "taskCounts.succeeded")
    listed = "task file list --job-id j1 --task-id t1"
    az.expect(["stderr.txt", "stdout.txt"], listed, "[?isDirectory==`false`].name")
    az.run("task file download --job-id j1 --task-id t1 --file-path stdout.txt --destination ./out")
    out = os.path.join(az.folder, "out")
    if not os.path.exists(out) or not os.path.getsize(out):
        az.failed.append("task file download: nothing came")
    az.run("task delete --job-id j1 --task-id many0 --yes")
    az.run("job disable --job-id j1 --disable-tasks requeue")
    az.run("job enable --job-id j1")
    az.run("job stop --job-id j1")
    az.run("job delete --job-id j1 --yes")
    az.run("pool resize --pool-id p1 --target-dedicated-nodes 0")
    az.wait("steady", "pool show --pool-id p1", "allocationState")
    formula = "--auto-scale-formula $TargetDedicatedNodes=1"
    az.run(f"pool autoscale enable --pool-id p1 {formula}")
    said = az.run(f"pool autoscale evaluate --pool-id p1 {formula}", "results")
    if not str(said).startswith("$TargetDedicatedNodes=1;"):
        az.failed.append(f"pool autoscale evaluate: {said}")
    az.run("pool autoscale disable --pool-id p1")
    az.run("pool delete --pool-id p1 --yes")


def installed(folder: str) -> str:
    """The program of an azure-cli in an environment of its own, made if it is not there."""
    program = os.path.join(folder, "bin", "az")
    if not os.path.exists(program):
        print(f"installing azure-cli into {folder}", flush=True)
        subprocess.run([sys.executable, "-m", "venv", folder], check=True)
        pip = os.path.join(folder, "bin", "pip")
        subprocess.run([pip, "install", "-q", "azure-cli"], check=True)
    return program


def main() -> int:
    """The exit code: 0 when every command did what it should."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--az", help="the program of an installed azure-cli")
    parser.add_argument("--venv", help="where azure-cli is or will be installed")
    options = parser.parse_args()
    folder = tempfile.mkdtemp(prefix="rulekit-azcli-")
    try:
        program = options.az or installed(options.venv or os.path.join(folder, "venv"))
        made = tls.make(os.path.join(folder, "tls"))
        with Emulator(certificate=(made.certificate, made.key)) as emulator:
            az = Session(program, emulator, made.authority, folder)
            session(az)
            failed = az.failed + emulator.errors
        print(f"{az.count} commands, {len(failed)} failures")
        return 1 if failed else 0
    finally:
        shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    sys.exit(main())
