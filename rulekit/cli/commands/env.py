"""`rulekit env list|lock|create|export|clean`, and the flags `--list-conda-envs`, `--conda-lock`,
`--conda-create-envs-only`, `--conda-cleanup-envs`."""

from __future__ import annotations

import os
import sys

from rulekit.cli.commands.env_sources import STORE, rules_of, sources_of, store_of, talker
from rulekit.errors.tree import UsageError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from rulekit.cli.parse import Command
    from rulekit.environments import EnvironmentStore

_VERBS = {
    "list": "the environments of the rules, and what is there of them",
    "lock": "write ENV.conda-lock.yml beside each environment file",
    "create": "make the environments now",
    "export": "the exact packages of one environment, as a list for other tools",
    "clean": "remove environments that no rule uses, or packages from the cache",
}


def execute(command: Command) -> int:
    options = command.options
    if command.verb != "env":
        return _by_flag(command)
    verb, *rest = options.targets or ("",)
    if verb not in _VERBS:
        from rulekit.errors.diagnostic import did_you_mean

        raise UsageError(
            f"`rulekit env {verb}` is no command" if verb else "`rulekit env` does what?",
            code="RK0110",
            notes=tuple(f"{name}: {text}" for name, text in _VERBS.items()),
            help=did_you_mean("command", verb, _VERBS) if verb else None,
        )
    if verb == "list":
        return list_environments(command)
    if verb == "lock":
        return lock(command, rest)
    if verb == "create":
        return create(command, rest)
    if verb == "export":
        return export(command, rest)
    return clean(command, rest)


def _by_flag(command: Command) -> int:
    options = command.options
    if options.list_conda_envs:
        return list_as_snakemake(command)
    if options.conda_cleanup_envs:
        return clean(command, [], really=not options.dry_run)
    if options.conda_lock:
        return lock(command, [])
    code = create(command, [])
    if not code and options.conda_cleanup_pkgs and not options.dry_run:
        # Snakemake's `cache` is what no environment uses.
        what = "unused" if options.conda_cleanup_pkgs == "cache" else "tarballs"
        _clean_packages(store_of(command), what)
    return code


# -- list ------------------------------------------------------------------------------------


def list_environments(command: Command) -> int:
    """One line an environment: file, state, identity, rules."""
    from rulekit.errors.tree import RulekitError

    rows = []
    found = rules_of(command)
    store = store_of(command)
    for source, rules in found.items():
        try:
            known = store.known(source)
            state = "ready" if known.complete else "locked" if known.locked else "not solved yet"
            if not known.identity:
                state = "missing"
            row = (source, state, known.identity[:16], known.prefix, rules)
        except RulekitError as error:
            row = (source, f"wrong: {error}", "", "", rules)
        rows.append(row)
    if command.options.json:
        import json

        names = ("source", "state", "identity", "prefix", "rules")
        values = [dict(zip(names, row, strict=True)) for row in rows]
        sys.stdout.write(json.dumps(values, indent=1) + "\n")
        return 0
    if not rows:
        sys.stdout.write("no rule names a conda environment\n")
    for source, state, identity, prefix, rules in rows:
        sys.stdout.write(f"{_shown(source)}\n  {state}")
        sys.stdout.write(f", {identity}" if identity else "")
        sys.stdout.write(f"\n  rules: {', '.join(rules)}\n")
        if prefix:
            sys.stdout.write(f"  {prefix}\n")
    return 0


def list_as_snakemake(command: Command) -> int:
    """`--list-conda-envs`: the table that Snakemake prints."""
    lines = ["environment\tcontainer\tlocation"]
    found = sources_of(command)
    store = store_of(command)
    for source in found:
        known = store.known(source)
        lines.append(f"{_shown(source)}\t\t{_shown(known.prefix)}")
    sys.stdout.write("\n".join(lines) + "\n")
    return 0


# -- lock, create, export --------------------------------------------------------------------


def lock(command: Command, files: list[str]) -> int:
    """Write lock files."""
    from rulekit.environments import read_environment
    from rulekit.environments.locking import lock_file

    options = command.options
    sources = _files(command, files)
    store = store_of(command)
    for source in sources:
        written = lock_file(
            store,
            read_environment(source),
            options.platform,
            update=options.update,
            pin=options.pin,
            say=talker(command),
        )
        for path in written:
            sys.stdout.write(f"{_shown(path)} was written\n")
        if not written:
            sys.stdout.write(f"{_shown(source)}: its lock fits\n")
    if not sources:
        sys.stdout.write("no rule names an environment file\n")
    return 0


