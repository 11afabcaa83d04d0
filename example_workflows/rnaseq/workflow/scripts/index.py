"""Words of k bases that only one gene has."""

k = snakemake.params.k
genes = {}
with open(snakemake.input[0]) as fasta:
    for line in fasta:
        if line.startswith(">"):
            name = line[1:].split()[0]
            genes[name] = ""
        else:
            genes[name] += line.strip()
owners = {}
for name, bases in genes.items():
    for at in range(len(bases) - k + 1):
        owners.setdefault(bases[at : at + k], set()).add(name)
with open(snakemake.output[0], "w") as index:
    for word, names in sorted(owners.items()):
        if len(names) == 1:
            print(word, *names, sep="\t", file=index)
