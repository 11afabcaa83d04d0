# Values that are no files.


def longest(wildcards, input):
    """A function for params gets wildcards, and what else it names."""
    return max((os.path.basename(path) for path in input), key=len)


rule values:
    """Params by function, threads, resources, a priority, values of the config."""
    input:
        expand("data/{text}.txt", text=TEXTS),
    output:
        "results/values.txt",
    params:
        longest=longest,
        title=config["title"],
    threads: 2
    resources:
        mem_mb=lambda wildcards, attempt: 100 * attempt,
        runtime="5m",
    priority: 10
    shell:
        "echo {params.title}: {params.longest}, {resources.mem_mb} MB, {resources.runtime} min > {output}"


rule retry:
    """The first attempt fails; the second one knows that it is the second."""
    output:
        "results/retried.txt",
    retries: 2
    resources:
        tries=lambda wildcards, attempt: attempt,
    shell:
        "[ {resources.tries} -gt 1 ] && echo {resources.tries} > {output}"


rule branched:
    """branch: one input or another, by a condition."""
    input:
        branch(config["loud"], then="data/storm.txt", otherwise="data/sea.txt"),
    output:
        "results/branched.txt",
    shell:
        "head -n 1 {input} > {output}"


rule looked_up:
    """lookup: a value from the config by its path."""
    input:
        lookup(dpath="texts/first", within=config),
    output:
        "results/looked_up.txt",
    shell:
        "cp {input} {output}"
