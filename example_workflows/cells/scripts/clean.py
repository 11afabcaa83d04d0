from pictures import read_pgm, write_pgm

reach = snakemake.params.reach
cleaned = []
for row in read_pgm(snakemake.input[0]):
    windows = (sorted(row[max(0, at - reach) : at + reach + 1]) for at in range(len(row)))
    cleaned.append([window[len(window) // 2] for window in windows])
write_pgm(snakemake.output[0], cleaned)
