import gzip
import math

means = []
with gzip.open(snakemake.input[0], "rt") as fastq:
    for number, line in enumerate(fastq):
        if number % 4 == 3:
            values = [ord(sign) - 33 for sign in line.strip()]
            means.append(sum(values) / len(values))
low = sum(mean < snakemake.params.low for mean in means)
with open(snakemake.output[0], "w") as table:
    print(snakemake.wildcards.sample, len(means), low, f"{math.fsum(means) / len(means):.1f}", sep="\t", file=table)
with open(snakemake.log[0], "w") as log:
    print(f"{low} of {len(means)} reads below {snakemake.params.low}", file=log)
