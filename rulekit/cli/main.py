"""The command `rulekit`. `--version` is answered before anything else is imported."""

import sys


def main(argv: "list[str] | None" = None) -> int:
    """Do what the words say (default: those of the process) and return the exit code."""
    words = sys.argv[1:] if argv is None else list(argv)
    if len(words) == 1 and words[0] in ("--version", "-v"):
        from rulekit import __version__

        sys.stdout.write(f"rulekit {__version__}\n")
        return 0
    import gc

    # A start and a plan make many objects that stay: looking for garbage among them is idle work.
    gc.set_threshold(100_000, 20, 100)
    from rulekit.cli import quick

    quick.install()
    from rulekit.cli.dispatch import guarded

    return guarded(words)


def entry() -> None:
    """Console script: `main`, then out, without taking down what the system takes down faster."""
    code = main()
    try:
        sys.stdout.flush()
        sys.stderr.flush()
    except (OSError, ValueError):
        pass  # nobody reads any more
    threading = sys.modules.get("threading")
    if threading is not None and threading.active_count() > 1:
        sys.exit(code)  # threads of user code end in their own way
    import atexit
    import os

    atexit._run_exitfuncs()
    try:
        sys.stdout.flush()
        sys.stderr.flush()
    except (OSError, ValueError):
        pass
    os._exit(code)
