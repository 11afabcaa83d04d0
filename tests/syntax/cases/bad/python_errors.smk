def f(x):
    return x +

rule a:
    input: "a" b=2
    output: x=1, 5
    params:
        a=1,
        2 +
    run:
        if x
            pass
rulle b:
    input: "x"
for x in y:
pass
