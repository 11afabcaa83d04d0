"""Places reads on a genome without gaps; SAM to stdout, counts to stderr.

Every word of k bases of a read votes for the places where the read would begin; the place with
the most votes is taken if the read fits there with few enough mismatches.
"""

import argparse
import json
import sys
from collections import Counter
from multiprocessing import get_context

COMPLEMENT = str.maketrans("ACGTN", "TGCAN")
state = {}


def place(read):
    """A SAM line for a read (name, bases, quality)."""
    name, bases, quality = read
    k, places, genome = state["k"], state["places"], state["genome"]
    best = None
    for flag, turned in ((0, bases), (16, bases.translate(COMPLEMENT)[::-1])):
        votes = Counter(
            at - offset
            for offset in range(len(turned) - k + 1)
            for at in places.get(turned[offset : offset + k], ())
        )
        for start, _ in votes.most_common(2):
            if 0 <= start <= len(genome) - len(turned):
                there = genome[start : start + len(turned)]
                mismatches = sum(a != b for a, b in zip(turned, there))
                if best is None or mismatches < best[0]:
                    best = (mismatches, flag, start, turned)
    if best is None or best[0] > state["max_mismatches"]:
        return f"{name}\t4\t*\t0\t0\t*\t*\t0\t0\t{bases}\t{quality}"
    mismatches, flag, start, turned = best
    shown = quality[::-1] if flag else quality
    return (
        f"{name}\t{flag}\t{state['name']}\t{start + 1}\t60\t{len(turned)}M\t*\t0\t0"
        f"\t{turned}\t{shown}\tNM:i:{mismatches}"
    )


def reads_of(path):
    with open(path) as file:
        for head in file:
            bases, _, quality = (next(file).rstrip("\n") for _ in range(3))
            yield head[1:].rstrip(), bases, quality


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--max-mismatches", type=int, required=True)
    parser.add_argument("reference")
    parser.add_argument("index")
    parser.add_argument("reads")
    options = parser.parse_args()

    with open(options.reference) as file:
        state["name"] = next(file)[1:].split()[0]
        state["genome"] = "".join(line.strip() for line in file)
    with open(options.index) as file:
        state.update(json.load(file))
    state["max_mismatches"] = options.max_mismatches

    print(f"@HD\tVN:1.6\n@SQ\tSN:{state['name']}\tLN:{len(state['genome'])}")
    placed = total = 0
    with get_context("fork").Pool(options.threads) as pool:  # each worker has the index already
        for line in pool.imap(place, reads_of(options.reads), chunksize=200):
            print(line)
            total += 1
            placed += line.split("\t", 2)[1] != "4"
    print(f"reads\t{total}\nplaced\t{placed}", file=sys.stderr)


if __name__ == "__main__":
    main()
