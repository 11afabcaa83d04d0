"""The job's names as Rust sees them: the static `snakemake`, a struct typed after the values.

``snakemake.input[0]`` and iteration give the items without names; an item with a name is a field,
``snakemake.input.reads``, of type `String`, or `Vec<String>` if the name stands for several.
`params`, `config` and `resources` have a field for each name, typed after its value: `String`,
`i64`, `f64`, `bool`, a `Vec`, a struct for a dictionary with text keys, else the enum `Value`.
``snakemake.redirect_stdout(path)?`` and ``redirect_stderr`` return a guard.

The text uses nothing but the standard library, so a script without crates needs no network. It
may stand in the body of a function: a script without `main` is wrapped into one.
"""

from __future__ import annotations

import re

from rulekit.runner.context import LISTS, decode_value, items_of

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

# What scripts may use without naming it in their manifest, as `rust-script` takes it.
CRATES = {
    "anyhow": "anyhow=1",
    "serde_json": "serde_json=1.0",
    "serde": "serde=1.0",
    "serde_derive": "serde_derive=1.0",
    "lazy_static": "lazy_static=1.4",
    "json_typegen": "json_typegen=0.6",
    "gag": "gag=1",
}

_KEYWORDS = (
    " as break const continue crate else enum extern false fn for if impl in let loop match mod"
    " move mut pub ref return self static struct super trait true type unsafe use where while"
    " async await dyn abstract become box do final macro override priv typeof unsized virtual"
    " yield try gen "
)

_SUPPORT = r"""
#[allow(dead_code)]
#[derive(Debug, Clone, PartialEq)]
pub enum Value {
    Null,
    Bool(bool),
    Int(i64),
    Float(f64),
    Text(String),
    Array(Vec<Value>),
    Object(Vec<(String, Value)>),
}
#[allow(dead_code)]
impl Value {
    pub fn as_bool(&self) -> Option<bool> {
        if let Value::Bool(x) = self { Some(*x) } else { None }
    }
    pub fn as_i64(&self) -> Option<i64> {
        if let Value::Int(x) = self { Some(*x) } else { None }
    }
    pub fn as_f64(&self) -> Option<f64> {
        match self { Value::Float(x) => Some(*x), Value::Int(x) => Some(*x as f64), _ => None }
    }
    pub fn as_str(&self) -> Option<&str> {
        if let Value::Text(x) = self { Some(x) } else { None }
    }
    pub fn as_array(&self) -> Option<&Vec<Value>> {
        if let Value::Array(x) = self { Some(x) } else { None }
    }
    pub fn get(&self, key: &str) -> Option<&Value> {
        match self {
            Value::Object(pairs) => pairs.iter().find(|(name, _)| name == key).map(|(_, v)| v),
            _ => None,
        }
    }
}
#[allow(dead_code)]
pub struct Redirect { to: i32, before: i32 }
impl Redirect {
    fn new<P: AsRef<std::path::Path>>(to: i32, path: P) -> std::io::Result<Redirect> {
        use std::io::Write;
        use std::os::fd::AsRawFd;
        extern "C" {
            fn dup(from: i32) -> i32;
            fn dup2(from: i32, to: i32) -> i32;
        }
        let file = std::fs::File::create(path)?;
        std::io::stdout().flush()?;
        let before = unsafe { dup(to) };
        if before < 0 || unsafe { dup2(file.as_raw_fd(), to) } < 0 {
            return Err(std::io::Error::last_os_error());
        }
        Ok(Redirect { to, before })
    }
}
impl Drop for Redirect {
    fn drop(&mut self) {
        use std::io::Write;
        extern "C" {
            fn dup2(from: i32, to: i32) -> i32;
            fn close(file: i32) -> i32;
        }
        let _ = std::io::stdout().flush();
        unsafe { dup2(self.before, self.to); close(self.before); }
    }
}
#[allow(dead_code)]
impl Snakemake {
    pub fn redirect_stdout<P: AsRef<std::path::Path>>(&self, path: P) -> std::io::Result<Redirect> {
        Redirect::new(1, path)
    }
    pub fn redirect_stderr<P: AsRef<std::path::Path>>(&self, path: P) -> std::io::Result<Redirect> {
        Redirect::new(2, path)
    }
}
"""

_LIST = """
impl std::ops::Index<usize> for %(name)s {
    type Output = String;
    fn index(&self, index: usize) -> &String { &self.positional[index] }
}
impl IntoIterator for %(name)s {
    type Item = String;
    type IntoIter = std::vec::IntoIter<String>;
    fn into_iter(self) -> Self::IntoIter { self.positional.into_iter() }
}
impl<'a> IntoIterator for &'a %(name)s {
    type Item = &'a String;
    type IntoIter = std::slice::Iter<'a, String>;
    fn into_iter(self) -> Self::IntoIter { self.positional.iter() }
}
"""

