"""The object that a Python script of a rule finds under the name `snakemake`.

One file, standard library only, and in the Python of 3.6: it runs in the script's interpreter,
which may be old and knows nothing of rulekit. Started by the launcher that `script` writes.
"""

# Python 3.6 has no annotations that mypy could check, and the names are the language's.
# mypy: ignore-errors
# ruff: noqa: A002, S102, S301

import base64
import io
import json
import os
import pickle
import string
import sys
import types


class NoSuchItem(KeyError, AttributeError):
    """For ``x["name"]``: scripts catch the one or the other."""


class Namedlist(list):
    """A list some of whose items have names; a name may stand for several items."""

    def __init__(self, items=(), names=None):
        list.__init__(self, items)
        self.__dict__["_names"] = dict(names or {})

    def _named(self, name):
        where = self._names[name]
        if isinstance(where, (list, tuple)):
            return Namedlist(list.__getitem__(self, slice(where[0], where[1])))
        return list.__getitem__(self, where)

    def __getattr__(self, name):
        if name != "_names" and name in self.__dict__.get("_names", ()):
            return self._named(name)
        raise AttributeError(f"{type(self).__name__} has no item `{name}`")

    def __getattribute__(self, name):
        # Items may be called like the two methods that would break the names, and like this one.
        if name in ("sort", "index", "values"):
            if name in list.__getattribute__(self, "__dict__")["_names"]:
                return self._named(name)
            if name == "values":
                return list.__getattribute__(self, name)
            raise AttributeError(f"{type(self).__name__} has no method `{name}`")
        return list.__getattribute__(self, name)

    def __getitem__(self, key):
        if isinstance(key, str):
            if key not in self._names:
                raise NoSuchItem(key)
            return self._named(key)
        return list.__getitem__(self, key)

    def __setitem__(self, key, value):
        if isinstance(key, str):
            where = self._names[key]
            key = slice(*where) if isinstance(where, (list, tuple)) else where
        list.__setitem__(self, key, value)

    def get(self, key, default=None):
        if isinstance(key, str):
            return self._named(key) if key in self._names else default
        try:
            return list.__getitem__(self, key)
        except IndexError:
            return default

    def keys(self):
        return self._names.keys()

    def values(self):
        return [self._named(name) for name in self._names]

    def items(self):
        return [(name, self._named(name)) for name in self._names]

    def __str__(self):
        return " ".join(map(str, self))

    def __reduce__(self):
        return (type(self), (list(self), self._names))


class InputFiles(Namedlist):
    def _sizes(self):
        return [os.path.getsize(path) if os.path.exists(path) else 0 for path in self]

    @property
    def size(self):
        return sum(self._sizes())

    @property
    def size_kb(self):
        return self.size / 1024.0

    @property
    def size_mb(self):
        return self.size / 1024.0**2

    @property
    def size_gb(self):
        return self.size / 1024.0**3

    @property
    def size_files(self):
        return self._sizes()

    @property
    def size_files_mb(self):
        return [size / 1024.0**2 for size in self._sizes()]


class OutputFiles(Namedlist):
    pass


class Params(Namedlist):
    pass


class Log(Namedlist):
    pass


class Resources(Namedlist):
    pass


class Wildcards(Namedlist):
    pass


class Snakemake:
    """`input`, `output`, `params`, `wildcards`, `threads`, `resources`, `log`, `config`, `rule`,
    `bench_iteration`, `scriptdir`, `env_modules`, `jobid`, `source`."""

    def __init__(
        self,
        input,
        output,
        params,
        wildcards,
        threads,
        resources,
        log,
        config,
        rulename,
        bench_iteration=None,
        scriptdir=None,
        env_modules=None,
        jobid=None,
        source=None,
    ):
        self.input = input
        self.output = output
        self.params = params
        self.wildcards = wildcards
        self.threads = threads
        self.resources = resources
        self.log = log
        self.config = config
        self.rule = rulename
        self.bench_iteration = bench_iteration
        self.scriptdir = scriptdir
        self.env_modules = env_modules
        self.jobid = jobid
        self.source = source

    def log_fmt_shell(self, stdout=True, stderr=True, append=False):
        """A redirection to the rule's log file for a shell command; empty if there is none.

        `stdout`, `stderr`: what goes to the log; `append`: what is there is kept.
        """
        if not self.log:
            return ""
        arrow = ">>" if append else ">"
        if stdout and stderr:
            return f" {arrow} {self.log} 2>&1"
        if stdout:
            return f" {arrow} {self.log}"
        if stderr:
            return f" 2{arrow} {self.log}"
        raise ValueError("log_fmt_shell: at least one of stdout and stderr has to go to the log")

    def report_href(self, path):
        """For scripts that write pages: the address of another result within a report."""
        return _Href(path)


