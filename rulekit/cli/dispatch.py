"""From words to the command that does them, and from whatever is raised to an exit code."""

from __future__ import annotations

import os
import sys

from rulekit.errors.tree import RulekitError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from rulekit.cli.parse import Command

# These verbs ask nothing of a rule file or profile.
_ALONE = frozenset({"explain", "completion", "init", "fmt", "lsp", "import-makefile", "__complete"})


def guarded(words: list[str]) -> int:
    """Run the command; every way it can end is an exit code here."""
    _tolerant_streams()
    try:
        _stand_somewhere()
        code = run(words)
        sys.stdout.flush()
        if "rulekit.language.queues" in sys.modules:
            _leave_fillers(code)
        return code
    except RulekitError as error:
        from rulekit.cli.diagnostics import tell

        _quietly_flush()
        return tell(error, nocolor="--nocolor" in words, words=words)
    except KeyboardInterrupt:
        _quietly_flush()
        sys.stderr.write("interrupted\n")
        return 130
    except BrokenPipeError:
        # Who reads stdout has gone (`| head`): no reason to say anything.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 141
    except SystemExit:
        raise
    except BaseException as error:
        from rulekit.cli.diagnostics import of_the_machine, tell, tell_bug

        _quietly_flush()
        machine = of_the_machine(error)
        if machine is not None:
            return tell(machine, nocolor="--nocolor" in words, words=words)
        return tell_bug(error, words)


def _leave_fillers(code: int) -> None:
    """A thread of the rule file that fills a queue nobody reads would keep the process for ever."""
    import threading

    from rulekit.language.queues import Reading

    main = threading.main_thread()
    others = [one for one in threading.enumerate() if one is not main and not one.daemon]
    if others and not Reading.blocking:
        sys.stderr.flush()
        os._exit(code)


def run(words: list[str]) -> int:
    """Parse and do. Raises what the command raises."""
    if words and words[0] == "azure":
        from rulekit.cli.commands import azure

        return azure.main(words[1:])  # its commands have words of their own
    command = read(words)
    options = command.options
    if options.version:
        from rulekit import __version__

        sys.stdout.write(f"rulekit {__version__}\n")
        return 0
    if options.help or options.help_all:
        from rulekit.cli.helptext import help_text

        sys.stdout.write(help_text(command.verb, everything=options.help_all))
        return 0
    if options.notices and not options.quiet:
        for notice in options.notices:
            sys.stderr.write(f"note: {notice}\n")
    return _execute(_with_places(command))


def _with_places(command: Command) -> Command:
    """Files to be written are relative to where the command was given, not to `--directory`; the
    files of `--cluster-config` are, too."""
    options = command.options
    places: dict[str, Any] = {}
    if options.cluster_config:
        places["cluster_config"] = tuple(map(os.path.abspath, options.cluster_config))
    if options.output is not None:
        places["output"] = os.path.abspath(options.output)
    if options.log_json not in (None, "-"):
        assert options.log_json is not None
        places["log_json"] = os.path.abspath(options.log_json)
    for name in ("graph", "stats", "crate"):
        path = getattr(options, name)
        if path is not None:
            places[name] = os.path.abspath(path)
    if not places:
        return command
    from rulekit.frozen import replace

    return replace(command, options=options.replace(**places))


def read(words: list[str]) -> Command:
    """The command of a line, profiles included. Raises `UsageError`, `RuleFileError`."""
    from rulekit.cli import parse

    verb, raw, _ = parse.read_words(words)
    if verb in _ALONE or "help" in raw or "help_all" in raw or "version" in raw:
        flags = ("help", "help_all", "version")
        keep: parse.Raw = {dest: raw[dest] for dest in flags if dest in raw}
        if keep:
            return parse.Command(verb, parse.convert(keep, (), verb), tuple(words), keep)
        return parse.read_command(words)
    from rulekit.cli.profiles import values_for

    values, used = values_for(raw, verb)
    return parse.read_command(words, values, used)


