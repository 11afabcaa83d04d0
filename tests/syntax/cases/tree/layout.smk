rule a:
    input: "x"

rule b:
    output: "y"