"""Depth along the genome, mean of each window, as SVG."""

WIDTH, HEIGHT, MARGIN = 700, 160, 30

with open(snakemake.input[0]) as file:
    next(file)
    depth = [int(line.split("\t")[1]) for line in file]
window = snakemake.params.window
means = [sum(part) / len(part) for part in
         (depth[i : i + window] for i in range(0, len(depth), window))]
top = max(means) or 1
points = " ".join(
    f"{MARGIN + (WIDTH - 2 * MARGIN) * i / (len(means) - 1):.1f},"
    f"{HEIGHT - MARGIN - (HEIGHT - 2 * MARGIN) * mean / top:.1f}"
    for i, mean in enumerate(means)
)
floor = HEIGHT - MARGIN
with open(snakemake.output[0], "w") as file:
    file.write(f"""\
<svg xmlns="http://www.w3.org/2000/svg" width="{WIDTH}" height="{HEIGHT}" font-family="sans-serif"
 font-size="12">
<rect width="{WIDTH}" height="{HEIGHT}" fill="white"/>
<line x1="{MARGIN}" y1="{floor}" x2="{WIDTH - MARGIN}" y2="{floor}" stroke="black"/>
<polyline points="{points}" fill="none" stroke="#00707a"/>
<text x="{MARGIN}" y="{HEIGHT - 10}">{snakemake.wildcards.sample}: depth from base 1 to \
{len(depth)}, at most {top:.1f}</text>
</svg>
""")