def _execute(command: Command) -> int:
    options, verb = command.options, command.verb
    if options.bash_completion:
        command = _with_targets(command, ("bash",))
        verb = "completion"
    elif verb == "run":
        verb = _verb_of_flags(command)
    if verb == "run" or verb == "plan":
        from rulekit.cli.commands.run import execute
    elif verb == "why":
        from rulekit.cli.commands.why import execute
    elif verb in ("list", "show"):
        from rulekit.cli.commands.listing import execute
    elif verb == "graph":
        from rulekit.cli.commands.graph import execute
    elif verb == "timeline":
        from rulekit.cli.commands.timeline import execute
    elif verb == "dashboard":
        from rulekit.cli.commands.dashboard import execute
    elif verb == "crate":
        from rulekit.cli.commands.crate import execute
    elif verb == "status":
        from rulekit.cli.commands.status import execute
    elif verb == "summary":
        from rulekit.cli.commands.summary import execute
    elif verb == "logs":
        from rulekit.cli.commands.logs import execute
    elif verb == "changes":
        from rulekit.cli.commands.changes import execute
    elif verb == "notebook":
        from rulekit.cli.commands.notebook import execute
    elif verb == "clean":
        from rulekit.cli.commands.clean import execute
    elif verb == "upkeep":
        from rulekit.cli.commands.upkeep import execute
    elif verb == "explain":
        from rulekit.cli.commands.explain import execute
    elif verb == "lint":
        from rulekit.cli.commands.lint import execute
    elif verb == "fmt":
        from rulekit.cli.commands.fmt import execute
    elif verb == "lsp":
        from rulekit.cli.commands.lsp import execute
    elif verb == "import-makefile":
        from rulekit.cli.commands.importmake import execute
    elif verb == "env":
        from rulekit.cli.commands.env import execute
    elif verb == "containers":
        from rulekit.cli.commands.containers import execute
    elif verb == "report":
        from rulekit.cli.commands.report import execute
    elif verb == "archive":
        from rulekit.cli.commands.archive import execute
    elif verb == "dump":
        from rulekit.cli.commands.dump import execute
    elif verb == "unittests":
        from rulekit.cli.commands.unittests import execute
    elif verb == "init":
        from rulekit.cli.commands.init import execute
    elif verb == "__complete":
        from rulekit.cli.commands.complete import execute
    else:
        from rulekit.cli.commands.completion import execute
    return execute(command)


def _verb_of_flags(command: Command) -> str:
    """The command that a flag of the main form stands for, in Snakemake's order."""
    options = command.options
    if options.list_rules or options.list_target_rules:
        return "list"
    if options.lint:
        return "lint"
    if (
        options.conda_create_envs_only
        or options.list_conda_envs
        or options.conda_cleanup_envs
        or options.conda_lock
    ):
        return "env"
    if options.containerize is not None or options.container_cleanup_images:
        return "containers"
    if options.dump_workflow:
        return "dump"
    if options.archive:
        return "archive"
    if options.report and not options.report_after_run:
        return "report"
    if options.crate is not None:
        return "crate"
    if options.generate_unit_tests:
        return "unittests"
    if options.why or options.why_not:
        return "why"
    if options.edit_notebook is not None or options.draft_notebook is not None:
        return "notebook"
    if options.dag or options.rulegraph or options.filegraph or options.graph or options.d3dag:
        return "graph"
    if options.unlock or options.cleanup_metadata or options.cleanup_shadow:
        return "upkeep"
    if (
        options.list_changes
        or options.list_code_changes
        or options.list_input_changes
        or options.list_params_changes
        or options.list_version_changes
        or options.list_untracked
    ):
        return "changes"
    if options.summary or options.detailed_summary:
        return "summary"
    if options.delete_all_output or options.delete_temp_output:
        return "clean"
    return "run"


def _with_targets(command: Command, targets: tuple[str, ...]) -> Command:
    from rulekit.frozen import replace

    return replace(command, options=command.options.replace(targets=targets))


def _tolerant_streams() -> None:
    """File names are bytes: a name that is no text must not stop the one who prints it."""
    for stream in (sys.stdout, sys.stderr):
        reconfigure = getattr(stream, "reconfigure", None)
        if reconfigure is not None:
            utf8 = stream.encoding.lower().replace("-", "") == "utf8"
            reconfigure(errors="surrogateescape" if utf8 else "backslashreplace")


def _stand_somewhere() -> None:
    try:
        os.getcwd()
    except OSError as error:
        from rulekit.errors.tree import UsageError

        raise UsageError(
            f"the working directory cannot be used: {error.strerror}",
            code="RK0109",
            help="it was deleted, or made again, after this shell went there: cd to it anew",
        ) from error


def _quietly_flush() -> None:
    try:
        sys.stdout.flush()
    except (OSError, ValueError):
        pass
