"""Writes the reads in data/reads, the same ones each time: short reads of three phage genomes.

The genomes are real (see README.md), the reads are drawn from them: place and strand at random,
wrong bases as often as their quality says, an adapter where a fragment is shorter than a read.

    python3 tools/simulate_reads.py data/reads
"""

import gzip
import os
import random
import sys

ADAPTER = "AGATCGGAAGAGCACACGTCTGAACTCCAGTCAC"
READ_LENGTH = 75
READS = 1500
COMPLEMENT = str.maketrans("ACGT", "TGCA")
HERE = os.path.dirname(os.path.abspath(__file__))


def read_genome(path):
    with open(path) as file:
        return "".join(line.strip() for line in file if not line.startswith(">"))


def qualities(dice):
    """Phred values: good at the start, worse towards the end, in some reads much worse."""
    turn = dice.randint(20, 60) if dice.random() < 0.15 else 65
    values = []
    for place in range(READ_LENGTH):
        mean = 37 if place < turn else 37 - 2.5 * (place - turn)
        values.append(int(min(40, max(2, dice.gauss(mean, 2)))))
    return values


def simulate(genome, dice):
    for number in range(1, READS + 1):
        length = dice.randint(45, 300)
        start = dice.randrange(len(genome) - length + 1)
        fragment = genome[start : start + length]
        if dice.random() < 0.5:
            fragment = fragment.translate(COMPLEMENT)[::-1]
        bases = (fragment + ADAPTER)[:READ_LENGTH].ljust(READ_LENGTH, "A")
        quality = qualities(dice)
        seen = [
            dice.choice("ACGT".replace(base, "")) if dice.random() < 10 ** (-q / 10) else base
            for base, q in zip(bases, quality)
        ]
        yield number, "".join(seen), "".join(chr(33 + q) for q in quality)


def main(folder):
    os.makedirs(folder, exist_ok=True)
    for seed, strain in enumerate(("bull", "g97", "neb03"), start=1):
        genome = read_genome(f"{HERE}/../resources/strains/{strain}.fa")
        dice = random.Random(174 + seed)
        # No name and no time in the gzip header: the same bytes each time.
        with (
            open(f"{folder}/{strain}.fastq.gz", "wb") as raw,
            gzip.GzipFile("", "wb", fileobj=raw, mtime=0) as file,
        ):
            for number, bases, quality in simulate(genome, dice):
                file.write(f"@{strain}.{number}\n{bases}\n+\n{quality}\n".encode())


if __name__ == "__main__":
    main(sys.argv[1])
