from pictures import read_pgm, write_pgm

write_pgm(snakemake.output[0], [row for path in snakemake.input for row in read_pgm(path)])
