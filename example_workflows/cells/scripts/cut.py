from pictures import read_pgm, write_pgm

rows = read_pgm(snakemake.input[0])
count = len(snakemake.output)
for number, path in enumerate(snakemake.output):
    write_pgm(path, rows[number * len(rows) // count : (number + 1) * len(rows) // count])
