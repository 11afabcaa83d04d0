"""`--progress`: who tells the user of a run, a live view or plain lines."""

from __future__ import annotations

import os

from rulekit.cli import session

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from rulekit.cli.parse import Options
    from rulekit.reporting.live import LiveView


def wants_view(options: Options) -> bool:
    """Whether there is to be a live view, on a terminal. `--progress live` asks for one in CI and
    without colour, too."""
    asked = options.progress
    if options.plain or asked in ("plain", "none") or options.quiet or options.verbose:
        return False
    if asked == "live":
        return True
    return not (options.nocolor or os.environ.get("NO_COLOR") or os.environ.get("CI"))


def make_view(options: Options, hide: Callable[[str], str] | None) -> LiveView:
    """The live view, as a listener."""
    from rulekit.reporting.live import LiveView

    state = os.path.abspath(session.STATE_DIR)

    def history() -> Mapping[str, float]:
        from rulekit.provenance.durations import mean_seconds

        return mean_seconds(state)

    return LiveView(
        printshellcmds=options.printshellcmds,
        show_failed_logs=options.show_failed_logs,
        colour=not options.nocolor and not os.environ.get("NO_COLOR"),
        shown=hide,
        history=history,
    )