class _Href:
    """``../ID/NAME?ARGS#ANCHOR``: in a report each result has a folder named after its path."""

    def __init__(self, path, folder=None, args=(), anchor=None):
        path = path if isinstance(path, str) else path.as_posix()
        if folder is None:
            import hashlib

            folder = hashlib.sha256(path.encode("utf-8", "surrogateescape")).hexdigest()[:16]
            self._shown = os.path.basename(path)
        else:
            self._shown = path
        self._folder, self._args, self._anchor = folder, args, anchor

    def child_path(self, path):
        return _Href(path, self._folder)

    def url_args(self, **args):
        return _Href(self._shown, self._folder, tuple(args.items()), self._anchor)

    def anchor(self, anchor):
        return _Href(self._shown, self._folder, self._args, anchor)

    def __str__(self):
        from urllib.parse import quote

        text = f"../{self._folder}/{self._shown}"
        if self._args:
            text += "?" + "&".join(f"{name}={quote(str(value))}" for name, value in self._args)
        if self._anchor:
            text += "#" + quote(self._anchor)
        return text


class Logger:
    """Writes to standard error, as the engine's own would."""

    def _say(self, text):
        sys.stderr.write(f"{text}\n")

    debug = info = warning = error = critical = _say

    def exception(self, text):
        import traceback

        self._say(text)
        traceback.print_exc()


# --- from data to values ----------------------------------------------------------------------


def decode(value):
    """The reverse of what the runner's `context` does."""
    if isinstance(value, list):
        return [decode(item) for item in value]
    if isinstance(value, dict):
        if len(value) == 1:
            mark = next(iter(value))
            body = value[mark]
            if mark == "$tuple":
                return tuple(decode(item) for item in body)
            if mark == "$set":
                return {decode(item) for item in body}
            if mark == "$dict":
                return {decode(key): decode(item) for key, item in body}
            if mark == "$path":
                import pathlib

                return pathlib.Path(body)
            if mark == "$complex":
                return complex(*body)
            if mark == "$list":
                return named(body)
            if mark == "$row":
                import collections

                row = collections.namedtuple(body[0], body[1], rename=True)
                return row(*(decode(item) for item in body[2]))
            if mark == "$pickle":
                return pickle.loads(base64.b64decode(body))
        return {key: decode(item) for key, item in value.items()}
    return value


def named(part, kind=Namedlist):
    """A list with names from its data."""
    part = part or {"items": [], "names": {}}
    return kind([decode(item) for item in part["items"]], part["names"])


def make(context, source=None):
    """The object from the context of a job."""
    return Snakemake(
        named(context.get("input"), InputFiles),
        named(context.get("output"), OutputFiles),
        named(context.get("params"), Params),
        named(context.get("wildcards"), Wildcards),
        context.get("threads", 1),
        named(context.get("resources"), Resources),
        named(context.get("log"), Log),
        decode(context.get("config") or {}),
        context.get("rule"),
        context.get("bench_iteration"),
        context.get("scriptdir"),
        decode(context.get("env_modules")),
        context.get("jobid"),
        source,
    )


# --- the modules that scripts import ------------------------------------------------------------


