"""Writes the made-up sky of this example: `python3 tools/simulate.py > data/stars.tsv`."""

import math
import random

random.seed(1781)
print("x", "y", "colour", sep="\t")


def star(x, y, blue):
    colour = 0.3 * random.random() if random.random() < blue else 0.3 + 1.2 * random.random()
    print(f"{x:.2f}", f"{y:.2f}", f"{colour:.2f}", sep="\t")


for _ in range(60):
    star(100 * random.random(), 100 * random.random(), 0.1)
for x, y, size, number, blue in (
    (25, 30, 6, 45, 0.5), (70, 25, 5, 25, 0.05), (55, 70, 8, 60, 0.05), (20, 80, 3, 14, 0.6), (85, 80, 2, 8, 0.3),
):  # fmt: skip
    for _ in range(number):
        far, turn = size * math.sqrt(random.random()), 2 * math.pi * random.random()
        star(x + far * math.cos(turn), y + far * math.sin(turn), blue)
