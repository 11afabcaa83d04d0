rule align:
    ouput: "x"
    params:
        a=1
    foo: 1
    include: "x"

rule b:
    configfile: "x"
use rule a as b with:
    shell: "x"
module m:
    snakefil: "x"
