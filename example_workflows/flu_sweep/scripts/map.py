"""The grid of settings as SVG: the darker, the nearer to what was seen."""

CELL, LEFT, TOP = 60, 100, 30
NEAR, FAR = (0, 82, 92), (226, 242, 243)  # red, green, blue

with open(snakemake.input[0]) as file:
    next(file)
    fits = {tuple(row[:2]): float(row[2]) for row in (line.split("\t") for line in file)}
betas = sorted({beta for beta, _ in fits}, key=float)
gammas = sorted({gamma for _, gamma in fits}, key=float, reverse=True)
nearest, farthest = min(fits.values()), max(fits.values())
width, height = LEFT + CELL * len(betas) + 20, TOP + CELL * len(gammas) + 60

lines = [
    f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{height}" '
    'font-family="sans-serif" font-size="12" text-anchor="middle">',
    f'<rect width="{width}" height="{height}" fill="white"/>',
    f'<text x="{width / 2}" y="18">distance from the outbreak, in boys</text>',
]
for row, gamma in enumerate(gammas):
    y = TOP + CELL * row
    lines.append(f'<text x="{LEFT - 22}" y="{y + CELL / 2 + 4}">{gamma}</text>')
    for at, beta in enumerate(betas):
        x, distance = LEFT + CELL * at, fits[beta, gamma]
        part = (distance - nearest) / ((farthest - nearest) or 1)
        colour = "#%02x%02x%02x" % tuple(
            round(near + part * (far - near)) for near, far in zip(NEAR, FAR)
        )
        ink = "white" if part < 0.5 else "black"
        edge = ' stroke="#e07b00" stroke-width="3"' if distance == nearest else ""
        lines.append(
            f'<rect class="cell" x="{x + 2}" y="{y + 2}" width="{CELL - 4}" height="{CELL - 4}" '
            f'fill="{colour}"{edge}/>'
        )
        lines.append(
            f'<text x="{x + CELL / 2}" y="{y + CELL / 2 + 4}" fill="{ink}">{distance:.0f}</text>'
        )
for at, beta in enumerate(betas):
    lines.append(f'<text x="{LEFT + CELL * (at + 0.5)}" y="{height - 42}">{beta}</text>')
lines.append(f'<text x="{LEFT + CELL * len(betas) / 2}" y="{height - 18}">beta</text>')
lines.append(f'<text x="34" y="{TOP + CELL * len(gammas) / 2}">gamma</text>')
with open(snakemake.output[0], "w") as out:
    out.write("\n".join([*lines, "</svg>"]) + "\n")