class _Finder:
    """Answers for ``snakemake`` and below where nobody else can.

    ``snakemake.script`` and ``snakemake.iocontainers`` are always ours: they hold the object.
    Others come from an installed package of that name if there is one.
    """

    def __init__(self, modules):
        self.modules = modules

    def find_spec(self, name, path=None, target=None):
        if name not in self.modules:
            return None
        from importlib.machinery import ModuleSpec

        return ModuleSpec(name, self, is_package=name == "snakemake")

    def create_module(self, spec):
        return self.modules[spec.name]

    def exec_module(self, module):
        pass


def _shim():
    """rulekit's answers to such imports; None in an interpreter without it or too old for it."""
    if sys.version_info < (3, 11):  # noqa: UP036  this file is for older ones, too
        return None
    try:
        return __import__("rulekit.language.shim", fromlist=("*",))
    except Exception:
        return None


class _LastFinder(_Finder):
    """After all others: rulekit's own modules where it can be imported, else the few of here."""

    def find_spec(self, name, path=None, target=None):
        if name.startswith("snakemake.") and name not in ("snakemake.shell", "snakemake.logging"):
            shim = _shim()
            found = shim.find(name) if shim is not None else None
            if found is not None:
                return found
        return _Finder.find_spec(self, name)


def _module(name, **names):
    module = types.ModuleType(name)
    module.__dict__.update(names)
    return module


def install(snakemake):
    """Make ``import snakemake.script`` and its like work."""
    kinds = {
        kind.__name__: kind
        for kind in (
            Namedlist,
            InputFiles,
            OutputFiles,
            Params,
            Log,
            Resources,
            Wildcards,
            Snakemake,
        )
    }
    first = {
        "snakemake.script": _module("snakemake.script", snakemake=snakemake, **kinds),
        "snakemake.iocontainers": _module("snakemake.iocontainers", snakemake=snakemake, **kinds),
    }
    last = {
        "snakemake": _module("snakemake", __path__=[], shell=Shell()),
        "snakemake.logging": _module("snakemake.logging", logger=Logger()),
        "snakemake.shell": _module("snakemake.shell", shell=Shell()),
        "snakemake.io": _module("snakemake.io", **kinds),
        "snakemake.utils": _module(
            "snakemake.utils",
            min_version=lambda version: None,
            format=_format_for_caller,
            makedirs=_makedirs,
            linecount=_linecount,
            simplify_path=_simplify_path,
        ),
    }
    sys.meta_path.insert(0, _Finder(first))
    sys.meta_path.append(_LastFinder(last))


def _makedirs(names):
    for name in [names] if isinstance(names, str) else names:
        if not os.path.isdir(name):
            os.makedirs(name)


def _linecount(filename):
    with open(filename, "rb") as file:
        return sum(1 for _ in file)


def _simplify_path(path):
    relative = os.path.relpath(path)
    return path if relative.startswith("../../") else relative


def _quote(text):
    import shlex

    return shlex.quote(text)


class _Formatter(string.Formatter):
    """Lists are joined by blanks; the format ``q`` quotes each item for the shell."""

    def format_field(self, value, spec):
        quote = spec.endswith("q")
        if quote or spec.endswith("u"):
            spec = spec[:-1]
        if isinstance(value, (list, tuple, set, frozenset)):
            items = [format(item, spec) if spec else str(item) for item in value]
        else:
            items = [format(value, spec) if spec else str(value)]
        if quote:
            items = [_quote(item) if item else item for item in items]
        return " ".join(items)


def _fill(pattern, depth, args, kwargs):
    frame = sys._getframe(depth + 1)
    names = dict(frame.f_globals)
    names.update(frame.f_locals)
    names.update(kwargs)
    return _Formatter().vformat(pattern, args, names)


def _format_for_caller(_pattern, *args, **kwargs):
    return _fill(_pattern, 1, args, kwargs)


