import sys


def work(path):
    return {}['missing']


work(snakemake.output[0])
