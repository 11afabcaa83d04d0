rule a:
    input = "x"
    if x:
        output: "y"
    def f(): pass
    output: "x"
    x = 5
rule b:
    output: "x"
    rule c:
        output: "y"
    use rule d from e
    (1)
