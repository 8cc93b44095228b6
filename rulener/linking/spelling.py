"""Misspelt words: the one word of the artifact that is an edit or two away. Needs the extra [link] (rapidfuzz).

Only words that no name has, of six letters or more without digits, are looked at; one edit for up to eight letters, two for
longer ones, the first letter kept. Two words equally near are a reason to leave the word alone: look-alikes are not guessed
between.
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

    def __call__(self, word: str) -> str | None:
        """The word that is meant; None when it is known, too short, or nothing or too much is near."""
        if word in self._known or len(word) < LEAST_LETTERS or not word.isalpha():
            return None
        return self._near(word)

    def _search(self, word: str) -> str | None:
        edits = 2 if len(word) >= TWO_EDITS_FROM else 1
        found: list[tuple[int, str]] = []
        for length in range(len(word) - edits, len(word) + edits + 1):
            near = self._buckets.get((word[0], length), ())
            osa = self._rapidfuzz.distance.OSA.distance
            for other, distance, _ in self._rapidfuzz.process.extract(word, near, scorer=osa, score_cutoff=edits, limit=None):
                found.append((int(distance), str(other)))
        found.sort()
        if not found or (len(found) > 1 and found[1][0] == found[0][0]):
            return None
        return found[0][1]


def _library() -> Any:
    try:
        import rapidfuzz
        import rapidfuzz.distance
        import rapidfuzz.process
    except ImportError:
        raise MissingExtra("the linker's spelling step", "link") from None
    return rapidfuzz
