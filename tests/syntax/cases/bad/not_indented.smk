rule a:
output: "x"
shell: "touch {output}"

if True:
    checkpoint b:
    input: "y"

rule c:
    output: "z"
    shell: "touch {output}"
