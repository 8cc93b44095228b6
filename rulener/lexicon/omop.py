"""OMOP vocabularies as Athena gives them: CONCEPT.csv, CONCEPT_SYNONYM.csv, CONCEPT_RELATIONSHIP.csv.

The files are separated by tabs, without quotes, in spite of their name; exports with commas and quotes are read too.
Memory: two numbers for each `Maps to`, and code, name and vocabulary of each concept that is used or mapped to.
"""

from __future__ import annotations

from array import array
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np

from rulener.lexicon.label_map import LabelMap, label_map
from rulener.lexicon.reading import File, Only, Reading, commas, is_tabbed, release, tabbed
from rulener.lexicon.table import Row

SYSTEMS = {"SNOMED": "SNOMEDCT", "RXNORM": "RXNORM", "RXNORM EXTENSION": "RXNORM_EXT", "HPO": "HP"}
"""vocabulary_id in capitals -> system, where they differ by more than capitals and spaces."""

_FILES = {
    "concepts": "CONCEPT.csv",
    "synonyms": "CONCEPT_SYNONYM.csv",
    "relations": "CONCEPT_RELATIONSHIP.csv",
}
_ENGLISH = "4180186"  # the concept "English language"
_LANGUAGES = {"EN": _ENGLISH, "ENG": _ENGLISH, "ENGLISH": _ENGLISH}
_HIGHEST = 2**31


def read_omop(
    path: Path,
    reading: Reading,
    *,
    labels: LabelMap | None = None,
    source: tuple[str, ...] = (),
    term_type: tuple[str, ...] = (),
    semantic_type: tuple[str, ...] = (),
    language: tuple[str, ...] = ("en",),
    obsolete: bool = False,
) -> Iterator[Row]:
    """The names and synonyms of the concepts of a vocabulary download; each row names its standard concept.

    `source`: vocabulary_id; `semantic_type`: domain_id; `term_type`: `name` or `synonym`; `language`: en, or a
    language_concept_id; `obsolete`: concepts with an invalid_reason too. Raises LexiconError L101, L103, L105, L106.
    """
    files = release(path, "OMOP vocabulary", _FILES, ["synonyms", "relations"])
    labels = labels or label_map("omop")
    mapped = _Mapped()
    if "relations" in files:
        mapped = _read_relations(files["relations"], reading)
    else:
        reading.remark("there is no CONCEPT_RELATIONSHIP.csv: only standard concepts have a standard concept")
    types = Only.of(term_type)
    used = _Used(reading, labels, Only.of(source), Only.of(semantic_type), obsolete, mapped)
    used.read(files["concepts"])
    if "name" in types:
        for number, concept in used.order:
            yield used.row(concept, number, "", "name", 0)
    if "synonyms" not in files:
        reading.remark("there is no CONCEPT_SYNONYM.csv: names only")
    elif "synonym" in types:
        yield from _read_synonyms(files["synonyms"], reading, used, language)


def _records(file: File, reading: Reading, wanted: Sequence[str]) -> Iterator[tuple[int, list[str]]]:
    return tabbed(file, reading, wanted) if is_tabbed(file, reading) else commas(file, reading, wanted)


class _Mapped:
    """concept -> standard concept, as two columns of numbers sorted by the first."""

    def __init__(self) -> None:
        self.first = array("i")
        self.second = array("i")
        self._from: np.ndarray[tuple[int], np.dtype[np.int32]] = np.zeros(0, np.int32)
        self._to: np.ndarray[tuple[int], np.dtype[np.int32]] = np.zeros(0, np.int32)
        self.several = 0

    def close(self) -> None:
        """Sort, and keep the first target of each concept in the order of the file."""
        begin = np.frombuffer(self.first, np.int32) if self.first else self._from
        end = np.frombuffer(self.second, np.int32) if self.second else self._to
        order = np.argsort(begin, kind="stable")
        keep = np.ones(len(order), bool)
        keep[1:] = begin[order][1:] != begin[order][:-1]
        self._from, self._to = begin[order][keep], end[order][keep]
        self.several = int(len(order) - keep.sum())

    def of(self, concept: int) -> int:
        """0 when it is not mapped."""
        at = int(self._from.searchsorted(concept))
        return int(self._to[at]) if at < len(self._from) and self._from[at] == concept else 0

    def targets(self) -> set[int]:
        return set(np.unique(self._to).tolist())


