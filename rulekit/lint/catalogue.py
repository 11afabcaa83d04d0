"""The checks: a code, what is wrong, why it matters and what to do. One entry is one page.

RL0xx are the checks that Snakemake's ``--lint`` has, too; RL1xx are rulekit's own and are only made
by ``rulekit lint``, so that a workflow that was clean stays clean for scripts that call ``--lint``.
"""

from __future__ import annotations

from rulekit.frozen import frozen


@frozen
class Check:
    """One kind of finding. `title` says what is wrong, `why` what comes of it, `fix` what to do.

    `mended`: ``rulekit lint --fix`` does it (see `rulekit.lint.fixes`).
    """

    code: str
    title: str
    why: str
    fix: str
    mended: bool = False


_ALL = (
    Check(
        "RL001",
        "rule without a log file",
        "Messages of its commands go to the terminal, mixed with those of other jobs, and are lost "
        "on a remote machine.",
        'name a file by `log: "logs/{sample}.log"` and send messages there: `2> {log}`',
    ),
    Check(
        "RL002",
        "rule without a software environment",
        "Which programs in which versions made the result is written nowhere, and another machine "
        "must have them by chance.",
        "give the rule `conda:` with an environment file, or `container:` with an image",
    ),
    Check(
        "RL003",
        "rule with environment modules only",
        "Modules exist on one cluster. On any other machine the rule has no software.",
        "add `conda:` or `container:` beside `envmodules:`",
    ),
    Check(
        "RL004",
        "param that repeats the beginning of a file name",
        "A prefix written out does not follow when files lie elsewhere, as in storage or in a "
        "module with a prefix.",
        "make it of the file: `lambda wildcards, input: os.path.splitext(input[0])[0]`",
    ),
    Check(
        "RL005",
        "command that uses a variable from outside of the rule",
        "What is not in `params` is not compared with the last run: when it changes, the rule is "
        "made again only because the whole command differs, without saying which value did.",
        "hand the value over by `params:` and write `{params.name}`",
    ),
    Check(
        "RL006",
        "long `run:` body",
        "Much Python in a rule file hides the rules, and cannot have a software environment of "
        "its own.",
        "move it into a file and name that by `script:`; the same names are there as `snakemake.*`",
    ),
    Check(
        "RL007",
        "command that counts files: `{input[0]}`",
        "A number says nothing to a reader, and means another file when one is put in before it.",
        "name the file, `input: reads=...`, and write `{input.reads}`",
    ),
    Check(
        "RL008",
        "absolute path",
        "The path exists on one machine only.",
        "write it relative to the working directory, or take it from `config`",
    ),
    Check(
        "RL009",
        "rules and functions in one file",
        "Where a workflow has several files already, functions among the rules are hard to find.",
        'put them into a file of their own, `include: "common.smk"`; short ones can be lambdas',
    ),
    Check(
        "RL010",
        "path put together with `+`",
        "The file's name can be read nowhere as a whole.",
        'write it out, or use an f-string: f"{FOLDER}/{{sample}}.txt"',
    ),
    Check(
        "RL011",
        "environment variable that is not announced",
        "Without it the workflow stops in the middle of Python, and remote jobs do not get it.",
        'announce it: `envvars: "NAME"`',
    ),
    Check(
        "RL012",
        "old directive `singularity:`",
        "It is the old name of `container:`, and newer versions may not know it.",
        "write `container:`",
        mended=True,
    ),
    Check(
        "RL013",
        "indentation by tabs",
        "Mixed with blanks it looks different from what it means.",
        "indent by four blanks",
        mended=True,
    ),
    Check(
        "RL014",
        "wildcard in a command without `wildcards.`",
        "A command knows wildcards only by their full names; the job would fail.",
        "write `{wildcards.name}`",
        mended=True,
    ),
    Check(
        "RL101",
        "log file that the command never writes",
        "The file is announced, but nothing of the command goes there.",
        "add `2> {log}` or `&> {log}`, or the program's own option for it",
    ),
    Check(
        "RL102",
        "image without a fixed version",
        "A tag such as `latest`, or none, is another image next year.",
        "name a version or a digest: `docker://name:1.2` or `docker://name@sha256:...`",
    ),
    Check(
        "RL103",
        "file of the rule that is not there",
        "A script, notebook or environment file is named that does not exist; the job would fail.",
        "the path is relative to the rule file; mend the name or add the file",
    ),
    Check(
        "RL104",
        "param that is never used",
        "The command does not have it; but when it changes, the job is stale.",
        "use it as `{params.name}`, or take it out",
    ),
    Check(
        "RL105",
        "threads that the command does not use",
        "The job keeps cores to itself that its program does not know about.",
        "hand the number over: `{threads}`",
    ),
    Check(
        "RL106",
        "exception handler that hides an open checkpoint",
        "`checkpoints.NAME.get()` tells by an exception that the checkpoint must run first. Caught "
        "by `except:` or `except Exception:`, the function goes on with the wrong files.",
        "catch only the errors that are meant, or call `get()` before `try:`",
    ),
    Check(
        "RL107",
        "two rules with the same output",
        "A target that both can make is ambiguous.",
        "give one another name, or decide by `ruleorder: a > b`",
    ),
    Check(
        "RL108",
        "command that changes the directory",
        "All paths of the rule are relative to the working directory; behind `cd` they lead "
        "elsewhere.",
        "put it into brackets, `(cd {params.folder} && make)`, or use the program's own option",
    ),
    Check(
        "RL109",
        "first rule with wildcards",
        "The first rule is what `rulekit` makes when no target is named, and nobody says there what "
        "the wildcards are.",
        "begin with a rule that has only `input:`, the files that are wanted; `rule all` by custom",
    ),
    Check(
        "RL110",
        "two strings that make one file name",
        "Strings side by side are one string, in Python as here. Over two lines this is nearly always "
        "a forgotten comma.",
        'put a comma between them; a long name can be joined in brackets, `("a/" "b")`',
    ),
    Check(
        "RL111",
        "command that names what the rule does not have",
        "There is no input, output, param, log or wildcard of that name: the job would fail.",
        "mend the name, or give it to the file: `input: name=...`",
    ),
    Check(
        "RL112",
        "folder as output without `directory()`",
        "A path that ends with `/` can only be a folder. Without the flag it is taken for a file, and "
        "old content is not removed before the job.",
        'write `directory("name")`, or name the files in it',
    ),
    Check(
        "RL113",
        "directive without effect",
        "`version:` comes from old rule files. Nothing is done with it.",
        "take it out",
    ),
    Check(
        "RL114",
        "constraint of a wildcard that no rule has",
        "It holds for nothing. Often the wildcard was renamed, and is now free to match anything.",
        "mend the name, or take it out",
    ),
    Check(
        "RL115",
        "log file that two rules write",
        "The one that runs later writes over what the other had to say.",
        'give each rule a log file of its own: `log: "logs/rulename/{sample}.log"`',
    ),
)

CHECKS: dict[str, Check] = {check.code: check for check in _ALL}


def page(code: str) -> str | None:
    """The page of a code (``RL008``, ``rl008``), or None if there is none."""
    check = CHECKS.get(code.upper())
    if check is None:
        return None
    mended = "\n`rulekit lint --fix` does it." if check.mended else ""
    return f"{check.code}: {check.title}\n{check.why}\nWhat to do: {check.fix}.{mended}"
