"""brat standoff: of each note its text and an .ann file; https://brat.nlplab.org/standoff.html describes the format."""

from __future__ import annotations

import re
from colorsys import hls_to_rgb
from typing import TYPE_CHECKING, Any

from rulener.core.columns import AXES
from rulener.formats.filenames import FileNames
from rulener.formats.texts import asserted, colours, good_documents, listing, utf8

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from rulener.core.columns import Batch, Document, Entity
    from rulener.formats.sink import FolderSink

_LINE_END = re.compile(r"[\n\r\v\f\x1c-\x1e\x85\u2028\u2029]")  # brat ends a line at each of these
_NO_NAME = re.compile(r"[^A-Za-z0-9_-]")
_SPACE = re.compile(r"\s")
_DRAWN = {
    "negated": "box:crossed, glyph:<NONE>, dashArray:<NONE>",
    "uncertain": "dashArray:3-3, glyph:<NONE>",
    "historical": "glyph:◷",
    "hypothetical": "glyph:?",
    "family": "glyph:⚭",
}


class BratWriter:
    """Writes `NAME.txt` and `NAME.ann` for each note; `annotation.conf`, `visual.conf` and `notes.jsonl` at the end."""

    def __init__(self, sink: FolderSink, engine: Any) -> None:
        self._sink = sink
        self._types = type_names(engine.labels)
        self._names = FileNames()
        self._listed: list[bytes] = []

    def write(self, batch: Batch) -> None:
        for document in good_documents(batch):
            name = self._names.name(str(document.note_id))
            self._sink.add(f"{name}.txt", utf8(document.text))
            self._sink.add(f"{name}.ann", utf8("".join(f"{line}\n" for line in self._lines(document))))
            self._listed.append(listing(document, name))

    def close(self) -> None:
        self._sink.add("annotation.conf", _annotation_conf(self._types.values()))
        self._sink.add("visual.conf", _visual_conf(self._types))
        self._sink.add("notes.jsonl", b"".join(self._listed))

    def _lines(self, document: Document) -> Iterator[str]:
        """T lines, each followed by what is said of its mention."""
        attributes = references = 0
        for number, entity in enumerate(document.entities, 1):
            places = list(_fragments(entity))
            offsets = ";".join(f"{start} {end}" for start, end in places)
            words = " ".join(document.text[start:end] for start, end in places)
            yield f"T{number}\t{self._types[entity.label]} {offsets}\t{words}"
            for axis in asserted(entity):
                attributes += 1
                yield f"A{attributes}\t{axis.capitalize()} T{number}"
            for concept in entity.concepts:
                if concept.system is not None and concept.code is not None:
                    references += 1
                    reference = f"{_word(concept.system).replace(':', '_')}:{_word(concept.code)}"
                    yield f"N{references}\tReference T{number} {reference}\t{_one_line(concept.name or '')}"
            yield f"#{number}\tAnnotatorNotes T{number}\t{_one_line(_remark(entity))}"


def type_names(labels: Iterable[str]) -> dict[str, str]:
    """For each label the name of its type in brat: letters, digits, `_` and `-`; made distinct by a number when need be."""
    names: dict[str, str] = {}
    for label in labels:
        base = _NO_NAME.sub("_", label) or "_"
        name, number = base, 2
        while name in names.values():
            name, number = f"{base}_{number}", number + 1
        names[label] = name
    return names


def _fragments(entity: Entity) -> Iterator[tuple[int, int]]:
    """The mention, one piece a line: brat refuses a T line whose words are not those of its offsets, and words cannot hold a
    line end."""
    start = entity.start
    for match in _LINE_END.finditer(entity.text):
        end = entity.start + match.start()
        if start < end:
            yield start, end
        start = end + 1
    if start < entity.end or entity.start == entity.end:
        yield start, entity.end


def _remark(entity: Entity) -> str:
    """Rule, section, how it was linked, and concepts that have no code and so no N line."""
    parts = [entity.rule or "given"]
    if entity.section is not None:
        parts.append(f"section {entity.section}")
    if entity.linking is not None:
        parts.append(entity.linking)
    parts += [f"concept {concept.name}" for concept in entity.concepts if concept.system is None or concept.code is None]
    return "; ".join(parts)


def _one_line(text: str) -> str:
    return _SPACE.sub(" ", text)


def _word(text: str) -> str:
    return _SPACE.sub("_", text)


def _annotation_conf(types: Iterable[str]) -> bytes:
    entities = "".join(f"{name}\n" for name in types)
    attributes = "".join(f"{axis.capitalize()}\tArg:<ENTITY>\n" for axis in AXES)
    return f"[entities]\n{entities}\n[relations]\n\n[events]\n\n[attributes]\n{attributes}".encode()


def _visual_conf(types: dict[str, str]) -> bytes:
    labels = "".join(f"{name} | {_one_line(label).replace('|', '/')}\n" for label, name in types.items())
    default = "SPAN_DEFAULT\tfgColor:black, bgColor:#dddddd, borderColor:darken\nATTRIBUTE_DEFAULT\tglyph:*\n"
    drawn = "".join(f"{types[label]}\tbgColor:{_hexadecimal(*colour)}\n" for label, colour in colours(types).items())
    axes = "".join(f"{axis.capitalize()}\t{_DRAWN[axis]}\n" for axis in AXES)
    return utf8(f"[labels]\n{labels}\n[drawing]\n{default}{drawn}{axes}")


def _hexadecimal(hue: int, saturation: int) -> str:
    """A light colour as brat takes it: #rrggbb."""
    return "#" + "".join(f"{round(part * 255):02x}" for part in hls_to_rgb(hue / 360, 0.8, saturation / 100))
