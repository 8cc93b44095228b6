"""The sieve: from a mention's words to ranked concepts, the nearest reading first (docs/design/linking.md, section 3).

Every step takes only what the steps before it left. The idea of such a sieve for names of diseases is that of J. D'Souza and
V. Ng, "Sieve-based entity linking for the biomedical domain", ACL 2015.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple

from rulener.core.columns import LINKINGS, STEPS, Tables
from rulener.linking import words
from rulener.linking.abbreviations import SYMBOLS, Definition, meaning

if TYPE_CHECKING:
    from rulener.linking.index import NameIndex

RESOLVED, AMBIGUOUS, UNRESOLVED = LINKINGS.index("resolved"), LINKINGS.index("ambiguous"), LINKINGS.index("unresolved")
SCORES = {  # of a name found by a step; that of `partial` is the share of the words, times this
    "exact": 1.0, "variant": 0.95, "case": 0.9, "abbreviation": 0.95, "word_order": 0.9, "word_form": 0.85, "synonym": 0.8,
    "spelling": 0.75, "partial": 0.75, "composite": 0.8, "decision": 1.0,
}  # fmt: skip
LEVEL_STEPS = (("words", "exact"), ("word_order", "word_order"), ("word_form", "word_form"), ("synonym", "synonym"))
NEARLY_WHOLE = 0.675  # a name so near the whole of an enumeration counts before its parts
SURE = 0.6  # a best candidate of less is not taken for granted
MAX_CANDIDATES = 5
MAX_WORDS = 24  # of a mention; the deeper steps leave longer ones alone
_AND = frozenset(("and", "or"))


class Candidate(NamedTuple):
    """A concept for a mention. The smaller its rank, the better among equals of score."""

    concept: int
    score: float
    step: str
    matched: str | None
    rank: tuple[int, int]


@dataclass(frozen=True, slots=True)
class Mention:
    """A mention as the sieve reads it: folded words (`(key, start, end)` in the note), and its label's bits."""

    start: int
    end: int
    words: tuple[tuple[str, int, int], ...]
    labels: frozenset[int] | None  # numbers of the compatible labels; None: any
    section: str | None = None

    @property
    def keys(self) -> list[str]:
        return [key for key, _, _ in self.words]


@dataclass(slots=True)
class Tried:
    """A step that was tried on a mention, on which words, and what it found."""

    step: str
    words: str
    found: list[Candidate] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Linked:
    linking: int
    candidates: tuple[Candidate, ...]
    why: str = ""


class Note(NamedTuple):
    """What the sieve knows of a note: its words, and the abbreviations it defines, by their folded words."""

    text: str
    words: tuple[tuple[str, int, int], ...]
    definitions: Mapping[str, Definition]

    def within(self, start: int, end: int) -> tuple[tuple[str, int, int], ...]:
        return tuple(word for word in self.words if start <= word[1] and word[2] <= end)


