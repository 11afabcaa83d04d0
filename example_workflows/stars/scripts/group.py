"""Stars are of one cluster if a chain of near stars leads from one to the other."""

import os

with open(snakemake.input[0]) as table:
    head = next(table)
    lines = table.readlines()
places = [tuple(map(float, line.split()[:2])) for line in lines]
near = snakemake.params.near
left = set(range(len(places)))
clusters = []
while left:
    todo, cluster = [min(left)], []
    left.discard(todo[0])
    while todo:
        one = todo.pop()
        cluster.append(one)
        x, y = places[one]
        close = [i for i in left if (places[i][0] - x) ** 2 + (places[i][1] - y) ** 2 <= near * near]
        left.difference_update(close)
        todo += close
    if len(cluster) >= snakemake.params.least:
        clusters.append(sorted(cluster))
clusters.sort(key=lambda cluster: (-len(cluster), cluster))
os.makedirs(snakemake.output[0])
for number, cluster in enumerate(clusters, 1):
    with open(f"{snakemake.output[0]}/{number}.tsv", "w") as file:
        file.write(head)
        file.writelines(lines[i] for i in cluster)
