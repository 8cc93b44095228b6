"""Findings about packs: what is wrong, where, and how to mend it; printed the way a compiler does, or as JSON.

`TITLES` is the registry of the codes given by `rulener.packs`: R1 file and shape, R2 the content of a rule, R3 lints;
R305 to R310 are those of `rulener.compiler.conflicts`, R320, R321, R325 to R327 and R329 those of `rulener.authoring`.
Each code has a page in docs/errors and a golden test in tests/packs/golden.
"""

from __future__ import annotations

import json
import re
import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from rulener.packs.model import Place

Severity = Literal["error", "warning"]

TITLES: dict[str, str] = {
    "R100": "not a pack",
    "R101": "file is not UTF-8",
    "R102": "not valid YAML",
    "R103": "tab in the indentation",
    "R104": "cue is in two roles",
    "R105": "byte order mark",
    "R106": "control character in the file",
    "R107": "empty file",
    "R108": "more than one document",
    "R109": "key written twice",
    "R110": "anchor or alias",
    "R111": "tag",
    "R112": "merge key",
    "R113": "key is not a text",
    "R114": "unknown key",
    "R115": "missing key",
    "R116": "value of another kind expected",
    "R117": "list expected, one text found",
    "R118": "empty value",
    "R119": "empty list",
    "R120": "bad name",
    "R121": "id given twice",
    "R122": "value not allowed",
    "R123": "number out of range",
    "R124": "nested too deep",
    "R125": "file not read",
    "R126": "key of another version",
    "R130": "unknown label",
    "R131": "unknown section",
    "R132": "unknown word list",
    "R133": "axis not assessed",
    "R134": "packs contradict each other",
    "R140": "bad mark in an example",
    "R201": "pattern cannot be read",
    "R202": "bad capture",
    "R203": "pattern without anchor",
    "R204": "cue with too many forms",
    "R205": "class or capture in a cue",
    "R206": "regex cannot be compiled",
    "R207": "regex without anchor",
    "R208": "match and regex",
    "R209": "text without letter or digit",
    "R210": "control character in a text",
    "R211": "bad concept",
    "R212": "rule with nothing to find",
    "R213": "more than one word",
    "R214": "key without effect",
    "R215": "regex that matches nothing",
    "R216": "on and not_on",
    "R220": "text the compiler refuses",
    "R301": "stable rule without example",
    "R302": "text twice in one rule",
    "R303": "text of an earlier rule",
    "R304": "alternative that can be empty",
    "R305": "term contains a cue",
    "R306": "term is a cue",
    "R307": "term is a heading",
    "R308": "pseudo cue without a cue",
    "R309": "term is an everyday word",
    "R310": "term that never wins",
    "R320": "silence without a warning",
    "R321": "rule that never matches",
    "R322": "regex that runs away",
    "R323": "abbreviation that folds to a word",
    "R324": "unknown code system",
    "R325": "rule edited without a new version",
    "R326": "stable rule is gone",
    "R327": "section that never opens",
    "R328": "example that shows nothing",
    "R329": "version lock cannot be read",
}

_LINE_BREAK = re.compile("\r\n|[\n\r\x85\u2028\u2029]")
_TAB_STOP = 4
_MAX_COLUMNS = 120
_KEPT_BEFORE_CARET = 40


@dataclass(frozen=True, slots=True)
class Located:
    """A place with what is to be said about it."""

    place: Place
    label: str = ""


@dataclass(frozen=True, slots=True)
class Edit:
    """A safe change: `text` in place of what stands at `place` (width 0: nothing). No text: the entry of a list goes, with its
    comma or dash."""

    place: Place
    text: str


@dataclass(frozen=True, slots=True)
class Diagnostic:
    """One finding. The first of `places` is the primary one; a finding about a folder as a whole has none."""

    code: str
    severity: Severity
    message: str
    places: tuple[Located, ...] = ()
    notes: tuple[str, ...] = ()
    fix: str = ""
    edits: tuple[Edit, ...] = ()  # what `--fix` does; none when only the author can know

    @property
    def place(self) -> Place | None:
        """The primary place."""
        return self.places[0].place if self.places else None

    def to_dict(self) -> dict[str, object]:
        """The finding as plain data, for editors."""
        return {
            "code": self.code,
            "severity": self.severity,
            "message": self.message,
            "places": [
                {
                    "path": located.place.path,
                    "line": located.place.line,
                    "column": located.place.column,
                    "width": located.place.width,
                    "label": located.label,
                }
                for located in self.places
            ],
            "notes": list(self.notes),
            "fix": self.fix,
            "name": name_of(self.code),
            "edits": [
                {
                    "path": edit.place.path,
                    "line": edit.place.line,
                    "column": edit.place.column,
                    "width": edit.place.width,
                    "text": edit.text,
                }
                for edit in self.edits
            ],
        }


