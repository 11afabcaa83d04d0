"""Writes the made-up data of this example: `python3 tools/simulate.py FOLDER`."""

import gzip
import os
import random
import sys

GENES = {  # name: how much of it there is in control and treated samples
    "actA": (60, 62), "betB": (45, 44), "catC": (8, 40), "dnaD": (30, 28), "eloE": (36, 9),
    "fisF": (15, 15), "glnG": (4, 18), "hisH": (22, 24), "ilvI": (12, 3), "lacL": (10, 10),
}  # fmt: skip
LENGTH, READ, READS = 150, 40, 150


def main(folder):
    random.seed(1990)
    os.makedirs(folder, exist_ok=True)
    genes = {name: "".join(pick("ACGT") for _ in range(LENGTH)) for name in GENES}
    with open(f"{folder}/genes.fa", "w") as fasta:
        for name, bases in genes.items():
            print(f">{name}\n{bases}", file=fasta)
    for condition, letter in enumerate("ct"):
        weights = [amounts[condition] for amounts in GENES.values()]
        for number in (1, 2, 3):
            text = "".join(read(genes, weights, i) for i in range(READS))
            with open(f"{folder}/{letter}{number}.fastq.gz", "wb") as raw:
                with gzip.GzipFile("", "wb", 9, raw, mtime=0) as file:
                    file.write(text.encode())


def pick(items):
    return items[int(random.random() * len(items))]


def read(genes, weights, number):
    rest = random.random() * sum(weights)
    for name, weight in zip(genes, weights):
        rest -= weight
        if rest < 0:
            break
    start = int(random.random() * (LENGTH - READ + 1))
    level = 12 if random.random() < 0.1 else 33
    bases, marks = "", ""
    for base in genes[name][start : start + READ]:
        quality = max(2, level - int(random.random() * 8))
        wrong = random.random() < 10 ** (-quality / 10)
        bases += pick("ACGT".replace(base, "")) if wrong else base
        marks += chr(33 + quality)
    return f"@read{number}\n{bases}\n+\n{marks}\n"


main(sys.argv[1])