_STATIC = """
pub struct SnakemakeOnce(std::sync::OnceLock<Snakemake>);
impl std::ops::Deref for SnakemakeOnce {
    type Target = Snakemake;
    fn deref(&self) -> &Snakemake {
        self.0.get_or_init(|| %s)
    }
}
#[allow(non_upper_case_globals, dead_code)]
static snakemake: SnakemakeOnce = SnakemakeOnce(std::sync::OnceLock::new());
"""


def preamble(context: Mapping[str, Any]) -> str:
    """Rust text that makes the object. Raises TypeError for a value that Rust has no word for."""
    writer = _Writer()
    fields: list[tuple[str, str, str]] = []
    for part in LISTS:
        fields.append((part, *writer.part(part, items_of(context.get(part)))))
    config = decode_value(context.get("config") or {})
    pairs = [(str(key), value) for key, value in config.items()]
    fields.append(("config", *writer.part("config", list(pairs))))
    turn = context.get("bench_iteration")
    rule = _text(str(context.get("rule") or ""))
    fields += [
        ("threads", "i64", str(int(context.get("threads", 1)))),
        ("rule", "String", rule),
        ("rulename", "String", rule),
        ("bench_iteration", "Option<usize>", "None" if turn is None else f"Some({int(turn)})"),
        ("scriptdir", "String", _text(str(context.get("scriptdir") or ""))),
    ]
    made = writer.struct("Snakemake", fields)
    lists = "".join(_LIST % {"name": writer.names[part]} for part in _TEXT_PARTS)
    return "".join(writer.structs) + _SUPPORT + lists + _STATIC % made


def program(source: str, head: str) -> str:
    """The script with the object in it, its manifest still first.

    A manifest is a ``// cargo-deps:`` line or a comment of the crate with a cargo code block. It
    must be the first thing of the file, so a line ``#!`` before it is left out.
    """
    source = re.sub(r"\A#![^\[].*\n?", "", source)
    end = _manifest_end(source)
    return f"{source[:end]}{head}\n{source[end:]}"


def crates_of(source: str) -> tuple[str, ...]:
    """Crates that a script uses without naming them in its manifest: those of `CRATES`."""
    end = _manifest_end(re.sub(r"\A#![^\[].*\n?", "", source))
    manifest, rest = source[:end], source[end:]
    return tuple(
        wanted
        for name, wanted in CRATES.items()
        if re.search(rf"\b{name}\b\s*(::|!)|\bextern\s+crate\s+{name}\b", rest)
        and not re.search(rf"\b{name}\b", manifest)
    )


def is_bare(source: str) -> bool:
    """Whether a script needs no crate at all, so that the compiler alone can build it."""
    stripped = re.sub(r"\A#![^\[].*\n?", "", source)
    return _manifest_end(stripped) == 0 and not crates_of(source)


def wrapped(text: str) -> str:
    """A program; a script without `main` becomes the body of one, as with `rust-script`."""
    if re.search(r"^\s*(pub\s+)?(async\s+)?fn\s+main\s*\(", text, re.MULTILINE):
        return text
    result = "Result<(), Box<dyn std::error::Error + Sync + Send>>"
    return f"fn main() -> {result} {{\n{text}\nOk(())\n}}\n"


def _manifest_end(source: str) -> int:
    line = re.match(r"\s*//\s*cargo-deps\s*:.*\n?", source, re.IGNORECASE)
    if line is not None:
        return line.end()
    block = re.match(r"\s*/\*!.*?\*/[ \t]*\n?", source, re.DOTALL)
    lines = re.match(r"\s*//!.*\n?(?:[ \t]*//!.*\n?)*", source)
    outer = re.match(r"\s*///.*\n?(?:[ \t]*///.*\n?)*", source)
    for found in (block, lines, outer):
        if found is not None and re.search(r"```\s*cargo.*?```", found[0], re.DOTALL):
            return found.end()
    return 0


_TEXT_PARTS = ("input", "output", "wildcards", "log")  # whose items are file names or texts


