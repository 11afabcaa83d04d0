"""The page of a report: sections of markup that can be read without scripts, and data for those."""

from __future__ import annotations

import os
import time

from rulekit.frozen import frozen
from rulekit.graph.picture import rule_picture
from rulekit.graph.svg import svg
from rulekit.pages.shell import Head, Policy, asset, page, text
from rulekit.report import software
from rulekit.report.captions import markup
from rulekit.report.data import job_data, log_tails
from rulekit.report.shown import Results
from rulekit.report.statistics import longest_chain, rule_times

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from typing import Any

    from rulekit.history.jobs import JobHistory
    from rulekit.model.rule import Rule
    from rulekit.planning.plan import Plan
    from rulekit.report.data import Values
    from rulekit.report.items import Item
    from rulekit.report.statistics import RuleTimes
    from rulekit.staleness import Forecast

SECTIONS = (
    ("overview", "Overview"),
    ("results", "Results"),
    ("workflow", "Workflow"),
    ("rules", "Rules"),
    ("timeline", "Timeline"),
    ("jobs", "Jobs"),
    ("software", "Software"),
)
_SCRIPTS = ("core.js", "graph.js", "timeline.js", "details.js", "report.js")
_STYLES = ("palette.css", "base.css", "graph.css", "timeline.css", "report.css")


@frozen
class Content:
    """What a report is made of. `description` is the text of `report:`, `description_path` its file;
    `hide` takes secrets out of a text."""

    title: str
    description: str
    description_path: str | None
    items: Sequence[Item]
    metadata: Mapping[str, Any]
    plan: Plan
    forecast: Forecast
    values: Values
    history: JobHistory
    hide: Callable[[str], str]
    style: str = ""


@frozen
class Made:
    """The page, and the paths and sizes (bytes) of the results that were too large for it."""

    text: str
    left_out: Sequence[tuple[str, int]]


def report_page(content: Content, link: Callable[[str], str] | None = None) -> Made:
    """The page. `link(path)`: where a file lies beside the page; without it all is inside."""
    targets = _targets(content.items)
    results = Results(link, content.hide, targets)
    times = rule_times(content.plan, content.history)
    chain = longest_chain(content.plan, content.history)
    sections = {
        "overview": _overview(content, times, chain[0], targets),
        "results": _results(content.items, results),
        "workflow": _workflow(content),
        "rules": _rules(content, times),
        "timeline": '<div id="timeline-box"><p class="soft">Needs scripts.</p></div>',
        "jobs": '<div id="jobs-box"><p class="soft">Needs scripts.</p></div>',
        "software": software.section(content.plan, content.history, content.hide),
    }
    counts = {
        "results": len(content.items),
        "rules": len(times),
        "jobs": len(content.plan),
    }
    links = "".join(
        f'<li><a href="#{name}"><span>{title}</span>'
        + (f'<span class="count">{counts[name]:,}</span>' if name in counts else "")
        + "</a></li>"
        for name, title in SECTIONS
    )
    parts = "".join(
        f'<section id="{name}" aria-labelledby="{name}-title"><h2 id="{name}-title">{title}</h2>'
        f"{sections[name]}</section>"
        for name, title in SECTIONS
    )
    made = time.strftime("%Y-%m-%d %H:%M")
    body = (
        '<a class="skip" href="#main">Skip to the content</a>'
        f'<header class="top"><div class="what"><h1>{text(content.title)}</h1>'
        f"<p>Report of {made}, made by rulekit</p></div>"
        '<button type="button" id="keys">Keys</button><button type="button" id="theme">Theme</button>'
        f'</header><div class="frame"><nav class="side" aria-label="Sections"><ul>{links}</ul></nav>'
        f'<main id="main" tabindex="-1">{parts}</main></div>'
    )
    data = job_data(content.plan, content.forecast, content.values, content.history, content.hide)
    data["rules"] = [rule_data(content.plan, one, content.hide) for one in times]
    data["logs"] = log_tails(
        content.plan, content.history, [item.job for item in content.items], content.hide
    )
    data["chain"] = [round(chain[0], 3), list(chain[1])]
    data["results"] = [[item.path, item.job] for item in content.items]
    data["tables"] = results.tables
    beside = link is not None
    whole = page(
        Head(content.title),
        body,
        styles=[*(asset(name) for name in _STYLES), *([content.style] if content.style else [])],
        scripts=[asset(name) for name in _SCRIPTS],
        data={"data": data},
        policy=Policy("data: file: 'self'", "file: 'self'") if beside else None,
    )
    return Made(whole, tuple(results.left_out))


def _targets(items: Sequence[Item]) -> dict[str, str]:
    """Names that captions can link to: results by path and file name, categories."""
    found: dict[str, str] = {}
    for number, item in enumerate(items):
        found.setdefault(item.path, f"#r{number}")
        found.setdefault(os.path.basename(item.path), f"#r{number}")
    for number, category in enumerate(sorted({item.category for item in items})):
        found.setdefault(category, f"#cat{number}")
    return found


