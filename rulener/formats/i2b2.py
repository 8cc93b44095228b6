"""The format of the 2010 i2b2/VA challenge: of each note its text, concepts (.con) and assertions of problems (.ast)."""

from __future__ import annotations

import re
from bisect import bisect_right
from typing import TYPE_CHECKING, Any

from rulener.errors import UsageError
from rulener.formats.filenames import FileNames
from rulener.formats.texts import good_documents, listing, utf8

if TYPE_CHECKING:
    from rulener.core.columns import Batch, Document, Entity
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
