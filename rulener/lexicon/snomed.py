"""SNOMED CT RF2: a snapshot's concepts, descriptions and language reference sets.

Memory: some numbers for each active concept, and its name; a number for each description when there is a language reference set.
Format: SNOMED International, Release File Specifications. The long numbers below are the identifiers it gives to types.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from rulener.errors import LexiconError
from rulener.lexicon.label_map import LabelMap, label_map
from rulener.lexicon.reading import File, Only, Reading, release, tabbed
from rulener.lexicon.table import Row

_CONCEPTS = "*sct2_Concept_*Snapshot_*.txt"
_DESCRIPTIONS = "*sct2_Description_*Snapshot-{language}_*.txt"
_PREFERENCES = "*der2_cRefset_Language*Snapshot-{language}_*.txt"
_FULLY_SPECIFIED = "900000000000003001"
_SYNONYM = "900000000000013009"
_PREFERRED = "900000000000548007"
_ACCEPTABLE = "900000000000549004"
_REFSETS = {"US": "900000000000509007", "GB": "900000000000508004"}
_TAG = re.compile(r"(?P<name>.*\S)\s*\((?P<tag>[^()]*(?:\([^()]*\)[^()]*)*)\)\s*", re.DOTALL)
_RANKS = {"PT": 0, "SY": 1, "FSN": 2}


def read_snomed(
    path: Path,
    reading: Reading,
    *,
    labels: LabelMap | None = None,
    language: tuple[str, ...] = ("en",),
    refset: tuple[str, ...] = (),
    term_type: tuple[str, ...] = (),
    semantic_type: tuple[str, ...] = (),
    obsolete: bool = False,
) -> Iterator[Row]:
    """The descriptions of a snapshot: preferred terms (PT), synonyms (SY), fully specified names without their tag (FSN).

    `language` as in the descriptions; `refset`: only these language reference sets (US, GB, or an identifier), else all that are
    there: a description that none of them has is left out; `semantic_type`: tags; `obsolete`: inactive concepts and descriptions
    too. Raises LexiconError L101, L103, L105, L106.
    """
    labels = labels or label_map("snomed")
    concepts: set[int] = set()
    for one in language:
        wanted = {"concepts": _CONCEPTS, "descriptions": _DESCRIPTIONS, "preferences": _PREFERENCES}
        wanted = {key: name.replace("{language}", one.lower()) for key, name in wanted.items()}
        files = release(path, "SNOMED CT snapshot", wanted, ["preferences"])
        concepts = concepts or _read_concepts(files["concepts"], reading, obsolete)
        preferences = _read_preferences(files, reading, refset)
        titles = _read_names(files["descriptions"], reading, concepts, preferences, obsolete)
        chosen = _Chosen(concepts, preferences, titles, Only.of(semantic_type), Only.of(term_type), one.lower(), obsolete, labels)
        yield from _read_descriptions(files["descriptions"], reading, chosen)


@dataclass(frozen=True, slots=True)
class _Chosen:
    """What decides whether a description is used, and as what."""

    concepts: set[int]
    preferences: dict[int, int]
    titles: dict[int, tuple[str, str, bool]]
    tags: Only
    types: Only
    language: str
    obsolete: bool
    labels: LabelMap


def _read_descriptions(file: File, reading: Reading, chosen: _Chosen) -> Iterator[Row]:
    concepts, preferences, titles, labels = chosen.concepts, chosen.preferences, chosen.titles, chosen.labels
    skipped = reading.of(file.name)
    for number, (description, active, concept, language, kind, term) in _descriptions(file, reading, count=True):
        if not concept.isdecimal() or not description.isdecimal():
            skipped.add("an identifier is no number", number)
            continue
        code = int(concept)
        tag, title, titled = titles.get(code, ("", "", False))
        if code not in concepts:
            skipped.add("inactive concept", number)
        elif active != "1" and not chosen.obsolete:
            skipped.add("inactive description", number)
        elif language.lower() != chosen.language:
            skipped.add(f"language is not {chosen.language}", number)
        elif kind not in (_FULLY_SPECIFIED, _SYNONYM):
            skipped.add("a text definition", number)
        elif not tag:
            skipped.add("the concept has no fully specified name with a tag", number)
        elif tag not in chosen.tags:
            skipped.add("semantic tag not asked for", number)
        elif tag.upper() not in labels.keys:
            skipped.add(f"no label for semantic tag ({tag})", number)
        elif preferences and int(description) not in preferences:
            skipped.add("in none of the language reference sets", number)
        else:
            term_type = "FSN" if kind == _FULLY_SPECIFIED else "PT" if preferences.get(int(description)) == 1 else "SY"
            name = (_split_tag(term)[0] if term_type == "FSN" else term).strip()
            if term_type not in chosen.types:
                skipped.add("term type not asked for", number)
            elif not name:
                skipped.add("no name", number)
            elif term_type == "FSN" and titled and name == title and "PT" in chosen.types:
                skipped.add("the fully specified name is the preferred one", number)
            else:
                label = labels.keys[tag.upper()][1]
                yield Row(
                    number, name, label, "SNOMEDCT", concept, title or name, tag, False, "SNOMEDCT", term_type, _RANKS[term_type]
                )


def _read_concepts(file: File, reading: Reading, obsolete: bool) -> set[int]:
    concepts = set()
    skipped = reading.of(file.name)
    for number, (concept, active) in tabbed(file, reading, ["id", "active"]):
        if not concept.isdecimal():
            skipped.add("an identifier is no number", number)
        elif active == "1" or obsolete:
            concepts.add(int(concept))
        else:
            skipped.add("inactive", number)
    return concepts


def _read_preferences(files: dict[str, File], reading: Reading, refset: tuple[str, ...]) -> dict[int, int]:
    """Description -> 1 when it is preferred in one of the reference sets, 2 when it is acceptable. Empty without a file."""
    if "preferences" not in files:
        reading.remark("there is no language reference set: every synonym has the same rank")
        return {}
    file = files["preferences"]
    wanted = frozenset(_REFSETS.get(one.upper(), one) for one in refset)
    found: dict[int, int] = {}
    skipped = reading.of(file.name)
    columns = ["active", "refsetId", "referencedComponentId", "acceptabilityId"]
    for number, (active, in_refset, description, acceptability) in tabbed(file, reading, columns):
        if active != "1":
            skipped.add("inactive", number)
        elif wanted and in_refset not in wanted:
            skipped.add("language reference set not asked for", number)
        elif not description.isdecimal() or acceptability not in (_PREFERRED, _ACCEPTABLE):
            skipped.add("an unknown acceptability or identifier", number)
        else:
            rank = 1 if acceptability == _PREFERRED else 2
            found[int(description)] = min(rank, found.get(int(description), 2))
    if wanted and not found:
        hint = f"known by name: {', '.join(_REFSETS)}"
        raise LexiconError(
            "L105", f"no description is in the reference set {' or '.join(sorted(refset))}", place=file.shown, hint=hint
        )
    return found


def _descriptions(file: File, reading: Reading, *, count: bool) -> Iterator[tuple[int, list[str]]]:
    """id, active, conceptId, languageCode, typeId, term. What is bad about rows is counted once."""
    into = reading if count else Reading(reading.source, reading.meter)
    yield from tabbed(file, into, ["id", "active", "conceptId", "languageCode", "typeId", "term"])


def _read_names(
    file: File, reading: Reading, concepts: set[int], preferences: dict[int, int], obsolete: bool
) -> dict[int, tuple[str, str, bool]]:
    """Concept -> semantic tag, name, and whether that is a preferred term; else it is the fully specified name."""
    names: dict[int, tuple[str, str, bool]] = {}
    tags: dict[str, str] = {}
    for _, (description, active, concept, _, kind, term) in _descriptions(file, reading, count=False):
        if (active != "1" and not obsolete) or not concept.isdecimal() or not description.isdecimal():
            continue
        code = int(concept)
        if code not in concepts:
            continue
        tag, name, titled = names.get(code, ("", "", False))
        if kind == _FULLY_SPECIFIED:
            text, tag = _split_tag(term)
            names[code] = (tags.setdefault(tag, tag), name if titled else text, titled)
        elif kind == _SYNONYM and not titled and preferences.get(int(description)) == 1:
            names[code] = (tag, term.strip(), True)
    return names


def _split_tag(name: str) -> tuple[str, str]:
    """`Blue fever (disorder)` -> `Blue fever`, `disorder`."""
    match = _TAG.fullmatch(name)
    return (match["name"], match["tag"].strip().lower()) if match else (name, "")