class Findings:
    """Collects diagnostics while reading goes on."""

    def __init__(self) -> None:
        self.all: list[Diagnostic] = []

    def error(
        self,
        code: str,
        message: str,
        place: Place | None,
        *,
        label: str = "",
        others: Sequence[tuple[Place, str]] = (),
        notes: Sequence[str] = (),
        fix: str = "",
        edits: Sequence[Edit] = (),
    ) -> None:
        """Add an error."""
        self.all.append(_finding("error", code, message, place, label, others, notes, fix, edits))

    def warning(
        self,
        code: str,
        message: str,
        place: Place | None,
        *,
        label: str = "",
        others: Sequence[tuple[Place, str]] = (),
        notes: Sequence[str] = (),
        fix: str = "",
        edits: Sequence[Edit] = (),
    ) -> None:
        """Add a warning."""
        self.all.append(_finding("warning", code, message, place, label, others, notes, fix, edits))

    def extend(self, diagnostics: Iterable[Diagnostic]) -> None:
        """Add what another reader found."""
        self.all.extend(diagnostics)


def _finding(
    severity: Severity,
    code: str,
    message: str,
    place: Place | None,
    label: str,
    others: Sequence[tuple[Place, str]],
    notes: Sequence[str],
    fix: str,
    edits: Sequence[Edit],
) -> Diagnostic:
    primary = () if place is None else (Located(place, label),)
    further = tuple(Located(other, text) for other, text in others)
    return Diagnostic(code, severity, message, primary + further, tuple(notes), fix, tuple(edits))


def name_of(code: str) -> str:
    """What authors may call a finding by: the title in one word, such as `stable-rule-without-example`."""
    return re.sub(r"[^a-z0-9]+", "-", TITLES.get(code, code).lower()).strip("-")


def has_errors(diagnostics: Iterable[Diagnostic]) -> bool:
    """Whether any of them is an error."""
    return any(d.severity == "error" for d in diagnostics)


def sort_diagnostics(diagnostics: Iterable[Diagnostic]) -> list[Diagnostic]:
    """By file, line, column and code; findings without a place come first. Repeated findings are given once."""
    return sorted(dict.fromkeys(diagnostics), key=_order)


def _order(diagnostic: Diagnostic) -> tuple[str, int, int, str, str]:
    place = diagnostic.place
    if place is None:
        return ("", 0, 0, diagnostic.code, diagnostic.message)
    return (place.path, place.line, place.column, diagnostic.code, diagnostic.message)


def to_github(diagnostics: Iterable[Diagnostic]) -> str:
    """The findings as workflow commands, which GitHub shows at the lines of a pull request."""
    return "".join(_github_line(diagnostic) for diagnostic in sort_diagnostics(diagnostics))


def _github_line(diagnostic: Diagnostic) -> str:
    place = diagnostic.place
    properties: dict[str, object] = {}
    if place is not None:
        end = place.column + place.width
        properties = {"file": place.path, "line": place.line, "col": place.column, "endColumn": end}
    properties = {**properties, "title": f"{diagnostic.code} {TITLES.get(diagnostic.code, '')}".strip()}
    written = ",".join(f"{key}={_escaped(str(value), ':,')}" for key, value in properties.items())
    message = "\n".join([diagnostic.message, *diagnostic.notes, *([f"fix: {diagnostic.fix}"] if diagnostic.fix else [])])
    return f"::{diagnostic.severity} {written}::{_escaped(message)}\n"


def _escaped(text: str, more: str = "") -> str:
    return "".join(f"%{ord(char):02X}" if char in "%\r\n" + more else char for char in text)


def to_json(diagnostics: Iterable[Diagnostic]) -> str:
    """A JSON array of findings, sorted."""
    return json.dumps([d.to_dict() for d in sort_diagnostics(diagnostics)], ensure_ascii=False, indent=2) + "\n"


def summary(diagnostics: Sequence[Diagnostic]) -> str:
    """For example "2 errors, 1 warning"."""
    errors = sum(d.severity == "error" for d in diagnostics)
    warnings = len(diagnostics) - errors
    parts = [_counted(n, noun) for n, noun in ((errors, "error"), (warnings, "warning")) if n]
    return ", ".join(parts) or "no findings"


def _counted(number: int, noun: str) -> str:
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


# --- printing ------------------------------------------------------------------------------------------------------


