"""One table of all variants in all samples, and how well they were found."""

samples = snakemake.params.samples
variants = {}
for sample, path in zip(samples, snakemake.input.variants):
    with open(path) as file:
        for line in file:
            if not line.startswith("#"):
                _, position, _, base, other, _, _, info = line.rstrip("\n").split("\t")
                variants.setdefault((int(position), base, other), {})[sample] = info

with open(snakemake.output[0], "w") as out:
    print("# Variants\n", file=out)
    print("| position | change |", *(f"{sample} |" for sample in samples), file=out)
    print("| ---: | --- |", *("--- |" for _ in samples), file=out)
    for (position, base, other), seen in sorted(variants.items()):
        cells = (f"{seen.get(sample, '')} |" for sample in samples)
        print(f"| {position} | {base}→{other} |", *cells, file=out)
    print("\n# Accuracy\n", file=out)
    print("| sample | reads kept | true | found | missed | wrong |", file=out)
    print("| --- | ---: | ---: | ---: | ---: | ---: |", file=out)
    for sample, log, path in zip(samples, snakemake.input.logs, snakemake.input.accuracy):
        with open(log) as file:
            counts = dict(line.split() for line in file)
        with open(path) as file:
            row = file.readlines()[1].split()
        cells = [sample, f"{counts['kept']} of {counts['reads']}", *row]
        print("| " + " | ".join(cells) + " |", file=out)
