"""Marked texts: examples inside rules and `*.cases.yaml` beside them (docs/authors/grammar.md, "Cases")."""

from __future__ import annotations

from collections.abc import Collection
from contextlib import suppress
from pathlib import Path
from typing import NoReturn

from rulener.packs.diagnostics import Diagnostic, Findings
from rulener.packs.model import AXES, Case, MarkedMention, MarkedText, Place, Text
from rulener.packs.names import check_id, refuse_repeated_ids
from rulener.packs.source import Fields, Source, Table, place_at, read_source, suggestion

CASES_SUFFIX = ".cases.yaml"
GIVEN = "mention"
_CASE_KEYS = ("id", "text", "xfail", "only", "note")


def parse_marked(text: Text, labels: Collection[str] | None = None) -> tuple[MarkedText, list[Diagnostic]]:
    """Take the marks off a text. `labels`, when given, are the labels that braces may name.

    With a finding, the marks read so far are returned.
    """
    reader = _MarkReader(text, labels)
    with suppress(_MarkError):
        reader.read()
    return MarkedText("".join(reader.plain), tuple(reader.mentions)), reader.findings.all


class _MarkError(Exception):
    """Leaves the reader once the finding is noted."""


class _MarkReader:
    """Reads one marked text from left to right."""

    def __init__(self, text: Text, labels: Collection[str] | None) -> None:
        self.findings = Findings()
        self.plain: list[str] = []
        self.mentions: list[MarkedMention] = []
        self._text = text
        self._source = text.value
        self._labels = labels

    def read(self) -> None:
        at = 0
        while at < len(self._source):
            at = self._mark(at) if self._source[at] == "[" else self._character(at)

    def _character(self, at: int) -> int:
        """One character of the note; a backslash takes the meaning off a bracket or brace."""
        if self._source[at] == "\\" and self._source[at + 1 : at + 2] in ("[", "]", "{", "}", "\\"):
            at += 1
        self.plain.append(self._source[at])
        return at + 1

    def _mark(self, opening: int) -> int:
        start = len(self.plain)
        at = opening + 1
        while self._source[at : at + 1] != "]":
            if at >= len(self._source):
                self._fail(opening, opening + 1, "`[` is not closed", r"add `]`, or write `\[` for the character")
            if self._source[at] == "[":
                self._fail(at, at + 1, "`[` inside a mark", r"marks cannot overlap; write `\[` for the character")
            at = self._character(at)
        inside = "".join(self.plain[start:])
        if not inside.strip():
            self._fail(opening, at + 1, "nothing is marked", r"write the mention between the brackets; `\[` for the character")
        if inside != inside.strip():
            self._fail(opening, at + 1, "the mark begins or ends with a space", "mark the words only")
        at += 1
        words: list[tuple[str, int]] = []
        if self._source[at : at + 1] == "{":
            at, words = self._braces(at)
        self.mentions.append(self._mention(start, len(self.plain), words))
        return at

    def _braces(self, opening: int) -> tuple[int, list[tuple[str, int]]]:
        """The words in the braces, with their places in the source."""
        close = self._source.find("}", opening)
        if close < 0:
            self._fail(opening, opening + 1, "`{` is not closed", r"add `}`, or write `\{` for the character")
        words = []
        at = opening + 1
        for word in self._source[at:close].split():
            at = self._source.index(word, at)
            words.append((word, at))
            at += len(word)
        if not words:
            self._fail(opening, close + 1, "empty braces", "write a label: `{problem}`, `{problem negated}`")
        return close + 1, words

    def _mention(self, start: int, end: int, words: list[tuple[str, int]]) -> MarkedMention:
        if not words:
            return MarkedMention(start, end)
        (label, at), *rest = words
        self._check_label(label, at)
        for axis, place in rest:
            self._check_axis(axis, place)
        written = {axis for axis, _ in rest}
        return MarkedMention(start, end, label, tuple(axis for axis in AXES if axis in written), label == GIVEN)

    def _check_label(self, label: str, at: int) -> None:
        if label in AXES:
            fix = f"write the label first: `{{problem {label}}}`, or `{{{GIVEN} {label}}}` to hand the span over"
            self._note(at, label, f"`{label}` is an axis; a label must come first", fix)
        elif self._labels is not None and label != GIVEN and label not in self._labels:
            self._note(at, label, f"unknown label `{label}`", suggestion(label, sorted(self._labels)), code="R130")

    def _check_axis(self, axis: str, at: int) -> None:
        if axis not in AXES:
            self._note(at, axis, f"`{axis}` is not an axis", suggestion(axis, AXES))

    def _note(self, at: int, word: str, message: str, fix: str, code: str = "R140") -> None:
        self.findings.error(code, message, place_at(self._text, at, at + len(word)), fix=fix)

    def _fail(self, start: int, end: int, message: str, fix: str) -> NoReturn:
        self.findings.error("R140", message, place_at(self._text, start, end), fix=fix)
        raise _MarkError


# --- files ---------------------------------------------------------------------------------------------------------


def load_cases(
    folder: Path, *, labels: Collection[str] | None = None, display: str | None = None
) -> tuple[list[Case], list[Diagnostic]]:
    """The cases of all `*.cases.yaml` files of a pack's folder, files by name, and all that is wrong with them."""
    cases: list[Case] = []
    findings = Findings()
    for path in sorted(folder.glob("*" + CASES_SUFFIX), key=lambda path: path.name):
        source, problems = read_source(path, f"{display or folder.as_posix()}/{path.name}")
        findings.extend(problems)
        cases += _cases_of(source, labels, findings)
    refuse_repeated_ids(((case.id, case.place) for case in cases), "cases", findings)
    return cases, findings.all


def _cases_of(source: Source, labels: Collection[str] | None, findings: Findings) -> list[Case]:
    if source.root is None:
        return []
    if not isinstance(source.root, Table):
        findings.error("R116", "expected the key `cases`", source.root.place, fix="begin the file with `cases:`")
        return []
    fields = Fields(source.root, "a case file", ("cases",), findings)
    fields.require("cases", source.start)
    cases = (_case(table, labels, findings) for table in fields.mappings("cases"))
    return [case for case in cases if case]


def _case(table: Table, labels: Collection[str] | None, findings: Findings) -> Case | None:
    fields = Fields(table, "a case", _CASE_KEYS, findings)
    id_ = fields.text("id", required=True)
    text = fields.text("text", required=True)
    xfail = fields.text("xfail")
    only = fields.flag("only")
    fields.text("note")
    if id_:
        check_id(id_, findings)
    if text is None:
        return None
    marked, problems = parse_marked(text, labels)
    findings.extend(problems)
    if id_ is None:
        return None
    place: Place = id_.place
    return Case(id_.value, place, marked, xfail.value if xfail else "", bool(only), text.place)
