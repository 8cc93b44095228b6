"""What is in a lexicon: figures over all of it, and what it says of one surface or code."""

from __future__ import annotations

import heapq
from array import array
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from rulener.lexicon.surface import key
from rulener.lexicon.table import Row

EXAMPLES = 10
NEAREST = 5
_LEAST_ALIKE = 0.45  # share of letter pairs two surfaces have in common


@dataclass(slots=True)
class Figures:
    """Counts of a lexicon. `surfaces`: different ones to the matcher; `ambiguous`: those with more than one concept."""

    rows: int = 0
    concepts: int = 0
    surfaces: int = 0
    ambiguous: int = 0
    most_ambiguous: list[tuple[str, int]] = field(default_factory=list)
    longest: str = ""
    by: dict[str, dict[str, int]] = field(default_factory=dict)
    """`label`, `system`, `source`, `term_type`, `variant`, `use` -> value -> rows; a value that is empty is not counted."""


def figures(rows: Callable[[], Iterable[Row]]) -> Figures:
    """Counts over the rows, which are read twice when surfaces are ambiguous. Memory: 16 bytes a row."""
    found = Figures(by={name: {} for name in ("label", "system", "source", "term_type", "variant", "use")})
    by_label = found.by["label"]
    others = [found.by[name] for name in ("system", "source", "term_type", "variant", "use")]
    surfaces, concepts = array("q"), array("q")
    longest = 0
    for row in rows():
        found.rows += 1
        surfaces.append(hash(key(row.term)))
        concepts.append(hash(_concept(row)))
        by_label[row.label] = by_label.get(row.label, 0) + 1
        for value, counts in zip((row.system, row.source, row.term_type, row.variant, row.use), others, strict=True):
            if value:
                counts[value] = counts.get(value, 0) + 1
        if len(row.term) > longest:
            longest, found.longest = len(row.term), row.term
    if not found.rows:
        return found
    pairs = np.unique(np.column_stack([np.frombuffer(surfaces, np.int64), np.frombuffer(concepts, np.int64)]), axis=0)
    found.concepts = len(np.unique(pairs[:, 1]))
    hashes, counts_ = np.unique(pairs[:, 0], return_counts=True)
    found.surfaces = len(hashes)
    found.ambiguous = int((counts_ > 1).sum())
    found.most_ambiguous = _spelled(rows, dict(zip(hashes[counts_ > 1].tolist(), counts_[counts_ > 1].tolist(), strict=True)))
    found.by = {name: dict(sorted(counts.items(), key=lambda item: (-item[1], item[0]))) for name, counts in found.by.items()}
    return found


def _concept(row: Row) -> tuple[str, str]:
    """A concept is its code; without one its name."""
    return (row.system, row.code) if row.code else ("", row.preferred or row.term)


def _spelled(rows: Callable[[], Iterable[Row]], ambiguous: dict[int, int]) -> list[tuple[str, int]]:
    """The surfaces with most concepts, as they are written first."""
    least = sorted(ambiguous.values(), reverse=True)[:EXAMPLES][-1:]
    wanted = {one: count for one, count in ambiguous.items() if count >= least[0]} if least else {}
    texts: dict[int, str] = {}
    if wanted:
        for row in rows():
            surface = hash(key(row.term))
            if surface in wanted and surface not in texts:
                texts[surface] = row.term
                if len(texts) == len(wanted):
                    break
    ordered = sorted(((texts.get(one, ""), count) for one, count in wanted.items()), key=lambda item: (-item[1], item[0]))
    return ordered[:EXAMPLES]


def matching(rows: Iterable[Row], wanted: str) -> Iterator[Row]:
    """The rows of a surface, as the matcher folds it, and those of a code: `SYSTEM:CODE`, or a code alone."""
    surface, code = key(wanted), wanted.casefold()
    for row in rows:
        is_it = bool(surface) and key(row.term) == surface
        if is_it or (row.code and code in (row.code.casefold(), f"{row.system}:{row.code}".casefold())):
            yield row


def facts(row: Row) -> dict[str, Any]:
    """The values that a row has, by name."""
    return {name: value for name, value in row._asdict().items() if value not in ("", 0, False) or name == "rank"}


def nearest(rows: Iterable[Row], wanted: str) -> list[str]:
    """The surfaces and codes most alike by their pairs of letters, best first."""
    folded = key(wanted)
    pairs = _pairs(folded)
    code = wanted.casefold()
    code_pairs = _pairs(code) if any(char.isdigit() for char in wanted) else frozenset()
    best: dict[str, float] = {}
    names: dict[str, str] = {}
    low, high = len(folded) * 0.6, len(folded) * 1.6
    for row in rows:
        if low <= len(row.term) <= high and (surface := key(row.term)) not in names:
            alike = _alike(pairs, _pairs(surface))
            if alike >= _LEAST_ALIKE:
                names[surface] = row.term
                best[surface] = alike
        if code_pairs and row.code:
            name = f"{row.system}:{row.code}" if ":" in wanted else row.code
            alike = _alike(code_pairs, _pairs(name.casefold()))
            if alike >= _LEAST_ALIKE:
                best[name] = alike
                names[name] = name
        if len(best) > 4096:
            best = _kept(best, NEAREST * 4)
            names = {one: names[one] for one in best}
    return [names[one] for one in _kept(best, NEAREST)]


def _kept(found: dict[str, float], count: int) -> dict[str, float]:
    return dict(heapq.nsmallest(count, found.items(), key=lambda item: (-item[1], item[0])))


def _pairs(text: str) -> frozenset[str]:
    text = f" {text} "
    return frozenset([text[k : k + 2] for k in range(len(text) - 1)])


def _alike(one: frozenset[str], other: frozenset[str]) -> float:
    return 2 * len(one & other) / (len(one) + len(other))
