"""Least-squares lines of one column on another: for all birds, then for each species."""

import argparse
import csv
import statistics

parser = argparse.ArgumentParser(description=__doc__)
parser.add_argument("--x", required=True)
parser.add_argument("--y", required=True)
parser.add_argument("table")
options = parser.parse_args()

groups = {"all": ([], [])}
with open(options.table, newline="") as file:
    for bird in csv.DictReader(file):
        for name in ("all", bird["species"]):
            xs, ys = groups.setdefault(name, ([], []))
            xs.append(float(bird[options.x]))
            ys.append(float(bird[options.y]))

print("group", "birds", "slope", "intercept", "correlation", sep="\t")
for name, (xs, ys) in groups.items():
    slope, intercept = statistics.linear_regression(xs, ys)
    correlation = statistics.correlation(xs, ys)
    print(name, len(xs), f"{slope:.5f}", f"{intercept:.4f}", f"{correlation:.4f}", sep="\t")
