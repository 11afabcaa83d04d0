# What decides which jobs there are.


checkpoint open:
    """How many files there will be is known when it has run."""
    input:
        "data/sea.txt",
    output:
        directory("results/lines_of_sea"),
    shell:
        "mkdir {output} && awk '{{ print > \"{output}/\" int((NR - 1) / 2) }}' {input}"


rule reverse:
    input:
        "results/lines_of_sea/{number}",
    output:
        "results/reversed/{number}",
    wildcard_constraints:
        number=r"\d+",
    shell:
        "rev {input} > {output}"


def reversed_parts(wildcards):
    folder = checkpoints.open.get().output[0]
    numbers = sorted(glob_wildcards(folder + "/{number,\\d+}").number)
    return expand("results/reversed/{number}", number=numbers)


rule opened:
    input:
        reversed_parts,
    output:
        "results/opened.txt",
    shell:
        "cat {input} > {output}"


rule split:
    """Scatter: a fixed number of parts; they travel together if jobs run elsewhere (group)."""
    input:
        "data/storm.txt",
    output:
        temp(scatter.parts("results/parts/{scatteritem}.txt")),
    shell:
        'awk \'{{ print > (NR <= 2 ? "{output[0]}" : "{output[1]}") }}\' {input}'


rule number:
    input:
        "results/parts/{scatteritem}.txt",
    output:
        temp("results/numbered/{scatteritem}.txt"),
    group: "parts"
    shell:
        "cat -n {input} > {output}"


rule rejoin:
    """Gather."""
    input:
        gather.parts("results/numbered/{scatteritem}.txt"),
    output:
        "results/rejoined.txt",
    shell:
        "cat {input} > {output}"


rule general:
    output:
        "results/{anything}al.txt",
    shell:
        "echo general > {output}"


rule special:
    """Two rules could make this; ruleorder says which one does."""
    output:
        "results/special.txt",
    shell:
        "echo special > {output}"


# A workflow of its own, with its own config, below a folder of its own.
module other:
    snakefile:
        "../other/Snakefile"
    config:
        config["other"]
    prefix:
        "results/other"


use rule * from other as other_*


# A rule like another one, but for what is said here.
use rule general as derived with:
    output:
        "results/derived.txt",
