"""Cuts each read at its first base below the quality."""

kept = bases = 0
with open(snakemake.input[0]) as file, open(snakemake.output[0], "w") as out:
    lines = [line.strip() for line in file]
    for _, read, _, quality in zip(*[iter(lines)] * 4):
        good = next(
            (n for n, sign in enumerate(quality) if ord(sign) - 33 < snakemake.params.quality),
            len(read),
        )
        if good >= 12:
            out.write(read[:good] + "\n")
            kept += 1
            bases += good
with open(snakemake.log[0], "w") as log:
    log.write(f"{kept} of {len(lines) // 4} reads kept, {bases} bases\n")
