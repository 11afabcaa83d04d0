"""What each job is now, in the form that records are compared with.

For most rules all parts but the input set are the same for all jobs and are worked out once.
"""

from __future__ import annotations

import os

from rulekit.language.format import compile_template
from rulekit.model.normalise import python_code, shell_text
from rulekit.model.record import input_key

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from rulekit.engine.settings import RunSettings
    from rulekit.engine.software import Software
    from rulekit.engine.values import JobValues
    from rulekit.model.rule import Rule
    from rulekit.planning.plan import Plan


class JobDefinitions:
    """Definitions of the jobs of one plan; reads script and environment files when first asked."""

    def __init__(
        self,
        plan: Plan,
        values: JobValues,
        settings: RunSettings,
        software: Software | None = None,
    ) -> None:
        """`software`: what is switched on, None if nothing is."""
        self._plan = plan
        self.values = self._values = values
        self.software = software
        self._settings = settings
        self._code: dict[int, str] = {}
        self._env: dict[int, str] = {}
        self._files: dict[str, str] = {}
        self._veil: Callable[[str], str] | None = None
        if settings.secrets:
            from rulekit.model.veil import Veil

            self._veil = Veil(settings.secrets)

    def code(self, number: int) -> str:
        """The text whose change makes the job stale, without comments and layout."""
        index = self._plan.rule[number]
        found = self._code.get(index)
        if found is None:
            rule = self._plan.workflow.rules[index]
            found = self._code_text(number)
            if not self._varies(rule):
                self._code[index] = found
        return found

    def same_command(self, number: int, recorded: str) -> bool:
        """Whether a shell job's final command is the recorded one but for layout and comments."""
        rule = self._plan.rule_of(number)
        if rule.body.kind != "shell":
            return False
        from rulekit.errors import RulekitError

        try:
            template = compile_template(rule.body.text, shell=True)
            command = template.render(self._values.names(number), rule.namespace)
        except RulekitError:
            return False
        command = self.shown(command)
        return command == recorded or shell_text(command) == shell_text(recorded)

    def shown(self, text: str) -> str:
        """A text as it may be written down: without secrets."""
        return text if self._veil is None else self._veil(text)

    def params(self, number: int) -> tuple[str, ...]:
        """The parameters as they are compared and recorded, without secrets: another value of a
        secret is no change."""
        params = self._values.compared_params(number)
        return params if self._veil is None else tuple(map(self._veil, params))

    def environment(self, number: int) -> str:
        """The software environment as far as it is switched on."""
        software = self.software
        if software is None:
            return ""
        index = self._plan.rule[number]
        found = self._env.get(index)
        if found is None:
            found = software.text(self._plan, self, number)
            if software.is_constant(index):
                self._env[index] = found
        return found

    def forget_environments(self) -> None:
        """More is known of environments than when they were asked for first."""
        self._env.clear()

    def input_set(self, number: int) -> str:
        return input_key(self._plan.inputs[number])

    # -- texts -------------------------------------------------------------------------------

    @staticmethod
    def _varies(rule: Rule) -> bool:
        return rule.body.kind in ("script", "notebook", "wrapper") and "{" in rule.body.text

    def _code_text(self, number: int) -> str:
        rule = self._plan.rule_of(number)
        body = rule.body
        if body.kind in ("script", "notebook"):
            return self._script_text(self.script_path(number))
        if body.kind == "wrapper":
            return self._wrapper_text(number)
        return body.code

    def script_path(self, number: int) -> str:
        """The path of a script body, absolute or relative to the working directory; or a URL.

        Of a wrapper: its script, which may have to be fetched. Raises `RuleFileError`.
        """
        rule = self._plan.rule_of(number)
        text = self.filled(number)
        if rule.body.kind == "wrapper":
            from rulekit.engine.wrappers import script_of

            return script_of(rule, text, self._wrapper_prefix)
        if "://" in text and not text.startswith("file://"):
            return text
        return os.path.join(rule.basedir, text.removeprefix("file://"))

    def filled(self, number: int) -> str:
        """The text of a body that names a file, with the job's wildcards and params in it."""
        rule = self._plan.rule_of(number)
        text = rule.body.text
        if "{" in text:
            text = compile_template(text).render(self._values.names(number), rule.namespace)
        return text

    @property
    def _wrapper_prefix(self) -> str | None:
        load = self._settings.load
        return (load.wrapper_prefix or None) if load is not None else None

    def _wrapper_text(self, number: int) -> str:
        """A wrapper is its name: versions do not change. One of one's own is its script."""
        text = self.filled(number)
        if text.startswith("file:"):
            from rulekit.errors import RulekitError

            try:
                return self._script_text(self.script_path(number))
            except RulekitError:
                pass  # the job itself will say that it is missing
        return text

    def wrapper_environment(self, number: int) -> str | None:
        """The path of the environment file of a wrapper, which may have to be fetched. Raises
        `RuleFileError`."""
        from rulekit.engine.wrappers import environment_of

        rule = self._plan.rule_of(number)
        return environment_of(rule, self.filled(number), self._wrapper_prefix)

    def _script_text(self, path: str) -> str:
        found = self._files.get(path)
        if found is None:
            try:
                with open(path, encoding="utf-8", errors="surrogateescape") as file:
                    found = file.read()
            except OSError:
                found = path  # the job itself will say that it is missing
            if path.endswith(".py"):
                found = python_code(found)
            elif path.endswith((".sh", ".bash")):
                found = shell_text(found)
            elif path.endswith(".ipynb"):
                found = _notebook_code(found, path)
            self._files[path] = found
        return found


def _notebook_code(text: str, path: str) -> str:
    """The code of a notebook's cells: results, texts and the job's own cell do not count."""
    from rulekit.runner.files import Refused
    from rulekit.runner.notebook import code_cells

    try:
        language, cells = code_cells(text, path)
    except Refused:
        return text  # the job itself will say so
    if language == "python":
        cells = [python_code(cell) for cell in cells]
    return "\n".join(cell for cell in cells if cell.strip())