def _read_relations(file: File, reading: Reading) -> _Mapped:
    mapped = _Mapped()
    skipped = reading.of(file.name)
    columns = ["relationship_id", "concept_id_1", "concept_id_2", "invalid_reason"]
    for number, (relation, one, other, invalid) in _records(file, reading, columns):
        if relation != "Maps to" or one == other:
            continue
        if invalid:
            skipped.add("a mapping that is no longer valid", number)
        elif not _is_id(one) or not _is_id(other):
            skipped.add("a concept_id is no number", number)
        else:
            mapped.first.append(int(one))
            mapped.second.append(int(other))
    mapped.close()
    if mapped.several:
        reading.remark(f"{mapped.several:,} further standard concepts of concepts that map to several: the first is taken")
    return mapped


def _is_id(text: str) -> bool:
    return text.isascii() and text.isdecimal() and len(text) <= 10 and int(text) < _HIGHEST


class _Used:
    """The concepts that rows are made of, and those they map to."""

    def __init__(self, reading: Reading, labels: LabelMap, source: Only, domain: Only, obsolete: bool, mapped: _Mapped) -> None:
        self._reading = reading
        self._labels = labels
        self._source = source
        self._domain = domain
        self._obsolete = obsolete
        self._mapped = mapped
        self._kinds: dict[tuple[str, str, str], tuple[str, str, str, str]] = {}
        self.order: list[tuple[int, int]] = []  # line, concept
        self._known: dict[int, tuple[tuple[str, str, str, str], str, str, bool]] = {}  # kind, code, name, standard

    def read(self, file: File) -> None:
        skipped = self._reading.of(file.name)
        columns = ["concept_id", "concept_name", "domain_id", "vocabulary_id", "concept_class_id", "standard_concept"]
        columns += ["concept_code", "invalid_reason"]
        targets = self._mapped.targets()
        for number, fields in _records(file, self._reading, columns):
            concept, name, domain, vocabulary, class_, standard, code, invalid = fields
            if not _is_id(concept):
                skipped.add("a concept_id is no number", number)
                continue
            if not name:
                skipped.add("no name", number)
                continue
            key = int(concept)
            kind = self._kinds.get((domain, vocabulary, class_)) or self._kind(domain, vocabulary, class_)
            why = kind[3] or ("no longer valid" if invalid and not self._obsolete else "")
            if why:
                skipped.add(why, number)
            else:
                self.order.append((number, key))
            if not why or key in targets:
                self._known[key] = (kind, code, name, standard == "S")
                if why:
                    self._known[key] = (("", *kind[1:]), code, name, standard == "S")

    def _kind(self, domain: str, vocabulary: str, class_: str) -> tuple[str, str, str, str]:
        """Label, system and domain of concepts, and why they are left out; decided once."""
        found = self._labels.keys.get(f"{domain}/{class_}".upper()) or self._labels.keys.get(domain.upper())
        system = SYSTEMS.get(vocabulary.upper(), vocabulary.upper().replace(" ", "_"))
        why = ""
        if vocabulary not in self._source:
            why = "vocabulary not asked for"
        elif domain not in self._domain:
            why = "domain not asked for"
        elif found is None:
            why = f"no label for domain {domain}"
        kind = self._kinds[(domain, vocabulary, class_)] = (found[1] if found and not why else "", system, domain, why)
        return kind

    def has(self, concept: int) -> bool:
        return concept in self._known and bool(self._known[concept][0][0])

    def row(self, concept: int, number: int, synonym: str, term_type: str, rank: int) -> Row:
        (label, system, domain, _), code, name, is_standard = self._known[concept]
        standard_id = concept if is_standard else self._mapped.of(concept)
        standard = name_ = ""
        if standard_id in self._known:
            (_, its_system, _, _), its_code, name_, _ = self._known[standard_id]
            standard = f"{its_system}:{its_code}"
        else:
            standard_id = 0  # of a vocabulary that is not in this download
        return Row(
            number, synonym or name, label, system, code, name, domain, False, system, term_type, rank, "", "", standard,
            standard_id, name_,
        )  # fmt: skip


def _read_synonyms(file: File, reading: Reading, used: _Used, language: tuple[str, ...]) -> Iterator[Row]:
    skipped = reading.of(file.name)
    languages = frozenset(_LANGUAGES.get(one.upper(), one) for one in language)
    columns = ["concept_id", "concept_synonym_name", "language_concept_id"]
    for number, (concept, name, in_language) in _records(file, reading, columns):
        if not _is_id(concept):
            skipped.add("a concept_id is no number", number)
        elif not used.has(int(concept)):
            skipped.add("of a concept that is left out", number)
        elif in_language not in languages:
            skipped.add(f"language is not {' or '.join(sorted(language))}", number)
        elif not name:
            skipped.add("no name", number)
        else:
            row = used.row(int(concept), number, name, "synonym", 1)
            if row.term == row.preferred:
                skipped.add("the same name of the concept again", number)
            else:
                yield row
