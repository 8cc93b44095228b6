"""From one format of mentions to another: what a run wrote, or what annotators sent back. The target is written whole or not."""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from importlib import import_module
from itertools import islice

from rulener.document import AXES
from rulener.errors import UsageError
from rulener.formats import annotated, writers
from rulener.formats.annotated import Source
from rulener.formats.brat import LINE_ENDS
from rulener.formats.i2b2 import Words
from rulener.formats.plain import NO_ENGINE, Left, PlainBatch, PlainDocument, PlainEngine, PlainEntity
from rulener.formats.readers import Unreadable
from rulener.formats.sink import FolderSink, Sink
from rulener.formats.texts import plain, without_overlap
from rulener.formats.writers import FORMATS, Format
from rulener.run.inputs import readable
from rulener.run.output import write_error
from rulener.run.reading import read

GOLD = Format("gold", ".gold.jsonl", "gold:GoldWriter", "notes with the mentions that annotators agreed on")
TARGETS = {**{name: one for name, one in FORMATS.items() if not one.has_settings}, "gold": GOLD}
_OF_PLAIN = {"parquet": "arrow:PlainParquetWriter", "arrow": "arrow:PlainIpcWriter"}
_TEXTLESS = frozenset({"jsonl", "parquet", "arrow", "csv", "fhir"})
"""Targets that need no texts of notes."""

_SLICE = 64
_SPACE = re.compile(r"\s")

_TRACE = ("cues", "attributes")
_RUN = ("rules", "sections", "linking")
LOST = {
    "jsonl": (),
    "parquet": ("sections of notes",),
    "arrow": ("sections of notes",),
    "csv": ("sections of notes", "linking"),
    "brat": ("sections of notes", *_TRACE, "line ends"),
    "i2b2": (
        "sections of notes", *_TRACE, *_RUN, "concepts", "historical", "assertions of tests and treatments", "parts of words",
    ),
    "conll": ("sections of notes", *_TRACE, *_RUN, "concepts", "assertions", "metadata", "overlapping", "white space"),
    "labelstudio": ("sections of notes", *_TRACE, "sections", "linking"),
    "doccano": ("sections of notes", *_TRACE, *_RUN, "concepts"),
    "prodigy": ("sections of notes", *_TRACE, "sections", "linking", "concepts"),
    "html": ("sections of notes", "attributes", "linking"),
    "fhir": ("sections of notes", "cues"),
    "docbin": ("sections of notes",),
    "gold": ("sections of notes", *_TRACE, *_RUN, "assertions that nobody judged"),
}  # fmt: skip
"""What each target cannot hold: kinds of `_has`. Only brat and gold hold mentions with gaps."""


@dataclass(slots=True)
class Converted:
    """What a conversion has done. `left_out` counts by kind what was not taken over, `failures` are the notes that were not."""

    notes: int = 0
    mentions: int = 0
    left_out: dict[str, int] = field(default_factory=dict)
    failures: list[Unreadable] = field(default_factory=list)


def convert(
    path: str,
    out: str,
    source: str,
    target: str,
    *,
    notes: Sequence[str] = (),
    encoding: str | None = None,
    judged: Sequence[str] = (),
    overwrite: bool = False,
) -> Converted:
    """Convert a file or folder of format `source` into `out`, of format `target`.

    `notes` are inputs with the texts of the notes, for formats that do not hold them; `judged` the axes that annotators judged,
    when the format does not say. Raises UsageError (U212 no such format, U290 texts are needed, U204 `out` exists, U20x files),
    MissingExtra.
    """
    reader = annotated.READERS.get(source)
    if reader is None:
        raise UsageError("U212", f"unknown format {source!r}", hint="one of " + ", ".join(annotated.READERS))
    if target not in TARGETS:
        raise UsageError("U212", f"unknown format {target!r}", hint="one of " + ", ".join(TARGETS))
    if not reader.has_text and not notes and (target not in _TEXTLESS or source == "conll"):
        needs = f"the format {target} needs them" if source != "conll" else "its tokens do not tell them"
        raise UsageError("U290", f"the format {source} does not hold the texts of notes; {needs}", hint="give them: --notes")
    _check_output(out, overwrite)
    parts = reader.parts(path)
    texts = None if reader.has_text or not notes else lambda: _Texts(notes, encoding, on_one_line=source == "conll")
    return _Converter(reader, parts, texts, TARGETS[target], judged).into(out)


