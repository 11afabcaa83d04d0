"""A message with a place, and its written form."""

from __future__ import annotations

from rulekit.frozen import frozen
from rulekit.model.span import Span

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable


@frozen
class Label:
    """A second place that belongs to the message, with a few words about it."""

    span: Span
    text: str


@frozen
class Diagnostic:
    """One message. `code` is stable (``RK0204``) and has a page for `rulekit explain`.

    `caret` is what stands under the marked text, a few words or nothing.
    """

    code: str
    message: str
    span: Span | None = None
    caret: str = ""
    labels: tuple[Label, ...] = ()
    notes: tuple[str, ...] = ()
    help: str | None = None
    severity: str = "error"


def closest(name: str, candidates: Iterable[str]) -> str | None:
    """The candidate most like `name`, or None if none is near."""
    import difflib

    pool = list(dict.fromkeys(candidates))
    # Letters that changed places are the most common slip.
    letters = sorted(name)
    for candidate in pool:
        if len(candidate) == len(name) and sorted(candidate) == letters:
            return candidate
    # In a short name a single slip weighs more.
    found = difflib.get_close_matches(name, pool, n=1, cutoff=0.7 if len(name) > 4 else 0.6)
    if found:
        return found[0]
    folded = {candidate.lower(): candidate for candidate in pool}
    return folded.get(name.lower())


def did_you_mean(kind: str, name: str, candidates: Iterable[str]) -> str | None:
    """A help sentence that names the near candidate: a statement, not a question."""
    found = closest(name, candidates)
    return None if found is None else f"there is a {kind} with a similar name: `{found}`"


def write_out(
    diagnostic: Diagnostic,
    line_of: Callable[[str, int], str | None],
    paint: Callable[[str, str], str] | None = None,
) -> str:
    """The written form, without a final newline.

    `line_of(file, line)` gives a source line or None; `paint(style, text)` adds colour, with the
    styles ``error``, ``warning``, ``place``, ``help``.
    """
    colour = paint or (lambda _style, text: text)
    head = f"{diagnostic.severity}[{diagnostic.code}]"
    lines = [f"{colour(diagnostic.severity, head)}: {visible(diagnostic.message)}"]
    span = diagnostic.span
    places = [(label.span, label.text, "-") for label in diagnostic.labels]
    if span is not None:
        places.append((span, diagnostic.caret, "^"))
    shown = [(place, text, mark, line_of(place.file, place.line)) for place, text, mark in places]
    width = max((len(str(place.line)) for place, _, _, _ in shown), default=1)
    blank = " " * width
    if span is not None:
        file = visible(span.file)
        lines.append(f"{blank}{colour('place', '-->')} {file}:{span.line}:{span.column}")
    seen_source = False
    # The file of the message first: places in other files are named.
    main = span.file if span is not None else ""
    shown.sort(key=lambda p: (p[0].file != main, p[0].file, p[0].line))
    for place, text, mark, source in shown:
        if source is None:
            continue
        if not seen_source:
            lines.append(f"{blank} {colour('place', '|')}")
            seen_source = True
        if span is not None and place.file != span.file:
            lines.append(f"{blank} {colour('place', ':::')} {visible(place.file)}:{place.line}")
        cut, marker = _marked(place, source, mark)
        lines.append(f"{place.line:>{width}} {colour('place', '|')} {cut}")
        note = f"{marker} {visible(text)}".rstrip()
        lines.append(f"{blank} {colour('place', '|')} {colour(diagnostic.severity, note)}")
    if seen_source and (diagnostic.notes or diagnostic.help):
        lines.append(f"{blank} {colour('place', '|')}")
    for note in diagnostic.notes:
        lines.append(f"{blank} = note: {_hang(note, width + 9)}")
    if diagnostic.help:
        lines.append(f"{blank} = {colour('help', 'help')}: {_hang(diagnostic.help, width + 9)}")
    return "\n".join(lines)


_WIDEST = 160


def _marked(place: Span, source: str, mark: str) -> tuple[str, str]:
    """The source line, cut if it is very long, and the marker line under it."""
    # One character for each, so that the marker stands right.
    source = source.rstrip("\r\n").replace("\t", " ")
    if not source.isprintable():
        source = "".join([c if c.isprintable() else "?" for c in source])
    start = min(max(place.column, 1) - 1, len(source))
    end = place.end_column - 1 if place.end_line == place.line else len(source)
    end = max(start + 1, min(end, len(source)))
    if len(source) > _WIDEST:
        first = max(0, min(start - _WIDEST // 4, len(source) - _WIDEST))
        source = source[first : first + _WIDEST]
        start, end = start - first, min(end - first, _WIDEST)
    return source, " " * start + mark * max(1, end - start)


def _hang(text: str, indent: int) -> str:
    return ("\n" + " " * indent).join(map(visible, text.split("\n")))


def visible(text: str) -> str:
    """`text` with what a terminal would act on, or could not show, as escapes.

    File names may hold line ends, escape sequences and bytes that are no UTF-8.
    """
    if text.isprintable():
        return text
    return "".join([c if c.isprintable() else _escape(c) for c in text])


def _escape(character: str) -> str:
    number = ord(character)
    if 0xDC80 <= number <= 0xDCFF:  # a byte that is no UTF-8, as `os.fsdecode` gives it
        return f"\\x{number - 0xDC00:02x}"
    return character.encode("unicode_escape").decode("ascii")