class Sieve:
    """The steps over one artifact. `tables` and `index` are shared; nothing here depends on the order of calls."""

    def __init__(self, tables: Tables, index: NameIndex, steps: Iterable[str], min_score: float, spelling: object = None) -> None:
        self.tables = tables
        self.index = index
        self.steps = frozenset(steps)
        self.min_score = min_score
        self.correct: Callable[[str], str | None] | None = spelling  # type: ignore[assignment]
        self._known: dict[tuple[tuple[str, ...], frozenset[int] | None, bool], tuple[list[Candidate], list[Tried]]] = {}

    # --- one mention --------------------------------------------------------------------------------------------------

    def link(self, mention: Mention, note: Note, exact: Sequence[Candidate]) -> tuple[Linked, list[Tried]]:
        """Rank the concepts of a mention; `exact` are those of the terms at exactly its place."""
        tried: list[Tried] = []
        found = self._candidates(mention, note, list(exact), tried)
        return judge(self.tables, found), tried

    def _candidates(self, mention: Mention, note: Note, exact: list[Candidate], tried: list[Tried]) -> list[Candidate]:
        own = " ".join(mention.keys)
        readings = list(self._readings(mention, note))
        defined = bool(readings) and readings[0][1] == "whole"
        if defined:  # the mention is an abbreviation: what the note says it stands for counts before any other meaning
            found = self._by_words(readings[0][0], mention, tried, deep=True)
            if found:
                return [*_as("abbreviation", found), *exact][: MAX_CANDIDATES + len(exact)]
        if exact:
            tried.append(Tried("exact", own, exact))
            return exact
        if len(mention.words) > MAX_WORDS or not mention.words:
            return []
        plain = [(keys, kind) for keys, kind in readings if kind != "whole"]
        for step in (False, True):
            for keys, kind in [*plain, (mention.keys, "")]:
                found = self._by_words(keys, mention, tried, deep=step)
                if found and kind == "part":
                    return _as("abbreviation", found)
                if found and (not step or found[0].score >= self.min_score):
                    return found
            if not step:
                parts = self._composite([*(keys for keys, _ in plain), mention.keys], mention, tried)
                if parts:
                    whole = self._by_words(mention.keys, mention, tried, deep=True)
                    return whole if whole and whole[0].score >= NEARLY_WHOLE else parts
        return []

    def _readings(self, mention: Mention, note: Note) -> Iterator[tuple[list[str], str]]:
        """The mention with the note's own abbreviations written out, and without what stands in brackets."""
        if "abbreviation" in self.steps:
            symbol = SYMBOLS.get(note.text[mention.start : mention.end])
            if symbol is not None:
                yield symbol.split(), "part"
            spelled, whole = self._written_out(mention, note, mention.words)
            if spelled:
                yield spelled, "whole" if whole else "part"
        text = note.text[mention.start : mention.end]
        bracket = re.search(r"[(\[][^()\[\]]*[)\]]?", text)
        if bracket and bracket.start() > 0:
            low, high = mention.start + bracket.start(), mention.start + bracket.end()
            outside = tuple(word for word in mention.words if not low <= word[1] < high)
            if outside and len(outside) < len(mention.words):
                yield [key for key, _, _ in outside], "bracket"
                spelled, _ = self._written_out(mention, note, outside)
                if spelled:
                    yield spelled, "part"

    def _written_out(self, mention: Mention, note: Note, all_words: tuple[tuple[str, int, int], ...]) -> tuple[list[str], bool]:
        """The words with every short form of the note replaced by its long form; whether one was the whole."""
        made: list[str] = []
        changed = whole = False
        k = 0
        while k < len(all_words):
            for size in (2, 1):
                part = all_words[k : k + size]
                if len(part) < size:
                    continue
                surface = note.text[part[0][1] : part[-1][2]]
                definition = meaning(note.definitions, surface)
                if definition is not None and not definition.start <= mention.start < definition.end:
                    made.extend(key for key, _, _ in note.within(definition.start, definition.end))
                    changed, whole = True, size == len(all_words)
                    k += size
                    break
            else:
                made.append(all_words[k][0])
                k += 1
        return (made, whole) if changed else ([], False)

    # --- by words -----------------------------------------------------------------------------------------------------

    def _by_words(self, keys: Sequence[str], mention: Mention, tried: list[Tried], *, deep: bool) -> list[Candidate]:
        """The steps on these words: first those that account for every word, with `deep` also those that do not."""
        known = self._known.get((tuple(keys), mention.labels, deep))
        if known is None:
            made: list[Tried] = []
            known = self._search(keys, mention.labels, made, deep), made
            if len(self._known) < 1 << 16:
                self._known[tuple(keys), mention.labels, deep] = known
        tried.extend(known[1])
        return known[0]

    def _search(self, keys: Sequence[str], labels: frozenset[int] | None, tried: list[Tried], deep: bool) -> list[Candidate]:
        if not keys:
            return []
        for level, step in LEVEL_STEPS:
            if step not in self.steps:
                continue
            if level == "synonym" and not any(words.unit(key) != words.GENERIC for key in words.content_words(keys)):
                continue  # "disorder" is not another word for every word of that kind
            found = self._at(level, keys, step, labels)
            tried.append(Tried(step, " ".join(keys), found))
            if found:
                return found
        if not deep:
            return []
        if "spelling" in self.steps and self.correct is not None:
            corrected = [self.correct(key) or key for key in keys]
            if corrected != list(keys):
                for level, step in LEVEL_STEPS:
                    found = [] if step not in self.steps else self._at(level, corrected, "spelling", labels)
                    if found:
                        edits = ", ".join(f"{a} -> {b}" for a, b in zip(keys, corrected, strict=True) if a != b)
                        tried.append(Tried("spelling", edits, found))
                        return [c._replace(matched=f"{c.matched} ({edits})") for c in found]
                tried.append(Tried("spelling", " ".join(corrected)))
        if "partial" in self.steps:
            found = self._partial(keys, labels)
            tried.append(Tried("partial", " ".join(keys), found))
            return found
        return []

    def _at(self, level: str, keys: Sequence[str], step: str, labels: frozenset[int] | None) -> list[Candidate]:
        names = self.index.find(level, keys)
        return best_of(self._of_names([(SCORES[step], name) for name in names], step, labels))

    def _partial(self, keys: Sequence[str], labels: frozenset[int] | None) -> list[Candidate]:
        content = words.content_words(keys)
        whole = [words.unit(key) for key in content]
        apart = [name for key in content for name in words.units(key)]
        toxic = words.unit(words.TOXIC)
        readings = [whole, apart, [words.GENERIC if name == toxic else name for name in apart]]
        found: list[tuple[float, int]] = []
        for number, units in enumerate(readings):
            if units in readings[:number]:
                continue
            least = self.min_score / SCORES["partial"]
            found += [(round(score - 0.06 * number, 6), name) for score, name in self.index.overlapping(units, least, labels)]
        scored = [(round(SCORES["partial"] * score, 4), name) for score, name in sorted(found, key=lambda f: (-f[0], f[1]))]
        return best_of(self._of_names(scored, "partial", labels))

    def _of_names(self, names: Sequence[tuple[float, int]], step: str, labels: frozenset[int] | None) -> Iterator[Candidate]:
        for score, name in names:
            for term in self.index.terms(name):
                if labels is not None and self.tables.term_label(term) not in labels:
                    continue
                for concept, is_variant, rank in self.tables.term_links(term):
                    if self.tables.concept_key(concept)[1] is not None:
                        yield Candidate(concept, score, step, self.index.text(name), (int(is_variant), rank))

    # --- composite mentions -------------------------------------------------------------------------------------------

    def _composite(self, readings: Sequence[Sequence[str]], mention: Mention, tried: list[Tried]) -> list[Candidate]:
        """ "breast and ovarian cancer": breast cancer, ovarian cancer. Every part must account for all its words."""
        if "composite" not in self.steps:
            return []
        for keys in readings:
            for parts in _split(keys):
                found = [self._by_words(part, mention, tried, deep=False) for part in parts]
                if all(found):
                    made = [f[0]._replace(score=SCORES["composite"], step="composite") for f in found]
                    tried.append(Tried("composite", "; ".join(" ".join(part) for part in parts), made))
                    return list({c.concept: c for c in made}.values())
        return []


