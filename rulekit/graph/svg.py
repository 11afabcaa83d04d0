"""A picture as SVG: boxes coloured by state, striped by rule, joined by arrows."""

from __future__ import annotations

from rulekit.graph.layout import lay_out
from rulekit.graph.picture import STATES
from rulekit.pages.shell import asset, style_text, text

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

    from rulekit.graph.layout import Point
    from rulekit.graph.picture import Box, Picture

COLOURS = 12  # classes c0 … c11 of the style
_MARGIN = 12
_LINE = 17  # px between lines of text
_LETTER = 7.6  # px that a letter takes, about
_LONGEST = 34  # letters of a line that are shown
_SIGNS = {"done": "✓", "running": "▶", "run": "↻", "failed": "✗"}


def svg(picture: Picture, *, alone: bool = False, title: str = "Graph") -> str:
    """The markup. `alone`: as a file of its own, with its colours in it."""
    sizes = [_size(box) for box in picture.boxes]
    layout = lay_out(sizes, picture.edges)
    width, height = layout.width + 2 * _MARGIN, layout.height + 2 * _MARGIN
    name_space = ' xmlns="http://www.w3.org/2000/svg"' if alone else ""
    count = f"{len(picture.boxes):,} {picture.unit}s"
    parts = [
        f'<svg{name_space} class="graph" viewBox="0 0 {width:.0f} {height:.0f}" '
        f'width="{width:.0f}" height="{height:.0f}" role="img" '
        f'aria-label="{text(title)}: {count}, {len(picture.edges):,} arrows">',
    ]
    if alone:
        style = asset("palette.css") + asset("graph.css")
        parts.append(f"<style>{style_text(style)}</style>")
        parts.append(f'<rect class="paper" width="{width:.0f}" height="{height:.0f}"/>')
    parts.append(
        '<defs><marker id="arrow" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="7" '
        'markerHeight="7" orient="auto-start-reverse"><path class="tip" d="M0 0L8 4L0 8z"/>'
        "</marker></defs>"
    )
    parts.append(f'<g transform="translate({_MARGIN} {_MARGIN})">')
    for (source, target), points in zip(picture.edges, layout.edges, strict=True):
        path = _loop(layout.nodes[source], sizes[source]) if not points else _curve(points)
        parts.append(f'<path class="edge" data-e="{source} {target}" d="{path}"/>')
    for number, box in enumerate(picture.boxes):
        parts.append(_box(number, box, layout.nodes[number], sizes[number]))
    parts.append("</g></svg>")
    return "\n".join(parts) + "\n"


def _size(box: Box) -> Point:
    longest = max(min(len(line), _LONGEST) + 2 * (not at) for at, line in enumerate(box.lines))
    return max(84.0, longest * _LETTER + 34), len(box.lines) * _LINE + 16.0


def _curve(points: Sequence[Point]) -> str:
    x, y = points[0]
    path = f"M{x:.1f} {y:.1f}"
    for to_x, to_y in points[1:]:
        middle = (y + to_y) / 2
        path += f"C{x:.1f} {middle:.1f} {to_x:.1f} {middle:.1f} {to_x:.1f} {to_y:.1f}"
        x, y = to_x, to_y
    return path


def _loop(middle: Point, size: Point) -> str:
    """An arrow from a box to itself, at its right side."""
    x, y = middle[0] + size[0] / 2, middle[1]
    return f"M{x:.1f} {y - 8:.1f}c16 -8 16 24 0 16"


def _box(number: int, box: Box, middle: Point, size: Point) -> str:
    width, height = size
    left, top = middle[0] - width / 2, middle[1] - height / 2
    parts = [
        f'<g class="box {box.state}" data-n="{number}" data-name="{text(box.name)}" '
        f'transform="translate({left:.1f} {top:.1f})"><title>{text(box.hint)}</title>',
        f'<rect class="face" width="{width:.1f}" height="{height:.1f}" rx="7"/>',
        f'<rect class="stripe c{box.colour % COLOURS}" x="5" y="6" width="4" '
        f'height="{height - 12:.1f}" rx="2"/>',
    ]
    for at, line in enumerate(box.lines):
        shown = line if len(line) <= _LONGEST else line[: _LONGEST - 1] + "…"
        kind = "first" if at == 0 else "more"
        sign = f"{_SIGNS[box.state]} " if at == 0 else ""
        y = 8 + _LINE * at + 13
        parts.append(f'<text class="{kind}" x="18" y="{y}">{sign}{text(shown)}</text>')
    total = sum(box.counts.values())
    if total > 1:
        at_x, usable = 18.0, width - 28
        for state in STATES:
            share = usable * box.counts.get(state, 0) / total
            if share:
                parts.append(
                    f'<rect class="part {state}" x="{at_x:.1f}" y="{height - 7:.1f}" '
                    f'width="{share:.1f}" height="3"/>'
                )
                at_x += share
    parts.append("</g>")
    return "".join(parts)
