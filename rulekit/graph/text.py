"""Graphs as text: dot, mermaid and JSON, straight from a plan's columns (no graph library).

A `Drawing` is what all forms have in common: nodes in breadth-first order from the targets, each
with a label, a rule and whether it is up to date; edges from producer to consumer.
"""

from __future__ import annotations

from rulekit.frozen import frozen

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

    from rulekit.model.rule import Entry
    from rulekit.planning.plan import Plan
    from rulekit.staleness import Forecast


@frozen
class Node:
    """`lines` is the label; `rule` decides the colour; `dashed` means nothing is to be done."""

    rule: str
    lines: tuple[str, ...]
    dashed: bool


@frozen
class Drawing:
    """Nodes by number, edges as (producer, consumer), and the names of all rules (for colours)."""

    nodes: tuple[Node, ...]
    edges: tuple[tuple[int, int], ...]
    rules: tuple[str, ...]


def breadth_first(plan: Plan) -> list[int]:
    """Job numbers from the targets down, each once."""
    order = list(dict.fromkeys(plan.target_jobs))
    seen = set(order)
    at = 0
    while at < len(order):
        for needed in _in_input_order(plan, order[at]):
            if needed not in seen:
                seen.add(needed)
                order.append(needed)
        at += 1
    return order


def _in_input_order(plan: Plan, job: int) -> list[int]:
    """The jobs a job needs, in the order of its inputs."""
    producer = plan.producer
    found = dict.fromkeys(producer[path] for path in plan.inputs[job] if path in producer)
    needs = plan.needs[job]
    ordered = [number for number in found if number in needs]
    return ordered + [number for number in needs if number not in found]


def job_drawing(plan: Plan, forecast: Forecast) -> Drawing:
    """One node a job, labelled with its rule and the wildcards that its inputs do not have."""
    order = breadth_first(plan)
    number = {job: i for i, job in enumerate(order)}
    nodes = []
    edges = []
    for job in order:
        rule = plan.rule_of(job)
        new = set(zip(rule.wildcard_names, plan.wildcards[job], strict=True))
        for needed in plan.needs[job]:
            below = plan.rule_of(needed)
            new.difference_update(zip(below.wildcard_names, plan.wildcards[needed], strict=True))
        lines = (rule.name, *sorted(f"{name}: {value}" for name, value in new))
        nodes.append(Node(rule.name, lines, not forecast.run[job]))
        edges += [(number[needed], number[job]) for needed in _in_input_order(plan, job)]
    return Drawing(tuple(nodes), tuple(edges), tuple(rule.name for rule in plan.workflow.rules))


def rule_drawing(plan: Plan, forecast: Forecast, *, counts: bool = False) -> Drawing:
    """One node a rule; with `counts` labelled with the number of jobs and of those to run."""
    numbers: dict[int, int] = {}
    edges: dict[tuple[int, int], None] = {}
    for job in breadth_first(plan):
        user = numbers.setdefault(plan.rule[job], len(numbers))
        for needed in _in_input_order(plan, job):
            maker = numbers.setdefault(plan.rule[needed], len(numbers))
            edges[maker, user] = None
    total = dict.fromkeys(numbers, 0)
    pending = dict.fromkeys(numbers, 0)
    for job, index in enumerate(plan.rule):
        if index in total:
            total[index] += 1
            pending[index] += forecast.run[job]
    nodes = []
    for index in numbers:
        name = plan.workflow.rules[index].name
        lines: tuple[str, ...] = (name,)
        if counts:
            words = f"{total[index]} job" + ("s" if total[index] != 1 else "")
            if pending[index]:
                words += f", {pending[index]} to run"
            lines = (name, words)
        nodes.append(Node(name, lines, counts and not pending[index]))
    ordered = sorted(edges, key=lambda edge: edge[1])
    return Drawing(tuple(nodes), tuple(ordered), tuple(rule.name for rule in plan.workflow.rules))


def _hues(rules: Sequence[str]) -> dict[str, float]:
    return {name: i * 2 / (3 * len(rules)) for i, name in enumerate(sorted(rules))}


_DOT_HEAD = """\
digraph rulekit {
    graph[bgcolor=white, margin=0];
    node[shape=box, style=rounded, fontname=sans, fontsize=10, penwidth=2];
    edge[penwidth=2, color=grey];
"""


def _escaped(text: str) -> str:
    return text.replace("\\", "\\\\").replace('"', '\\"')


