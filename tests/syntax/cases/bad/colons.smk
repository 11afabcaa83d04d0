rule align
    input: "x"
rule b:
    input "y"
    output
        "z"
include "x"
rule c:
    shell "x"
use rule a as b with
    input: "x"
onstart
    print(1)
onstart print(1)
storage s3
module x
configfile f"a"
