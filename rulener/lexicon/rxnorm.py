"""RxNorm: RXNCONSO.RRF (names), RXNREL.RRF (brand and ingredient), RXNSAT.RRF (drugs for animals).

Memory: a name and term type for each RxNorm concept. Format: RxNorm Technical Documentation, NLM.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from rulener.lexicon.label_map import LabelMap, label_map
from rulener.lexicon.reading import File, Only, Reading, blocks, not_what_it_claims, release
from rulener.lexicon.table import Row

_FILES = {"names": "RXNCONSO.RRF", "relations": "RXNREL.RRF", "attributes": "RXNSAT.RRF"}
_SYNONYMS = frozenset(("SY", "TMSY", "PSN", "ET"))
_ORDER = (
    "IN", "PIN", "MIN", "BN", "PSN", "SCD", "SBD", "GPCK", "BPCK", "SY", "TMSY", "SCDF", "SBDF", "SCDG", "SBDG", "SCDC", "SBDC",
)  # fmt: skip
_RANKS = {term_type: rank for rank, term_type in enumerate(_ORDER)}
_OTHER_SOURCES = 100  # added to the rank of a name of another vocabulary
_PRESCRIBABLE = 4096  # in CVF: RxNorm Current Prescribable Content
_MARKS = {"O": "obsolete (O)", "E": "suppressible (E)", "Y": "suppressible (Y)"}


def read_rxnorm(
    path: Path,
    reading: Reading,
    *,
    labels: LabelMap | None = None,
    source: tuple[str, ...] = ("RXNORM",),
    term_type: tuple[str, ...] = (),
    suppressible: bool = False,
    obsolete: bool = False,
    prescribable: bool = False,
    brands: str = "own",
    veterinary: bool = False,
) -> Iterator[Row]:
    """The names of an RxNorm release.

    `source` (SAB), `term_type` (TTY of the name), suppressible and obsolete rows as in the UMLS; `prescribable`: only names of
    the Current Prescribable Content; `brands`: `own`, a brand name is its own concept, or `ingredient`, it is its ingredients
    (the concept of several ingredients when there is one, else one row each); `veterinary`: drugs only for animals too.
    Raises LexiconError L101, L103, L105, L106.
    """
    optional = ["attributes"] if brands == "ingredient" else ["attributes", "relations"]
    files = release(path, "RxNorm release", _FILES, optional)
    labels = labels or label_map("rxnorm")
    concepts = _read_concepts(files["names"], reading)
    marks = frozenset("N") | (frozenset("EY") if suppressible else frozenset()) | (frozenset("O") if obsolete else frozenset())
    animals: frozenset[str] = frozenset()
    if not veterinary and "attributes" in files:
        animals = _only_for_animals(files["attributes"], reading)
    elif not veterinary:
        reading.remark("there is no RXNSAT.RRF: drugs only for animals are not told apart")
    ingredients = _ingredients(files["relations"], reading, concepts) if brands == "ingredient" else {}
    only_source, only_type = Only.of(source), Only.of(term_type)
    skipped = reading.of(files["names"].name)
    seen: set[tuple[str, str]] = set()
    unlinked = 0
    again = Reading(reading.source, reading.meter)  # what is bad about rows was counted when the concepts were read
    for number, fields in _records(files["names"], again):
        code, sab, tty, name, mark = fields[0], fields[11], fields[12], fields[14], fields[16]
        title, own_type = concepts.get(code, (name, tty))
        found = labels.keys.get(own_type)
        if sab not in only_source:
            skipped.add("source not asked for", number)
        elif mark not in marks:
            skipped.add(_MARKS.get(mark, "SUPPRESS is not N, O, E or Y"), number)
        elif fields[1] != "ENG":
            skipped.add("language is not ENG", number)
        elif tty not in only_type:
            skipped.add("term type not asked for", number)
        elif found is None:
            skipped.add(f"no label for term type {own_type}", number)
        elif prescribable and not (fields[17].isdecimal() and int(fields[17]) & _PRESCRIBABLE):
            skipped.add("not prescribable", number)
        elif code in animals:
            skipped.add("only for animals", number)
        elif not name:
            skipped.add("no name", number)
        elif (code, name.lower()) in seen:
            skipped.add("the same name of the concept again", number)
        else:
            seen.add((code, name.lower()))
            rank = _RANKS.get(tty, len(_ORDER)) + (0 if sab == "RXNORM" else _OTHER_SOURCES)
            if own_type == "BN" and brands == "ingredient" and code not in ingredients:
                unlinked += 1
            for target in ingredients.get(code, (code,)) if own_type == "BN" else (code,):
                label = labels.keys.get(concepts[target][1], found)[1] if target in concepts else found[1]
                preferred = concepts[target][0] if target in concepts else title
                yield Row(number, name, label, "RXNORM", target, preferred, "", False, sab, tty, rank)
    if unlinked:
        reading.remark(f"{unlinked:,} names of brands without an ingredient in RXNREL.RRF are concepts of their own")


def _records(file: File, reading: Reading, *, columns: int = 18) -> Iterator[tuple[int, list[str]]]:
    """`(line, fields)`; rows with another number of columns are counted."""
    skipped = reading.of(file.name)
    good = False
    for first, lines in blocks(file, reading):
        for number, line in enumerate(lines, first):
            fields = line.split("|")
            if len(fields) == columns + 1 or len(fields) == columns:
                good = True
                yield number, fields
            elif line:
                if not good and number >= 1000:
                    raise not_what_it_claims(file, number, f"this is no {file.name}: {len(fields)} columns, {columns} are needed")
                skipped.add(f"{len(fields) - 1 if line[-1] == '|' else len(fields)} columns, {columns} are needed", number)


def _read_concepts(file: File, reading: Reading) -> dict[str, tuple[str, str]]:
    """RXCUI -> RxNorm's own name and term type of the concept."""
    concepts: dict[str, tuple[str, str]] = {}
    for _, fields in _records(file, reading):
        if fields[11] == "RXNORM" and fields[12] not in _SYNONYMS and fields[14]:
            concepts.setdefault(fields[0], (fields[14], fields[12]))
    return concepts


