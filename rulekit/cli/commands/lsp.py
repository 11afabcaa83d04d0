"""`rulekit lsp` and `--lsp`: the language server, on stdin and stdout, until the editor ends it."""

from __future__ import annotations

from rulekit.errors.tree import SoftwareError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from rulekit.cli.parse import Command


def execute(command: Command) -> int:
    """Serve. Raises `SoftwareError` (RK0160) without pygls."""
    try:
        import pygls  # noqa: F401
    except ImportError:
        raise SoftwareError(
            "the language server needs pygls, which is not installed",
            code="RK0160",
            help="pip install 'rulekit-workflows[lsp]'",
        ) from None
    import logging
    import os

    from rulekit.lsp.server import make_server

    logging.getLogger("pygls").setLevel(logging.CRITICAL)
    # The protocol gets pipes of its own: whatever else is printed must not get among it.
    requests = os.fdopen(os.dup(0), "rb")
    answers = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)
    make_server().start_io(requests, answers)
    return 0
