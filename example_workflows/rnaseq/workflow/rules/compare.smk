rule compare:
    """Mean and change of each gene between the two conditions."""
    input:
        "results/counts.tsv",
    output:
        report(
            "results/genes.tsv",
            caption="../report/genes.rst",
            category="Genes",
            labels={"kind": "table"},
        ),
    params:
        control=lambda wildcards: samples_of(config["compare"]["control"]),
        treated=lambda wildcards: samples_of(config["compare"]["treated"]),
        least=config["compare"]["least_change"],
    script:
        "../scripts/compare.py"


rule plot:
    """Change over mean: one dot for each gene."""
    input:
        "results/genes.tsv",
    output:
        report(
            "results/ma.svg",
            caption="../report/ma.rst",
            category="Genes",
            labels={"kind": "plot"},
        ),
    script:
        "../scripts/plot.py"
