"""Places where most of the reads differ from the reference."""

from collections import Counter

reference = open(snakemake.input.reference).read().strip()
seen = [Counter() for _ in reference]
with open(snakemake.input.aligned) as file:
    for line in file:
        start, read = line.split()
        for offset, base in enumerate(read):
            seen[int(start) + offset][base] += 1
with open(snakemake.output[0], "w") as out:
    for place, counts in enumerate(seen):
        depth = sum(counts.values())
        if depth >= snakemake.params.depth:
            base, number = counts.most_common(1)[0]
            if base != reference[place] and 2 * number > depth:
                out.write(f"{place + 1}\t{reference[place]}\t{base}\t{depth}\n")
