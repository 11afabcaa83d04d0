"""A read belongs to the gene to which most of its words belong."""

import gzip
from collections import Counter

with open(snakemake.input.index) as table:
    owner = dict(line.split() for line in table)
k = len(next(iter(owner)))
counts = Counter(dict.fromkeys(owner.values(), 0))
lost = 0
with gzip.open(snakemake.input.reads, "rt") as fastq:
    for number, line in enumerate(fastq):
        if number % 4 == 1:
            read = line.strip()
            words = (read[at : at + k] for at in range(len(read) - k + 1))
            found = Counter(owner[word] for word in words if word in owner).most_common(1)
            if found:
                counts[found[0][0]] += 1
            else:
                lost += 1
with open(snakemake.output[0], "w") as table:
    for gene, number in sorted(counts.items()):
        print(gene, number, sep="\t", file=table)
with open(snakemake.log[0], "w") as log:
    print(f"{sum(counts.values())} reads of a gene, {lost} of none", file=log)
