"""What a machine of a pool takes to have a conda environment: fetched as a pack, or built there.

    python benchmarks/node_environments.py [--wheel py_rattler-....whl]

Needs py-rattler and Azurite (`RULEKIT_AZURITE`). The channel is made from the running Python and
served on loopback; the storage is Azurite, which is slower than the real one.
"""

from __future__ import annotations

import functools
import http.server
import os
import subprocess
import sys
import sysconfig
import tempfile
import threading
import time

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(HERE)
sys.path[:0] = [
    ROOT,
    os.path.join(ROOT, "example_workflows", "conda-versions"),
    os.path.join(ROOT, "tests", "azure"),
]
_LEFT_OUT = ("test", "tests", "idlelib", "ensurepip", "lib2to3", "site-packages", "__pycache__")


def make_python(channel: str) -> None:
    """A package of the running interpreter and its standard library."""
    from make_channel import write_index, write_package

    version = f"{sys.version_info[0]}.{sys.version_info[1]}"
    library = sysconfig.get_path("stdlib")
    files: dict[str, bytes] = {}
    with open(os.path.realpath(sys.executable), "rb") as file:
        files[f"bin/python{version}"] = file.read()
    for folder, folders, names in os.walk(library):
        folders[:] = [one for one in folders if one not in _LEFT_OUT and "config-" not in one]
        for name in names:
            if not name.endswith((".pyc", ".a")):
                path = os.path.join(folder, name)
                with open(path, "rb") as file:
                    files[f"lib/python{version}/{os.path.relpath(path, library)}"] = file.read()
    write_package(
        channel,
        "python",
        f"{version}.0",
        files,
        subdir="linux-64",
        noarch=None,
        links=[("bin/python", f"python{version}"), ("bin/python3", f"python{version}")],
    )
    write_index(channel)


class _Server(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *_words: object) -> None:
        pass


def timed(what: str, call):
    began = time.monotonic()
    found = call()
    print(f"{what:<58} {time.monotonic() - began:7.2f} s", flush=True)
    return found


def main() -> None:
    from azurite import Azurite

    from rulekit.environments import EnvironmentStore, read_settings
    from rulekit.executors.azure.packs import Packs
    from rulekit.model.places import Root
    from rulekit.node.depot import Depot
    from rulekit.node.environment import Pack, environment_here
    from rulekit.runner.drive import Watch
    from rulekit.storage.azblob.account import account_of
    from rulekit.storage.azblob.client import AzBlobStorage

    wheel = sys.argv[sys.argv.index("--wheel") + 1] if "--wheel" in sys.argv else "py-rattler"
    folder = tempfile.mkdtemp(prefix="rk-bench-")
    channel = os.path.join(folder, "channel")
    make_python(channel)
    handler = functools.partial(_Server, directory=folder)
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    address = f"http://127.0.0.1:{server.server_port}/channel"
    path = os.path.join(folder, "python.yaml")
    with open(path, "w") as file:
        file.write(f"channels:\n  - {address}\n  - nodefaults\ndependencies:\n  - python\n")

    def store(name: str) -> EnvironmentStore:
        environ = {**os.environ, "CONDA_PKGS_DIRS": os.path.join(folder, name, "pkgs")}
        return EnvironmentStore(os.path.join(folder, name, "envs"), read_settings(environ))

    def size(path: str) -> str:
        return f"{os.path.getsize(path) / 1e6:.1f} MB"

    driver = store("driver")
    identity, _lock = timed("driver, once: solve", lambda: driver.lock_for(path, "linux-64"))
    packed = timed("driver, once: install and pack", lambda: driver.pack(identity))
    azurite = Azurite()
    try:
        azurite.client().create_container("box")
        storage = AzBlobStorage({"main": account_of(azurite.url, azurite.key, key="main")})
        packs = Packs(storage, Root("", "main", "box", ""), lambda _identity: packed)
        place, digest = timed(
            f"driver, once: store {size(packed)}", lambda: packs._stored(identity)
        )
        accounts = {"main": {"url": azurite.url, "auth": "sas", "client_id": None}}
        watch = Watch()
        depot = Depot(accounts, {"main": azurite.account_sas()}, watch, 60.0)
        pack = Pack(identity, place, digest)
        made = timed(
            "each machine: fetch and unpack the pack",
            lambda: environment_here(depot, pack, os.path.join(folder, "node"), print),
        )
        depot.close()
        watch.close()
    finally:
        azurite.close()
    program = os.path.join(made, "bin", "python")
    subprocess.run([program, "-c", "import json, sys; print(sys.prefix)"], check=True)

    venv = os.path.join(folder, "venv")
    timed(
        "each machine: venv and pip install py-rattler, PyYAML",
        lambda: subprocess.run(
            f"{sys.executable} -m venv {venv} && {venv}/bin/pip install -q --no-cache-dir {wheel}"
            " PyYAML",
            shell=True,
            check=True,
        ),
    )
    node = store("builder")
    timed("each machine: solve and install from the channel", lambda: node.make([path]))
    print(f"the folder: {folder}")


if __name__ == "__main__":
    main()
