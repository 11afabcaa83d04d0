"""Single-base variants from alignments without gaps: VCF to stdout, depth to a table."""

import argparse
import sys
from collections import Counter

parser = argparse.ArgumentParser(description=__doc__)
parser.add_argument("--min-depth", type=int, required=True)
parser.add_argument("--min-fraction", type=float, required=True)
parser.add_argument("--min-quality", type=int, required=True)
parser.add_argument("--sample", required=True)
parser.add_argument("--depth", required=True)
parser.add_argument("reference")
parser.add_argument("alignments")
options = parser.parse_args()

with open(options.reference) as file:
    name = next(file)[1:].split()[0]
    genome = "".join(line.strip() for line in file)

seen = [Counter() for _ in genome]
with open(options.alignments) as file:
    for line in file:
        if line.startswith("@"):
            continue
        _, flag, _, position, _, _, _, _, _, bases, quality, *_ = line.rstrip("\n").split("\t")
        if flag != "4":
            for offset, (base, letter) in enumerate(zip(bases, quality), int(position) - 1):
                if ord(letter) - 33 >= options.min_quality:
                    seen[offset][base] += 1

print("##fileformat=VCFv4.2")
print(f"##contig=<ID={name},length={len(genome)}>")
print('##INFO=<ID=DP,Number=1,Type=Integer,Description="Bases of good quality here">')
print('##INFO=<ID=AF,Number=A,Type=Float,Description="Part of them that show the variant">')
print("#CHROM", "POS", "ID", "REF", "ALT", "QUAL", "FILTER", "INFO", sep="\t")
found = 0
with open(options.depth, "w") as depths:
    print("position", "depth", sep="\t", file=depths)
    for position, (base, counts) in enumerate(zip(genome, seen), 1):
        depth = counts.total()
        print(position, depth, sep="\t", file=depths)
        if depth < options.min_depth:
            continue
        other, count = counts.most_common(1)[0]
        if other != base and count / depth >= options.min_fraction:
            found += 1
            info = f"DP={depth};AF={count / depth:.3f}"
            print(name, position, ".", base, other, ".", "PASS", info, sep="\t")
print(f"{options.sample}\t{found} variants", file=sys.stderr)
