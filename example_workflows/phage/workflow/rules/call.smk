# From alignments to variants, and how good they are.


rule call:
    input:
        alignments="results/aligned/{sample}.sam",
        reference=config["reference"],
        script="workflow/scripts/call.py",
    output:
        vcf="results/variants/{sample}.vcf",
        depth="results/depth/{sample}.tsv",
    log:
        "results/logs/call/{sample}.log",
    params:
        options=lambda wildcards: " ".join(
            f"--{name.replace('_', '-')} {value}" for name, value in config["call"].items()
        ),
    shell:
        "python3 {input.script} {params.options} --sample {wildcards.sample}"
        " --depth {output.depth} {input.reference} {input.alignments} > {output.vcf} 2> {log}"


rule check:
    """Compare with the true genome, which is known here."""
    input:
        vcf="results/variants/{sample}.vcf",
        reference=config["reference"],
        strain=column("strain"),
        script="workflow/scripts/check.py",
    output:
        "results/accuracy/{sample}.tsv",
    shell:
        "python3 {input.script} {input.reference} {input.strain} {input.vcf} > {output}"


rule depth_plot:
    input:
        "results/depth/{sample}.tsv",
    output:
        "results/depth/{sample}.svg",
    params:
        window=50,
    script:
        "../scripts/depth_plot.py"


rule report:
    input:
        variants=expand("results/variants/{sample}.vcf", sample=SAMPLES),
        accuracy=expand("results/accuracy/{sample}.tsv", sample=SAMPLES),
        logs=expand("results/logs/trim/{sample}.log", sample=SAMPLES),
    output:
        "results/report.md",
    params:
        samples=list(SAMPLES),
    script:
        "../scripts/report.py"
