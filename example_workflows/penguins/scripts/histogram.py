"""How one column is spread, species stacked on each other."""

import csv

from svgplot import Plot

column = snakemake.wildcards.column
colours, bins = snakemake.params.colours, snakemake.params.bins
with open(snakemake.input.table, newline="") as file:
    values = [(bird["species"], float(bird[column])) for bird in csv.DictReader(file)]

low, high = min(v for _, v in values), max(v for _, v in values)
width = (high - low) / bins
counts = [dict.fromkeys(colours, 0) for _ in range(bins)]
for species, value in values:
    counts[min(int((value - low) / width), bins - 1)][species] += 1

tallest = max(sum(count.values()) for count in counts)
plot = Plot((low, high), (0, tallest * 1.1), column, "birds")
for i, count in enumerate(counts):
    bottom = 0
    for species, n in count.items():
        if n:
            plot.bar(low + i * width, low + (i + 1) * width, bottom, bottom + n, colours[species])
        bottom += n
plot.legend(colours)
plot.save(snakemake.output[0])
