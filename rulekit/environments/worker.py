"""The process that works with rattler: `python -m rulekit.environments.worker`.

It reads one order from stdin, writes news and the answer to stdout (`wire`), and leaves by
`os._exit`. When stdin is closed it kills its own process group, pip and scripts included: nobody
waits for them any more.
"""

from __future__ import annotations

import asyncio
import os
import signal
import sys

from rulekit.environments.wire import error_message, receive, send
from rulekit.errors import RulekitError, SoftwareError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import IO, Any

    from rulekit.environments.values import Progress


def main() -> None:
    """Never returns."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # who asked decides
    answers = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # what others print must not get into the messages
    orders = os.fdopen(0, "rb", buffering=0)
    order = receive(orders)
    code = 0
    if order is not None:
        code = asyncio.run(_work(order, orders, answers))
    sys.stderr.flush()
    os._exit(code)


async def _work(order: tuple[Any, ...], orders: IO[bytes], answers: IO[bytes]) -> int:
    loop = asyncio.get_running_loop()
    loop.add_reader(orders.fileno(), _abandoned)

    def say(news: Progress) -> None:
        try:
            send(answers, ("progress", news))
        except OSError:
            _abandoned()

    try:
        answer = await _FUNCTIONS[order[0]](*order[1:], say=say)
        message: tuple[Any, ...] = ("done", answer)
    except RulekitError as error:
        message = error_message(error)
    except OSError as error:
        what = f"`{error.filename}`: " if error.filename else ""
        text = f"{what}{(error.strerror or str(error)).lower()}"
        message = error_message(SoftwareError(text, code="RK0526"))
    try:
        send(answers, message)
    except OSError:
        return 1
    # rattler's threads may be at work yet, on what nobody waits for.
    sys.stderr.flush()
    os._exit(0)


def _abandoned() -> None:
    os.killpg(0, signal.SIGKILL)


async def _solve(*arguments: Any, say: Any) -> Any:
    from rulekit.environments.resolving import solve_all

    return await solve_all(*arguments, say=say)


async def _make(*arguments: Any, say: Any) -> Any:
    from rulekit.environments.making import make_all

    return await make_all(*arguments, say=say)


async def _pack(*arguments: Any, say: Any) -> Any:
    from rulekit.environments.packing import pack_one

    return await pack_one(*arguments, say=say)


async def _pip_lock(*arguments: Any, say: Any) -> Any:
    from rulekit.environments.making import lock_pip

    return await lock_pip(*arguments, say=say)


_FUNCTIONS = {"solve": _solve, "make": _make, "pack": _pack, "pip_lock": _pip_lock}

if __name__ == "__main__":
    main()