class _Writer:
    """Collects the structs that values need."""

    def __init__(self) -> None:
        self.structs: list[str] = []
        self.names: dict[str, str] = {}

    def part(self, part: str, items: list[tuple[str | None, Any]]) -> tuple[str, str]:
        """Type and value of a list with names."""
        bare = [value for name, value in items if name is None]
        if part in _TEXT_PARTS:
            texts = ", ".join(_text(str(value)) for value in bare)
            fields = [("positional", "Vec<String>", f"vec![{texts}]")]
        else:
            fields = [("positional", *self.value("positional", list(bare)))]
        fields += [(name, *self.value(name, value)) for name, value in items if name is not None]
        name = self._free(part.capitalize())
        self.names[part] = name
        return name, self.struct(name, fields)

    def struct(self, name: str, fields: list[tuple[str, str, str]]) -> str:
        """Declares a struct of (name, type, value); the expression that makes it."""
        given: set[str] = set()
        declared, made = [], []
        for key, kind, value in fields:
            field = _identifier(key)
            field += "_" * sum(one.rstrip("_") == field for one in given)
            given.add(field)
            declared.append(f"    pub {field}: {kind},\n")
            made.append(f"{field}: {value}")
        self.structs.append(
            f"#[allow(dead_code)]\n#[derive(Debug, Clone)]\npub struct {name} {{\n"
            f"{''.join(declared)}}}\n"
        )
        return f"{name} {{ {', '.join(made)} }}"

    def value(self, name: str, value: Any) -> tuple[str, str]:
        """Type and expression of a value. Raises TypeError."""
        if value is None:
            return "Option<Value>", "None"
        if isinstance(value, bool):
            return "bool", str(value).lower()
        if isinstance(value, int) and -(2**63) <= value < 2**63:
            return "i64", str(value) if value > -(2**63) else "i64::MIN"
        if isinstance(value, (int, float)):
            return "f64", _float(float(value))
        if isinstance(value, str):
            return "String", _text(value)
        if isinstance(value, dict) and all(isinstance(key, str) for key in value):
            fields = [(key, *self.value(key, item)) for key, item in value.items()]
            kind = self._free(
                "".join(word.capitalize() for word in re.findall("[A-Za-z0-9]+", name))
            )
            return kind, self.struct(kind, fields)
        if isinstance(value, (list, tuple, set, frozenset)) and not _is_deep(value):
            kinds = {self.value(name, item)[0] for item in value}
            if kinds == {"i64", "f64"}:
                return "Vec<f64>", f"vec![{', '.join(_float(float(item)) for item in value)}]"
            if len(kinds) == 1 and kinds <= {"bool", "i64", "f64", "String"}:
                made = ", ".join(self.value(name, item)[1] for item in value)
                return f"Vec<{kinds.pop()}>", f"vec![{made}]"
        if isinstance(value, (list, tuple, set, frozenset)):
            return "Vec<Value>", f"vec![{', '.join(_any(item) for item in value)}]"
        return "Value", _any(value)

    def _free(self, name: str) -> str:
        if not name or name[0].isdigit():
            name = f"N{name}"
        taken = {
            "Value",
            "Redirect",
            "Snakemake",
            "SnakemakeOnce",
            "Self",
            "String",
            "Vec",
            "Option",
        }
        taken.update(re.findall(r"pub struct (\w+)", "".join(self.structs)))
        number, free = 1, name
        while free in taken:
            number += 1
            free = f"{name}{number}"
        return free


def _is_deep(values: Any) -> bool:
    return any(
        isinstance(item, (list, tuple, set, frozenset, dict)) or item is None for item in values
    )


def _any(value: Any) -> str:
    if value is None:
        return "Value::Null"
    if isinstance(value, bool):
        return f"Value::Bool({str(value).lower()})"
    if isinstance(value, int) and -(2**63) < value < 2**63:
        return f"Value::Int({value})"
    if isinstance(value, (int, float)):
        return f"Value::Float({_float(float(value))})"
    if isinstance(value, str):
        return f"Value::Text({_text(value)})"
    if isinstance(value, dict):
        pairs = ", ".join(f"({_text(str(k))}, {_any(v)})" for k, v in value.items())
        return f"Value::Object(vec![{pairs}])"
    if isinstance(value, (list, tuple, set, frozenset)):
        return f"Value::Array(vec![{', '.join(map(_any, value))}])"
    raise TypeError(f"a value of type `{type(value).__name__}` cannot be handed to Rust")


def _float(value: float) -> str:
    if value != value:
        return "f64::NAN"
    if value in (float("inf"), float("-inf")):
        return "f64::INFINITY" if value > 0 else "f64::NEG_INFINITY"
    return f"{value!r}_f64"


def _text(text: str) -> str:
    parts = []
    for char in text:
        if char in '"\\':
            parts.append(f"\\{char}")
        elif char < " " or char == "\x7f":
            parts.append(f"\\u{{{ord(char):x}}}")
        elif "\ud800" <= char <= "\udfff":
            raise TypeError("a text that is not UTF-8 cannot be handed to Rust")
        else:
            parts.append(char)
    return f'"{"".join(parts)}".to_string()'


def _identifier(name: str) -> str:
    """The name of a field: in snake case, and no keyword."""
    name = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", name)
    name = re.sub(r"\W+", "_", name, flags=re.ASCII).strip("_").lower() or "field"
    if name[0].isdigit():
        name = f"n{name}"
    return f"{name}_field" if f" {name} " in _KEYWORDS else name
