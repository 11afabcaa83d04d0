"""The run that fits best as a line, what was seen as dots; SVG."""

WIDTH, HEIGHT, MARGIN = 560, 340, 50


def column(path):
    with open(path) as file:
        next(file)
        return [float(line.split()[1]) for line in file]


with open(snakemake.input.fit) as file:
    beta, gamma, distance, path = file.readlines()[1].rstrip().split("\t")
seen, run = column(snakemake.input.seen), column(path)
top = max(*seen, *run)


def at(day, ill):
    x = MARGIN + (WIDTH - 2 * MARGIN) * day / (len(seen) - 1)
    y = HEIGHT - MARGIN - (HEIGHT - 2 * MARGIN) * ill / top
    return round(x, 1), round(y, 1)


line = " ".join("{},{}".format(*at(day, ill)) for day, ill in enumerate(run))
dots = [at(day, ill) for day, ill in enumerate(seen)]
marks = "\n".join(f'<circle class="dot" cx="{x}" cy="{y}" r="4" fill="#e07b00"/>' for x, y in dots)
days = "\n".join(
    f'<text x="{at(day, 0)[0]}" y="{HEIGHT - MARGIN + 18}">{day}</text>' for day in range(len(seen))
)
boys = "\n".join(
    f'<text x="{MARGIN - 20}" y="{at(0, ill)[1]}">{ill}</text>' for ill in range(0, int(top), 100)
)
with open(snakemake.output[0], "w") as out:
    out.write(f"""\
<svg xmlns="http://www.w3.org/2000/svg" width="{WIDTH}" height="{HEIGHT}" font-family="sans-serif"
 font-size="12" text-anchor="middle">
<rect width="{WIDTH}" height="{HEIGHT}" fill="white"/>
<text x="{WIDTH / 2}" y="24">beta {beta}, gamma {gamma}: {distance} boys from what was seen</text>
<polyline points="{line}" fill="none" stroke="#00707a" stroke-width="2"/>
{marks}
{days}
{boys}
<text x="{WIDTH / 2}" y="{HEIGHT - 10}">day</text>
</svg>
""")
