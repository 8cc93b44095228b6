"""What the sieve knows of a note: its words, the short forms it defines, and its other mentions."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from rulener.linking.abbreviations import Definition, definitions, implied, of_brackets

Word = tuple[str, int, int]


@dataclass(slots=True)
class Note:
    """The words are `(folded word, start, end)`; `spans` the note's mentions `(start, end, label)`, in order. `implied` has short
    forms that no bracket defines."""

    text: str
    words: tuple[Word, ...]
    definitions: Mapping[str, Definition]
    implied: Mapping[str, Definition] = field(default_factory=dict)
    spans: tuple[tuple[int, int, str], ...] = ()
    known: dict[str, Any] = field(default_factory=dict)  # what steps work out once a note

    def within(self, start: int, end: int) -> tuple[Word, ...]:
        """The words of a part of the text; a word that its edge cuts is only what lies inside ("5-HT" of "5-HT6")."""
        found = []
        for key, low, high in self.words:
            if low < end and start < high:
                if start <= low and high <= end:
                    found.append((key, low, high))
                else:
                    low, high = max(start, low), min(end, high)
                    found.append((self.text[low:high].lower(), low, high))
        return tuple(found)


def note_of(text: str, tokens: Sequence[tuple[Any, ...]], spans: Sequence[tuple[int, int, str]] = ()) -> Note:
    """A note as the sieve reads it, from the scanner's tokens and the mentions in it."""
    words: tuple[Word, ...] = tuple((key, start, end) for start, end, key, kind, _, _ in tokens if kind != "punct" and key)
    ordered = tuple(sorted(set(spans)))
    defined = definitions(text)
    defined = {**of_brackets(text, ordered, defined), **defined}
    return Note(text, words, defined, implied(text, ordered, defined), ordered)
