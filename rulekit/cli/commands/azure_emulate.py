"""`rulekit azure emulate`: an Azure Batch service and Blob Storage on this machine."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import tempfile
import threading

from rulekit.errors.tree import InfrastructureError, UsageError

TYPE_CHECKING = False
if TYPE_CHECKING:
    import argparse

    from rulekit.emulator.azurite import Azurite
    from rulekit.emulator.server import Emulator

ACCOUNT = "emulated"
# Known to everybody, as that of Azurite: what it guards listens on this machine only.
KEY = "cnVsZWtpdCBlbXVsYXRvcjogYSBrZXkgdGhhdCBndWFyZHMgbm90aGluZywga25vd24gdG8gYWxsLi4uLg=="
_SPEED = 60.0
_AUTHORITY = "ca.pem"  # as `emulator.tls` calls it


def _parser() -> argparse.ArgumentParser:
    import argparse

    class Parser(argparse.ArgumentParser):
        def error(self, message: str) -> object:  # type: ignore[override]
            raise UsageError(message, help="rulekit azure emulate --help")

    parser = Parser(
        prog="rulekit azure emulate",
        description="Starts an Azure Batch service on this machine, and Azurite for the blobs, "
        "prints the variables that make --az-batch use them, and runs until Ctrl-C.",
        epilog="Example: rulekit azure emulate --run rulekit --az-batch "
        "--default-remote-prefix rulekit/first -j 4",
        allow_abbrev=False,
    )
    parser.add_argument("--port", type=int, default=0, help="port of the Batch service (any)")
    parser.add_argument("--blob-port", type=int, default=0, help="port of Azurite (any)")
    parser.add_argument("--no-blobs", action="store_true", help="do not start Azurite")
    parser.add_argument(
        "--container",
        action="append",
        metavar="NAME",
        help="make this container (default: rulekit); may be repeated",
    )
    parser.add_argument(
        "--blobs", metavar="DIRECTORY", help="keep the blobs there (default: in memory)"
    )
    parser.add_argument(
        "--speed",
        type=float,
        default=_SPEED,
        help="how much faster than Azure machines boot and pools scale (default: %(default)g)",
    )
    parser.add_argument(
        "--nodes-root", metavar="DIRECTORY", help="where nodes have their files (default: /tmp)"
    )
    parser.add_argument(
        "--tls",
        action="store_true",
        help="speak https, with a throw-away certificate (REQUESTS_CA_BUNDLE is set, too)",
    )
    parser.add_argument("--json", action="store_true", help="print the variables as JSON")
    parser.add_argument(
        "--run",
        metavar="COMMAND ...",
        help="run a command with the variables set, stop with it, return its exit code; "
        "all words after it belong to the command",
    )
    return parser


def main(argv: list[str]) -> int:
    """The command; `argv` are the words after `emulate`. Returns the exit code."""
    command: list[str] | None = None
    if "--run" in argv:
        at = argv.index("--run")
        command = argv[at + 1 :]
        argv = argv[:at]
        if command[:1] == ["--"]:
            del command[0]
        if not command:
            usage = "rulekit azure emulate --run COMMAND ..."
            raise UsageError("--run needs a command", help=usage)
    options = _parser().parse_args(argv)
    if not options.speed > 0:
        raise UsageError("--speed must be greater than 0")
    for name in ("port", "blob_port"):
        if not 0 <= getattr(options, name) <= 65535:
            raise UsageError(f"--{name.replace('_', '-')}: a port is a number up to 65535")
    from rulekit.emulator.guardian import Guardian

    blobs: Azurite | None = None
    emulator: Emulator | None = None
    guardian = Guardian()
    scratch = tempfile.mkdtemp(prefix="rk-emulator-") if options.tls else ""
    old = signal.signal(signal.SIGTERM, _interrupt)
    try:
        if not options.no_blobs:
            from rulekit.emulator.azurite import Azurite

            # Started first, because it takes longest.
            blobs = Azurite(options.blob_port, options.blobs)
        emulator = _start(options, scratch)
        guardian.watch(emulator.root, [blobs.group] if blobs is not None else [])
        variables = {
            "AZ_BATCH_ACCOUNT_URL": emulator.url,
            "AZ_BATCH_ACCOUNT_NAME": emulator.account,
            "AZ_BATCH_ACCOUNT_KEY": emulator.key,
        }
        if options.tls:
            variables["REQUESTS_CA_BUNDLE"] = os.path.join(scratch, _AUTHORITY)
        if blobs is not None:
            from rulekit.emulator.azurite import KEY as BLOB_KEY

            blobs.wait()
            for name in options.container or ["rulekit"]:
                blobs.make_container(name)
            variables["AZ_BLOB_ACCOUNT_URL"] = blobs.url
            variables["AZ_BLOB_CREDENTIAL"] = BLOB_KEY
        if command is not None:
            return _run(command, variables)
        _show(variables, options.json)
        threading.Event().wait()
    except KeyboardInterrupt:
        return 0 if command is None else 130
    finally:
        # A second Ctrl-C must not leave processes behind.
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        if emulator is not None:
            emulator.close()
        if blobs is not None:
            blobs.close()
        if scratch:
            shutil.rmtree(scratch, ignore_errors=True)
        guardian.dismiss()
        signal.signal(signal.SIGINT, signal.default_int_handler)
        signal.signal(signal.SIGTERM, old)
    return 0


def _interrupt(_number: int, _frame: object) -> None:
    raise KeyboardInterrupt


def _start(options: argparse.Namespace, scratch: str) -> Emulator:
    from rulekit.emulator import runtime
    from rulekit.emulator.server import Emulator

    if os.environ.get("RULEKIT_EMULATOR_RUNTIME"):
        runtime.choose()  # a wrong one is told now and not by the first task
    certificate: tuple[str, str] | None = None
    environment: dict[str, str] = {}
    if scratch:
        from rulekit.emulator import tls

        made = tls.make(scratch)
        certificate = (made.certificate, made.key)
        # Tasks may ask the service, too; machines of Azure trust it without this.
        environment["REQUESTS_CA_BUNDLE"] = made.authority
    try:
        return Emulator(
            options.port,
            {ACCOUNT: KEY},
            options.speed,
            nodes_root=options.nodes_root,
            certificate=certificate,
            environment=environment,
        )
    except OSError as error:
        where = f"port {options.port}" if options.port else options.nodes_root or "a port"
        raise InfrastructureError(
            f"the emulator cannot start: {where}: {error.strerror or error}",
            code="RK0662",
            help="choose another --port, or leave it out to take a free one",
        ) from error


def _run(command: list[str], variables: dict[str, str]) -> int:
    # A Ctrl-C reaches the command by itself; its end is waited for.
    try:
        child = subprocess.Popen(command, env={**os.environ, **variables})
    except OSError as error:
        raise InfrastructureError(
            f"the command of --run cannot be started: {command[0]}: {error.strerror or error}",
            code="RK0663",
        ) from error
    while True:
        try:
            code = child.wait()
            return code if code >= 0 else 128 - code
        except KeyboardInterrupt:
            continue


def _show(variables: dict[str, str], as_json: bool) -> None:
    if as_json:
        import json

        sys.stdout.write(json.dumps(variables) + "\n")
    else:
        sys.stdout.write("".join(f"export {k}='{v}'\n" for k, v in variables.items()))
    sys.stdout.flush()
    sys.stderr.write(
        "The emulator runs. Ctrl-C ends it; nodes and blobs in memory are then gone.\n"
    )
    sys.stderr.flush()
