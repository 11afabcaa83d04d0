"""Writes the pages of the reference that are made from the code.

python docs/generate.py           write docs/reference/{command,names,errors,events,lint}.md
python docs/generate.py --check   write nothing; end with 1 if one of them is out of date
"""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.dirname(HERE))

from rulekit import events  # noqa: E402
from rulekit.cli import options, parse  # noqa: E402
from rulekit.errors import explain, tree  # noqa: E402
from rulekit.language import names as language_names  # noqa: E402
from rulekit.lint import catalogue  # noqa: E402
from rulekit.syntax import locate  # noqa: E402

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

_NOTE = "<!-- written by docs/generate.py: change the code, then run it again -->\n\n"

_WORDS = {
    "0": "",
    "1": "",
    "?": "at most one word",
    "*": "any number of words",
    "+": "one word or more",
    "2": "",
    "append": "may be repeated",
}
_RELEASES = {"9": "", "7": "Snakemake 7", "r": "rulekit's own"}


def _cell(text: str) -> str:
    return text.replace("|", "\\|")


def _names(row: options.Row) -> str:
    metavar = _cell(row[3])
    if row[2] == "?":
        metavar = f"[{metavar}]"
    elif row[2] in ("*", "+"):
        metavar += " …"
    shown = ", ".join(f"`{name}`" for name in row[0].split())
    return f"{shown} {metavar}".rstrip()


def _meaning(row: options.Row) -> str:
    notes = [_WORDS[row[2]], _RELEASES[row[5]]]
    kind = row[4]
    if "|" in kind and kind != "text":
        notes.insert(0, "one of " + ", ".join(f"`{word}`" for word in kind.split("|")))
    more = "; ".join(note for note in notes if note)
    text = _cell(row[7])
    return f"{text} ({more})" if more else text


def _option_table(rows: Iterable[options.Row]) -> list[str]:
    lines = ["| option | meaning |", "| --- | --- |"]
    lines += [f"| {_names(row)} | {_meaning(row)} |" for row in rows]
    return [*lines, ""]


def command() -> str:
    """The page of the command line."""
    lines = [
        "# The command",
        "",
        "```text",
        "rulekit [OPTIONS] [TARGETS]",
        "rulekit COMMAND [OPTIONS] ...",
        "```",
        "",
        "A first word that is one of the commands below is the command; a target of such a name is",
        "reached by `rulekit run NAME` or after `--`. Options stand before or after targets; one",
        "that takes several words takes all up to the next option, so put targets first or after",
        "`--`. Long options may be shortened as long as they stay unique.",
        "",
        "Without `--snakefile` the first of these files is read: "
        + ", ".join(f"`{name}`" for name in locate.CANDIDATES)
        + ".",
        "",
        "A run talks on standard error; standard output carries data: lists, tables, graphs, and",
        "what jobs print. A dry run talks on standard output.",
        "",
        "## Commands",
        "",
        "| command | what it does |",
        "| --- | --- |",
        *(f"| `rulekit {name}` | {_cell(text)} |" for name, text in parse.VERBS.items()),
        "",
        "Not in this version, and kept free: "
        + ", ".join(f"`{name}`" for name in sorted(parse.LATER_VERBS))
        + ".",
        "",
        "Options that only some of them have:",
        "",
        "| command | option | meaning |",
        "| --- | --- | --- |",
    ]
    for verb, rows in options.VERB_OPTIONS.items():
        lines += [f"| `{verb}` | {_names(row)} | {_meaning(row)} |" for row in rows]
    lines += ["", "## Options", ""]
    notes: list[options.Row] = []
    later: list[options.Row] = []
    refused: list[options.Row] = []
    silent: list[options.Row] = []
    for title, rows in options.GROUPS:
        working = []
        for row in rows:
            then = row[8]
            if then.startswith("refuse"):
                refused.append(row)
            elif then.startswith("later"):
                later.append(row)
            elif then.startswith("note"):
                notes.append(row)
            elif then == "silent":
                silent.append(row)
            else:
                working.append(row)
        if working:
            lines += [f"### {title[0].upper()}{title[1:]}", "", *_option_table(working)]
    lines += [
        "## Options of Snakemake that do something else here",
        "",
        "Accepted, with one line that says so:",
        "",
        "| option | what is said |",
        "| --- | --- |",
        *(f"| {_names(row)} | {_cell(row[8].removeprefix('note: '))} |" for row in notes),
        "",
        "Accepted without a word, because nothing depends on them in a local run:",
        "",
        ", ".join(f"`{row[0].split()[0]}`" for row in silent) + ".",
        "",
        "Not available in this version; rulekit says so and ends with 2:",
        "",
        "| option | what to do |",
        "| --- | --- |",
        *(
            f"| {_names(row)} | {_cell(row[8].removeprefix('later').removeprefix(': ')) or '–'} |"
            for row in later
        ),
        "",
        "Refused, with what to use instead:",
        "",
        "| option | what is said |",
        "| --- | --- |",
        *(f"| {_names(row)} | {_cell(row[8].removeprefix('refuse: '))} |" for row in refused),
        "",
    ]
    return "\n".join(lines)


