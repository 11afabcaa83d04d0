"""Change over mean, as SVG."""

import csv
import math

with open(snakemake.input[0], newline="") as file:
    rows = list(csv.DictReader(file, delimiter="\t"))
points = []
for row in rows:
    mean = (float(row["control"]) + float(row["treated"])) / 2
    points.append((math.log2(mean + 1), float(row["log2_change"]), row["gene"], row["answer"]))
wide = max(x for x, *_ in points) * 1.1
high = max(1.0, *(abs(y) for _, y, *_ in points)) * 1.2
COLOURS = {"up": "#c1272d", "down": "#0054a6", "none": "#777777"}
with open(snakemake.output[0], "w") as out:
    print('<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 500 320" font-family="sans-serif" font-size="12">', file=out)
    print('<rect width="500" height="320" fill="white"/><path d="M40 150H490M40 20V280" stroke="#999" fill="none"/>', file=out)
    print('<text x="265" y="305" text-anchor="middle">log2 of the mean</text>', file=out)
    print('<text transform="translate(16 150) rotate(-90)" text-anchor="middle">log2 of the change</text>', file=out)
    for x, y, gene, answer in points:
        at = f'{40 + 440 * x / wide:.1f}" cy="{150 - 130 * y / high:.1f}'
        print(f'<circle cx="{at}" r="5" fill="{COLOURS[answer]}"><title>{gene}: {y:+.2f}</title></circle>', file=out)
    print("</svg>", file=out)
