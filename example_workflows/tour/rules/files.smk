# Files and their flags.


rule words:
    """A wildcard, a log, a benchmark, a file that is deleted when nobody needs it any more."""
    input:
        "data/{text}.txt",
    output:
        temp("results/lines/{text}.txt"),
    log:
        "results/logs/words/{text}.log",
    benchmark:
        repeat("results/benchmarks/{text}.tsv", 2)
    shell:
        "tr -cs '[:alpha:]' '\\n' < {input} | tr '[:upper:]' '[:lower:]' > {output} 2> {log}"


rule count:
    """An input from another rule, by its name; braces of the shell's own are doubled."""
    input:
        rules.words.output,
    output:
        report("results/words/{text}.tsv", category="Words", labels={"text": "{text}"}),
    message:
        "Counting {wildcards.text}"
    shell:
        "sort {input} | uniq -c | sort -k1,1nr -k2 | awk '{{ print $2 \"\\t\" $1 }}' > {output}"


rule keep:
    """An output that is made read-only; an input whose time does not count."""
    input:
        ancient("data/sea.txt"),
    output:
        protected("results/kept.txt"),
    shell:
        "cp {input} {output}"


rule folder:
    """A folder as output."""
    input:
        expand("data/{text}.txt", text=TEXTS),
    output:
        directory("results/folder"),
    shell:
        "mkdir {output} && cp {input} {output}"


rule stamp:
    """An empty file as output, that only says: done. It runs here, even if others run on a cluster."""
    input:
        "results/folder",
    output:
        touch("results/stamp"),
    shell:
        "test -e {input}/sea.txt"


rule three:
    """Several files with one stem, by name; a folder of the job's own for what it leaves behind."""
    output:
        multiext("results/three", a=".a", b=".b", c=".c"),
    shadow: "minimal"
    shell:
        "echo litter > litter.txt; for file in {output.a} {output.b} {output.c}; do echo three > $file; done"


rule ensure:
    """Outputs that must not be empty, and must have this content."""
    output:
        ensure(
            "results/ensured.txt",
            non_empty=True,
            sha256="5891b5b522d5df086d0ff0b110fbd9d21bb4fc7163af34d08286a2e846f6be03",
        ),
    shell:
        "echo hello > {output}"


rule grow:
    """A file that is changed, not made: before_update names it for those who come before."""
    input:
        before_update("data/sea.txt"),
    output:
        "results/grown.txt",
    shell:
        "cp {input} {output}"


rule updated:
    input:
        "results/grown.txt",
    output:
        "results/updated.txt",
    shell:
        "(cat {input}; echo more) > {output}"