def _exit_lines() -> list[str]:
    classes = [
        thing
        for thing in vars(tree).values()
        if isinstance(thing, type) and issubclass(thing, tree.RulekitError)
    ]
    named = {
        0: "everything that was asked for is up to date",
        1: "a job failed",
        8: "`rulekit status --check`: there is work to be done",
        70: "a mistake in rulekit itself; a report file is named",
        130: "interrupted by Ctrl-C (SIGINT), after an orderly end",
        143: "ended by SIGTERM, after an orderly end",
    }
    for thing in classes:
        if thing is not tree.RulekitError:
            text = (thing.__doc__ or "").split("\n")[0].rstrip(".")
            named[thing.exit_code] = text[0].lower() + text[1:]
    lines = ["| code | meaning |", "| ---: | --- |"]
    return [*lines, *(f"| {code} | {_cell(text)} |" for code, text in sorted(named.items())), ""]


def errors() -> str:
    """The page of exit codes and error codes."""
    lines = [
        "# Exit codes and error codes",
        "",
        "## Exit codes",
        "",
        *_exit_lines(),
        "## Error codes",
        "",
        "Every message has a code; `rulekit explain CODE` prints what stands here.",
        "",
    ]
    for code, text in sorted(explain.PAGES.items()):
        title, _, body = text.strip().partition("\n")
        lines += [f"### {code}: {title.rstrip('.')}", "", *_fenced(body.strip()), ""]
    return "\n".join(lines)


def lint() -> str:
    """The page of the checks of rule files."""
    lines = [
        "# Checks of rule files",
        "",
        "`rulekit lint` makes all of them, `rulekit --lint` those that Snakemake has (RL0xx). Both end",
        "with 1 if there is a finding. `rulekit explain RL008` prints what stands here.",
        "",
        "A comment allows a finding on its line, or all of a rule's on the rule's first line:",
        "",
        "```text",
        "rule align:  # lint: ignore RL001, RL002",
        "```",
        "",
        "`--lint json` and `rulekit lint --json` write an object with two lists, `snakefiles` and",
        "`rules`. Each item says what it is `for` (`snakefile`, `rule`, `line`) and has `lints` with",
        "`code`, `title`, `body`, `links` and `line`.",
        "",
    ]
    for check in catalogue.CHECKS.values():
        lines += [
            f"## {check.code}: {check.title}",
            "",
            check.why,
            "",
            f"What to do: {check.fix}.",
            "",
        ]
    return "\n".join(lines)


def _fenced(text: str) -> list[str]:
    """The text as it is, with indented examples put into blocks."""
    lines: list[str] = []
    inside = False
    for line in text.split("\n"):
        indented = line.startswith("    ")
        if indented and not inside:
            lines += ["```text"]
            inside = True
        elif inside and line.strip() and not indented:
            while lines[-1] == "":
                lines.pop()
            lines += ["```", ""]
            inside = False
        lines.append(line[4:] if inside else line)
    if inside:
        lines.append("```")
    return lines