def _only_for_animals(file: File, reading: Reading) -> frozenset[str]:
    """RXCUIs with the attribute RXN_VET_DRUG and without RXN_HUMAN_DRUG."""
    animals: set[str] = set()
    people: set[str] = set()
    for _, fields in _records(file, reading, columns=13):
        if fields[8] == "RXN_VET_DRUG":
            animals.add(fields[0])
        elif fields[8] == "RXN_HUMAN_DRUG":
            people.add(fields[0])
    return frozenset(animals - people)


def _ingredients(file: File, reading: Reading, concepts: dict[str, tuple[str, str]]) -> dict[str, tuple[str, ...]]:
    """Brand -> its ingredients, from `tradename_of` and `has_tradename`; whichever end is a BN is the brand."""
    found: dict[str, set[str]] = {}
    for _, fields in _records(file, reading, columns=16):
        if fields[7] not in ("tradename_of", "has_tradename"):
            continue
        one, other = fields[0], fields[4]
        if concepts.get(one, ("", ""))[1] != "BN":
            one, other = other, one
        if concepts.get(one, ("", ""))[1] == "BN" and concepts.get(other, ("", ""))[1] in ("IN", "PIN", "MIN"):
            found.setdefault(one, set()).add(other)
    return {brand: _chosen(codes, concepts) for brand, codes in found.items()}


def _chosen(codes: set[str], concepts: dict[str, tuple[str, str]]) -> tuple[str, ...]:
    """The concept of several ingredients; without one the ingredients, a precise one only when it is alone."""
    for term_type in ("MIN", "IN", "PIN"):
        chosen = sorted(code for code in codes if concepts[code][1] == term_type)
        if chosen:
            return tuple(chosen)
    raise AssertionError("no ingredient")
