"""Compares called variants with the true ones, which are read off the strain's genome."""

import sys


def genome(path):
    with open(path) as file:
        return "".join(line.strip() for line in file if not line.startswith(">"))


reference, strain = genome(sys.argv[1]), genome(sys.argv[2])
true = {(i, a, b) for i, (a, b) in enumerate(zip(reference, strain), 1) if a != b}
with open(sys.argv[3]) as file:
    rows = [line.split("\t") for line in file if not line.startswith("#")]
called = {(int(row[1]), row[3], row[4]) for row in rows}
print("true", "found", "missed", "wrong", sep="\t")
print(len(true), len(true & called), len(true - called), len(called - true), sep="\t")
