"""Invented notes and an invented lexicon, the same on every machine, and how many hits they hold.

Notes are made of sentences with slots for terms; the words of terms are made of syllables and occur in no sentence otherwise.
The expected counts are found with a plain loop over words that shares nothing with the engine or its yardsticks.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

LABEL = "disorder"
_MAX_WORDS = 4
_TOKEN = re.compile(r"[a-z0-9]+|[^\sa-z0-9]")

_ONSETS = (
    "b", "br", "c", "cl", "d", "dr", "f", "g", "gl", "k", "l", "m", "n", "p",
    "ph", "pr", "r", "s", "st", "t", "tr", "v", "x", "z",
)  # fmt: skip
_VOWELS = ("a", "e", "i", "o", "u", "ae", "io", "ea")
_ENDINGS = ("itis", "osis", "oma", "emia", "pathy", "algia", "plasia", "rrhea", "lysis", "stenosis", "idone", "ium")

# {0} and {1} are terms. What "Denies" and "No" reach is negated.
_PLAIN = (
    "She came in on Monday because of {0} that had been getting worse over the past week.",
    "The team talked with the family about {0} and agreed to wait.",
    "Follow-up for {0}; she walks the dog every day and sleeps well.",
    "He was started on treatment for {0}, and the next visit is in two weeks.",
    "Blood pressure was 128/76 and pulse 72 while she rested quietly in the chair.",
    "The skin is warm and dry, the belly soft, and the lungs are clear on both sides.",
    "Seen today with {0}. He also mentions {1} since the spring.",
    "Temp 37.2, RR 16, weight 81.5 kg; he ate half of the meal and drank 400 mL.",
    "After lunch he went to the garden with his daughter, who brought the letters from home.",
    "The plan was explained, questions were answered, and a copy of this letter was sent to the practice.",
)
_NEGATED = ("Denies {0}.", "No {0} or {1}.", "She denies {0}, and she sleeps through the night.")
_HEADINGS = ("HISTORY OF PRESENT ILLNESS:", "PHYSICAL EXAMINATION:", "HOSPITAL COURSE:", "PLAN:")
_SENTENCES_A_PARAGRAPH = 7


class Dice:
    """A small generator of our own, so that no change in Python's changes the corpus."""

    def __init__(self, seed: int) -> None:
        self._state = seed

    def below(self, n: int) -> int:
        self._state = (self._state * 6364136223846793005 + 1442695040888963407) & 0xFFFFFFFFFFFFFFFF
        return (self._state >> 33) % n

    def pick(self, items: Sequence[str]) -> str:
        return items[self.below(len(items))]


@dataclass(frozen=True)
class Corpus:
    """Notes, terms, and what stands in the notes."""

    name: str
    texts: tuple[str, ...]
    terms: tuple[str, ...]
    occurrences: int  # of terms in notes, overlapping ones too
    mentions: int  # what is left when the longest of overlapping ones is kept
    negated: int  # ... of which "Denies" or "No" reaches so many

    @property
    def characters(self) -> int:
        return sum(map(len, self.texts))

    def write_lexicon(self, path: Path) -> Path:
        rows = [f"{term}\t{LABEL}\tBENCH\tB{k:07d}\n" for k, term in enumerate(self.terms)]
        path.write_text("term\tlabel\tsystem\tcode\n" + "".join(rows), encoding="utf-8")
        return path

    def write_notes(self, folder: Path, copies: int) -> Path:
        """The notes as files, each so often."""
        folder.mkdir()
        for copy in range(copies):
            for k, text in enumerate(self.texts):
                (folder / f"note-{copy:02d}-{k:05d}.txt").write_text(text, encoding="utf-8")
        return folder


def make(name: str, *, notes: int, terms: int, paragraphs: int) -> Corpus:
    """A corpus of so many notes and terms."""
    dice = Dice(20260101)
    lexicon = _lexicon(dice, terms)
    held = [_note(dice, lexicon, paragraphs) for _ in range(notes)]
    texts = tuple(text for text, _ in held)
    found = _count(texts, lexicon)
    return Corpus(name, texts, lexicon, *found, sum(negated for _, negated in held))


def _lexicon(dice: Dice, n: int) -> tuple[str, ...]:
    """Terms of one to four words; most longer ones contain a shorter one."""
    terms: dict[str, None] = {}
    words: list[str] = []
    while len(terms) < n:
        if len(words) < 8 or dice.below(3) == 0:
            words.append("".join(dice.pick(_ONSETS) + dice.pick(_VOWELS) for _ in range(2 + dice.below(2))) + dice.pick(_ENDINGS))
            terms[words[-1]] = None
        else:
            terms[" ".join(dice.pick(words) for _ in range(2 + dice.below(_MAX_WORDS - 1)))] = None
    return tuple(sorted(terms))


def _note(dice: Dice, terms: tuple[str, ...], paragraphs: int) -> tuple[str, int]:
    """A note, and how many mentions are negated in it."""
    out = []
    negated = 0
    for k in range(paragraphs):
        sentences = []
        for _ in range(_SENTENCES_A_PARAGRAPH):
            negates = dice.below(4) == 0
            template = dice.pick(_NEGATED if negates else _PLAIN)
            sentences.append(template.format(dice.pick(terms), dice.pick(terms)))
            negated += negates * (template.count("{"))
        out.append(_HEADINGS[k % len(_HEADINGS)] + "\n" + " ".join(sentences) + "\n\n")
    return "".join(out), negated


def _count(texts: Sequence[str], terms: Sequence[str]) -> tuple[int, int]:
    known = {tuple(term.split()) for term in terms}
    occurrences = mentions = 0
    for text in texts:
        spans = list(_spans(_TOKEN.findall(text.lower()), known))
        occurrences += len(spans)
        mentions += _longest(spans)
    return occurrences, mentions


def _spans(words: Sequence[str], known: set[tuple[str, ...]]) -> Iterator[tuple[int, int]]:
    for start in range(len(words)):
        for end in range(start + 1, start + 1 + _MAX_WORDS):
            if tuple(words[start:end]) in known:
                yield start, end


def _longest(spans: Sequence[tuple[int, int]]) -> int:
    taken: set[int] = set()
    kept = 0
    for start, end in sorted(spans, key=lambda span: (span[0] - span[1], span[0])):
        if taken.isdisjoint(range(start, end)):
            taken.update(range(start, end))
            kept += 1
    return kept
