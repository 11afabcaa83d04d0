include:
configfile:   # nothing
workdir:
rule a:
    shell:
    # nothing
subworkflow:
