"""The help, made from the table of options."""

from __future__ import annotations

from rulekit.cli.options import GROUPS, VERB_OPTIONS
from rulekit.cli.parse import VERBS

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable

    from rulekit.cli.options import Row

_WIDTH = 98
_COLUMN = 34

_HEAD = """\
rulekit [OPTIONS] [TARGETS]        make files (or run rules), and only what is stale
rulekit COMMAND [OPTIONS] ...      one of the commands below

A first word that names a command is the command; a target of such a name is reached by
`rulekit run NAME` or after `--`. Options that take several words take all up to the next option.
"""

_VERB_HEADS = {
    "why": "rulekit why TARGET...\n\nWhy the files (or the jobs of the rules) are made again, or why not.\n",
    "list": "rulekit list\n\nThe rules with their descriptions. --list prints the names alone.\n",
    "show": "rulekit show RULE...\n\nRules as they were understood, with all their directives.\n",
    "status": "rulekit status [TARGETS]\n\nWhat is up to date, stale or missing, by rule.\n",
    "logs": "rulekit logs [TARGETS]\n\nLog files of the jobs that make the targets; without targets, those of the last run.\n",
    "graph": "rulekit graph [TARGETS]\n\nThe graph of what has to be made.\n",
    "timeline": "rulekit timeline [RUN]\n\n"
    "When each attempt of a run (default: the last one) ran: a table, a page, or a trace.\n",
    "dashboard": "rulekit dashboard [RUN|EVENTS.jsonl]\n\n"
    "A page about a run (default: the last one), live or ended, for this machine only.\n",
    "env": "rulekit env list|lock|create|export|clean\n\n"
    "Conda environments of the rules:\n\n"
    "  list     the environments of the rules, and what is there of them\n"
    "  lock     write ENV.conda-lock.yml beside each environment file\n"
    "  create   make the environments now\n"
    "  export   the exact packages of one environment, as a list for other tools\n"
    "  clean    remove environments that no rule uses, or packages from the cache\n",
    "plan": "rulekit plan [TARGETS]\n\nWhat would run and why; writes nothing.\n",
    "clean": "rulekit clean [TARGETS]\n\nLists the outputs with their sizes; with --yes deletes them.\n",
    "lint": "rulekit lint\n\nWhat could be better in the rule files. Ends with 1 if anything could.\n",
    "fmt": "rulekit fmt [FILES]\n\n"
    "Lays out rule files; of folders (default: this one) all that are in them; `-` is stdin.\n",
    "lsp": "rulekit lsp\n\nA language server for editors, on stdin and stdout.\n",
    "import-makefile": "rulekit import-makefile [MAKEFILE]\n\n"
    "Writes a Rulefile that makes the same files; says what it cannot translate.\n",
    "init": "rulekit init [DIRECTORY]\n\nWrites a small workflow that runs at once.\n",
    "explain": "rulekit explain CODE...\n\nThe long text for an error code such as RK0204.\n",
    "completion": "rulekit completion bash|zsh|fish\n\n"
    "Prints a completion script, to be evaluated by the shell:\n\n"
    '  bash   eval "$(rulekit completion bash)"       (in ~/.bashrc)\n'
    '  zsh    eval "$(rulekit completion zsh)"        (in ~/.zshrc)\n'
    "  fish   rulekit completion fish | source        (in ~/.config/fish/config.fish)\n",
}

_EXITS = """\
exit codes
  0 done or nothing to do   1 a job failed   2 command line   3 rule file or config   4 graph
  5 software   6 storage   7 held by another run   8 work is pending (--check)   9 state damaged
  70 internal error   130 interrupted   143 terminated
"""


def help_text(verb: str = "run", *, everything: bool = False) -> str:
    """The help of a verb. The short form of the main one fits a screen of 60 lines."""
    if verb in _VERB_HEADS:
        rows = VERB_OPTIONS.get(verb, ())
        text = _VERB_HEADS[verb]
        if rows:
            text += "\noptions\n" + _listing(rows)
        if verb not in ("init", "explain", "completion", "fmt", "lsp", "import-makefile"):
            text += "\nThe options of `rulekit` itself hold too: see `rulekit --help`.\n"
        return text
    parts = [_HEAD]
    if everything:
        parts.append("commands\n" + "".join(_entry(name, text) for name, text in VERBS.items()))
    else:
        parts.append(_wrapped("commands", ", ".join(VERBS)))
    for title, rows in GROUPS:
        wanted = [
            row
            for row in rows
            if row[6] == "daily" or (everything and row[6] == "more" and row[8] != "later")
        ]
        if wanted:
            parts.append(f"{title}\n{_listing(wanted)}")
    if everything:
        parts.append(_hidden())
    parts.append(_EXITS)
    return "\n".join(parts)


def _hidden() -> str:
    """The names of what is accepted without effect, and of what is refused."""
    silent: list[str] = []
    refused: list[str] = []
    for _, rows in GROUPS:
        for row in rows:
            if row[8].startswith(("later", "refuse")):
                refused.append(row[0].split()[0])
            elif row[6] == "hidden":
                silent.append(row[0].split()[0])
    return _wrapped(
        "accepted, so that command lines and profiles of Snakemake work", ", ".join(silent)
    ) + ("\n" + _wrapped("known, but refused with what to do instead", ", ".join(refused)))


def _wrapped(title: str, text: str) -> str:
    import textwrap

    body = textwrap.fill(
        text, _WIDTH, initial_indent="  ", subsequent_indent="  ", break_on_hyphens=False
    )
    return f"{title}\n{body}\n"


def _listing(rows: Iterable[Row]) -> str:
    return "".join(_entry(_synopsis(row), row[7]) for row in rows)


def _synopsis(row: Row) -> str:
    names = row[0].split()
    short = next((name for name in names if len(name) == 2), None)
    text = f"{short}, {names[0]}" if short and short != names[0] else f"    {names[0]}"
    metavar = row[3]
    if row[2] == "?":
        metavar = f"[{metavar}]"
    elif row[2] in ("*", "+"):
        metavar += " ..."
    return f"{text} {metavar}".rstrip()


def _entry(left: str, right: str) -> str:
    if len(left) > _COLUMN - 4:
        return f"  {left}\n{' ' * _COLUMN}{right}\n"
    return f"  {left:<{_COLUMN - 2}}{right}\n"