def _split(keys: Sequence[str]) -> Iterator[list[list[str]]]:
    """The parts of an enumeration, each with the words that the last (or the first) part has for all of them."""
    cuts = [k for k, key in enumerate(keys) if key in _AND]
    if not cuts or len(cuts) > 4:
        return
    parts: list[list[str]] = [[]]
    for key in keys:
        if key in _AND:
            parts.append([])
        else:
            parts[-1].append(key)
    parts = [part for part in parts if part]
    if len(parts) < 2:
        return
    yield parts
    last, first = parts[-1], parts[0]
    for shared in range(1, len(last)):
        yield [*([*part, *last[-shared:]] for part in parts[:-1]), last]
    for shared in range(1, len(first)):
        yield [first, *([*first[:shared], *part] for part in parts[1:])]


def _as(step: str, found: Sequence[Candidate]) -> list[Candidate]:
    return [c._replace(step=step, score=round(c.score * SCORES[step], 4)) for c in found]


def best_of(candidates: Iterable[Candidate]) -> list[Candidate]:
    """Each concept once, best first: score, original before variant, rank, then as they came."""
    ranked = sorted(candidates, key=lambda c: (-c.score, c.rank))
    found: dict[int, Candidate] = {}
    for candidate in ranked:
        found.setdefault(candidate.concept, candidate)
    return list(found.values())[:MAX_CANDIDATES]


def judge(tables: Tables, candidates: Sequence[Candidate]) -> Linked:
    """Resolved when no other code of the best one's system is as good."""
    coded = [(c, tables.concept_key(c.concept)) for c in candidates]
    coded = [(c, key) for c, key in coded if key[1] is not None]
    if not coded:
        return Linked(UNRESOLVED, tuple(candidates))
    best, best_key = coded[0]
    if best.step == "composite":
        return Linked(RESOLVED, tuple(candidates))
    if best.score < SURE:
        return Linked(AMBIGUOUS, tuple(candidates), "the best name is not near")
    for other, key in coded[1:]:
        if (other.score, other.rank) == (best.score, best.rank) and key[0] == best_key[0] and key != best_key:
            return Linked(AMBIGUOUS, tuple(candidates), "another name is as near")
    return Linked(RESOLVED, tuple(candidates))


STEP_NUMBERS = {step: number for number, step in enumerate(STEPS)}
