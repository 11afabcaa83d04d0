"""The timeline of one run as a page of its own."""

from __future__ import annotations

import time

from rulekit.history.timeline import status
from rulekit.pages.shell import Head, asset, page, text

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Any

    from rulekit.history.runs import RunInfo, Work

_SCRIPTS = ("core.js", "timeline.js", "timelinepage.js")
_STYLES = ("palette.css", "base.css", "graph.css", "timeline.css")


def timeline_page(title: str, run: RunInfo, works: Sequence[Work], now: float) -> str:
    """The page; it needs nothing else."""
    begun = time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(run.started))
    outcome = "goes on" if run.live else "ended well" if run.ok else "did not end well"
    if run.ended is None and not run.live:
        outcome = "was killed"
    body = (
        '<a class="skip" href="#main">Skip to the content</a>'
        f'<header class="top"><div class="what"><h1>{text(title)}</h1>'
        f"<p>Run of {begun} on {text(run.host)}; it {outcome}</p></div>"
        '<button type="button" id="theme">Theme</button></header>'
        '<main id="main" tabindex="-1"><h2>Timeline</h2>'
        '<div id="timeline-box"><p class="soft">Needs scripts.</p></div>'
        '<h2>Attempts</h2><div id="works-box"></div></main>'
    )
    return page(
        Head(f"{title}: timeline"),
        body,
        styles=[asset(name) for name in _STYLES],
        scripts=[asset(name) for name in _SCRIPTS],
        data={"data": {"works": works_data(works, now)}},
    )


def works_data(works: Sequence[Work], now: float) -> list[list[Any]]:
    """What the page's script knows of attempts: job, rule, start, end, status, cause, CPU seconds,
    KiB of memory, attempt."""
    return [
        [
            work.key,
            work.rule,
            round(work.started, 3),
            round(now if work.ended is None else work.ended, 3),
            status(work),
            work.cause[:500],
            None if work.cpu_s is None else round(work.cpu_s, 2),
            work.rss_kb,
            work.number,
        ]
        for work in works
    ]
