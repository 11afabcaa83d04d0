from pictures import read_pgm

rows = read_pgm(snakemake.input[0])
bright = {
    (y, x)
    for y, row in enumerate(rows)
    for x, value in enumerate(row)
    if value >= snakemake.params.threshold
}
labels = [[0] * len(rows[0]) for _ in rows]
cells, dirt = [], 0
for start in sorted(bright):
    if start not in bright:
        continue
    bright.discard(start)
    cell, todo = [], [start]
    while todo:
        y, x = todo.pop()
        cell.append((y, x))
        for near in ((y - 1, x), (y + 1, x), (y, x - 1), (y, x + 1)):
            if near in bright:
                bright.discard(near)
                todo.append(near)
    if len(cell) < snakemake.params.smallest:
        dirt += 1
        continue
    cells.append(cell)
    for y, x in cell:
        labels[y][x] = len(cells)
with open(snakemake.output.cells, "w") as table:
    for number, cell in enumerate(cells, 1):
        row, column = (sum(point[i] for point in cell) / len(cell) for i in (0, 1))
        words = (snakemake.wildcards.picture, number, len(cell), f"{row:.1f}", f"{column:.1f}")
        print(*words, sep="\t", file=table)
with open(snakemake.output.labels, "w") as file:
    for row in labels:
        print(*row, file=file)
with open(snakemake.log[0], "w") as log:
    print(f"{len(cells)} cells, {dirt} times dirt", file=log)
