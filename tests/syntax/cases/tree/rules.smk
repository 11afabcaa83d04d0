rule all: input: "x",
    "y", z=lambda wc: wc.a
rule:
    "what it does"
    output: "a"
    shell: """
multi {output}
"""
rule   b   :   # comment

    # comment at another column
  # and another
    input:   # comment behind the colon
        "x",  # comment
# comment in column one
        "y"
    output: "z"  ,
    "a docstring later"
    threads: 4
    resources:
        mem_mb=lambda wc, attempt: (100 *
            attempt if attempt else (1)),
    params:
    shell:
        "cat {input}"
        # between
        " > {output}"
checkpoint c:
	input: "tab"
	script:
		"x.py"
rule d: run: raise KeyError
rule e:
    run:
        def f(x):
            return x

        text = """
not indented
"""
        f(text)


rule f:
    log: "f.log",
    benchmark: "f.txt"
    run: print(log)
rule g:
    input: f"{{sample}}_{X}.txt", rf'\d{1}', f"""
a {X!r:>{10}} b"""
    output: 'a' \
        'b'
    notebook: "n.ipynb"
