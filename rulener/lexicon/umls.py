"""UMLS Metathesaurus: MRCONSO.RRF (names), MRSTY.RRF (semantic types), MRRANK.RRF (preference of source and term type).

Memory: a byte a CUI for its semantic type, and the names of one concept at a time (MRCONSO is sorted by CUI). Format: UMLS
Reference Manual, Metathesaurus Rich Release Format.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from rulener.lexicon.label_map import LabelMap, label_map
from rulener.lexicon.reading import File, Only, Reading, blocks, not_what_it_claims, release
from rulener.lexicon.table import WORST_RANK, Row, Skipped

SYSTEMS = {"SNOMEDCT_US": "SNOMEDCT", "MSH": "MESH", "LNC": "LOINC", "HPO": "HP", "MDR": "MEDDRA"}
"""Vocabularies (SAB) whose system has another name here than in the UMLS."""

_FILES = {"names": "MRCONSO.RRF", "types": "MRSTY.RRF", "ranks": "MRRANK.RRF"}
_COLUMNS = 18
_MARKS = {"O": "obsolete (O)", "E": "suppressible (E)", "Y": "suppressible (Y)"}
_HIGHEST_CUI = 1 << 27
_SHORT = 8  # shorter names that differ in case only may be different words: an acronym and a noun


def read_umls(
    path: Path,
    reading: Reading,
    *,
    labels: LabelMap | None = None,
    language: tuple[str, ...] = ("ENG",),
    source: tuple[str, ...] = (),
    term_type: tuple[str, ...] = (),
    semantic_type: tuple[str, ...] = (),
    suppressible: bool = False,
    obsolete: bool = False,
    codes: str = "umls",
) -> Iterator[Row]:
    """The names of a UMLS release, a concept at a time.

    Filters: `language` (LAT), `source` (SAB), `term_type` (TTY), `semantic_type` (TUI or a group of the label map); rows marked
    suppressible (E, Y) or obsolete (O) only when asked for. `codes`: `umls`, the CUI; `source`, the code in the vocabulary that
    has the name. Raises LexiconError L101, L103, L105, L106.
    """
    files = release(path, "UMLS release", _FILES, optional=["ranks"])
    labels = labels or label_map("umls")
    types = _read_types(files["types"], reading, labels, Only.of(labels.expanded(semantic_type)))
    ranks: dict[tuple[str, str], int] = {}
    if "ranks" in files:
        ranks = _read_ranks(files["ranks"], reading)
    else:
        reading.remark("there is no MRRANK.RRF: every name has rank 0")
    atoms = _Atoms(ranks, Only.of(source), Only.of(term_type), _wanted_marks(suppressible, obsolete))
    yield from _read_names(files["names"], reading, types, atoms, frozenset(one.upper() for one in language), codes == "source")


def _wanted_marks(suppressible: bool, obsolete: bool) -> frozenset[str]:
    return frozenset("N") | (frozenset("EY") if suppressible else frozenset()) | (frozenset("O") if obsolete else frozenset())


# --- semantic types ---------------------------------------------------------------------------------------------------


@dataclass(slots=True)
class _Types:
    """What a CUI is: the place of its entry in `entries`, by the CUI's number; 0 when MRSTY has none."""

    of: bytearray
    others: dict[str, int]  # CUIs that are not C and digits
    entries: list[tuple[str, str, str]]  # label, semantic type, why it is left out; no label: left out

    def entry(self, cui: str) -> tuple[str, str, str]:
        if cui[:1] == "C" and cui[1:].isdecimal():
            number = int(cui[1:])
            return self.entries[self.of[number] if number < len(self.of) else 0]
        return self.entries[self.others.get(cui, 0)]


def _read_types(file: File, reading: Reading, labels: LabelMap, only: Only) -> _Types:
    """One entry a semantic type; of several the one whose label is preferred."""
    types = _Types(bytearray(1 << 20), {}, [("", "", "no semantic type in MRSTY.RRF")])
    numbers: dict[str, int] = {}
    preference = [WORST_RANK + 2]  # by entry
    of = types.of
    skipped = reading.of(file.name)
    good = False
    for first, lines in blocks(file, reading):
        for line_number, line in enumerate(lines, first):
            fields = line.split("|")
            if len(fields) < 4 or not fields[1]:
                if line:
                    if line_number == 1000 and not good:
                        raise not_what_it_claims(file, line_number, "this is no MRSTY.RRF: its rows are not CUI|TUI|STN|STY|")
                    skipped.add(f"{len(fields)} columns, at least 4 are needed", line_number)
                continue
            good = True
            cui, tui, _, name = fields[:4]
            number = numbers.get(tui)
            if number is None:
                if len(numbers) == 255:
                    skipped.add("more than 255 semantic types", line_number)
                    continue
                entry, order = _type_entry(tui, name, labels, only)
                number = numbers[tui] = len(types.entries)
                types.entries.append(entry)
                preference.append(order)
            if cui[:1] == "C" and cui[1:].isdecimal() and len(cui) < 10:
                at = int(cui[1:])
                if at >= len(of):
                    if at >= _HIGHEST_CUI:
                        skipped.add("a CUI beyond C134217727", line_number)
                        continue
                    of.extend(bytes(max(at + 1 - len(of), len(of))))
                if preference[number] < preference[of[at]]:
                    of[at] = number
            elif preference[number] < preference[types.others.get(cui, 0)]:
                types.others[cui] = number
    return types


def _type_entry(tui: str, name: str, labels: LabelMap, only: Only) -> tuple[tuple[str, str, str], int]:
    """What becomes of concepts of a semantic type, and its preference."""
    found = labels.keys.get(tui.upper())
    if tui not in only and not (only.wanted and name.upper() in only.wanted):
        return ("", tui, "semantic type not asked for"), WORST_RANK + 1
    if found is None:
        return ("", tui, f"no label for semantic type {tui} {name}"), WORST_RANK
    return (found[1], tui, ""), found[0]


