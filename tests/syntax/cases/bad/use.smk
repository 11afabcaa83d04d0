use rule from x
use rule * as y
use x from y
use rule a from
use rule a from m as
use rule a, from m
use rule a from m exclude
use rule * from m with:
    input: "x"
use rule a from m as b:
    input: "x"
use rule a as b from m
use rule a b from m
