"""A Makefile as a Rulefile: assignments in their order, a rule for each rule."""

from __future__ import annotations

from rulekit.frozen import frozen
from rulekit.makefile import parts as cutting
from rulekit.makefile.head import head, rule_order
from rulekit.makefile.inputs import Inputs
from rulekit.makefile.names import Names
from rulekit.makefile.parts import Part, Python, quoted
from rulekit.makefile.reader import Assign, Condition, Made, Unknown, read_makefile
from rulekit.makefile.recipe import Recipe, automatic, literal
from rulekit.makefile.survey import Survey, fits

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable

    from rulekit.makefile.reader import Item
    from rulekit.makefile.survey import Ruled


@frozen
class Translation:
    """The Rulefile, and what could not be translated: (line, why, text)."""

    text: str
    left_out: tuple[tuple[int, str, str], ...]


def translate(path: str) -> Translation:
    """The Rulefile for the Makefile at `path`, read in the current folder.

    Files that `$(wildcard ...)` and conditions ask about are looked at to understand the Makefile;
    commands of `$(shell ...)` are run, as `make` does when it reads the file. Raises `RuleFileError`
    (RK0164) if the Makefile cannot be read.
    """
    return _Writer(read_makefile(path), path).written()


class _Writer:
    def __init__(self, items: tuple[Item, ...], path: str) -> None:
        self.items = items
        self.path = path
        self.survey = Survey(items)
        self.names = Names()
        self.name = self.names.variable
        self.named: dict[int, str] = {}  # rules (id of the item) by the name they got
        self.python = Python(self.name)
        self.inputs = Inputs(self.survey, self.python)
        self.out: list[str] = []
        self.left_out: list[tuple[int, str, str]] = []
        self.defined: set[str] = set()
        self.after_all: dict[str, list[str]] = {}  # prerequisites of files that a pattern makes
        self.written_virtual: set[str] = set()
        # Assignments with `=` that name what is only set below: Python has to wait for it.
        self.waiting: list[tuple[Assign, set[str]]] = []
        # What is worked out when it is asked for: variable to parts; and what was just set.
        self.late: dict[str, cutting.Parts] = {}
        self.changed: set[str] = set()
        self.given: set[str] = set()  # what the environment may set instead

    def written(self) -> Translation:
        """Everything, in order."""
        self._walk(self.items, "")
        self._extra()
        order = rule_order(self.survey, self.named)
        body = "\n".join(self.out)
        text = "\n".join(
            [*head(self.path, body, self.survey, self.python, self.name), *order, body]
        )
        return Translation(text.rstrip() + "\n", tuple(self.left_out))

    def _say(self, line: int, why: str, text: str, indent: str) -> None:
        """A comment in place of what is left out."""
        self.left_out.append((line, why, text))
        self.out.append(f"{indent}# not translated (line {line}): {why}: {text}")

    # Statements ------------------------------------------------------------------------------

    def _walk(self, items: Iterable[Item], indent: str) -> None:
        written = len(self.out)
        for item in items:
            if isinstance(item, Assign):
                missing = self._missing(item) if not indent else set()
                if missing:
                    self.waiting.append((item, missing))
                else:
                    self._assign(item, indent)
            elif isinstance(item, Condition):
                self._condition(item, indent)
            elif isinstance(item, Made):
                rule = self.survey.rules.get(id(item))
                if rule is not None:
                    self._rule(item, rule, indent)
            elif isinstance(item, Unknown):
                self._say(item.line, item.why, item.text, indent)
            if self.waiting and not indent:
                self._release()
            if self.changed and not indent:
                self._again()
        if not indent:
            for late, _ in self.waiting:
                self._assign(late, indent)
        if indent and not any(
            line.strip() and not line.lstrip().startswith("#") for line in self.out[written:]
        ):
            self.out.append(f"{indent}pass")

    def _missing(self, item: Assign) -> set[str]:
        """The variables that a value needs and that are set further down."""
        if item.op not in ("=", "?=") or item.name.startswith("."):
            return set()
        named = set(cutting.names(cutting.cut(item.text))) - {item.name}
        known = self.defined | self.survey.first_asked
        return {name for name in named if name in self.survey.assigned and name not in known}

    def _release(self) -> None:
        """Write the assignments that have waited for long enough."""
        again = True
        while again:
            again = False
            for entry in list(self.waiting):
                item, missing = entry
                if missing <= self.defined:
                    self.waiting.remove(entry)
                    self._assign(item, "")
                    again = True

    def _again(self) -> None:
        """Work out anew what names variables that were just set, as make does when it is asked."""
        changed, self.changed = self.changed, set()
        todo = list(changed)
        while todo:
            other = todo.pop()
            for name, parts in self.late.items():
                if name not in changed and other in cutting.names(parts):
                    value = self.python.expression(parts)
                    if name in self.given:
                        value = f"os.environ.get({quoted(name)}, {value})"
                    self.out.append(f"{self.name(name)} = {value}")
                    changed.add(name)
                    todo.append(name)

    def _assign(self, item: Assign, indent: str) -> None:
        if item.name.startswith("."):
            if item.name != ".DEFAULT_GOAL":
                self._say(item.line, "a variable of make itself", item.name, indent)
            return
        if item.name == "MAKEFLAGS":
            self._say(item.line, "options of make itself", item.text, indent)
            return
        name = self.name(item.name)
        if item.op == "export":
            self.out.append(f"{indent}os.environ[{quoted(item.name)}] = {name}")
            return
        parts = cutting.cut(item.text)
        wrong = cutting.bad(parts)
        if wrong is not None:
            self._say(item.line, f"`{wrong}`", f"{item.name} {item.op} {item.text}", indent)
            self.out.append(f'{indent}{name} = ""')
            self.defined.add(item.name)
            return
        if cutting.has(parts, "auto"):
            self._say(item.line, "a variable that holds `$@` and the like", item.name, indent)
            return
        value = self.python.expression(parts)
        self.changed.add(item.name)
        if item.op == "+=" and item.name in self.late:
            self.late[item.name] += (Part("text", " "), *parts) if self.late[item.name] else parts
        elif item.op == "=" or (item.op == "?=" and item.name not in self.defined):
            self.late[item.name] = parts
            (self.given.add if item.op == "?=" else self.given.discard)(item.name)
        elif item.op != "?=":
            self.late.pop(item.name, None)
        known = item.name in self.defined or item.name in self.survey.first_asked
        if item.op == "!=":
            self.python.used.add("mk_shell")
            value = f"mk_shell({value})"
        elif item.op == "+=":
            if known:
                more = self.python.expression((Part("ref", item.name), Part("text", " "), *parts))
                sure = id(item) in self.survey.joined
                value = more if sure else f"{more} if {name} else {value}"
            self.out.append(f"{indent}{name} = {value}")
            self.defined.add(item.name)
            return
        elif item.op == "?=":
            if item.name in self.defined:
                return
            value = f"os.environ.get({quoted(item.name)}, {value})"
        if item.name == "SHELL":
            self.out.append(f"{indent}shell.executable({value})")
        self.out.append(f"{indent}{name} = {value}")
        self.defined.add(item.name)
        if item.export:
            self.out.append(f"{indent}os.environ[{quoted(item.name)}] = {name}")

    def _condition(self, item: Condition, indent: str) -> None:
        if item.kind in ("def", "ndef"):
            test = (
                self.name(item.args[0]) if item.kind == "def" else f"not {self.name(item.args[0])}"
            )
        else:
            sign = "==" if item.kind == "eq" else "!="
            one, other = (self.python.expression(cutting.cut(arg)) for arg in item.args)
            test = f"{one} {sign} {other}"
        self.out.append(f"{indent}if {test}:")
        self._walk(item.body, indent + "    ")
        if item.orelse:
            self.out.append(f"{indent}else:")
            self._walk(item.orelse, indent + "    ")

    # Rules -----------------------------------------------------------------------------------

    def _rule(self, item: Made, rule: Ruled, indent: str) -> None:
        made = rule.made
        texts = (made.targets, made.prerequisites, made.order_only, made.pattern or "")
        wrong = next(filter(None, (cutting.bad(cutting.cut(text)) for text in texts)), None)
        if wrong is not None:
            self._say(made.line, f"`{wrong}`", made.targets, indent)
            return
        if made.double:
            self._say(made.line, "a rule with `::`", made.targets, indent)
            return
        if made.recipe is None:
            self._adds(rule, indent)
            return
        if all(self.survey.is_folder(target) for target in rule.targets):
            return  # folders are made by rulekit
        if not made.recipe and rule.pattern:
            return  # it only takes a rule of make's own away
        self.out += ["", *(f"{indent}{line}" for line in made.comment)]
        if rule.pattern:
            self._write(
                item,
                rule,
                [self.inputs.pattern_output(word) for word in _words(made.targets)],
                indent,
                stem=True,
            )
        elif made.pattern is not None:
            self._write(item, rule, [self.inputs.pattern_output(made.pattern)], indent, stem=True)
        elif made.grouped or len(rule.targets) == 1:
            self._explicit(item, rule, rule.targets, made.targets, indent)
        elif "$" not in made.targets:
            for target in rule.targets:
                if self.survey.main.get(target) is rule:
                    self._explicit(item, rule, [target], target, indent)
        else:
            self._write(item, rule, ['"{target}"'], indent)

    def _explicit(
        self, item: Made, rule: Ruled, targets: list[str], text: str, indent: str
    ) -> None:
        if not targets:
            self._say(rule.made.line, "no target", text, indent)
            return
        if self.survey.main.get(targets[0]) is not rule:
            self._say(rule.made.line, "another rule for the same target comes later", text, indent)
            return
        if self.survey.is_task(targets[0]):
            outputs = []
            if self.survey.is_wanted(targets[0]):
                # Others wait for it: a file says that it was done, and goes when they are.
                outputs = [f'temp(touch("{self.inputs.task_file(targets[0])}"))']
        else:
            outputs = self.inputs.entries(text)
            if any(target in self.survey.marks.get(".INTERMEDIATE", ()) for target in targets):
                outputs = [f"temp({output})" for output in outputs]
        self._write(item, rule, outputs, indent, target=targets[0])

    def _write(
        self,
        item: Made,
        rule: Ruled,
        outputs: list[str],
        indent: str,
        *,
        stem: bool = False,
        target: str | None = None,
    ) -> None:
        made = rule.made
        entries = self.inputs.entries(made.prerequisites, stem=stem)
        order_only = self.inputs.entries(made.order_only, stem=stem)
        for other in self.survey.adding.get(target or "", ()):
            entries += self.inputs.entries(other.made.prerequisites)
            order_only += self.inputs.entries(other.made.order_only)
        later = stem and self._later(rule)
        task = target is not None and self.survey.is_task(target)
        fields = {"@": target.replace("{", "{{") if task and target else "{output}"}
        if len(outputs) > 1 and not task:
            fields["@"] = "{output[0]}"
        values = automatic(fields, plain=bool(entries), more=bool(later), named=bool(order_only))
        recipe = Recipe(made.recipe or (), self.python, fields, values, self.survey.lost)
        for note in recipe.notes:
            self._say(made.line, note, made.targets, indent)
        deeper = indent + "        "
        default = target is not None and target == self.survey.default
        name = self.names.rule(target or made.pattern or " ".join(rule.targets[:1]) or made.targets)
        self.named[id(item)] = self.named.get(id(item), name)
        self.out.append(f"{indent}rule {name}:")
        if default:
            self.out.append(f"{indent}    default_target: True")
        if order_only:
            listed = ", ".join(entries)
            self.out.append(f"{indent}    input:")
            if entries:
                self.out.append(f"{deeper}prerequisites=[{listed}],")
            if later:
                self.out.append(f"{deeper}more={later},")
            self.out.append(f"{deeper}order_only=[{', '.join(_ancient(order_only))}],")
        elif entries or later:
            self.out.append(f"{indent}    input:")
            self.out += [f"{deeper}{entry}," for entry in entries]
            if later:
                self.out.append(f"{deeper}{later},")
        if outputs:
            self.out.append(f"{indent}    output:")
            self.out += [f"{deeper}{output}," for output in outputs]
        if made.pattern is not None or outputs == ['"{target}"']:
            self.out += [f"{indent}    {line}" for line in self.inputs.constraint(made)]
        if recipe.params:
            self.out.append(f"{indent}    params:")
            for param, expression in recipe.params.items():
                self.out.append(f"{deeper}{param}=lambda wildcards, input, output: {expression},")
        if recipe.text:
            self.out.append(f"{indent}    shell:")
            self.out.append(f"{deeper}{literal(recipe.text, deeper)}")
        elif outputs:
            self.out.append(f"{indent}    shell:")
            self.out.append(f'{deeper}":"')
        self.out.append("")

    def _later(self, rule: Ruled) -> str | None:
        """The input function for prerequisites that single files have beside those of the pattern."""
        patterns = [rule.made.pattern] if rule.made.pattern is not None else rule.targets
        patterns = [self.survey.value(pattern) for pattern in patterns]
        found = False
        for target, others in self.survey.adding.items():
            if target in self.survey.main and self.survey.main[target] is not rule:
                continue
            if any(fits(pattern, target) for pattern in patterns):
                for other in others:
                    self.after_all.setdefault(target, [])
                    entries = self.inputs.entries(other.made.prerequisites)
                    self.after_all[target] += [
                        e for e in entries if e not in self.after_all[target]
                    ]
                found = True
        if not found:
            return None
        word = (_words(rule.made.targets) if rule.made.pattern is None else [rule.made.pattern])[0]
        output = self.inputs.pattern_output(word)
        return f"lambda wildcards: PREREQUISITES.get({output}.format(stem=wildcards.stem), [])"

    def _adds(self, rule: Ruled, indent: str) -> None:
        """A rule without commands: a name for other targets, or more prerequisites."""
        for target in rule.targets:
            if not self.survey.is_virtual(target) or target in self.written_virtual:
                continue
            self.written_virtual.add(target)
            entries = self.inputs.of_virtual(target)
            is_default = target == self.survey.default
            if not entries and not is_default:
                continue
            self.out += ["", *(f"{indent}{line}" for line in rule.made.comment)]
            self.out.append(f"{indent}rule {self.names.rule(target)}:")
            if is_default:
                self.out.append(f"{indent}    default_target: True")
            if entries:
                self.out.append(f"{indent}    input:")
                self.out += [f"{indent}        {entry}," for entry in entries]
            self.out.append("")

    # What stands before and behind -----------------------------------------------------------

    def _extra(self) -> None:
        if not self.after_all:
            return
        self.out += ["", "# What single files need beside what the rule for all of them says."]
        self.out.append("PREREQUISITES = {")
        for target, entries in self.after_all.items():
            self.out.append(f"    {quoted(target)}: [{', '.join(entries)}],")
        self.out += ["}", ""]


def _words(text: str) -> list[str]:
    """The words of a text, split at blanks outside of `$(...)`."""
    from rulekit.makefile.inputs import words_of

    return words_of(text)


def _ancient(entries: list[str]) -> list[str]:
    return [
        f"*map(ancient, {entry[1:]})" if entry.startswith("*") else f"ancient({entry})"
        for entry in entries
    ]
