"""Counts per thousand reads, their means by condition, and the change between the conditions."""

import csv
import math

with open(snakemake.input[0], newline="") as file:
    rows = list(csv.DictReader(file, delimiter="\t"))
samples = [name for name in rows[0] if name != "gene"]
totals = {name: sum(int(row[name]) for row in rows) for name in samples}


def mean(row, names):
    return math.fsum(1000 * int(row[name]) / totals[name] for name in names) / len(names)


with open(snakemake.output[0], "w") as table:
    print("gene", "control", "treated", "log2_change", "answer", sep="\t", file=table)
    for row in rows:
        control = mean(row, snakemake.params.control)
        treated = mean(row, snakemake.params.treated)
        change = math.log2((treated + 1) / (control + 1))
        answer = "none"
        if abs(change) >= snakemake.params.least:
            answer = "up" if change > 0 else "down"
        print(row["gene"], f"{control:.1f}", f"{treated:.1f}", f"{change:+.2f}", answer, sep="\t", file=table)
