"""MeSH XML: descriptors (desc2024.xml) and supplementary concept records (supp2024.xml).

Memory: one record at a time. Format: NLM, MeSH XML data elements.
"""

from __future__ import annotations

import xml.etree.ElementTree as ElementTree
from collections.abc import Iterator
from dataclasses import dataclass
from fnmatch import fnmatch
from pathlib import Path

from rulener.lexicon.label_map import LabelMap, label_map
from rulener.lexicon.reading import File, Only, Reading, release
from rulener.lexicon.table import Row, Skipped
from rulener.lexicon.xml_events import xml_events

_FILES = {"descriptors": "desc*.xml", "supplementary": "supp*.xml"}
_TAGGED = frozenset(("ABB", "ACR", "ABX", "ACX", "EPO", "TRD", "NAM", "LAB"))
"""Lexical tags handed on as term type: abbreviations, acronyms, eponyms, trade and proper names, laboratory numbers."""


@dataclass(frozen=True, slots=True)
class _Kind:
    """Where the parts of one kind of record are called."""

    root: str
    record: str
    ui: str
    name: str
    heading: str  # term type of its name


_DESCRIPTOR = _Kind("DescriptorRecordSet", "DescriptorRecord", "DescriptorUI", "DescriptorName", "MH")
_SUPPLEMENTARY = _Kind("SupplementalRecordSet", "SupplementalRecord", "SupplementalRecordUI", "SupplementalRecordName", "NM")


def read_mesh(
    path: Path,
    reading: Reading,
    *,
    labels: LabelMap | None = None,
    term_type: tuple[str, ...] = (),
    semantic_type: tuple[str, ...] = (),
) -> Iterator[Row]:
    """The terms of the records. Term types: MH (a descriptor's name), NM (a supplementary record's), ET (further terms of its
    preferred concept), PEP (the name of a concept that is not the preferred one, narrower as a rule), or the lexical tag.

    `semantic_type`: what a tree number begins with (C10), or SCR1...; permuted terms (inverted names) are left out. A folder
    needs the descriptors; `path` may also be one of the two files. Raises LexiconError L101, L103, L105, L106.
    """
    wanted = _FILES
    if path.is_file():
        wanted = {key: name for key, name in _FILES.items() if fnmatch(path.name.lower(), f"{name}*")} or _FILES
    files = release(path, "MeSH release", wanted, ["supplementary"] if len(wanted) > 1 else [])
    labels = labels or label_map("mesh")
    types = Only.of(term_type)
    for key, kind in (("descriptors", _DESCRIPTOR), ("supplementary", _SUPPLEMENTARY)):
        if key in files:
            yield from _read(files[key], reading, kind, labels, types, semantic_type)
        elif len(wanted) > 1:
            reading.remark(f"there is no {_FILES[key]}")


def _read(file: File, reading: Reading, kind: _Kind, labels: LabelMap, types: Only, trees: tuple[str, ...]) -> Iterator[Row]:
    skipped = reading.of(file.name)
    root: ElementTree.Element | None = None
    number = 0
    for event, element in xml_events(file, reading, kind.root):
        if root is None:
            root = element
        if event == "start" or element.tag != kind.record:
            continue
        number += 1
        reading.read[file.name] += 1
        yield from _rows(element, number, kind, labels, types, trees, skipped)
        element.clear()
        root.clear()


def _rows(
    record: ElementTree.Element, number: int, kind: _Kind, labels: LabelMap, types: Only, trees: tuple[str, ...], skipped: Skipped
) -> Iterator[Row]:
    code, name = _text(record, kind.ui), _text(record, f"{kind.name}/String")
    places = [_text(one, ".") for one in record.findall("TreeNumberList/TreeNumber")]
    if kind is _SUPPLEMENTARY:
        places = [f"SCR{record.get('SCRClass', '1')}"]
    if not code or not name:
        skipped.add("a record without its number or name", number)
        return
    if trees and not any(place.startswith(tuple(one.upper() for one in trees)) for place in places):
        skipped.add("tree not asked for", number)
        return
    found = [(*best, place) for place in places if (best := labels.by_prefix(place))]
    if not found:
        letters = ", ".join(sorted({place if place.startswith("SCR") else place[:1] for place in places}))
        skipped.add(f"no label for trees {letters}" if places else "in no tree", number)
        return
    _, label, place = min(found)
    seen: set[str] = set()
    for text, term_type, rank in _terms(record, kind, name, number, skipped):
        if term_type not in types:
            skipped.add("term type not asked for", number)
        elif text in seen:
            skipped.add("the same term of the record again", number)
        else:
            seen.add(text)
            yield Row(number, text, label, "MESH", code, name, place, False, "MESH", term_type, rank)


def _terms(record: ElementTree.Element, kind: _Kind, name: str, number: int, skipped: Skipped) -> Iterator[tuple[str, str, int]]:
    """`(term, term type, rank)`: 0 the record's name, 1 its preferred concept, 2 other concepts, 3 their further terms."""
    yield name, kind.heading, 0
    for concept in record.findall("ConceptList/Concept"):
        preferred = concept.get("PreferredConceptYN") == "Y"
        for term in concept.findall("TermList/Term"):
            text = _text(term, "String")
            tag = term.get("LexicalTag", "NON")
            if term.get("IsPermutedTermYN") == "Y":
                skipped.add("a permuted term", number)
            elif not text:
                skipped.add("an empty term", number)
            elif text == name and preferred:
                continue
            else:
                heads = not preferred and term.get("ConceptPreferredTermYN") == "Y"
                term_type = tag if tag in _TAGGED else "PEP" if heads else "ET"
                yield text, term_type, 1 if preferred else 2 if heads else 3


def _text(element: ElementTree.Element, path: str) -> str:
    found = element.find(path)
    return " ".join((found.text or "").split()) if found is not None else ""
