from pictures import read_pgm, write_png

rows = read_pgm(snakemake.input.picture)
with open(snakemake.input.labels) as file:
    labels = [[int(word) for word in line.split()] for line in file]


def edge(y, x):
    own = labels[y][x]
    around = ((y - 1, x), (y + 1, x), (y, x - 1), (y, x + 1))
    inside = (p for p in around if 0 <= p[0] < len(rows) and 0 <= p[1] < len(rows[0]))
    return own and any(labels[b][a] != own for b, a in inside)


write_png(
    snakemake.output[0],
    [
        [(255, 40, 40) if edge(y, x) else (value,) * 3 for x, value in enumerate(row)]
        for y, row in enumerate(rows)
    ],
)
