"""The abbreviation lexicon: what a short form may stand for, and what in a note speaks for each meaning.

`abbreviations.tsv` ships with the package; `linking={"abbreviations": PATH}` names a table of the same columns that is read
instead: `short`, `long` (names divided by `|`, the first that a loaded lexicon has counts), `sections`, `near` (words). What
has capitals or digits is looked for as it is written, any other in any capitals. The table has names only: which concept is
meant, the loaded lexicons say.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import NamedTuple

from rulener.errors import UsageError
from rulener.linking import words
from rulener.linking.note import Note

COLUMNS = ("short", "long", "sections", "near")
WINDOW = 12  # words before and behind a mention that count as its neighbours
OF_NOTE, OF_SECTION, OF_WORD = 4, 2, 1  # what the long form elsewhere in the note, the section and a neighbour say
MAX_NEIGHBOURS = 3


class Sense(NamedTuple):
    """One meaning: its names as words, the sections and stems that speak for it."""

    names: tuple[tuple[str, ...], ...]
    sections: frozenset[str]
    near: frozenset[str]


class ShortForms:
    """The meanings of each short form, in the order of the file."""

    def __init__(self, senses: Mapping[str, tuple[Sense, ...]], sha256: str) -> None:
        self._senses = senses
        self.sha256 = sha256

    def __len__(self) -> int:
        return len(self._senses)

    def senses(self, surface: str) -> tuple[Sense, ...]:
        """What this short form may stand for, as it is written, or its singular."""
        found = self._senses.get(surface)
        if found is None and len(surface) > 2 and surface.endswith("s") and surface[:-1].isupper():
            found = self._senses.get(surface[:-1])
        return found or ()

    def shortened(self, keys: Sequence[str]) -> tuple[Sense, ...]:
        """What a shortened or everyday name stands for ("diabetes"); `keys` are folded words."""
        return self._senses.get(" ".join(keys), ())


def evidence(sense: Sense, note: Note, start: int, end: int, section: str | None) -> int:
    """What speaks for a meaning of the short form at a place: 0 when nothing does."""
    found = OF_SECTION if section is not None and _plain(section) in sense.sections else 0
    if sense.near:
        found += OF_WORD * min(MAX_NEIGHBOURS, len(sense.near & _neighbours(note, start, end)))
    stems = _stems_of(note)
    if any(_has_run(stems, [words.stem(word) for word in name]) for name in sense.names if len(name) > 1):
        found += OF_NOTE
    return found


def best_supported(senses: Sequence[Sense], note: Note, start: int, end: int, section: str | None) -> int | None:
    """The number of the meaning for which more speaks than for any other; None when there is none."""
    found = [evidence(sense, note, start, end, section) for sense in senses]
    top = max(found, default=0)
    return found.index(top) if top and found.count(top) == 1 else None


def _neighbours(note: Note, start: int, end: int) -> frozenset[str]:
    before = [k for k, word in enumerate(note.words) if word[2] <= start][-WINDOW:]
    behind = [k for k, word in enumerate(note.words) if word[1] >= end][:WINDOW]
    stems = _stems_of(note)
    return frozenset(stems[k] for k in (*before, *behind))


def _stems_of(note: Note) -> list[str]:
    stems: list[str] | None = note.known.get("stems")
    if stems is None:
        stems = note.known["stems"] = [words.stem(key) for key, _, _ in note.words]
    return stems


def _has_run(stems: Sequence[str], wanted: Sequence[str]) -> bool:
    first, n = wanted[0], len(wanted)
    return any(stem == first and stems[k : k + n] == wanted for k, stem in enumerate(stems))


@cache
def shipped() -> ShortForms:
    """The lexicon of the package."""
    table = files("rulener.linking").joinpath("abbreviations.tsv")
    return _parse(table.read_text(encoding="utf-8"), "abbreviations.tsv")


def read_short_forms(path: Path) -> ShortForms:
    """Read a user's lexicon. Raises UsageError (U255) when it cannot be read or a line is wrong."""
    try:
        text = path.read_text(encoding="utf-8-sig")
    except OSError as error:
        raise UsageError("U255", f"the abbreviations cannot be read: {error.strerror}", place=str(path)) from None
    except UnicodeDecodeError:
        raise UsageError("U255", "the abbreviations are not UTF-8", place=str(path)) from None
    return _parse(text, str(path))


def _parse(text: str, shown: str) -> ShortForms:
    made: dict[str, list[Sense]] = {}
    for number, line in enumerate(text.splitlines(), 1):
        if not line.strip() or line.startswith("#"):
            continue
        cells = [cell.strip() for cell in line.split("\t")]
        cells += [""] * (len(COLUMNS) - len(cells))
        short, long, sections, near = cells[: len(COLUMNS)]
        if cells[: len(COLUMNS)] == list(COLUMNS):
            continue  # the header
        if not short or not long or len(cells) > len(COLUMNS):
            hint = "columns: " + ", ".join(COLUMNS) + ", divided by tabs"
            raise UsageError("U255", "this line is no short form with a long form", place=f"{shown}:{number}", hint=hint)
        names = tuple(tuple(_words_of(name)) for name in long.split("|"))
        sense = Sense(names, frozenset(map(_plain, _parts(sections))), frozenset(words.stem(w.lower()) for w in _parts(near)))
        made.setdefault(short, []).append(sense)
    senses = {short: tuple(found) for short, found in made.items()}
    return ShortForms(senses, hashlib.sha256(text.encode()).hexdigest())


def _parts(cell: str) -> Iterable[str]:
    return cell.replace("|", " ").split()


def _words_of(name: str) -> list[str]:
    return "".join(char if char.isalnum() else " " for char in name.lower()).split()


def _plain(section: str) -> str:
    return section.replace("-", "_").replace(" ", "_").lower()
