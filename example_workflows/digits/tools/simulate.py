"""Writes the made-up digits of this example: `python3 tools/simulate.py > data/digits.txt`.

A line is a digit and its picture, 6 points by 8, each 0 to 9.
"""

import random

# Seven segments: top, upper left, upper right, middle, lower left, lower right, bottom.
SEGMENTS = ("1110111", "0010010", "1011101", "1011011", "0111010", "1101011", "1101111", "1010010", "1111111", "1111011")  # fmt: skip
POINTS = (
    [(0, x) for x in range(1, 5)],
    [(y, 0) for y in range(1, 4)],
    [(y, 5) for y in range(1, 4)],
    [(4, x) for x in range(1, 5)],
    [(y, 0) for y in range(4, 7)],
    [(y, 5) for y in range(4, 7)],
    [(7, x) for x in range(1, 5)],
)

random.seed(1957)
for _ in range(28):
    for digit, segments in enumerate(SEGMENTS):
        rows = [[int(3 * random.random()) for _ in range(6)] for _ in range(8)]
        slip = int(3 * random.random()) - 1
        for on, points in zip(segments, POINTS):
            for y, x in points:
                if on == "1" and random.random() < 0.85:
                    rows[min(7, max(0, y + (slip if random.random() < 0.3 else 0)))][x] = 5 + int(5 * random.random())
        print(digit, "".join(str(point) for row in rows for point in row))