class Shell:
    """The function `shell`: a command filled in from the caller's variables, run by strict bash."""

    _settings = {"executable": "bash", "prefix": "set -euo pipefail; ", "suffix": ""}

    def executable(self, command):
        self._settings["executable"] = command
        if os.path.basename(command) != "bash":
            self._settings["prefix"] = ""

    def prefix(self, prefix):
        self._settings["prefix"] = prefix

    def suffix(self, suffix):
        self._settings["suffix"] = suffix

    def __call__(
        self,
        cmd,
        *args,
        iterable=False,
        read=False,
        bench_record=None,
        additional_envvars=None,
        **kwargs,
    ):
        import subprocess

        cmd = _fill(cmd, 1, args, kwargs)
        settings = self._settings
        words = [settings["executable"], "-c", settings["prefix"] + cmd + settings["suffix"]]
        environment = dict(os.environ)
        environment.update(additional_envvars or {})
        for stream in (sys.stdout, sys.stderr):
            try:
                stream.flush()
            except (AttributeError, ValueError, io.UnsupportedOperation):
                pass
        if iterable:
            return self._lines(words, cmd, environment)
        process = subprocess.Popen(
            words,
            env=environment,
            stdout=subprocess.PIPE if read else None,
            universal_newlines=True,
        )
        text = process.communicate()[0]
        if process.returncode:
            raise subprocess.CalledProcessError(process.returncode, cmd)
        return text if read else None

    def _lines(self, words, cmd, environment):
        import subprocess

        process = subprocess.Popen(
            words, env=environment, stdout=subprocess.PIPE, universal_newlines=True
        )
        for line in process.stdout:
            yield line[:-1] if line.endswith("\n") else line
        if process.wait():
            raise subprocess.CalledProcessError(process.returncode, cmd)


# --- running ------------------------------------------------------------------------------------


def enter(names, data):
    """Give the namespace `names` of ``__main__`` what a script sees; its path and text.

    For languages that are compiled to Python by their own programs this is all that is needed.
    """
    with open(data, encoding="utf-8") as file:
        order = json.load(file)
    path, source = order["path"], order["source"]
    # The folder of this file has served; the script's own comes last, so that it hides nothing.
    del sys.path[0]
    folder = os.path.dirname(path)
    if folder not in sys.path:
        sys.path.append(folder)
    snakemake = make(order["context"], source)
    install(snakemake)
    names.pop("_object", None)
    names["__file__"] = names["__real_file__"] = path
    names["snakemake"] = snakemake
    return path, source


def notebook(names, data):
    """Give the namespace `names` of a notebook what its cells see.

    `data`: the path of a file with the job's names as JSON, or the JSON itself.
    """
    if data.startswith("{"):
        order = json.loads(data)
    else:
        with open(data, encoding="utf-8") as file:
            order = json.load(file)
    folder = os.path.dirname(order["path"])
    if folder not in sys.path:
        sys.path.append(folder)
    snakemake = make(order["context"])
    install(snakemake)
    names.pop("_object", None)
    names["snakemake"] = snakemake
    names["logger"] = Logger()


def run(names, data):
    """Run the script described by the file `data` in the namespace `names` of ``__main__``."""
    path, source = enter(names, data)
    sys.argv[0] = path
    names["__cached__"] = None
    # Scripts rely on these without importing them.
    names["sys"] = sys
    names["Snakemake"] = Snakemake
    names["logger"] = Logger()
    if "pickle" in source:
        names["pickle"] = pickle
    sys.excepthook = _without_us
    text = source.encode("utf-8", "surrogateescape")
    exec(compile(text, path, "exec", 0, True), names)


def _without_us(kind, error, trace):
    """Tracebacks begin in the script."""
    while trace is not None and trace.tb_frame.f_code.co_filename != error_file(trace):
        trace = trace.tb_next
    sys.__excepthook__(kind, error.with_traceback(trace), trace)


def error_file(trace):
    """The file of a frame, None if the frame is ours or the launcher's."""
    names = trace.tb_frame.f_globals
    own = trace.tb_frame.f_code.co_filename == __file__
    launcher = trace.tb_frame.f_code.co_filename != names.get("__file__") and (
        names.get("__name__") == "__main__"
    )
    return None if own or launcher else trace.tb_frame.f_code.co_filename
