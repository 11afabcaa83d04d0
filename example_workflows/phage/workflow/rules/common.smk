# What several rules need: the sample sheet, and names that wildcards may have.
import csv

with open(config["samples"], newline="") as sheet:
    SAMPLES = {row["sample"]: row for row in csv.DictReader(sheet)}


wildcard_constraints:
    sample="|".join(SAMPLES),


def column(name):
    """An input function that looks a sample up in the sheet."""
    return lambda wildcards: SAMPLES[wildcards.sample][name]
