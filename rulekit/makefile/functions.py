"""Functions of Make on words in texts. They are used here, and their source is written into
Rulefiles that need them: each stands alone, or names what it uses in `NEEDS`."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable


def mk_wildcard(patterns: str) -> str:
    """The files that fit any of the patterns."""
    import glob

    return " ".join(name for one in patterns.split() for name in sorted(glob.glob(one)))


def mk_stem(pattern: str, word: str) -> str | None:
    """What `%` stands for in a word, None if it does not fit."""
    before, percent, behind = pattern.partition("%")
    if not percent:
        return "" if word == pattern else None
    if len(word) < len(before) + len(behind):
        return None
    if not (word.startswith(before) and word.endswith(behind)):
        return None
    return word[len(before) : len(word) - len(behind)]


def mk_patsubst(pattern: str, new: str, words: str) -> str:
    """Words that fit the pattern by the new ones, `%` by what it stands for."""
    out = []
    for word in words.split():
        stem = mk_stem(pattern, word)
        out.append(word if stem is None else new.replace("%", stem, 1))
    return " ".join(out)


def mk_filter(patterns: str, words: str) -> str:
    """The words that fit any of the patterns."""
    fits = [w for w in words.split() if any(mk_stem(p, w) is not None for p in patterns.split())]
    return " ".join(fits)


def mk_filter_out(patterns: str, words: str) -> str:
    """The words that fit none of the patterns."""
    return " ".join(w for w in words.split() if not mk_filter(patterns, w))


def mk_subst(old: str, new: str, text: str) -> str:
    """The text with `old` replaced."""
    return text.replace(old, new) if old else text + new


def mk_notdir(words: str) -> str:
    """File names without folders."""
    return " ".join(word.rpartition("/")[2] for word in words.split())


def mk_dir(words: str) -> str:
    """The folders of file names, with a slash."""
    return " ".join((word.rpartition("/")[0] or ".") + "/" for word in words.split())


def mk_basename(words: str) -> str:
    """File names without endings."""
    import os

    return " ".join(os.path.splitext(word)[0] for word in words.split())


def mk_suffix(words: str) -> str:
    """The endings of file names."""
    import os

    return " ".join(filter(None, (os.path.splitext(word)[1] for word in words.split())))


def mk_addprefix(prefix: str, words: str) -> str:
    """Each word with something before it."""
    return " ".join(prefix + word for word in words.split())


def mk_addsuffix(suffix: str, words: str) -> str:
    """Each word with something behind it."""
    return " ".join(word + suffix for word in words.split())


def mk_sort(words: str) -> str:
    """The words in order, each once."""
    return " ".join(sorted(set(words.split())))


def mk_strip(text: str) -> str:
    """The words with one blank between them."""
    return " ".join(text.split())


def mk_word(number: str, words: str) -> str:
    """One word, by its number."""
    found = words.split()
    at = int(number) - 1
    return found[at] if 0 <= at < len(found) else ""


def mk_words(words: str) -> str:
    """How many words there are."""
    return str(len(words.split()))


def mk_firstword(words: str) -> str:
    """The first word."""
    return words.split()[0] if words.split() else ""


def mk_lastword(words: str) -> str:
    """The last word."""
    return words.split()[-1] if words.split() else ""


def mk_join(first: str, second: str) -> str:
    """Words put together one by one."""
    a, b = first.split(), second.split()
    count = max(len(a), len(b))
    a += [""] * (count - len(a))
    b += [""] * (count - len(b))
    return " ".join(one + other for one, other in zip(a, b, strict=True))


def mk_findstring(part: str, text: str) -> str:
    """The part, if it is in the text."""
    return part if part in text else ""


def mk_abspath(words: str) -> str:
    """Absolute paths."""
    import os

    return " ".join(os.path.abspath(word) for word in words.split())


def mk_shell(command: str) -> str:
    """What a command prints, on one line."""
    import subprocess

    words = ["/bin/sh", "-c", command]
    done = subprocess.run(words, stdout=subprocess.PIPE, text=True, check=False)
    return " ".join(done.stdout.split("\n")).strip()


# Name in Make: function, number of arguments (the last one may hold commas).
FUNCTIONS: dict[str, tuple[Callable[..., str], int]] = {
    "wildcard": (mk_wildcard, 1),
    "patsubst": (mk_patsubst, 3),
    "filter": (mk_filter, 2),
    "filter-out": (mk_filter_out, 2),
    "subst": (mk_subst, 3),
    "notdir": (mk_notdir, 1),
    "dir": (mk_dir, 1),
    "basename": (mk_basename, 1),
    "suffix": (mk_suffix, 1),
    "addprefix": (mk_addprefix, 2),
    "addsuffix": (mk_addsuffix, 2),
    "sort": (mk_sort, 1),
    "strip": (mk_strip, 1),
    "word": (mk_word, 2),
    "words": (mk_words, 1),
    "firstword": (mk_firstword, 1),
    "lastword": (mk_lastword, 1),
    "join": (mk_join, 2),
    "findstring": (mk_findstring, 2),
    "abspath": (mk_abspath, 1),
    "realpath": (mk_abspath, 1),
    "shell": (mk_shell, 1),
}
NEEDS = {
    "mk_patsubst": ("mk_stem",),
    "mk_filter": ("mk_stem",),
    "mk_filter_out": ("mk_filter",),
}
# What Make itself defines.
DEFAULTS = {
    "CC": "cc",
    "CXX": "g++",
    "CPP": "cc -E",
    "AR": "ar",
    "ARFLAGS": "rv",
    "AS": "as",
    "LD": "ld",
    "RM": "rm -f",
    "MAKE": "make",
    "SHELL": "/bin/sh",
}
