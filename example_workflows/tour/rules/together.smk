# Jobs that run at the same time.


rule pour:
    """A pipe: never a file on disk; maker and reader run together."""
    output:
        pipe("results/pipe"),
    shell:
        "seq 1 1000 > {output}"


rule drink:
    input:
        "results/pipe",
    output:
        "results/through_pipe.txt",
    shell:
        "awk 'END {{ print NR }}' {input} > {output}"


rule serve:
    """A service: lives as long as somebody needs it."""
    output:
        service("results/socket"),
    shell:
        "echo at your service > {output}; sleep 600"


rule ask:
    input:
        "results/socket",
    output:
        "results/served.txt",
    shell:
        "cp {input} {output}"
