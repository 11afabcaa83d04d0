# From raw reads to sorted alignments.


rule trim:
    input:
        reads=column("reads"),
        script="workflow/scripts/trim.py",
    output:
        temp("results/trimmed/{sample}.fastq"),
    log:
        "results/logs/trim/{sample}.log",
    params:
        adapter=config["trim"]["adapter"],
        min_quality=config["trim"]["min_quality"],
        min_length=config["trim"]["min_length"],
    shell:
        "python3 {input.script} --adapter {params.adapter} --min-quality {params.min_quality}"
        " --min-length {params.min_length} {input.reads} > {output} 2> {log}"


rule index:
    """Where each word of k bases stands in the reference. Protected: it is costly in real life."""
    input:
        reference=config["reference"],
        script="workflow/scripts/index.py",
    output:
        protected("results/index/k{k}.json"),
    wildcard_constraints:
        k=r"\d+",
    shell:
        "python3 {input.script} -k {wildcards.k} {input.reference} > {output}"


rule align:
    input:
        reads="results/trimmed/{sample}.fastq",
        reference=config["reference"],
        index=f"results/index/k{config['align']['k']}.json",
        script="workflow/scripts/align.py",
    output:
        temp("results/aligned/{sample}.unsorted.sam"),
    log:
        "results/logs/align/{sample}.log",
    benchmark:
        "results/benchmarks/align/{sample}.tsv"
    params:
        max_mismatches=config["align"]["max_mismatches"],
    threads: 2
    resources:
        mem_mb=200,
    message:
        "aligning the reads of {wildcards.sample} with {threads} threads"
    shell:
        "python3 {input.script} --threads {threads} --max-mismatches {params.max_mismatches}"
        " {input.reference} {input.index} {input.reads} > {output} 2> {log}"


rule sort:
    input:
        "results/aligned/{sample}.unsorted.sam",
    output:
        "results/aligned/{sample}.sam",
    shell:
        """
        grep '^@' {input} > {output}
        grep -v '^@' {input} | LC_ALL=C sort -s -k 4,4n >> {output}
        """
