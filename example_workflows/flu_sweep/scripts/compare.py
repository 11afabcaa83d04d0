"""Root mean square distance of each run from what was seen, in boys."""


def column(path):
    with open(path) as file:
        next(file)
        return [float(line.split()[1]) for line in file]


seen = column(snakemake.input.seen)
rows = []
for setting, path in zip(snakemake.params.settings, snakemake.input.runs):
    run = column(path)
    distance = (sum((a - b) ** 2 for a, b in zip(run, seen, strict=True)) / len(seen)) ** 0.5
    rows.append((distance, *setting.split(), path))
with open(snakemake.output[0], "w") as out:
    print("beta", "gamma", "distance", "run", sep="\t", file=out)
    for distance, beta, gamma, path in sorted(rows):
        print(beta, gamma, f"{distance:.1f}", path, sep="\t", file=out)
