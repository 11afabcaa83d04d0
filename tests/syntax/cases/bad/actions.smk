rule a:
    shell: "x"
    input: "y"
    run:
        pass
    output: "z"
rule:
    shell:
rule c:
    run:
    # only a comment
rule d:
    script:
    notebook: "x"
onstart:
