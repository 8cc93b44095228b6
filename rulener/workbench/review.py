"""The review queue: mentions whose concept somebody should look at, and the file that keeps what was decided.

One question stands for all mentions with the same words and label. A decision is a row of a decisions file
(docs/guide/linking.md); the file's other rows and columns stay as they are.
"""

from __future__ import annotations

import csv
import io
import json
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rulener.authoring.files import replace_file
from rulener.errors import UsageError
from rulener.linking.decisions import NO_CONCEPT, fold, read_decisions
from rulener.run.review import reason

if TYPE_CHECKING:
    from rulener.document import Document

CONTEXT = 60  # characters of the note shown either side
SHOWN = 3  # places shown of each question
_COLUMNS = ("surface", "label", "section", "code")
_LINES = (".jsonl", ".json", ".ndjson")


@dataclass(frozen=True, slots=True)
class Place:
    """Where a mention stands, with the text before, in and behind it."""

    note: str
    start: int
    snippet: tuple[str, str, str] = field(repr=False)


@dataclass(slots=True)
class Question:
    """Mentions with the same words and label. `candidates` are (`SYSTEM:CODE`, name), the likeliest first."""

    surface: str
    label: str
    why: str
    count: int = 0
    candidates: dict[str, str] = field(default_factory=dict)
    sections: Counter[str] = field(default_factory=Counter)
    places: list[Place] = field(default_factory=list)

    @property
    def key(self) -> str:
        return f"{self.label}/{fold(self.surface)}"


class Queue:
    """Collects the questions of some notes."""

    def __init__(self) -> None:
        self._questions: dict[str, Question] = {}

    def add(self, note: str, document: Document) -> None:
        """Take what one note leaves open."""
        for entity in document.entities:
            if entity.linking == "resolved" and all(concept.step == "exact" for concept in entity.concepts):
                continue
            data = entity.to_dict()
            why = reason(data)
            if why:
                self._take(note, document.text, data, why)

    def _take(self, note: str, text: str, data: dict[str, Any], why: str) -> None:
        made = Question(data["text"], data["label"], why)
        question = self._questions.setdefault(made.key, made)
        question.count += 1
        if data["section"]:
            question.sections[data["section"]] += 1
        for concept in data["concepts"]:
            if concept["code"]:
                question.candidates.setdefault(f"{concept['system']}:{concept['code']}", concept["name"] or "")
        if len(question.places) < SHOWN:
            start, end = data["start"], data["end"]
            snippet = (text[max(0, start - CONTEXT) : start], text[start:end], text[end : end + CONTEXT])
            question.places.append(Place(note, start, snippet))

    def questions(self) -> list[Question]:
        """Those with candidates before those without, the frequent before the rare."""
        return sorted(self._questions.values(), key=lambda one: (not one.candidates, -one.count, one.key))


@dataclass(frozen=True, slots=True)
class Decided:
    """A row of the decisions file."""

    surface: str
    label: str
    section: str
    code: str


def decided(path: Path) -> list[Decided]:
    """What the file says so far; nothing when there is none yet. Raises UsageError U251, U253."""
    if not path.exists():
        return []
    return [Decided(one.surface, one.label, one.section or "", one.code) for one in read_decisions(path).decisions]


def with_decision(path: Path, decision: Decided) -> bytes:
    """The file with a decision about these words, in place of an earlier one; an empty code takes the earlier one away.

    Raises UsageError U251 when the file cannot be read, U354 for a code that is none.
    """
    code = decision.code.strip()
    if code and code.lower() != NO_CONCEPT and ":" not in code:
        raise UsageError("U354", f"{code[:40]!r} is no code", hint="write SYSTEM:CODE, or none")
    text = ""
    if path.exists():
        read_decisions(path)
        text = path.read_bytes().decode("utf-8-sig")
    row = {"surface": decision.surface, "label": decision.label, "section": decision.section, "code": code}
    made = _lines(text, row) if path.suffix.lower() in _LINES else _table(text, row, path)
    return made.encode("utf-8", "replace")


def write_decision(path: Path, data: bytes) -> None:
    """Write the file, whole. Raises UsageError U271."""
    replace_file(path, data)


def _is_about(row: dict[str, Any], decision: dict[str, str]) -> bool:
    def known(given: dict[str, Any]) -> tuple[str, str, str]:
        return fold(str(given.get("surface") or "")), str(given.get("label") or ""), str(given.get("section") or "")

    return known(row) == known(decision)


def _lines(text: str, decision: dict[str, str]) -> str:
    kept = [line for line in text.splitlines() if line.strip() and not _is_about(json.loads(line), decision)]
    new = [json.dumps(decision, ensure_ascii=False)] if decision["code"] else []
    return "".join(f"{line}\n" for line in [*kept, *new])


def _table(text: str, decision: dict[str, str], path: Path) -> str:
    rows = text.splitlines(keepends=True)
    delimiter = ("\t" if "\t" in rows[0] else ",") if rows else "," if path.suffix.lower() == ".csv" else "\t"
    reader = csv.DictReader(rows, delimiter=delimiter, strict=True)
    names = list(reader.fieldnames or _COLUMNS)
    plain = [name.strip().lower() for name in names]
    if "section" not in plain:
        names, plain = [*names, "section"], [*plain, "section"]
    out = io.StringIO()
    writer = csv.writer(out, delimiter=delimiter, lineterminator="\n")
    writer.writerow(names)
    for row in _kept(reader, names, plain, decision):
        writer.writerow(row)
    if decision["code"]:
        writer.writerow([decision.get(name, "") for name in plain])
    return out.getvalue()


def _kept(reader: Iterable[dict[str, Any]], names: list[str], plain: list[str], decision: dict[str, str]) -> Iterator[list[str]]:
    for row in reader:
        values = [str(row.get(name) or "") for name in names]
        if not _is_about(dict(zip(plain, values, strict=True)), decision):
            yield values
