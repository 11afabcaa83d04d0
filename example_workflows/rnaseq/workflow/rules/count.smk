rule index:
    """The words of k bases in each gene; words of two genes tell nothing."""
    input:
        config["genes"],
    output:
        "results/index.tsv",
    params:
        k=config["count"]["k"],
    script:
        "../scripts/index.py"


rule count:
    """Reads of a sample by gene."""
    input:
        index="results/index.tsv",
        reads=lambda wildcards: SAMPLES[wildcards.sample]["reads"],
    output:
        temp("results/counts/{sample}.tsv"),
    log:
        "results/logs/count/{sample}.log",
    benchmark:
        "results/benchmarks/count/{sample}.tsv"
    threads: 1
    resources:
        mem_mb=lambda wildcards, input, attempt: max(100, input.size_mb * 20) * attempt,
    retries: 1
    script:
        "../scripts/count.py"


rule matrix:
    """All counts in one table, samples as columns."""
    input:
        collect("results/counts/{sample}.tsv", sample=SAMPLES),
    output:
        "results/counts.tsv",
    run:
        columns = []
        for path in input:
            with open(path) as table:
                columns.append(
                    dict(line.split("\t") for line in table.read().splitlines())
                )
        with open(output[0], "w") as table:
            print("gene", *SAMPLES, sep="\t", file=table)
            for gene in sorted(columns[0]):
                print(gene, *(column[gene] for column in columns), sep="\t", file=table)