def create(command: Command, files: list[str]) -> int:
    """Make environments."""
    options = command.options
    found = _files(command, files) if files else list(sources_of(command))
    store = store_of(command)
    if options.dry_run:
        for source in found:
            known = store.known(source)
            if not known.complete:
                sys.stdout.write(f"Would make the environment of {_shown(source)}\n")
        return 0
    made = store.make(found, say=talker(command))
    for source, one in made.items():
        sys.stdout.write(f"{_shown(source)}: {_shown(one.prefix)}\n")
    return 0


def export(command: Command, files: list[str]) -> int:
    """Print the exact packages of one environment."""
    from rulekit.environments import here
    from rulekit.environments.lockfile import pin_text

    options = command.options
    if len(files) != 1:
        raise UsageError("`rulekit env export` needs one environment file", code="RK0102")
    sources = _files(command, files)
    store = store_of(command)
    if not options.pin and not options.json:
        from rulekit.environments import read_environment
        from rulekit.environments.identities import content_hash
        from rulekit.environments.lockyaml import lock_text
        from rulekit.frozen import replace

        spec = read_environment(sources[0])
        platforms = options.platform or (here(),)
        locks = [store.lock_for(spec, one, say=talker(command))[1] for one in platforms]
        whole = replace(
            locks[0],
            platforms=tuple(platforms),
            packages=tuple(
                package
                for one, platform in zip(locks, platforms, strict=True)
                for package in one.packages_for(platform)
            ),
        )
        hashes = {platform: content_hash(spec, platform) for platform in platforms}
        sys.stdout.write(lock_text(whole, hashes, os.path.basename(spec.path)))
        return 0
    platform = options.platform[0] if options.platform else here()
    identity, found = store.lock_for(sources[0], platform, say=talker(command))
    if options.json:
        import json

        from rulekit.environments.memory import record_to_json

        packages = [record_to_json(one) for one in found.packages_for(platform)]
        value = {"identity": identity, "platform": platform, "packages": packages}
        sys.stdout.write(json.dumps(value, indent=1) + "\n")
    else:
        sys.stdout.write(pin_text(found, platform))
    return 0


def _files(command: Command, files: list[str]) -> list[str]:
    """The environment files that are named, else those of the rules."""
    from rulekit.environments.foreign import is_file

    if not files:
        return [source for source in rules_of(command) if is_file(source)]
    for name in files:
        if not is_file(name):
            raise UsageError(
                f"`{name}` is no environment file: their names end in .yaml or .yml", code="RK0103"
            )
    return [os.path.abspath(name) for name in files]


# -- clean -----------------------------------------------------------------------------------


def clean(command: Command, identities: list[str], *, really: bool | None = None) -> int:
    """Remove environments that no rule uses, those that are named, or all; or packages."""
    options = command.options
    if really is None:
        really = options.yes and not options.dry_run
    if options.packages is not None:
        return _clean_packages_asked(command, really)
    used = {} if options.all_envs or identities else rules_of(command, strict=True)
    store = store_of(command)
    kept = {store.known(source).identity[:16] for source in used}
    size = count = 0
    for entry in store.entries(sizes=True):
        short = entry.identity[:16]
        if identities and not any(short.startswith(name) for name in identities):
            continue
        if short in kept:
            continue
        source = _shown(entry.sources[0]) if entry.sources else "unfinished"
        if really:
            if not store.remove([entry.identity]):
                sys.stdout.write(f"In use, kept: {_shown(entry.prefix)} ({source})\n")
                continue
            sys.stdout.write(f"Removed {_shown(entry.prefix)} ({source})\n")
        else:
            sys.stdout.write(f"Would remove {_shown(entry.prefix)} ({source})\n")
        size += entry.size
        count += 1
    _sum_up(count, "environment", size, really)
    return 0


def _clean_packages_asked(command: Command, really: bool) -> int:
    store = store_of(command)
    what = command.options.packages or "unused"
    if not really:
        sys.stdout.write(f"Would clean {store.settings.package_cache} ({what} packages)\n")
        sys.stdout.write("Nothing was removed: add --yes to do it.\n")
        return 0
    _clean_packages(store, what)
    return 0


def _clean_packages(store: EnvironmentStore, what: str) -> None:
    from rulekit.cli.commands.clean import readable

    freed = store.clean_packages(what)
    sys.stdout.write(f"{readable(freed)} freed in {store.settings.package_cache}\n")


def _sum_up(count: int, noun: str, size: int, really: bool) -> None:
    from rulekit.cli.commands.clean import readable

    if not count:
        sys.stdout.write(f"no {noun} to remove in {_shown(STORE)}\n")
        return
    noun += "" if count == 1 else "s"
    done = "removed" if really else "to remove"
    sys.stdout.write(f"{count} {noun}, {readable(size)} {done}\n")
    if not really:
        sys.stdout.write("Nothing was removed: add --yes to do it.\n")


def _shown(path: str) -> str:
    from rulekit.environments.words import shown

    return shown(path) if path.startswith("/") else path
