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


def _open_streams() -> None:
    """Started with closed streams (`>&-`): the next file that is opened would be one of them, and
    get what jobs print."""
    import os

    while True:
        number = os.open(os.devnull, os.O_RDWR)
        if number > 2:
            os.close(number)
            break
        os.set_inheritable(number, True)
    sys.stdin = sys.stdin or open(0)
    sys.stdout = sys.stdout or open(1, "w")
    sys.stderr = sys.stderr or open(2, "w")


def entry() -> None:
    """Console script: `main`, then out, without taking down what the system takes down faster."""
    if sys.stdin is None or sys.stdout is None or sys.stderr is None:
        _open_streams()
    try:
        code = main()
    except KeyboardInterrupt:  # before there was anybody to take it
        sys.stderr.write("interrupted\n")
        code = 130
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
