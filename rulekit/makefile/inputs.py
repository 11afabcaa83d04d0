"""Targets and prerequisites as entries of `input:` and `output:`."""

from __future__ import annotations

import re

from rulekit.frozen import replace
from rulekit.makefile import parts as cutting
from rulekit.makefile.parts import quoted

TYPE_CHECKING = False
if TYPE_CHECKING:
    from rulekit.makefile.parts import Part, Parts, Python
    from rulekit.makefile.reader import Made
    from rulekit.makefile.survey import Survey

_GLOB = re.compile(r"[*?\[]")
_CHANGING = frozenset({"wildcard", "shell", "filter", "filter-out", "foreach"})


class Inputs:
    """Makes entries of the texts of one Makefile."""

    def __init__(self, survey: Survey, python: Python) -> None:
        self.survey = survey
        self.python = python

    def task_file(self, target: str) -> str:
        """The file that says that a phony target was done."""
        return f".done/{target}".replace("{", "{{").replace("}", "}}")

    def entries(self, text: str, *, stem: bool = False) -> list[str]:
        """The words of a text as Python. `stem`: `%` is the wildcard `{stem}`."""
        out: list[str] = []
        for word in words_of(text):
            out += self._word(word, stem, ())
        return list(dict.fromkeys(out))

    def of_virtual(self, target: str, seen: tuple[str, ...] = ()) -> list[str]:
        """The entries of a name for other targets: theirs."""
        out: list[str] = []
        for rule in self.survey.adding.get(target, ()):
            for text in (rule.made.prerequisites, rule.made.order_only):
                for word in words_of(text):
                    out += self._word(word, False, (*seen, target))
        return list(dict.fromkeys(out))

    def _word(self, word: str, stem: bool, seen: tuple[str, ...]) -> list[str]:
        survey = self.survey
        values = survey.value(word).split()
        special = [one for one in values if survey.is_virtual(one) or survey.is_task(one)]
        special += [one for one in values if survey.is_folder(one)]
        if special:
            # Written out, as some of them are no files.
            out: list[str] = []
            for one in values:
                if survey.is_folder(one) or one in seen:
                    continue
                if survey.is_task(one):
                    out.append(quoted(self.task_file(one)))
                elif survey.is_virtual(one):
                    out += self.of_virtual(one, seen)
                else:
                    out.append(quoted(_braced(one)))
            return out
        parts = cutting.cut(word)
        if all(part.kind == "text" for part in parts):
            text = "".join(part.text for part in parts)
            if _GLOB.search(text):
                self.python.used.add("mk_wildcard")
                return [f"*mk_wildcard({quoted(text)}).split()"]
            return [self.python.expression(_stemmed(parts) if stem else _doubled(parts))]
        expression = self.python.expression(_stemmed(parts) if stem else parts)
        if stem and "%" in "".join(self._refs(parts)):
            expression = f'({expression}).replace("%", "{{stem}}", 1)'
        if len(values) == 1 and self._stays(parts, 0):
            return [expression]
        if re.fullmatch(r"\w+", expression) or expression.endswith(")"):
            return [f"*{expression}.split()"]
        return [f"*({expression}).split()"]

    def _stays(self, parts: Parts, depth: int) -> bool:
        """Whether a text is as many words tomorrow: nothing in it depends on files or commands."""
        for part in parts:
            if part.kind == "call" and part.text in _CHANGING:
                return False
            if not all(self._stays(arg, depth) for arg in part.args):
                return False
            found = self.survey.values.get(part.text) if part.kind == "ref" else None
            if found is not None and part.text in self.survey.changing:
                return False
            late = found is not None and found[1] and depth < 20
            if found is not None and late and not self._stays(cutting.cut(found[0]), depth + 1):
                return False
        return True

    def _refs(self, parts: Parts) -> list[str]:
        return [
            cutting.value((part,), self.survey.variable) for part in parts if part.kind != "text"
        ]

    def pattern_output(self, word: str) -> str:
        """A target pattern as a text with the wildcard."""
        parts = cutting.cut(word)
        expression = self.python.expression(_stemmed(parts))
        if "%" in "".join(self._refs(parts)):
            expression = f'({expression}).replace("%", "{{stem}}", 1)'
        return expression

    def constraint(self, made: Made) -> list[str]:
        """The directive for the wildcard of a rule that is for listed targets only."""
        words = self.python.expression(cutting.cut(made.targets))
        name = "target"
        if made.pattern is not None:
            name = "stem"
            pattern = self.python.expression(cutting.cut(made.pattern))
            self.python.used |= {"mk_patsubst", "mk_filter"}
            words = f'mk_patsubst({pattern}, "%", mk_filter({pattern}, {words}))'
        # No word at all is a rule for nothing.
        value = f'"|".join(map(re.escape, ({words}).split())) or "(?!)"'
        return ["wildcard_constraints:", f"    {name}={value},"]


def words_of(text: str) -> list[str]:
    """The words of a text, split at blanks outside of `$(...)`."""
    out: list[str] = []
    word = ""
    at = 0
    while at < len(text):
        if text[at] == "$" and text[at + 1 : at + 2] in ("(", "{"):
            end = cutting.closing(text, at + 1)
            word += text[at : end + 1]
            at = end + 1
        elif text[at].isspace():
            if word:
                out.append(word)
            word = ""
            at += 1
        else:
            word += text[at]
            at += 1
    return [*out, word] if word else out


def _braced(text: str) -> str:
    return text.replace("{", "{{").replace("}", "}}")


def _doubled(parts: Parts) -> tuple[Part, ...]:
    return tuple(replace(part, text=_braced(part.text)) for part in parts)


def _stemmed(parts: Parts) -> tuple[Part, ...]:
    """The first `%` of the text becomes the wildcard."""
    out = []
    done = False
    for part in parts:
        if part.kind != "text":
            out.append(part)
            continue
        text = _braced(part.text)
        if "%" in text and not done:
            text = text.replace("%", "{stem}", 1)
            done = True
        out.append(replace(part, text=text))
    return tuple(out)
