x = "abc
rule a:
    input: 'abc
    output: "x"
    shell:
        """
        never closed
rule b:
    input: "x"