# --- ranks ------------------------------------------------------------------------------------------------------------


def _read_ranks(file: File, reading: Reading) -> dict[tuple[str, str], int]:
    """(SAB, TTY) -> 0 for the best. MRRANK's numbers are higher for the better."""
    found: dict[tuple[str, str], int] = {}
    skipped = reading.of(file.name)
    for first, lines in blocks(file, reading):
        for number, line in enumerate(lines, first):
            fields = line.split("|")
            if len(fields) < 3 or not fields[0].isdecimal():
                if line:
                    skipped.add("not RANK|SAB|TTY|SUPPRESS|", number)
                continue
            key = (fields[1], fields[2])
            found[key] = max(found.get(key, 0), int(fields[0]))
    best = max(found.values(), default=0)
    return {key: min(best - rank, WORST_RANK) for key, rank in found.items()}


# --- names ------------------------------------------------------------------------------------------------------------


class _Atoms:
    """Whether names of a source, term type and mark are wanted, and their rank; decided once for each combination."""

    def __init__(self, ranks: dict[tuple[str, str], int], source: Only, term_type: Only, marks: frozenset[str]) -> None:
        self._ranks = ranks
        self._worst = min(max(ranks.values(), default=-1) + 1, WORST_RANK)
        self._source = source
        self._term_type = term_type
        self._marks = marks
        self.known: dict[tuple[str, str, str], int | str] = {}

    def decide(self, key: tuple[str, str, str]) -> int | str:
        """The rank, or why it is left out."""
        source, term_type, mark = key
        verdict: int | str
        if source not in self._source:
            verdict = "source not asked for"
        elif mark not in self._marks:
            verdict = _MARKS.get(mark, "SUPPRESS is not N, O, E or Y")
        elif term_type not in self._term_type:
            verdict = "term type not asked for"
        else:
            verdict = self._ranks.get((source, term_type), self._worst)
        self.known[key] = verdict
        return verdict


_Atom = tuple[bool, int, int, str, str, str, str]  # not preferred, rank, line, name, source, term type, code


def _read_names(
    file: File, reading: Reading, types: _Types, atoms: _Atoms, languages: frozenset[str], source_codes: bool
) -> Iterator[Row]:
    skipped = reading.of(file.name)
    skip = skipped.add
    known = atoms.known
    decide = atoms.decide
    only_language = next(iter(languages)) if len(languages) == 1 else None
    not_in_language = f"language is not {' or '.join(sorted(languages))}"
    current = ""
    entry = ("", "", "")
    group: list[_Atom] = []
    good = False
    for first, lines in blocks(file, reading):
        for number, line in enumerate(lines, first):
            if line[9:12] != only_language and line[8:9] == line[12:13] == "|" and (only_language or line[9:12] not in languages):
                skip(not_in_language, number)
                continue
            fields = line.split("|")
            if len(fields) != _COLUMNS + 1:
                if not line:
                    continue
                if len(fields) != _COLUMNS:
                    if not good and number >= 1000:
                        raise not_what_it_claims(file, number, f"this is no MRCONSO.RRF: {len(fields)} columns, 18 are needed")
                    skip(f"{len(fields) - 1 if line[-1] == '|' else len(fields)} columns, 18 are needed", number)
                    continue
            good = True
            cui = fields[0]
            if cui != current:
                if group:
                    yield from _rows(current, entry, group, skipped, source_codes)
                    group = []
                current = cui
                entry = types.entry(cui)
            if fields[1] not in languages:
                skip(not_in_language, number)
                continue
            key = (fields[11], fields[12], fields[16])
            verdict = known.get(key)
            if verdict is None:
                verdict = decide(key)
            if verdict.__class__ is str:
                skip(verdict, number)
                continue
            if not entry[0]:
                skip(entry[2], number)
                continue
            name = fields[14]
            if not name:
                skip("no name", number)
                continue
            preferred = fields[2] == "P" and fields[4] == "PF" and fields[6] == "Y"
            group.append((not preferred, verdict, number, name, key[0], key[1], fields[13]))  # type: ignore[arg-type]
    if group:
        yield from _rows(current, entry, group, skipped, source_codes)


def _rows(cui: str, entry: tuple[str, str, str], group: list[_Atom], skipped: Skipped, source_codes: bool) -> list[Row]:
    """The rows of one concept: best rank first for a name that is there more than once, else in the file's order."""
    label, tui, _ = entry
    new = tuple.__new__
    if len(group) == 1:
        _, rank, number, name, source, term_type, code = group[0]
        system, code = (SYSTEMS.get(source, source), code) if source_codes else ("UMLS", cui)
        return [new(Row, (number, name, label, system, code, name, tui, False, source, term_type, rank, "", "", "", 0, ""))]
    title = min(group)[3]
    kept: dict[str, _Atom] = {}
    for atom in group:
        name = atom[3]
        key = name.lower() if len(name) > _SHORT else name
        if source_codes:
            key = f"{atom[4]}|{atom[6]}|{key}"
        before = kept.get(key)
        if before is None:
            kept[key] = atom
            continue
        if atom[1] < before[1]:
            kept[key] = atom
        skipped.add("the same name of the concept again", max(atom, before, key=lambda one: one[1])[2])
    rows = []
    for _, rank, number, name, source, term_type, code in kept.values():
        system, code = (SYSTEMS.get(source, source), code) if source_codes else ("UMLS", cui)
        rows.append(new(Row, (number, name, label, system, code, title, tui, False, source, term_type, rank, "", "", "", 0, "")))
    return rows
