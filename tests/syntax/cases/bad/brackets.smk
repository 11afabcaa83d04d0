rule a:
    input: ["a",
        expand("b"
    output: "b"
x = (1 +
def f(a:
    pass
y = foo(1]
rule c:
    input: "a")
z = 3
