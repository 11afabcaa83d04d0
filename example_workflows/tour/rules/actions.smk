# Other ways to say what is done: shell is in nearly every other rule.


rule by_bash:
    """A script in another language gets the values of the job, too."""
    output:
        "results/by_bash.txt",
    params:
        word="bash",
    script:
        "../scripts/say.sh"


rule by_wrapper:
    """A wrapper: an action from a collection, here from a folder."""
    input:
        "data/sea.txt",
    output:
        "results/by_wrapper.txt",
    wrapper:
        "file:wrappers/shout"


rule by_run:
    """Python in the rule file; several inputs by names that a function gives."""
    input:
        unpack(lambda wildcards: {text: f"data/{text}.txt" for text in TEXTS}),
    output:
        "results/by_run.txt",
    run:
        with open(output[0], "w") as out:
            for name, path in input.items():
                print(name, os.path.getsize(path), file=out)