def event_page() -> str:
    """The page of the JSON-lines event log."""
    lines = [
        "# The event log",
        "",
        "`rulekit --log-json FILE` writes one JSON object a line. Each has `event` (a name below),",
        f"`schema` (now {events.SCHEMA}), `time` (seconds since 1970, UTC) and the fields of the",
        "event. Within a schema no field changes its name or meaning; new ones may come.",
        "",
    ]
    kinds = [events.JobInfo, *_members(events.Event)]
    for kind in kinds:
        notes = kind.__annotations__
        title = f"## {kind.__name__}" if kind is not events.JobInfo else "## A job"
        lines += [title, ""]
        if kind is events.JobInfo:
            lines += ["The field `job` of some events is an object with these fields.", ""]
        elif kind.__doc__ and not kind.__doc__.startswith(kind.__name__ + "("):
            lines += [" ".join(kind.__doc__.split()), ""]
        lines += ["| field | type |", "| --- | --- |"]
        lines += [f"| `{name}` | {_cell(_json_type(str(note)))} |" for name, note in notes.items()]
        lines += [""]
    return "\n".join(lines)


def _members(union: object) -> tuple[type, ...]:
    return union.__args__  # type: ignore[attr-defined, no-any-return]


def _json_type(note: str) -> str:
    simple = {
        "int": "integer",
        "float": "number",
        "str": "text",
        "bool": "true or false",
        "JobInfo": "a job",
        "str | None": "text or null",
        "tuple[str, ...]": "list of texts",
        "tuple[tuple[str, str], ...]": "list of pairs of texts",
        "Mapping[str, int]": "object: text to integer",
        "Mapping[str, str]": "object: text to text",
        "Mapping[str, float]": "object: text to number",
        "Mapping[str, object]": "object",
    }
    return simple.get(note, note)


def names() -> str:
    """The page of the names that rule files see."""
    groups: dict[str, list[str]] = {}
    plain: list[str] = []
    for name in language_names.all_names():
        module, _ = language_names._ADDRESSES[name]
        if not module.startswith("rulekit."):
            plain.append(name)
            continue
        room = module.rpartition(".")[2]
        title = {
            "flags": "Flags on files",
            "filenames": "File names",
            "values": "Values that depend on wildcards",
            "deferred": "Items of the rule itself",
            "sources": "Sources elsewhere",
        }.get(room, "Others")
        groups.setdefault(title, []).append(name)
    lines = [
        "# Names in a rule file",
        "",
        "These names are there without an import, beside all of Python, and `config`, `rules`,",
        "`checkpoints`, `workflow`, `scatter`, `gather`, `storage` and `pep`.",
        "",
    ]
    for title, members in groups.items():
        lines += [f"## {title}", "", "| name | meaning |", "| --- | --- |"]
        for name in members:
            found = language_names.standard_name(name)
            assert found is not None
            lines.append(f"| {_call(name, found[0])} | {_cell(_first_sentence(found[0]))} |")
        lines.append("")
    lines += [
        "## From Python",
        "",
        "Snakemake lets these through, and files rely on them: "
        + ", ".join(f"`{name}`" for name in sorted(plain, key=str.lower))
        + ".",
        "",
    ]
    return "\n".join(lines)


def _call(name: str, thing: object) -> str:
    import inspect

    if not inspect.isfunction(thing):
        return f"`{name}`"
    parts = []
    for parameter in inspect.signature(thing).parameters.values():
        text = str(parameter.replace(annotation=inspect.Parameter.empty))
        # A default that only marks "not given" has nothing to show.
        parts.append(f"{parameter.name}=…" if " at 0x" in text else text)
    return _cell(f"`{name}({', '.join(parts)})`")


def _first_sentence(thing: object) -> str:
    text = thing.__doc__ if isinstance(thing, type) or callable(thing) else ""
    if not text or not getattr(type(thing), "__module__", "").startswith(("rulekit", "builtins")):
        return ""
    first = " ".join(text.split("\n\n")[0].split())
    return first.replace("``", "`")


PAGES: dict[str, Callable[[], str]] = {
    "command.md": command,
    "names.md": names,
    "errors.md": errors,
    "lint.md": lint,
    "events.md": event_page,
}


def main(words: list[str]) -> int:
    stale = []
    for name, make in PAGES.items():
        path = os.path.join(HERE, "reference", name)
        text = _NOTE + make().rstrip("\n") + "\n"
        old = ""
        if os.path.exists(path):
            with open(path) as file:
                old = file.read()
        if text != old:
            stale.append(name)
            if "--check" not in words:
                with open(path, "w") as file:
                    file.write(text)
    if "--check" in words and stale:
        print("out of date, run `python docs/generate.py`:", ", ".join(stale))
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