def _check_output(out: str, overwrite: bool) -> None:
    """Raises UsageError (U204) when something is there that may not be written over."""
    if not os.path.lexists(out):
        return
    if not overwrite:
        raise UsageError("U204", "the output exists already", place=readable(out), hint="give another name, or --overwrite")
    if os.path.isdir(out) and os.listdir(out) and not os.path.exists(os.path.join(out, "notes.jsonl")):
        raise UsageError("U204", "the output folder holds files of something else", place=readable(out), hint="give a new name")


class _Converter:
    def __init__(
        self,
        reader: annotated.AnnotationReader,
        parts: Sequence[str],
        texts: Callable[[], _Texts] | None,
        target: Format,
        axes: Sequence[str],
    ) -> None:
        self._reader = reader
        self._parts = parts
        self._texts = texts
        self._target = target
        self._axes = axes
        self.result = Converted()
        self._left = Left()

    def into(self, out: str) -> Converted:
        """Goes through the input twice: writers want to know the labels first."""
        labels, engines, carries = self._looked_through()
        engine = PlainEngine(tuple(labels), next(iter(engines)) if len(engines) == 1 else NO_ENGINE)
        made_by = _OF_PLAIN.get(self._target.name, self._target.made_by)
        module, _, name = made_by.partition(":")
        writers.check_needs(self._target)
        kind = getattr(import_module(f"rulener.formats.{module}"), name)
        scratch = f"{out}.rulener-tmp"
        _remove(scratch)
        try:
            os.makedirs(os.path.dirname(os.path.abspath(out)), exist_ok=True)
            sink = (FolderSink if self._target.folder else Sink)(scratch, "")
            try:
                writer = kind(sink, engine)
                for documents in _slices(self._documents()):
                    writer.write(PlainBatch([self._counted(one) for one in documents], with_metadata=carries))
                writer.close()
                for reason, count in getattr(writer, "left_out", {}).items():
                    self._left.out(f"mentions that become nothing: {reason}", count)
                sink.sync()
            finally:
                sink.close()
            _remove(out)
            os.replace(scratch, out)
        except OSError as error:
            raise write_error(error, os.path.dirname(os.path.abspath(out))) from None
        finally:
            _remove(scratch)
        self.result.left_out = dict(sorted(self._left.counts.items()))
        return self.result

    def _looked_through(self) -> tuple[dict[str, None], set[str], bool]:
        """Labels in the order of the notes, engines, whether a note carries something."""
        labels: dict[str, None] = {}
        engines: set[str] = set()
        carries = False
        for document in self._documents():
            engines.add(document.engine)
            carries = carries or bool(document.metadata)
            labels.update((entity.label, None) for entity in document.entities)
        self.result.failures.clear()
        self._left.counts.clear()
        return labels, engines, carries

    def _documents(self) -> Iterator[PlainDocument]:
        source = Source(self._left, self._texts() if self._texts is not None else None)
        seen: set[str] = set()
        for part in self._parts:
            for found in self._reader.documents(part, source):
                if not isinstance(found, PlainDocument):
                    self.result.failures.append(found)
                elif found.note_id in seen:
                    place = readable(os.path.basename(part))
                    self.result.failures.append(Unreadable(found.note_id, "N104", f"{place}: an earlier note has its id"))
                else:
                    seen.add(found.note_id)
                    yield self._judged(found)

    def _judged(self, document: PlainDocument) -> PlainDocument:
        """The document with the axes that were said to be judged: what is not marked on them is false."""
        if not self._axes:
            return document
        entities = tuple(one.asserting({axis: bool(getattr(one, axis)) for axis in self._axes}) for one in document.entities)
        return replace(document, entities=entities, judged=tuple(axis for axis in AXES if axis in self._axes))

    def _counted(self, document: PlainDocument) -> PlainDocument:
        """The document; what its target cannot hold is counted."""
        self.result.notes += 1
        self.result.mentions += len(document)
        lost = LOST[self._target.name]
        for kind in lost:
            self._left.out(_SAID[kind], _has(kind, document))
        if self._target.name not in ("brat", "gold"):
            self._left.out("gaps inside mentions", sum(bool(one.fragments) for one in document.entities))
        return document


