"""The scan against pyahocorasick: token ids as characters of a string, forms as words over them.

An independent automaton says where every form occurs; what counts of it is docs/design/matching.md section 6.
"""

from __future__ import annotations

import csv
import gzip
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

import ahocorasick
import pytest
from hypothesis import given

from rulener import Engine
from tests.reference.matching import LexiconRow
from tests.reference.strategies import FINDINGS, SPECIAL_WORDS, lexicon_rows, notes

from .support import engine_of
from .test_against_oracle import FEW

ROOT = Path(__file__).parents[2]
NOTES = sorted((ROOT / "examples" / "notes").glob("*.txt"))
SHARED = ROOT.parent / "shared" / "data"

Found = set[tuple[int, int, str]]


def pack_for(rows: Sequence[LexiconRow]) -> dict[str, Any]:
    labels = sorted({row.label for row in rows})
    return {"name": "bare", "version": "0.1.0", "labels": [{"id": label} for label in labels], "axes": ["negated"]}


class Reference:
    """All forms of a lexicon in a pyahocorasick automaton over the engine's token ids."""

    def __init__(self, engine: Engine, rows: Sequence[LexiconRow]) -> None:
        self.scanner = engine._scanner()
        self.automaton = ahocorasick.Automaton(ahocorasick.STORE_ANY)
        labels: dict[str, set[str]] = {}
        for row in rows:
            word = "".join(as_character(token[5]) for token in self.scanner.tokenise(row.term))
            if word:
                labels.setdefault(word, set()).add(row.label)
        for word, found in labels.items():
            self.automaton.add_word(word, (len(word), sorted(found)))
        self.automaton.make_automaton()

    def occurrences(self, text: str) -> Found:
        tokens = self.scanner.tokenise(text)
        found: Found = set()
        for part in parts(tokens):
            for last, (length, labels) in self.automaton.iter("".join(as_character(token[5]) for token in part)):
                first = last - length + 1
                glued_after = last + 1 < len(part) and "GLUED" in part[last + 1][4]
                if "GLUED" not in part[first][4] and not glued_after:
                    found.update((part[first][0], part[last][1], label) for label in labels)
        return found


def as_character(token_id: int) -> str:
    """A character for every id; 0 (no form has the token) is one that no form has. Surrogates are left out."""
    return chr(token_id + 1 if token_id < 0xD000 else token_id + 0x1000)


def parts(tokens: Sequence[tuple[Any, ...]]) -> Iterator[list[tuple[Any, ...]]]:
    """The tokens between one RESET and the next."""
    part: list[tuple[Any, ...]] = []
    for token in tokens:
        if "RESET" in token[4] and part:
            yield part
            part = []
        part.append(token)
    if part:
        yield part


def check(rows: Sequence[LexiconRow], texts: Iterable[str]) -> int:
    """Compare all accepted occurrences; returns how many there were."""
    total = 0
    with engine_of([pack_for(rows)], rows, "all") as engine:
        reference = Reference(engine, rows)
        for text in texts:
            expected = reference.occurrences(text)
            assert {(e.start, e.end, e.label) for e in engine.annotate(text).entities} == expected
            total += len(expected)
    return total


def read_notes() -> list[str]:
    return [path.read_text(encoding="utf-8") for path in NOTES]


def test_every_stretch_of_the_note_itself() -> None:
    """Overlapping forms everywhere: stretches of one to five words of the notes, and some that end differently."""
    rows = []
    for text in read_notes():
        words = text.split()
        for n in range(len(words)):
            for length in {1 + n % 5, 1 + n % 2}:
                surface = " ".join(words[n : n + length])
                rows.append(LexiconRow(surface.replace('"', ""), f"label-{n % 3}"))
                rows.append(LexiconRow(f"{surface} nothing".replace('"', ""), "other"))
    rows = [row for row in rows if any(c.isalnum() for c in row.term)]
    assert check(rows, read_notes()) > 5000


def test_forms_that_all_begin_with_one_word() -> None:
    """Hardly a word of the notes begins a form while every one goes on in some: what stands before a word must not matter."""
    rows = []
    for text in read_notes():
        words = [word for word in text.split() if word.isalpha()]
        rows += [LexiconRow("The " + " ".join(words[n : n + 2]), "a") for n in range(len(words) - 2)]
    texts = read_notes()
    assert check(rows, [*texts, *(text.replace(" ", " the ") for text in texts)]) > 10


def test_shipped_lexicons() -> None:
    rows = []
    for path in sorted((ROOT / "lexicons").glob("*.tsv")):
        with open(path, encoding="utf-8", newline="") as file:
            for row in csv.DictReader(file, delimiter="\t", quoting=csv.QUOTE_NONE):
                rows.append(LexiconRow(row["term"], row["label"]))
    assert check(rows, read_notes()) > 300


@FEW
@given(rows=lexicon_rows(), text=notes(max_parts=60))
def test_drawn_notes(rows: list[LexiconRow], text: str) -> None:
    every = [
        LexiconRow(word, "symptom") for word in (*FINDINGS, *SPECIAL_WORDS, "chest pain fever", "pain fever", "no rash pain")
    ]
    plain = [LexiconRow(row.term, row.label) for row in rows]
    check([*every, *plain], [text])


@pytest.mark.skipif(not SHARED.is_dir(), reason="needs ../shared/data: real notes and term tables are not part of the project")
def test_real_notes() -> None:
    with gzip.open(SHARED / "lexicons" / "S.tsv.gz", "rt", encoding="utf-8", newline="") as file:
        rows = [LexiconRow(row["term"], row["label"]) for row in csv.DictReader(file, delimiter="\t", quoting=csv.QUOTE_NONE)]
    texts = [path.read_text(encoding="utf-8") for path in sorted((SHARED / "notes" / "mtsamples").glob("*.txt"))[::7][:300]]
    assert len(texts) == 300
    assert check(rows, texts) > 5_000
