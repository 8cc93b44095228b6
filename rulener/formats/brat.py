"""brat standoff: of each note its text and an .ann file; https://brat.nlplab.org/standoff.html describes the format."""

from __future__ import annotations

import os
import re
from colorsys import hls_to_rgb
from itertools import pairwise
from typing import TYPE_CHECKING, Any

from rulener.core.columns import AXES
from rulener.formats.filenames import FileNames
from rulener.formats.texts import asserted, colours, good_documents, listing, utf8

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from rulener.core.columns import Batch, Document, Entity
    from rulener.core.views import Concept
    from rulener.formats.annotated import Annotated, Source
    from rulener.formats.sink import FolderSink

LINE_ENDS = "\n\r\v\f\x1c\x1d\x1e\x85\u2028\u2029"
"""brat ends a line at each of these."""

_LINE_END = re.compile(f"[{LINE_ENDS}]")
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
            places = list(getattr(entity, "fragments", ())) or list(_fragments(entity))
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


# --- reading

_NOTE_NAME = ".txt"
_T_LINE = re.compile(r"(\S+) (\d+ \d+(?:;\d+ \d+)*)")
_REFERENCE = re.compile(r"\S+ (\S+) ([^\s:]+):(\S+)")
_REMARK = re.compile(r"(given|\S+:\S.*?)(?:; section (.+?))?(?:; (resolved|ambiguous|unresolved))?((?:; concept .+?)*)")


def read_brat(path: str, source: Source) -> Iterator[Annotated]:
    """The notes of a folder (and those below it): each `.ann` with the `.txt` beside it.

    Ids and order are those of a `notes.jsonl` in the folder, which we wrote, else the paths of the texts. Axes count as judged
    when `annotation.conf` declares them.
    """
    from rulener.formats.filenames import in_listed_order, listed_notes

    labels, axes = _labels(path), _declared_axes(path)
    listed = listed_notes(path)
    for name in in_listed_order(_names(path), listed):
        note_id, metadata = listed.get(name, (f"{name}{_NOTE_NAME}", {}))
        yield _Reading(path, name, note_id, source, labels).document(metadata, axes)


def _names(path: str) -> list[str]:
    """The notes below a folder, without suffix."""
    found = []
    for folder, _, files in os.walk(path):
        below = os.path.relpath(folder, path).replace(os.sep, "/")
        found += [name[:-4] if below == "." else f"{below}/{name[:-4]}" for name in files if name.endswith(".ann")]
    return found


def _labels(path: str) -> dict[str, str]:
    """The labels behind the names of types, where `visual.conf` tells."""
    section = _sections(os.path.join(path, "visual.conf")).get("labels", [])
    return {name.strip(): label.strip() for name, bar, label in (line.partition("|") for line in section) if bar}


def _declared_axes(path: str) -> tuple[str, ...]:
    declared = {line.split()[0] for line in _sections(os.path.join(path, "annotation.conf")).get("attributes", [])}
    return tuple(axis for axis in AXES if axis.capitalize() in declared)


def _sections(path: str) -> dict[str, list[str]]:
    """The lines of a configuration file of brat by section; none when there is no such file."""
    found: dict[str, list[str]] = {}
    lines: list[str] = []
    if os.path.exists(path):
        with open(path, encoding="utf-8", errors="replace") as file:
            for line in file:
                if line.startswith("["):
                    lines = found.setdefault(line.strip()[1:-1].lower(), [])
                elif line.strip() and not line.startswith("#"):
                    lines.append(line.rstrip("\n"))
    return found