def _overview(
    content: Content, times: Sequence[RuleTimes], chain: float, targets: Mapping[str, str]
) -> str:
    parts = [markup(content.hide(content.description), content.description_path, targets)]
    if content.metadata:
        rows = "".join(
            f"<dt>{text(key)}</dt><dd>{_value(value)}</dd>"
            for key, value in content.metadata.items()
        )
        parts.append(f'<dl class="facts card">{rows}</dl>')
    states: dict[str, int] = {}
    for one in times:
        for state, count in one.states.items():
            states[state] = states.get(state, 0) + count
    total = sum(one.total for one in times)
    peak = max((one.rss_kb for one in times if one.rss_kb is not None), default=None)
    tiles = [
        ("Results", f"{len(content.items):,}"),
        ("Jobs", f"{len(content.plan):,} <small>of {len(times):,} rules</small>"),
        ("Up to date", f"{states.get('done', 0):,}"),
    ]
    if states.get("run") or states.get("running"):
        tiles.append(("To run", f"{states.get('run', 0) + states.get('running', 0):,}"))
    if states.get("failed"):
        tiles.append(("Failed", f"{states['failed']:,}"))
    tiles.append(("Time of all jobs", seconds(total)))
    tiles.append(("Longest chain", seconds(chain)))
    if peak is not None:
        tiles.append(("Highest memory", f"{peak / 1024:,.0f} MiB"))
    made = "".join(f"<div><dt>{name}</dt><dd>{value}</dd></div>" for name, value in tiles)
    parts.append(f'<dl class="tiles">{made}</dl>')
    parts.append('<div id="overview-more"></div>')
    return "".join(parts)


def _value(value: Any) -> str:
    if isinstance(value, (list, tuple)):
        return "<br>".join(text(one) for one in value)
    return text(value)


def _results(items: Sequence[Item], results: Results) -> str:
    if not items:
        return (
            '<p class="soft">No output is flagged with <code>report(...)</code> in the rule file: '
            "nothing is shown here.</p>"
        )
    groups: dict[str, dict[str, list[tuple[int, Item]]]] = {}
    for number, item in enumerate(items):
        groups.setdefault(item.category, {}).setdefault(item.subcategory, []).append((number, item))
    parts = [
        '<div class="bar" id="results-bar"></div><nav class="toc" aria-label="Categories"><ul>'
    ]
    parts += [
        f'<li><a href="#cat{at}">{text(category)}</a> <span class="soft">'
        f"{sum(map(len, groups[category].values())):,}</span></li>"
        for at, category in enumerate(sorted(groups))
    ]
    parts.append("</ul></nav>")
    for at, category in enumerate(sorted(groups)):
        parts.append(f'<div class="category"><h3 id="cat{at}">{text(category)}</h3>')
        for subcategory in sorted(groups[category]):
            found = groups[category][subcategory]
            parts.append('<div class="subcategory">')
            if subcategory:
                parts.append(f"<h4>{text(subcategory)}</h4>")
            heading = "h5" if subcategory else "h4"
            parts += [results.markup(number, item, heading) for number, item in found]
            parts.append("</div>")
        parts.append("</div>")
    return "".join(parts)


def _workflow(content: Content) -> str:
    picture = rule_picture(content.plan, content.history.state)
    return (
        '<p class="soft">One box a rule; an arrow leads from what makes a file to what uses it. '
        "Choose a box to see its jobs.</p>"
        f'<div id="graph-box">{svg(picture, title="Rules")}</div>'
    )


def _rules(content: Content, times: Sequence[RuleTimes]) -> str:
    head = "".join(
        f'<th scope="col" class="num">{one}</th>'
        for one in ("Jobs", "Total", "Mean", "Median", "Min", "Max", "CPU", "Memory")
    )
    rows = []
    for one in times:
        cells = (
            f"{one.jobs:,}",
            seconds(one.total) if one.mean is not None else "–",
            seconds(one.mean),
            seconds(one.median),
            seconds(one.shortest),
            seconds(one.longest),
            seconds(one.cpu),
            "–" if one.rss_kb is None else f"{one.rss_kb / 1024:,.0f} MiB",
        )
        rows.append(
            f'<tr><th scope="row"><a href="#rules/{text(one.name)}">{text(one.name)}</a></th>'
            + "".join(f'<td class="num">{cell}</td>' for cell in cells)
            + "</tr>"
        )
    return (
        '<p class="soft">Times are those of the jobs that made what is there now.</p>'
        '<div id="rules-box"><div class="scroll" tabindex="0" role="region" aria-label="Times of rules">'
        f'<table class="full"><thead><tr><th scope="col">Rule</th>{head}</tr></thead>'
        f"<tbody>{''.join(rows)}</tbody></table></div></div>"
    )


def rule_data(plan: Plan, one: RuleTimes, hide: Callable[[str], str]) -> dict[str, Any]:
    """What the page's scripts know of a rule."""
    rule = plan.workflow.rules[one.index]
    return {
        "name": rule.name,
        "index": rule.index,
        "kind": rule.kind,
        "doc": rule.docstring or "",
        "body": rule.body.kind,
        "code": hide(_code(rule))[:20_000],
        "names": list(rule.wildcard_names),
        "place": os.path.basename(rule.span.file),
        "line": rule.span.line,
        "jobs": one.jobs,
        "total": one.total,
        "mean": one.mean,
        "median": one.median,
        "min": one.shortest,
        "max": one.longest,
        "cpu": one.cpu,
        "rss": one.rss_kb,
        "software": hide(software.declared(rule)),
    }


def _code(rule: Rule) -> str:
    """The command, the body, or the script itself below its name."""
    text = rule.body.text
    if rule.body.kind != "script" or "{" in text or "://" in text:
        return text
    try:
        with open(os.path.join(rule.basedir, text), encoding="utf-8") as file:
            return f"# {text}\n\n{file.read(20_000)}"
    except (OSError, UnicodeDecodeError):
        return text


def seconds(value: float | None) -> str:
    """A time in words, as the page's script writes it: ``1 min 05 s``."""
    if value is None:
        return "–"
    if value < 0.0995:
        return f"{value * 1000:.0f} ms"
    if value < 9.95:
        return f"{value:.1f} s"
    if value < 99.5:
        return f"{value:.0f} s"
    if value < 5970:
        return f"{value // 60:.0f} min {value % 60:02.0f} s"
    return f"{value // 3600:.0f} h {value % 3600 // 60:02.0f} min"
