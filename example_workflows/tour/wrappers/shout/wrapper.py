with open(snakemake.input[0]) as quiet, open(snakemake.output[0], "w") as loud:
    loud.write(quiet.read().upper())
