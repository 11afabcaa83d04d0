"""One column against another, with the line for all birds (dashed) and for each species."""

import csv

from svgplot import Plot, spread

x, y = snakemake.wildcards.x, snakemake.wildcards.y
colours = snakemake.params.colours
with open(snakemake.input.table, newline="") as file:
    birds = [(bird["species"], float(bird[x]), float(bird[y])) for bird in csv.DictReader(file)]
with open(snakemake.input.fit, newline="") as file:
    fits = list(csv.DictReader(file, delimiter="\t"))

plot = Plot(spread([b[1] for b in birds]), spread([b[2] for b in birds]), x, y)
for species, across, up in birds:
    plot.dot(across, up, colours[species])
for fit in fits:
    group = fit["group"]
    inside = [b[1] for b in birds if group in ("all", b[0])]
    plot.fitted(
        float(fit["slope"]), float(fit["intercept"]), min(inside), max(inside),
        colours.get(group, "#333"), dash="6 4" if group == "all" else "",
    )
plot.legend(colours)
plot.save(snakemake.output[0])
