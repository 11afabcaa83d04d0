"""``python -m rulekit.runner.several FOLDER``: the orders of a folder, on a shared file system.

``FOLDER/order.json`` is taken by renaming it, so that an order that was withdrawn, or is started
twice by a cluster, is carried out at most once. While it runs, ``FOLDER/alive`` is touched; when
there is a file ``FOLDER/stop``, the jobs are asked to end. Each result is a file of its own:

    order.json  {"format": 1, "specs": [...], "amounts": [{name: n}], "budget": {name: n},
                 "done": folder of the results}
    done/TOKEN.json    as `rulekit.runner.wire` writes a result
"""

from __future__ import annotations

import json
import os
import sys
import time

from rulekit.runner import drive, wire
from rulekit.runner.command import Environments
from rulekit.runner.signals import signal

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from rulekit.model.spec import JobResult, JobSpec

BEAT_S = 20.0  # between signs of life
LOOK_S = 2.0  # between looks for a request to stop


def main(arguments: list[str]) -> int:
    """0 if all jobs succeeded, 1 if one failed, 2 if there is no order that could be taken."""
    if len(arguments) != 1:
        print("usage: python -m rulekit.runner.several FOLDER", file=sys.stderr)
        return 2
    folder = os.path.abspath(arguments[0])
    try:
        taken = os.path.join(folder, "taken.json")
        os.rename(os.path.join(folder, "order.json"), taken)
        with open(taken, encoding="utf-8") as file:
            order = json.load(file)
        specs = [wire.spec_from_json(one) for one in order["specs"]]
    except FileNotFoundError:
        print(f"rulekit: the order in `{folder}` was withdrawn, or is taken", file=sys.stderr)
        return 2
    except (OSError, ValueError, KeyError, TypeError) as error:
        print(f"rulekit: the order in `{folder}` cannot be read: {error}", file=sys.stderr)
        return 2
    beat(folder)
    results = _Results(order["done"])
    _carry_out(specs, order, results)
    return 1 if results.failed else 0


class _Results:
    """Writes each result as a file that is there whole or not at all."""

    def __init__(self, folder: str) -> None:
        self.folder = folder
        self.failed = 0

    def __call__(self, result: JobResult) -> None:
        if not result.ok:
            self.failed += 1
            why = result.detail or result.problem or f"exit code {result.exit_code}"
            print(f"rulekit: {result.token}: {why}", file=sys.stderr)
        path = os.path.join(self.folder, f"{result.token}.json")
        part = f"{path}.part"
        with open(part, "w", encoding="utf-8") as file:
            json.dump(wire.result_to_json(result), file)
            file.flush()
            os.fsync(file.fileno())
        os.replace(part, path)


def _carry_out(specs: list[JobSpec], order: Any, results: _Results) -> None:
    environments = Environments()
    if len(specs) == 1:
        results(drive.run(specs[0], environments))
        return
    from rulekit.runner.together import Together

    Together(
        specs, order["amounts"], order["budget"], environments, results, lambda _token, _pid: None
    ).work()


def beat(folder: str, beat_s: float = BEAT_S, look_s: float = LOOK_S) -> int:
    """Forks a process that touches ``alive`` and looks for ``stop``; it ends with this one."""
    parent = os.getpid()
    path = os.path.join(folder, "alive")
    with open(path, "w", encoding="utf-8") as file:
        file.write(f"{os.uname().nodename} {parent}\n")
    pid = os.fork()
    if pid:
        return pid
    try:
        os.setsid()
        for file_number in (0, 1, 2):  # who reads our output must not wait for this process
            null = os.open(os.devnull, os.O_RDWR)
            os.dup2(null, file_number)
            os.close(null)
        stop = os.path.join(folder, "stop")
        asked = False
        last = time.monotonic()
        while os.getppid() == parent:
            time.sleep(look_s)
            if not asked and os.path.exists(stop):
                asked = True
                os.kill(parent, signal.SIGTERM)
            if time.monotonic() - last >= beat_s:
                last = time.monotonic()
                os.utime(path)
    except OSError:
        pass
    finally:
        os._exit(0)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
