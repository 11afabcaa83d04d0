import math

with open(snakemake.input[0]) as table:
    next(table)
    places = [tuple(map(float, line.split()[:2])) for line in table]
x, y = (math.fsum(place[i] for place in places) / len(places) for i in (0, 1))
radius = max(math.hypot(a - x, b - y) for a, b in places)
with open(snakemake.output[0], "w") as out:
    words = (snakemake.wildcards.cluster, len(places), f"{x:.1f}", f"{y:.1f}", f"{radius:.1f}")
    print(*words, sep="\t", file=out)
