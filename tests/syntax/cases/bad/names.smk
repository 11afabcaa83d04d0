rule 1a:
    output: "x"
rule a-b:
    output: "x"
rule "x":
    output: "x"
rule a b:
    output: "x"
module a.b:
    snakefile: "x"
rule größe:
    output: "legal"
use rule a.b from m
