"""Just enough to draw a plot: a frame with axes, and marks put into it, as SVG text."""

import math
from xml.sax.saxutils import escape

WIDTH, HEIGHT = 560, 400
LEFT, RIGHT, TOP, BOTTOM = 70, 20, 20, 60


def ticks(low, high, about=6):
    """Round numbers between low and high."""
    raw = (high - low) / about
    power = 10 ** math.floor(math.log10(raw))
    step = next(step * power for step in (1, 2, 5, 10) if step * power >= raw)
    first = math.ceil(low / step - 1e-9)
    return [i * step for i in range(first, math.floor(high / step + 1e-9) + 1)]


class Plot:
    """One plot; x and y are (low, high) in the units of the data."""

    def __init__(self, x, y, x_label, y_label):
        self.x, self.y = x, y
        self.parts = [
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" '
            f'width="{WIDTH}" height="{HEIGHT}" font-family="sans-serif" font-size="12">',
            f'<rect width="{WIDTH}" height="{HEIGHT}" fill="white"/>',
        ]
        bottom = HEIGHT - BOTTOM
        for value in ticks(*x):
            at = self.at_x(value)
            self.line(at, TOP, at, bottom, "#ddd")
            self.text(at, bottom + 18, f"{value:g}")
        for value in ticks(*y):
            at = self.at_y(value)
            self.line(LEFT, at, WIDTH - RIGHT, at, "#ddd")
            self.text(LEFT - 8, at + 4, f"{value:g}", anchor="end")
        self.text((LEFT + WIDTH - RIGHT) / 2, HEIGHT - 16, x_label)
        self.text(18, (TOP + bottom) / 2, y_label, turn=-90)

    def at_x(self, value):
        low, high = self.x
        return LEFT + (value - low) / (high - low) * (WIDTH - LEFT - RIGHT)

    def at_y(self, value):
        low, high = self.y
        return HEIGHT - BOTTOM - (value - low) / (high - low) * (HEIGHT - TOP - BOTTOM)

    def line(self, x1, y1, x2, y2, colour, width=1, dash=""):
        self.parts.append(
            f'<line x1="{x1:.1f}" y1="{y1:.1f}" x2="{x2:.1f}" y2="{y2:.1f}" '
            f'stroke="{colour}" stroke-width="{width}" stroke-dasharray="{dash}"/>'
        )

    def text(self, x, y, text, anchor="middle", turn=0):
        self.parts.append(
            f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}" '
            f'transform="rotate({turn} {x:.1f} {y:.1f})">{escape(text)}</text>'
        )

    def dot(self, x, y, colour):
        self.parts.append(
            f'<circle class="dot" cx="{self.at_x(x):.1f}" cy="{self.at_y(y):.1f}" r="3" '
            f'fill="{colour}" fill-opacity="0.6"/>'
        )

    def bar(self, x1, x2, y1, y2, colour):
        self.parts.append(
            f'<rect class="bar" x="{self.at_x(x1):.1f}" y="{self.at_y(y2):.1f}" '
            f'width="{self.at_x(x2) - self.at_x(x1):.1f}" '
            f'height="{self.at_y(y1) - self.at_y(y2):.1f}" fill="{colour}"/>'
        )

    def fitted(self, slope, intercept, low, high, colour, dash=""):
        self.line(
            self.at_x(low), self.at_y(slope * low + intercept),
            self.at_x(high), self.at_y(slope * high + intercept),
            colour, width=2, dash=dash,
        )

    def legend(self, colours):
        for row, (name, colour) in enumerate(colours.items()):
            y = TOP + 16 + 16 * row
            self.parts.append(f'<circle cx="{LEFT + 14}" cy="{y - 4}" r="4" fill="{colour}"/>')
            self.text(LEFT + 24, y, name, anchor="start")

    def save(self, path):
        with open(path, "w") as file:
            file.write("\n".join([*self.parts, "</svg>"]) + "\n")


def spread(values):
    """Low and high with a little room on both sides."""
    low, high = min(values), max(values)
    room = (high - low) * 0.05
    return low - room, high + room
