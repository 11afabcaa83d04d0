"""The digit that most of the nearest known pictures show."""

from collections import Counter

setting = snakemake.params.setting


def load(path):
    with open(path) as file:
        for line in file:
            digit, points = line.split()
            yield digit, blurred([int(sign) for sign in points])


def blurred(points):
    """Each point with its neighbours, as often as the setting says."""
    for _ in range(setting["blur"]):
        rows = [points[at : at + 6] for at in range(0, len(points), 6)]
        points = [
            sum(
                rows[b][a]
                for b in range(max(0, y - 1), min(len(rows), y + 2))
                for a in range(max(0, x - 1), min(6, x + 2))
            )
            for y in range(len(rows))
            for x in range(6)
        ]
    return points


def far(one, other):
    if setting["distance"] == "city":
        return sum(abs(a - b) for a, b in zip(one, other))
    return sum((a - b) ** 2 for a, b in zip(one, other))


known = list(load(snakemake.input.learn))
with open(snakemake.output[0], "w") as table:
    for truth, points in load(snakemake.input.ask):
        near = sorted((far(points, other), digit) for digit, other in known)
        guess = Counter(digit for _, digit in near[: setting["neighbours"]])
        print(truth, min(guess, key=lambda digit: (-guess[digit], digit)), file=table)