def dot(drawing: Drawing) -> str:
    """Graphviz text."""
    hues = _hues(drawing.rules)
    parts = [_DOT_HEAD]
    for number, node in enumerate(drawing.nodes):
        label = "\\n".join(_escaped(line) for line in node.lines)
        style = "rounded,dashed" if node.dashed else "rounded"
        parts.append(
            f'\t{number}[label = "{label}", color = "{hues[node.rule]:.2f} 0.6 0.85", '
            f'style="{style}"];\n'
        )
    parts += [f"\t{maker} -> {user}\n" for maker, user in drawing.edges]
    parts.append("}\n")
    return "".join(parts)


def mermaid(drawing: Drawing) -> str:
    """Mermaid flowchart text."""
    import colorsys

    colours = {}
    for rule, hue in _hues(drawing.rules).items():
        red, green, blue = (round(255 * part) for part in colorsys.hsv_to_rgb(hue, 0.6, 0.85))
        colours[rule] = f"#{red:02X}{green:02X}{blue:02X}"
    lines = ["---", "title: DAG", "---", "flowchart TB"]
    for number, node in enumerate(drawing.nodes):
        label = " - ".join(node.lines)
        if any(char in label for char in '[]{}()"<>|#;'):
            label = '"' + label.replace('"', "#quot;") + '"'
        lines.append(f"\tid{number}[{label}]")
    for number, node in enumerate(drawing.nodes):
        dashes = ",stroke-dasharray: 5 5" if node.dashed else ""
        lines.append(
            f"\tstyle id{number} fill:{colours[node.rule]},stroke-width:2px,color:#333333{dashes}"
        )
    lines += [f"\tid{maker} --> id{user}" for maker, user in drawing.edges]
    return "\n".join(lines) + "\n"


def file_dot(plan: Plan, forecast: Forecast) -> str:
    """Graphviz text with one table a rule: its name, its input and its output patterns."""
    import colorsys
    from html import escape

    drawing = rule_drawing(plan, forecast)
    hues = _hues(drawing.rules)
    rules = {rule.name: rule for rule in plan.workflow.rules}
    parts = [_DOT_HEAD]
    for number, node in enumerate(drawing.nodes):
        rule = rules[node.rule]
        red, green, blue = (
            round(255 * part) for part in colorsys.hsv_to_rgb(hues[node.rule], 0.6, 0.85)
        )
        rows = [f'<tr><td><b><font point-size="18">{escape(node.rule)}</font></b></td></tr>']
        for title, entries in (("&#8618; input", rule.inputs), ("output &rarr;", rule.outputs)):
            files = _file_texts(entries)
            if files:
                rows.append(f"<hr/><tr><td><b>{title}</b></td></tr>")
                rows += [
                    f'<tr><td align="left"><font face="monospace">{escape(text)}</font></td></tr>'
                    for text in files
                ]
        parts.append(
            f'{number} [shape=none, margin=0, label=<<table border="2" '
            f'color="#{red:02X}{green:02X}{blue:02X}" cellspacing="3" cellborder="0">'
            f"{''.join(rows)}</table>>]\n"
        )
    parts += [f"\t{maker} -> {user}\n" for maker, user in drawing.edges]
    parts.append("}\n")
    return "".join(parts)


def _file_texts(entries: Sequence[Entry]) -> list[str]:
    return sorted(
        {
            item.text if item.pattern is not None else "<function>"
            for entry in entries
            for item in entry.items
        }
    )


def d3(plan: Plan, forecast: Forecast) -> str:
    """What `--d3dag` of Snakemake writes: nodes, and edges between jobs where the first will run."""
    import json

    nodes = []
    edges = []
    for job in range(len(plan)):
        name = plan.rule_of(job).name
        nodes.append({"id": job, "value": {"jobid": job, "label": name, "rule": name}})
        edges += [{"u": needed, "v": job} for needed in plan.needs[job] if forecast.run[needed]]
    return json.dumps({"nodes": nodes, "edges": edges}) + "\n"


def as_json(plan: Plan, forecast: Forecast) -> str:
    """Jobs and edges as one JSON object: ``{"jobs": [...], "edges": [[producer, consumer], ...]}``."""
    import json

    jobs = []
    edges = []
    for job in range(len(plan)):
        rule = plan.rule_of(job)
        jobs.append(
            {
                "id": job,
                "key": plan.key(job),
                "rule": rule.name,
                "wildcards": dict(zip(rule.wildcard_names, plan.wildcards[job], strict=True)),
                "input": plan.inputs[job],
                "output": plan.outputs[job],
                "log": plan.logs(job),
                "status": "pending" if forecast.run[job] else "done",
                "reasons": [
                    {"kind": reason.kind, "subjects": reason.subjects}
                    for reason in forecast.reasons(job)
                ],
            }
        )
        edges += [[needed, job] for needed in plan.needs[job]]
    return json.dumps({"jobs": jobs, "edges": edges}, indent=1) + "\n"
