"""The abbreviation lexicon: what a short form may stand for, and what in a note speaks for each meaning.

`abbreviations.tsv` ships with the package; `linking={"abbreviations": PATH}` names a table of the same columns that is read
instead: `short`, `long` (names divided by `|`, the first that a loaded lexicon has counts), `sections`, `near` (words), `usual`
(yes). What has capitals or digits is looked for as it is written, any other in any capitals. The table has names only: which
concept is meant, the loaded lexicons say.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Mapping, Sequence
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import NamedTuple

from rulener.errors import UsageError
from rulener.linking import words
from rulener.linking.note import Note

COLUMNS = ("short", "long", "sections", "near", "usual")
WINDOW = 12  # words before and behind a mention that count as its neighbours
OF_NOTE, OF_SECTION, OF_WORD = 4, 2, 1  # what the long form elsewhere in the note, the section and a neighbour say
MAX_NEIGHBOURS = 3
_REACH = 90  # characters on each side in which the neighbours of a found mention are looked for
_WORD = re.compile(r"[^\W_]+")


class Sense(NamedTuple):
    """One meaning: its names as words, the sections and stems that speak for it, and whether it is meant when nothing speaks."""

    names: tuple[tuple[str, ...], ...]
    sections: frozenset[str]
    near: frozenset[str]
    is_usual: bool = False


class ShortForms:
    """The meanings of each short form, in the order of the file."""

    def __init__(self, senses: Mapping[str, tuple[Sense, ...]], sha256: str) -> None:
        self._senses = senses
        self.sha256 = sha256
        self.of_several = frozenset(short for short, found in senses.items() if len(found) > 1)

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
    says = any(_has_run(_stems_of(note), [words.stem(word) for word in name]) for name in sense.names if len(name) > 1)
    return _weight(sense, section, _neighbours(note, start, end) if sense.near else frozenset(), says)


def _weight(sense: Sense, section: str | None, neighbours: frozenset[str], says: bool) -> int:
    found = OF_SECTION if section is not None and _plain(section) in sense.sections else 0
    if sense.near:
        found += OF_WORD * min(MAX_NEIGHBOURS, len(sense.near & neighbours))
    return found + OF_NOTE if says else found


def best_supported(senses: Sequence[Sense], note: Note, start: int, end: int, section: str | None) -> int | None:
    """The number of the meaning for which more speaks than for any other; None when there is none."""
    return _only_best([evidence(sense, note, start, end, section) for sense in senses])


def best_near(senses: Sequence[Sense], text: str, whole: str, start: int, end: int, section: str | None) -> int | None:
    """The same for a found mention, at a fraction of what the words of the whole note cost: neighbours are those within so many
    characters, and the long form counts as it is written. `whole` is the text in small letters."""
    around = _WORD.findall(text[max(0, start - _REACH) : end + _REACH].lower())
    neighbours = frozenset(map(words.stem, around))
    says = (any(" ".join(name) in whole for name in sense.names if len(name) > 1) for sense in senses)
    return _only_best([_weight(sense, section, neighbours, said) for sense, said in zip(senses, says, strict=True)])


def _only_best(found: Sequence[int]) -> int | None:
    top = max(found, default=0)
    return found.index(top) if top and found.count(top) == 1 else None


def names_sense(senses: Sequence[Sense], name: str) -> int | None:
    """Which meaning a concept's name is, by its words in any order and form."""
    said = sorted(words.stem(word) for word in words.content_words(_words_of(name)))
    for number, sense in enumerate(senses):
        if any(sorted(words.stem(word) for word in words.content_words(other)) == said for other in sense.names):
            return number
    return None


def usual(senses: Sequence[Sense]) -> int | None:
    """The number of the meaning that is usually meant."""
    return next((number for number, sense in enumerate(senses) if sense.is_usual), None)


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
        short, long, sections, near, is_usual = cells[: len(COLUMNS)]
        if cells[:2] == list(COLUMNS[:2]):
            continue  # the header
        if not short or not long or len(cells) > len(COLUMNS) or is_usual not in ("", "yes"):
            hint = "columns: " + ", ".join(COLUMNS) + ", divided by tabs"
            raise UsageError("U255", "this line is no short form with a long form", place=f"{shown}:{number}", hint=hint)
        names = tuple(tuple(_words_of(name)) for name in long.split("|"))
        stems = frozenset(words.stem(word.lower()) for word in _parts(near))
        sense = Sense(names, frozenset(map(_plain, _parts(sections))), stems, is_usual == "yes")
        made.setdefault(short, []).append(sense)
    senses = {short: tuple(found) for short, found in made.items()}
    return ShortForms(senses, hashlib.sha256(text.encode()).hexdigest())


def _parts(cell: str) -> Iterable[str]:
    return cell.replace("|", " ").split()


def _words_of(name: str) -> list[str]:
    return "".join(char if char.isalnum() else " " for char in name.lower()).split()


def _plain(section: str) -> str:
    return section.replace("-", "_").replace(" ", "_").lower()
