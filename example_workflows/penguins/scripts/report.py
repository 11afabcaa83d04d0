"""All results on one page that needs nothing else: tables, and the plots inside."""

import csv
from html import escape


def table(path):
    with open(path, newline="") as file:
        head, *rows = csv.reader(file, delimiter="\t")
    lines = ["<table>", "<tr>" + "".join(f"<th>{escape(cell)}</th>" for cell in head) + "</tr>"]
    lines += ["<tr>" + "".join(f"<td>{escape(cell)}</td>" for cell in row) + "</tr>" for row in rows]
    return "\n".join([*lines, "</table>"])


def plot(path):
    with open(path) as file:
        return f"<figure>\n{file.read()}</figure>"


inputs = snakemake.input
page = [
    "<!doctype html>",
    '<html lang="en"><meta charset="utf-8"><title>Penguins of the Palmer Archipelago</title>',
    "<style>body { font-family: sans-serif; max-width: 60em; margin: auto }",
    "td, th { padding: 0.1em 0.8em; text-align: left }</style>",
    "<h1>Penguins of the Palmer Archipelago</h1>",
    "<h2>Birds</h2>",
    table(inputs.counts),
]
for fit, figure in zip(inputs.fits, inputs.scatter):
    page += [f"<h2>{escape(fit.split('/')[-1][:-4])}</h2>", plot(figure), table(fit)]
for figure in inputs.histograms:
    page += [f"<h2>{escape(figure.split('/')[-1][:-4])}</h2>", plot(figure)]
with open(snakemake.output[0], "w") as file:
    file.write("\n".join([*page, "</html>"]) + "\n")
