"""The places of each word of k bases in a genome, as JSON."""

import argparse
import json
import sys

parser = argparse.ArgumentParser(description=__doc__)
parser.add_argument("-k", type=int, required=True)
parser.add_argument("reference")
options = parser.parse_args()

with open(options.reference) as file:
    genome = "".join(line.strip() for line in file if not line.startswith(">"))
places = {}
for start in range(len(genome) - options.k + 1):
    places.setdefault(genome[start : start + options.k], []).append(start)
json.dump({"k": options.k, "places": places}, sys.stdout)
