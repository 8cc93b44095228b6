"""Misspelt words: the words of the artifact that are an edit or two away. Needs the extra [link] (rapidfuzz).

Only words that no name has, of six letters or more without digits, are looked at; one edit for up to eight letters, two for
longer ones, the first letter kept. Words further off than the nearest, and the neighbours of a drug's name, are told as well:
the sieve does not choose between look-alikes.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import Any

from rulener.errors import MissingExtra

LEAST_LETTERS = 6
TWO_EDITS_FROM = 9


class Corrector:
    """The vocabulary by first letter and length. Edits: optimal string alignment (insert, delete, replace, swap neighbours)."""

    def __init__(self, spellings: Sequence[str]) -> None:
        self._rapidfuzz = _library()
        self._known = frozenset(spellings)
        self._buckets: dict[tuple[str, int], list[str]] = {}
        for word in sorted(self._known):
            if len(word) >= LEAST_LETTERS - 1 and word.isalpha():
                self._buckets.setdefault((word[0], len(word)), []).append(word)
        self._near = lru_cache(maxsize=1 << 16)(self._search)

    def __call__(self, word: str) -> tuple[str, ...]:
        """The words that may be meant, all at the least distance; none when the word is known, too short, or nothing is near."""
        if word in self._known or len(word) < LEAST_LETTERS or not word.isalpha():
            return ()
        found = self._near(word)
        limit = 2 if len(word) >= TWO_EDITS_FROM else 1
        return tuple(other for distance, other in found if distance == found[0][0]) if found and found[0][0] <= limit else ()

    def look_alikes(self, word: str) -> tuple[str, ...]:
        """All words within two edits of a word, itself left out."""
        return tuple(other for _, other in self._near(word) if other != word)

    def _search(self, word: str) -> tuple[tuple[int, str], ...]:
        found: list[tuple[int, str]] = []
        osa = self._rapidfuzz.distance.OSA.distance
        for length in range(len(word) - 2, len(word) + 3):
            near = self._buckets.get((word[0], length), ())
            for other, distance, _ in self._rapidfuzz.process.extract(word, near, scorer=osa, score_cutoff=2, limit=None):
                found.append((int(distance), str(other)))
        return tuple(sorted(found))


def _library() -> Any:
    try:
        import rapidfuzz
        import rapidfuzz.distance
        import rapidfuzz.process
    except ImportError:
        raise MissingExtra("the linker's spelling step", "link") from None
    return rapidfuzz
