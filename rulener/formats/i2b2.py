"""The format of the 2010 i2b2/VA challenge: of each note its text, concepts (.con) and assertions of problems (.ast)."""

from __future__ import annotations

import os
import re
from bisect import bisect_right
from typing import TYPE_CHECKING, Any

from rulener.errors import UsageError
from rulener.formats.filenames import FileNames
from rulener.formats.texts import good_documents, listing, utf8

if TYPE_CHECKING:
    from collections.abc import Iterator

    from rulener.core.columns import Batch, Document, Entity
    from rulener.formats.annotated import Annotated, Source
    from rulener.formats.plain import PlainEntity
    from rulener.formats.sink import FolderSink

LABELS = ("problem", "test", "treatment")
_WORD = re.compile(r"\S+")
_LONE_CR = re.compile(r"\r(?!\n)")
_OTHER_SPACE = re.compile(r"[^\S\r\n]")  # some of them end a line for some readers
_SMALL = str.maketrans({chr(code): chr(code + 32) for code in range(ord("A"), ord("Z") + 1)})


class I2b2Writer:
    """Writes `NAME.txt`, `NAME.con` and `NAME.ast` for each note, and `notes.jsonl` at the end.

    Raises UsageError (U260) for an engine that reports other labels than problem, test and treatment.
    """

    def __init__(self, sink: FolderSink, engine: Any) -> None:
        self.check(engine)
        self._sink = sink
        self._names = FileNames()
        self._listed: list[bytes] = []

    @staticmethod
    def check(engine: Any) -> None:
        """Raise UsageError (U260) when this engine's results cannot be written."""
        others = [label for label in engine.labels if label not in LABELS]
        if others:
            named = ", ".join(others[:3]) + (f" and {len(others) - 3} more" if len(others) > 3 else "")
            problem = f"the format i2b2 has the labels problem, test and treatment only; this engine reports {named} too"
            raise UsageError("U260", problem, hint="give --scheme i2b2")

    def write(self, batch: Batch) -> None:
        for document in good_documents(batch):
            name = self._names.name(str(document.note_id))
            words = Words(document.text)
            concepts, assertions, widened, unplaced = _lines(document, words)
            self._sink.add(f"{name}.txt", utf8(words.text))
            self._sink.add(f"{name}.con", utf8("".join(concepts)))
            self._sink.add(f"{name}.ast", utf8("".join(assertions)))
            self._listed.append(listing(document, name, widened=widened, unplaced=unplaced))

    def close(self) -> None:
        self._sink.add("notes.jsonl", b"".join(self._listed))


class Words:
    """The words of a note by line and number, as the corpus counts them: lines from 1, words between white space from 0.

    `text` has as many characters as the note: a lone CR is a LF in it and other white space a space, so that every reader finds
    the same lines and words.
    """

    def __init__(self, note: str) -> None:
        self.text = _OTHER_SPACE.sub(" ", _LONE_CR.sub("\n", note))
        self._starts: list[int] = []
        self._ends: list[int] = []
        self._places: list[str] = []
        self._numbers: dict[str, int] = {}
        line_start = 0
        for number, line in enumerate(self.text.split("\n"), 1):
            for order, word in enumerate(_WORD.finditer(line)):
                self._starts.append(line_start + word.start())
                self._ends.append(line_start + word.end())
                self._places.append(f"{number}:{order}")
            line_start += len(line) + 1

    def over(self, start: int, end: int) -> tuple[int, int] | None:
        """The first word with a character of start..end and the last one; None when there is no such word."""
        first = bisect_right(self._ends, start)
        last = bisect_right(self._starts, end - 1) - 1
        return (first, last) if first <= last and start < end else None

    def between(self, first: str, last: str) -> tuple[int, int, int, int] | None:
        """(first word, last word, start, end) of two places `line:word`; None when there are no such words in this order."""
        if not self._numbers:
            self._numbers = {place: number for number, place in enumerate(self._places)}
        one, other = self._numbers.get(first), self._numbers.get(last)
        if one is None or other is None or other < one:
            return None
        return one, other, self._starts[one], self._ends[other]

    def exactly(self, first: int, last: int, start: int, end: int) -> bool:
        """Whether these words are start..end."""
        return (self._starts[first], self._ends[last]) == (start, end)

    def places(self, first: int, last: int) -> str:
        return f"{self._places[first]} {self._places[last]}"

    def joined(self, first: int, last: int) -> str:
        """Words with one space between them, A to Z in small letters, as the corpus has them."""
        pairs = zip(self._starts[first : last + 1], self._ends[first : last + 1], strict=True)
        return " ".join(self.text[start:end] for start, end in pairs).translate(_SMALL)


def assertion(entity: Entity) -> str:
    """The class of the corpus. Where several apply, the first in the order of its guidelines; our axes have no `conditional`,
    and what is historical is present."""
    if entity.family:
        return "associated_with_someone_else"
    if entity.hypothetical:
        return "hypothetical"
    if entity.uncertain:
        return "possible"
    return "absent" if entity.negated else "present"


