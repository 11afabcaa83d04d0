"""From the path of a rule file to a `Workflow`."""

from __future__ import annotations

import gc
import os

from rulekit.compiler.settings import LoadSettings
from rulekit.errors.tree import RuleFileError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from rulekit.model.rule import Workflow


def load(path: str, settings: LoadSettings | None = None) -> Workflow:
    """Read a rule file and what it includes.

    This runs the file's Python: it may print, read files, and stop the program (`SystemExit` goes
    through with its status). `path` may be an http(s) URL; else it is relative to the directory at
    the time of the call. With `settings.directory`, or a `workdir:` statement, the working
    directory of the process is another one afterwards. Raises `RuleFileError` with all mistakes
    that were found.
    """
    from rulekit.compiler.loader import Loader
    from rulekit.language import shim
    from rulekit.language.shell import shell

    settings = settings or LoadSettings()
    origin = None
    if path.startswith(("http://", "https://")):
        from rulekit.compiler.fetch import download
        from rulekit.language.exceptions import WorkflowError

        origin = path.rpartition("/")[0] + "/"
        try:
            path = download(path)
        except WorkflowError as error:
            raise RuleFileError(str(error), code="RK0243") from None
    main_file = os.path.abspath(path)
    if not os.path.isfile(main_file):
        what = "is a folder" if os.path.isdir(main_file) else "does not exist"
        raise RuleFileError(
            f"the rule file `{path}` {what}",
            code="RK0243",
            help="`--snakefile PATH` says which file to read",
        )
    if settings.directory is not None:
        try:
            os.makedirs(settings.directory, exist_ok=True)
            os.chdir(settings.directory)
        except OSError as error:
            reason = (error.strerror or str(error)).lower()
            raise RuleFileError(
                f"the working directory `{settings.directory}` cannot be used: {reason}",
                code="RK0243",
            ) from None
    shim.install()
    shell.reset()
    # Thousands of small objects that all stay: collecting garbage meanwhile would find nothing.
    collecting = gc.isenabled()
    gc.disable()
    try:
        loader = Loader(main_file, settings)
        if origin is not None:
            loader.origins[os.path.dirname(main_file)] = origin
        loader.run_main()
        return loader.finish()
    finally:
        if collecting:
            gc.enable()