def split_lines(text: str) -> list[str]:
    """The lines of a YAML text; YAML's idea of a line break is wider than a text editor's, narrower than Python's."""
    return _LINE_BREAK.split(text)


def render(diagnostics: Iterable[Diagnostic], sources: Mapping[str, str], *, colour: bool = False) -> str:
    """All findings as text, sorted. `sources` maps a place's path to the file's text; lines of other files are not shown."""
    lines = {path: split_lines(text.removeprefix("\ufeff")) for path, text in sources.items()}
    paint = _Paint(colour)
    return "\n".join(_render_one(d, lines, paint) for d in sort_diagnostics(diagnostics))


class _Paint:
    """ANSI colours, or nothing."""

    _CODES: Mapping[str, str] = {"error": "1;31", "warning": "1;33", "gutter": "34", "bold": "1"}

    def __init__(self, on: bool) -> None:
        self._on = on

    def __call__(self, role: str, text: str) -> str:
        return f"\x1b[{self._CODES[role]}m{text}\x1b[0m" if self._on and text else text


def _render_one(diagnostic: Diagnostic, lines: Mapping[str, Sequence[str]], paint: _Paint) -> str:
    head = paint(diagnostic.severity, f"{diagnostic.severity}[{diagnostic.code}]")
    out = [f"{head}: {paint('bold', _one_line(diagnostic.message))}"]
    gutter = max((len(str(located.place.line)) for located in diagnostic.places), default=1)
    for index, located in enumerate(diagnostic.places):
        out += _render_place(located, lines, gutter, primary=index == 0, severity=diagnostic.severity, paint=paint)
    margin = " " * gutter + " " + paint("gutter", "=")
    out += [f"{margin} note: {_one_line(note)}" for note in diagnostic.notes]
    if diagnostic.fix:
        out.append(f"{margin} fix: {_one_line(diagnostic.fix)}")
    return "\n".join(out) + "\n"


def _render_place(
    located: Located,
    lines: Mapping[str, Sequence[str]],
    gutter: int,
    *,
    primary: bool,
    severity: str,
    paint: _Paint,
) -> list[str]:
    place = located.place
    arrow = "-->" if primary else ":::"
    out = [" " * gutter + f"{paint('gutter', arrow)} {place}"]
    source = lines.get(place.path, ())
    if not 1 <= place.line <= len(source):
        return [*out, f"{' ' * gutter} {paint('gutter', '=')} {located.label}"] if located.label else out
    shown, start, width = _cut(source[place.line - 1], place.column - 1, place.width)
    bar = paint("gutter", "|")
    marks = paint(severity if primary else "gutter", ("^" if primary else "-") * width)
    out.append(f"{' ' * gutter} {bar}")
    out.append(f"{paint('gutter', str(place.line).rjust(gutter))} {bar} {shown}".rstrip())
    out.append(f"{' ' * gutter} {bar} {' ' * start}{marks} {located.label}".rstrip())
    return out


def _cut(line: str, column: int, width: int) -> tuple[str, int, int]:
    """The part of the line to show, and the carets' start and width in printed columns."""
    cells = _cells(line)
    column = min(column, len(cells))
    first = 0
    if sum(len_ for _, len_ in cells) > _MAX_COLUMNS:
        first = max(0, column - _KEPT_BEFORE_CARET)
    last, used = first, 0
    while last < len(cells) and used + cells[last][1] <= _MAX_COLUMNS:
        used += cells[last][1]
        last += 1
    before = "…" if first else ""
    after = "…" if last < len(cells) else ""
    shown = before + "".join(text for text, _ in cells[first:last]) + after
    start = len(before) + sum(size for _, size in cells[first:column])
    carets = sum(size for _, size in cells[column : min(column + width, last)])
    return shown, start, max(1, carets)


def _cells(line: str) -> list[tuple[str, int]]:
    """For each code point what is printed and how many columns it takes."""
    cells: list[tuple[str, int]] = []
    at = 0
    for char in line:
        text, size = _cell(char, at)
        cells.append((text, size))
        at += size
    return cells


def _cell(char: str, at: int) -> tuple[str, int]:
    if char == "\t":
        size = _TAB_STOP - at % _TAB_STOP
        return " " * size, size
    category = unicodedata.category(char)
    if category in ("Cc", "Cs", "Zl", "Zp"):
        return "\ufffd", 1
    if category in ("Mn", "Me", "Cf"):
        return char, 0
    return char, 2 if unicodedata.east_asian_width(char) in "WF" else 1


def _one_line(text: str) -> str:
    return "".join(_cell(char, 0)[0] if unicodedata.category(char) != "Cc" else "\ufffd" for char in text)