class _Reading:
    """One note: T lines, and what A, N and # lines say of them."""

    def __init__(self, path: str, name: str, note_id: str, source: Source, labels: dict[str, str]) -> None:
        from rulener.formats.annotated import name_of

        self._path = os.path.join(path, name)
        self._place = name_of(path, f"{name}.ann")
        self._note_id = note_id
        self._source = source
        self._labels = labels
        self._mentions: dict[str, dict[str, Any]] = {}
        self._later: list[tuple[int, str, str, str]] = []

    def document(self, metadata: dict[str, Any], axes: tuple[str, ...]) -> Annotated:
        from rulener.formats.plain import BadAnnotation, PlainEntity, document_of

        try:
            text = self._text()
            for number, line in enumerate(self._lines(), 1):
                self._line(text, line, number)
            for number, kind, data, tail in self._later:
                self._about(kind, data, tail, number)
        except BadAnnotation as error:
            error.place = error.place or self._place
            return error.unreadable(self._note_id)
        unsaid = dict.fromkeys(axes, False)
        entities = [PlainEntity(**{**unsaid, **one, "concepts": tuple(one["concepts"])}) for one in self._mentions.values()]
        return document_of(self._note_id, text, entities, metadata=metadata, judged=axes)

    def _text(self) -> str:
        from rulener.formats.plain import BadAnnotation

        try:
            with open(f"{self._path}{_NOTE_NAME}", "rb") as file:
                return file.read().decode()
        except FileNotFoundError:
            raise BadAnnotation("N120", f"no {_NOTE_NAME} beside it") from None
        except UnicodeDecodeError as error:
            raise BadAnnotation("N120", f"its {_NOTE_NAME} is not UTF-8: byte {error.start}") from None

    def _lines(self) -> list[str]:
        from rulener.formats.plain import BadAnnotation

        try:
            with open(f"{self._path}.ann", "rb") as file:
                return file.read().decode("utf-8-sig").split("\n")
        except UnicodeDecodeError as error:
            raise BadAnnotation("N120", f"not UTF-8: byte {error.start}") from None

    def _line(self, text: str, line: str, number: int) -> None:
        if not line.strip():
            return
        mark, data, tail = (*line.rstrip("\r").split("\t", 2), "", "")[:3]
        kind = mark[:1]
        if kind == "T":
            self._mention(text, mark, data, tail, number)
        elif kind and kind in "AMN#":
            self._later.append((number, kind, data, tail))  # brat writes them before or after their mention
        elif kind and kind in "RE*":
            self._source.left.out({"R": "relations", "E": "events", "*": "equivalences"}[kind])
        else:
            raise self._bad("N120", "no line of brat's standoff format", number)

    def _mention(self, text: str, mark: str, data: str, tail: str, number: int) -> None:
        match = _T_LINE.fullmatch(data)
        if match is None or mark in self._mentions:
            problem = "no label and offsets" if match is None else "a mark that is used twice"
            raise self._bad("N120", problem, number)
        places = [(int(start), int(end)) for start, _, end in (place.partition(" ") for place in match[2].split(";"))]
        at = -1
        for start, end in places:
            if not at <= start <= end <= len(text):
                raise self._bad("N121", f"{start} to {end} is not in the text of {len(text)} characters, or out of order", number)
            at = end
        words = " ".join(text[start:end] for start, end in places)
        if words != tail and _one_line(words) != _one_line(tail):
            raise self._bad("N121", f"the words at {match[2]} are others in the text", number)
        start, end = places[0][0], places[-1][1]
        gaps = [text[before[1] : after[0]] for before, after in pairwise(places)]
        self._mentions[mark] = {
            "start": start, "end": end, "text": text[start:end], "label": self._labels.get(match[1], match[1]), "concepts": [],
            "fragments": tuple(places) if any(_LINE_END.sub("", gap) for gap in gaps) else (),
        }  # fmt: skip

    def _about(self, kind: str, data: str, tail: str, number: int) -> None:
        """What a line says of a mention."""
        from rulener.core.views import Concept

        name, _, target = data.partition(" ")
        target = target.partition(" ")[0]
        mention = self._mentions.get(target)
        if mention is None:
            if target[:1] == "T":
                raise self._bad("N120", f"{target} is no mention of this note", number)
            self._source.left.out("attributes and notes of relations and events")
        elif kind == "N":
            match = _REFERENCE.fullmatch(data)
            if match is None:
                raise self._bad("N120", "no reference to SYSTEM:CODE", number)
            mention["concepts"].append(Concept(match[2], match[3], tail or None, 1.0))
        elif kind == "#":
            self._remark(mention, tail)
        elif name.lower() in AXES:
            mention[name.lower()] = True
        else:
            self._source.left.out(f"attributes {name}")

    def _remark(self, mention: dict[str, Any], words: str) -> None:
        """What `_remark` of the writer says; the remarks of people are counted."""
        match = _REMARK.fullmatch(words)
        if match is None:
            self._source.left.out("remarks on mentions")
            return
        mention["rule"] = None if match[1] == "given" else match[1]
        mention["section"], mention["linking"] = match[2], match[3]
        mention["concepts"] += [_named(part) for part in match[4].split("; concept ")[1:]]

    def _bad(self, code: str, problem: str, number: int) -> Any:
        from rulener.formats.plain import BadAnnotation

        return BadAnnotation(code, problem, f"{self._place}:{number}")


def _named(name: str) -> Concept:
    from rulener.core.views import Concept

    return Concept(None, None, name, 1.0)
