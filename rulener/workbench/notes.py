"""The notes on the workbench: read once, held in memory, searched."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import islice

MAX_NOTES = 2000
MAX_CHARACTERS = 200_000_000  # of all notes together
PASTED = "pasted text"


class Notes:
    """Some notes by their id, in order. A pasted one stands before them."""

    def __init__(self, notes: Iterable[tuple[str, str]] = (), limit: int = MAX_NOTES) -> None:
        self._texts: dict[str, str] = {}
        self._pasted: str | None = None
        self.is_cut = False  # there are more than were taken
        characters = 0
        for id_, text in islice(notes, limit + 1):
            characters += len(text)
            if len(self._texts) == limit or characters > MAX_CHARACTERS:
                self.is_cut = True
                break
            self._texts[_free(id_, self._texts)] = text

    def __len__(self) -> int:
        return len(self._texts)

    def ids(self) -> list[str]:
        """The notes that can be opened."""
        return [*([PASTED] if self._pasted is not None else []), *self._texts]

    def text(self, id_: str) -> str | None:
        """The text of a note; None when there is no such note."""
        return self._pasted if id_ == PASTED and self._pasted is not None else self._texts.get(id_)

    def paste(self, text: str) -> str:
        """Take a text of no file; its id."""
        self._pasted = text.replace("\r\n", "\n")
        return PASTED

    def held(self) -> list[tuple[str, str]]:
        """The notes of files: those that changes are counted over."""
        return list(self._texts.items())

    def search(self, words: str) -> list[str]:
        """The notes whose id or text has all these words, without regard to case."""
        wanted = words.casefold().split()
        if not wanted:
            return self.ids()
        return [id_ for id_ in self.ids() if all(word in f"{id_}\n{self.text(id_) or ''}".casefold() for word in wanted)]

    def beside(self, id_: str, step: int, among: list[str] | None = None) -> str | None:
        """The note `step` places on, round the end; None when there is none."""
        ids = self.ids() if among is None else among
        if not ids:
            return None
        return ids[(ids.index(id_) + step) % len(ids)] if id_ in ids else ids[0 if step > 0 else -1]


def _free(id_: str, taken: dict[str, str]) -> str:
    number = 1
    free = id_
    while free in taken or free == PASTED:
        number += 1
        free = f"{id_} ({number})"
    return free
