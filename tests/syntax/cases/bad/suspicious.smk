configfle: "config.yaml"
if x: include: "y"
for i in z:
    localrule: f"{i}"
x: int
rule a:
    input: "x"
    input: "y"
