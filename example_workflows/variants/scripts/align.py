"""The best place of each read, without gaps."""

reference = open(snakemake.input.reference).read().strip()
with open(snakemake.input.reads) as reads, open(snakemake.output[0], "w") as out:
    for read in map(str.strip, reads):
        places = range(len(reference) - len(read) + 1)
        best = min(places, key=lambda at: sum(map(str.__ne__, read, reference[at:])))
        out.write(f"{best}\t{read}\n")
