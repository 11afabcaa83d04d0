rule a:
    input: "x"
    input: "y"
    params: a=1, b=2, a=3
    shell: 5 +
