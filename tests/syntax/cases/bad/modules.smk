module m:
    config: 3
module:
    snakefile: "x"
module m:
    name: "x"
    snakefile: "y"
