"""The graph as a page: a picture to move about in, a list of jobs to search, and each job in full."""

from __future__ import annotations

from rulekit.graph.picture import MOST_JOBS, job_picture, rule_picture, told
from rulekit.graph.svg import svg
from rulekit.pages.shell import Head, asset, page, text
from rulekit.report.data import job_data, log_tails
from rulekit.report.page import rule_data
from rulekit.report.statistics import rule_times

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from rulekit.graph.picture import Picture
    from rulekit.history.jobs import JobHistory
    from rulekit.planning.plan import Plan
    from rulekit.report.data import Values
    from rulekit.staleness import Forecast

_SCRIPTS = ("core.js", "graph.js", "details.js", "graphpage.js")
_STYLES = ("palette.css", "base.css", "graph.css", "timeline.css")
LEGEND = (("done", "up to date"), ("run", "will run"), ("running", "running"), ("failed", "failed"))


def picture_of(
    plan: Plan, forecast: Forecast, history: JobHistory, by_jobs: bool | None
) -> Picture:
    """The picture of jobs or of rules; `by_jobs` None: jobs unless they are many."""
    if by_jobs is None:
        by_jobs = len(plan) <= MOST_JOBS
    if by_jobs:
        return job_picture(plan, history.state, forecast.text)
    return rule_picture(plan, history.state)


def graph_page(
    title: str,
    plan: Plan,
    forecast: Forecast,
    values: Values,
    history: JobHistory,
    hide: Callable[[str], str],
    by_jobs: bool | None = None,
) -> str:
    """The page; it needs nothing else."""
    picture = picture_of(plan, forecast, history, by_jobs)
    times = rule_times(plan, history)
    counts: dict[str, int] = {}
    for state in history.state:
        counts[state] = counts.get(state, 0) + 1
    legend = "".join(
        f'<span><span class="badge {state}">{_SIGN[state]}</span> {words}</span>'
        for state, words in LEGEND
    )
    hint = "an arrow leads from what makes a file to what uses it"
    body = (
        '<a class="skip" href="#graph">Skip to the graph</a>'
        f'<header class="top"><div class="what"><h1>{text(title)}</h1>'
        f"<p>{len(plan):,} jobs of {len(times):,} rules: {told(counts)}</p></div>"
        '<button type="button" id="keys">Keys</button><button type="button" id="theme">Theme</button>'
        '</header><main id="main" tabindex="-1">'
        '<section id="graph" aria-labelledby="graph-title" class="active">'
        f'<h2 id="graph-title">One box a {picture.unit}</h2>'
        f'<p class="soft">{hint.capitalize()}. Choose a box to see more.</p>'
        f'<div class="legend">{legend}</div>'
        f'<div id="graph-box" data-unit="{picture.unit}">{svg(picture, title="Graph")}</div>'
        '<h3 id="jobs-title">Jobs</h3><div id="jobs-box"><p class="soft">Needs scripts.</p></div>'
        "</section></main>"
    )
    data = job_data(plan, forecast, values, history, hide)
    data["rules"] = [rule_data(plan, one, hide) for one in times]
    data["logs"] = log_tails(plan, history, (), hide)
    return page(
        Head(title),
        body,
        styles=[asset(name) for name in _STYLES],
        scripts=[asset(name) for name in _SCRIPTS],
        data={"data": data},
    )


_SIGN = {"done": "✓", "run": "↻", "running": "▶", "failed": "✗"}
