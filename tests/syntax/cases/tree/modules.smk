module other:
    "docstring"
    snakefile: github("a/b", path="Snakefile", tag="v1")
    config: config
    prefix: "p"
    skip_validation: True
module:
    name: "x" + "y"
    meta_wrapper: "v1/bio/x"
use rule * from other
use rule * from other exclude a, b as other_*
use rule a, b from other as *_x_*
use rule a from other as a2 with:
    # comment
    "doc"
    input:
        "x"
    params: a=1
use rule a as b with: output: "z"
use rule a as b with:
use rule a \
    from other  # comment
use rule with_x as exclude_y
subworkflow old:
    workdir: "x"
    snakefile: "x/Snakefile"
