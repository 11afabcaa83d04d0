"""Writes the made-up pictures of this example: `python3 tools/simulate.py FOLDER`."""

import random
import sys

WIDTH, HEIGHT = 120, 96


def main(folder):
    random.seed(1665)
    for name, count in (("control", 9), ("starved", 5), ("treated", 14)):
        rows = [[20 + int(30 * random.random()) for _ in range(WIDTH)] for _ in range(HEIGHT)]
        for _ in range(count):
            y, x = random.random() * HEIGHT, random.random() * WIDTH
            tall, wide = 3 + 5 * random.random(), 3 + 5 * random.random()
            for row in range(HEIGHT):
                for column in range(WIDTH):
                    far = ((row - y) / tall) ** 2 + ((column - x) / wide) ** 2
                    if far < 1:
                        rows[row][column] = 140 + int(100 * (1 - far) * random.random())
        for _ in range(120):  # dust
            rows[int(random.random() * HEIGHT)][int(random.random() * WIDTH)] = 255
        with open(f"{folder}/{name}.pgm", "wb") as file:
            file.write(f"P5\n{WIDTH}\n{HEIGHT}\n255\n".encode())
            for row in rows:
                file.write(bytes(row))


main(sys.argv[1])