def _lines(document: Document, words: Words) -> tuple[list[str], list[str], int, int]:
    """Lines of .con and of .ast, how many mentions were widened to whole words, and how many have no word."""
    concepts: list[str] = []
    assertions: list[str] = []
    widened = unplaced = 0
    for entity in document.entities:
        found = words.over(entity.start, entity.end)
        if found is None:
            unplaced += 1
            continue
        widened += not words.exactly(*found, entity.start, entity.end)
        line = f'c="{words.joined(*found)}" {words.places(*found)}||t="{entity.label}"'
        concepts.append(f"{line}\n")
        if entity.label == "problem":
            assertions.append(f'{line}||a="{assertion(entity)}"\n')
    return concepts, assertions, widened, unplaced


# --- reading

_LINE = re.compile(
    r'c="(?P<words>.*)" (?P<first>\d+:\d+) (?P<last>\d+:\d+)\|\|t="(?P<label>[^"]*)"(?:\|\|a="(?P<class>[^"]*)")?\s*'
)
_AXIS_OF = {
    "present": None, "absent": "negated", "possible": "uncertain", "hypothetical": "hypothetical",
    "associated_with_someone_else": "family",
}  # fmt: skip
JUDGED = ("negated", "uncertain", "hypothetical", "family")
"""The axes that the classes of the corpus speak of."""


def read_i2b2(path: str, source: Source) -> Iterator[Annotated]:
    """The notes of a folder (and those below it): each `.con` with its `.ast` (of problems) and text.

    These stand beside it, or in folders `ast` and `txt` beside its own, as the challenge gave them out. Ids and order are those
    of a `notes.jsonl` in the folder, which we wrote, else the paths of the texts.
    """
    from rulener.formats.filenames import in_listed_order, listed_notes
    from rulener.formats.plain import BadAnnotation, document_of

    listed = listed_notes(path)
    for stem in in_listed_order(_stems(path), listed):
        con = f"{stem}.con"
        text_name = _beside(path, stem, "txt")
        note_id, metadata = listed.get(stem, (text_name or f"{stem}.txt", {}))
        try:
            if text_name is None:
                raise BadAnnotation("N120", "no .txt beside it, nor in a folder txt beside its own", _place(path, con))
            text = _decoded(path, text_name)
            words = Words(text)
            found = {key: entity for key, entity, _ in _mentions(path, con, text, words)}
            ast = _beside(path, stem, "ast")
            for key, entity, given in _mentions(path, ast, text, words) if ast is not None else ():
                found[key] = _judged(entity, given, source)
            yield document_of(note_id, text, found.values(), metadata=metadata, judged=JUDGED if ast is not None else ())
        except BadAnnotation as error:
            yield error.unreadable(note_id)


def _stems(path: str) -> list[str]:
    found = []
    for folder, _, files in os.walk(path):
        below = os.path.relpath(folder, path).replace(os.sep, "/")
        found += [name[:-4] if below == "." else f"{below}/{name[:-4]}" for name in files if name.endswith(".con")]
    return found


def _beside(path: str, stem: str, kind: str) -> str | None:
    folder, _, name = stem.rpartition("/")
    upper = folder.rpartition("/")[0]
    prefix = f"{folder}/" if folder else ""
    others = [f"{upper}/{kind}/{name}.{kind}" if upper else f"{kind}/{name}.{kind}"] if folder else []
    return next((one for one in (f"{prefix}{name}.{kind}", *others) if os.path.exists(os.path.join(path, one))), None)


def _place(path: str, name: str, line: int = 0) -> str:
    from rulener.formats.annotated import name_of

    return name_of(path, name) + (f":{line}" if line else "")


def _decoded(path: str, name: str) -> str:
    from rulener.formats.plain import BadAnnotation

    with open(os.path.join(path, name), "rb") as file:
        try:
            return file.read().decode("utf-8-sig")
        except UnicodeDecodeError as error:
            raise BadAnnotation("N120", f"not UTF-8: byte {error.start}", _place(path, name)) from None


def _mentions(path: str, name: str, text: str, words: Words) -> Iterator[tuple[Any, PlainEntity, str | None]]:
    """(key, mention, class) of each line."""
    from rulener.formats.plain import BadAnnotation, PlainEntity

    for number, line in enumerate(_decoded(path, name).split("\n"), 1):
        if not line.strip():
            continue
        place = _place(path, name, number)
        match = _LINE.fullmatch(line)
        if match is None:
            raise BadAnnotation("N120", 'not as c="..." line:word line:word||t="..."', place)
        found = words.between(match["first"], match["last"])
        if found is None:
            raise BadAnnotation("N121", f"no words {match['first']} to {match['last']} in the text", place)
        first, last, start, end = found
        if " ".join(match["words"].split()).translate(_SMALL) != words.joined(first, last):
            raise BadAnnotation("N121", f"the words {match['first']} to {match['last']} are others in the text", place)
        key = (start, end, match["label"])
        yield key, PlainEntity(start, end, text[start:end], match["label"]), match["class"]


def _judged(entity: PlainEntity, given: str | None, source: Source) -> PlainEntity:
    """The mention with what its class says; a class without an axis (`conditional`) leaves all open."""
    if given not in _AXIS_OF:
        source.left.out(f"assertions {given}")
        return entity
    return entity.asserting({axis: axis == _AXIS_OF[given] for axis in JUDGED})