_SAID = {
    "cues": "cues of mentions",
    "attributes": "attributes of mentions",
    "rules": "rules of mentions",
    "sections": "sections of mentions",
    "linking": "how mentions were linked",
    "concepts": "concepts of mentions",
    "historical": "mentions that are historical",
    "assertions": "assertions of mentions",
    "assertions of tests and treatments": "assertions of tests and treatments",
    "assertions that nobody judged": "assertions that no annotator judged",
    "metadata": "metadata of notes",
    "overlapping": "mentions that overlap a longer one",
    "sections of notes": "sections of notes",
    "line ends": "line ends at the edges of mentions",
    "white space": "white space at the edges of mentions",
    "parts of words": "mentions of parts of words, widened to whole ones",
}


def _has(kind: str, document: PlainDocument) -> int:
    """How many mentions of a document, or the document itself, have something of this kind."""
    if kind == "sections of notes":
        return bool(document.sections)
    if kind == "metadata":
        return bool(document.metadata)
    if kind == "overlapping":
        return without_overlap(document.entities)[1]  # type: ignore[arg-type]
    if kind == "parts of words":
        words = Words(document.text)
        found = ((one, words.over(one.start, one.end)) for one in document.entities)
        return sum(place is None or not words.exactly(*place, one.start, one.end) for one, place in found)
    judged = document.judged
    tests: dict[str, Callable[[PlainEntity], bool]] = {
        "cues": lambda one: bool(one.cues),
        "attributes": lambda one: bool(one.attributes),
        "rules": lambda one: one.rule is not None,
        "sections": lambda one: one.section is not None,
        "linking": lambda one: one.linking is not None,
        "concepts": lambda one: bool(one.concepts),
        "historical": lambda one: bool(one.historical),
        "line ends": lambda one: one.text != one.text.strip(LINE_ENDS),
        "white space": lambda one: one.text != one.text.strip(),
        "assertions": _asserted,
        "assertions of tests and treatments": lambda one: one.label != "problem" and _asserted(one),
        "assertions that nobody judged": lambda one: any(getattr(one, axis) for axis in AXES if axis not in judged),
    }
    return sum(map(tests[kind], document.entities))


def _asserted(entity: PlainEntity) -> bool:
    return any(getattr(entity, axis) for axis in AXES)


def _slices(documents: Iterator[PlainDocument]) -> Iterator[list[PlainDocument]]:
    while held := list(islice(documents, _SLICE)):
        yield held


def _remove(path: str) -> None:
    if os.path.isdir(path) and not os.path.islink(path):
        shutil.rmtree(path)
    elif os.path.lexists(path):
        os.unlink(path)


class _Texts:
    """The texts of notes by id. Results are in the order of their notes: what is passed on the way is kept until asked for."""

    def __init__(self, inputs: Sequence[str], encoding: str | None, *, on_one_line: bool) -> None:
        self._notes = read(*inputs, encoding=encoding, on_error=lambda error: None)
        self._passed: dict[str, str] = {}
        self._on_one_line = on_one_line

    def __call__(self, note_id: str) -> str | None:
        if note_id in self._passed:
            return self._passed.pop(note_id)
        for note in self._notes:
            name = _SPACE.sub(" ", plain(note.id)) if self._on_one_line else note.id
            if name == note_id:
                return note.text
            self._passed[name] = note.text
        return None
