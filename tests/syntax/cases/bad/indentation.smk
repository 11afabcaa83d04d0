rule a:
    input: "x"
      output: "y"
rule b:
      input: "x"
   output: "y"
def f():
        x = 1
    y = 2
