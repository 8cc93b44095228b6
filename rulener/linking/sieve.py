"""The sieve: from a mention's words to ranked concepts, the nearest reading first (docs/design/linking.md, section 3).

Every step takes only what the steps before it left. The idea of such a sieve for names of diseases is that of J. D'Souza and
V. Ng, "Sieve-based entity linking for the biomedical domain", ACL 2015.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, NamedTuple

from rulener.core.columns import LINKINGS, STEPS, Tables
from rulener.linking import words
from rulener.linking.abbreviations import SYMBOLS, meaning
from rulener.linking.causes import CAUSED, DRUG_LABELS, DRUG_WORDS, Causes
from rulener.linking.note import Note
from rulener.linking.short_forms import Sense, ShortForms, best_supported, usual

if TYPE_CHECKING:
    from rulener.linking.index import NameIndex
    from rulener.linking.spelling import Corrector

RESOLVED, AMBIGUOUS, UNRESOLVED = LINKINGS.index("resolved"), LINKINGS.index("ambiguous"), LINKINGS.index("unresolved")
SCORES = {  # of a name found by a step; that of `partial` is the share of the words, times this
    "exact": 1.0, "variant": 0.95, "cause": 0.95, "abbreviation": 0.95, "word_order": 0.9, "word_form": 0.85, "synonym": 0.8,
    "spelling": 0.75, "partial": 0.75, "composite": 0.8, "decision": 1.0,
}  # fmt: skip
LEVEL_STEPS = (
    ("words", "exact"),
    ("joined", "word_form"),
    ("word_order", "word_order"),
    ("word_form", "word_form"),
    ("synonym", "synonym"),
)
NEARLY_WHOLE = 0.675  # a name so near the whole of an enumeration counts before its parts
LESS_LIKELY = 0.8  # what another meaning of a short form counts when the evidence is for one
UNLIKELY = 0.5  # a name whose short form means something else here
LEAST_OF_DRUGS = 0.44  # of a partial match of a substance: a part of its name is most often another substance
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


class Sieve:
    """The steps over one artifact. `tables` and `index` are shared; nothing here depends on the order of calls."""

    def __init__(
        self,
        tables: Tables,
        index: NameIndex,
        steps: Iterable[str],
        min_score: float,
        spelling: Corrector | None = None,
        short_forms: ShortForms | None = None,
    ) -> None:
        self.short_forms = short_forms
        self.tables = tables
        self.index = index
        self.steps = frozenset(steps)
        self.min_score = min_score
        self.correct = spelling
        self._drug_labels = frozenset(k for k, name in enumerate(tables.labels) if name.lower() in DRUG_LABELS)
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
            if found and not (exact and found[0].step == "partial" and _is_word(note.text[mention.start : mention.end])):
                found = self._caused(readings[0][0], mention, note, tried) or found
                return [*_as("abbreviation", found), *exact][: MAX_CANDIDATES + len(exact)]
        caused = self._caused(mention.keys, mention, note, tried)
        if caused:
            return [*caused, *(c for c in exact if c.concept != caused[0].concept)]
        long = meaning(note.implied, note.text[mention.start : mention.end]) if "abbreviation" in self.steps else None
        if long is not None and (long.is_sure or not exact):
            found = self._by_words([key for key, _, _ in note.within(long.start, long.end)], mention, tried, deep=not exact)
            if found:
                return [*_as("abbreviation", found), *exact]
        short = self._short_form(mention, note, exact, tried)
        if short:
            return short
        if exact:
            tried.append(Tried("exact", own, exact))
            return exact
        if len(mention.words) > MAX_WORDS or not mention.words:
            return []
        plain = [(keys, kind) for keys, kind in readings if kind != "whole"]
        for step in (False, True):
            for keys, kind in [*plain, (mention.keys, ""), *_reworded(mention.keys)]:
                found = self._by_words(keys, mention, tried, deep=step)
                if found and kind == "part":
                    return _as("abbreviation", found)
                if found and (not step or found[0].score >= self.min_score):
                    return found
            if not step:
                shortened = self._shortened(mention, tried)
                if shortened:
                    return shortened
                parts = self._composite([*(keys for keys, _ in plain), mention.keys], mention, tried)
                if parts:
                    whole = self._by_words(mention.keys, mention, tried, deep=True)
                    return whole if whole and whole[0].score >= NEARLY_WHOLE else parts
        return []

    def _readings(self, mention: Mention, note: Note) -> Iterator[tuple[list[str], str]]:
        """The mention with the note's own abbreviations written out, and without what stands in brackets."""
        if "abbreviation" in self.steps:
            surface = note.text[mention.start : mention.end]
            symbol = SYMBOLS.get(surface)
            if symbol is not None and meaning(note.definitions, surface) is None:
                yield symbol.split(), "part"
            spelled, whole = self._written_out(mention, note, mention.words)
            if spelled:
                yield spelled, "whole" if whole else "part"
        text = note.text[mention.start : mention.end]
        bracket = re.search(r"(?<=\s)[(\[][^()\[\]]*[)\]]?", text)
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
        own = meaning(note.definitions, note.text[mention.start : mention.end])
        if own is not None and all_words == mention.words and not own.start <= mention.start < own.end:
            return [key for key, _, _ in note.within(own.start, own.end)], True
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

    # --- the abbreviation lexicon -------------------------------------------------------------------------------------

    def _short_form(self, mention: Mention, note: Note, exact: list[Candidate], tried: list[Tried]) -> list[Candidate]:
        """What the abbreviation lexicon and its evidence say of a short form; equals, so ambiguous, when nothing speaks for one
        meaning more than for the others. Nothing when it has one meaning and the artifact the short form itself."""
        if "abbreviation" not in self.steps or self.short_forms is None:
            return []
        surface = note.text[mention.start : mention.end]
        senses = self.short_forms.senses(surface) if any(char.isupper() for char in surface) else ()
        if not senses or (len(senses) == 1 and exact):
            return []
        found = [self._of_sense(sense, mention, tried) for sense in senses]
        chosen = best_supported(senses, note, mention.start, mention.end, mention.section)
        if chosen is None and (often := usual(senses)) is not None and found[often]:
            chosen = often
        if chosen is not None and not found[chosen]:
            return [c._replace(score=min(c.score, UNLIKELY)) for c in exact]  # what is meant has no name here
        if chosen is None:
            own = [c._replace(score=SCORES["abbreviation"], step="abbreviation", rank=(0, 0)) for c in exact]
            others = [f[0]._replace(score=SCORES["abbreviation"], rank=(0, 0)) for f in found if f]
            return list({c.concept: c for c in [*others, *own]}.values()) if len(others) > 1 or (own and others) else others
        others = [c for number, f in enumerate(found) if number != chosen for c in f[:1]] + exact
        rest = [c._replace(score=round(min(c.score * LESS_LIKELY, found[chosen][0].score * LESS_LIKELY), 4)) for c in others]
        kept: dict[int, Candidate] = {}
        for candidate in [*found[chosen], *rest]:
            kept.setdefault(candidate.concept, candidate)
        return list(kept.values())

    def _of_sense(self, sense: Sense, mention: Mention, tried: list[Tried]) -> list[Candidate]:
        for name in sense.names:
            found = self._by_words(name, mention, tried, deep=False)
            if found:
                return _as("abbreviation", found)
        return []

    def _shortened(self, mention: Mention, tried: list[Tried]) -> list[Candidate]:
        """The concept of a shortened or everyday name."""
        if "abbreviation" not in self.steps or self.short_forms is None:
            return []
        for sense in self.short_forms.shortened(mention.keys):
            found = self._of_sense(sense, mention, tried)
            if found:
                return found
        return []

    # --- the drug-induced kind ----------------------------------------------------------------------------------------

    def _caused(self, keys: Sequence[str], mention: Mention, note: Note, tried: list[Tried]) -> list[Candidate]:
        """The drug-induced kind of what these words name, when they or the note say that a drug is the cause."""
        if "cause" not in self.steps or len(keys) > MAX_WORDS or (self._drug_labels and self._drug_labels == mention.labels):
            return []
        bare = self._after_cause(keys)
        if bare is None:
            causes = note.known.get("causes")
            if causes is None:
                causes = note.known["causes"] = Causes(note, self._is_drug)
            if keys not in causes:
                return []
            bare = keys
        if bare[0] in ("drug", "drugs"):
            return []
        for cause in CAUSED:
            for level, step in LEVEL_STEPS:
                found = self._at(level, [*cause, *bare], step, mention.labels) if step in self.steps else []
                if found:
                    made = _as("cause", found)
                    tried.append(Tried("cause", " ".join([*cause, *bare]), made))
                    return made
        return []

    def _after_cause(self, keys: Sequence[str]) -> Sequence[str] | None:
        """What follows "induced" in the words themselves, when a drug stands before it."""
        for k, key in enumerate(keys):
            if key in ("induced", "associated", "related") and 0 < k < len(keys) - 1:
                is_cause = keys[k - 1] in DRUG_WORDS or any(self._is_drug(keys[j:k]) for j in range(max(0, k - 3), k))
                return keys[k + 1 :] if is_cause else None
        return None

    def _is_drug(self, keys: Sequence[str]) -> bool:
        """Whether a name with these words, perhaps inflected, is a drug's."""
        for level in ("words", "word_form"):
            for name in self.index.find(level, keys):
                if any(self.tables.term_label(term) in self._drug_labels for term in self.index.terms(name)):
                    return True
        return False

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
            found = self._spelt(keys, labels, tried)
            if found:
                return found
        if "partial" in self.steps:
            found = self._partial(keys, labels)
            tried.append(Tried("partial", " ".join(keys), found))
            return found
        return []

    def _spelt(self, keys: Sequence[str], labels: frozenset[int] | None, tried: list[Tried]) -> list[Candidate]:
        """Names whose words are an edit or two away from these. Between two words as near that lead to different concepts nothing
        is chosen, unless they are drugs: these are all shown, equal, with every drug within two edits of the one found."""
        assert self.correct is not None
        near = [self.correct(key) for key in keys]
        fixed = [words_near[0] if len(words_near) == 1 else key for key, words_near in zip(keys, near, strict=True)]
        for k, choices in enumerate(near):
            found = [made for word in choices if (made := self._respelt(keys, fixed, k, word, labels))[0]]
            if any(is_drug for _, is_drug in found):
                alike = {other for word in (keys[k], *choices) for other in self.correct.look_alikes(word)} - set(choices)
                found += [m for word in sorted(alike) if (m := self._respelt(keys, fixed, k, word, labels))[0] and m[1]]
            if choices:
                edits = ", ".join(f"{keys[k]} -> {word}" for word in choices)
                tried.append(Tried("spelling", edits, [candidates[0] for candidates, _ in found]))
            firsts: dict[Any, Candidate] = {}
            for candidates, _ in found:
                firsts.setdefault(self.tables.concept_key(candidates[0].concept), candidates[0])
            if len(firsts) == 1:
                return found[0][0]
            if any(is_drug for _, is_drug in found):
                return [c._replace(rank=(0, 0)) for c in firsts.values()][:MAX_CANDIDATES]
        return []

    def _respelt(
        self, keys: Sequence[str], fixed: Sequence[str], k: int, word: str, labels: frozenset[int] | None
    ) -> tuple[list[Candidate], bool]:
        """The concepts of the words with one replaced and the others corrected; whether they are a drug's."""
        made = [*fixed[:k], word, *fixed[k + 1 :]]
        for level, step in LEVEL_STEPS:
            found = [] if step not in self.steps else self._at(level, made, "spelling", labels)
            if found:
                edits = ", ".join(f"{a} -> {b}" for a, b in zip(keys, made, strict=True) if a != b)
                return [c._replace(matched=f"{c.matched} ({edits})") for c in found], self._is_drug(made)
        return [], False

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
            of_drugs = labels is not None and labels <= self._drug_labels
            least = max(self.min_score, LEAST_OF_DRUGS if of_drugs else 0.0) / SCORES["partial"]
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


def _reworded(keys: Sequence[str]) -> Iterator[tuple[list[str], str]]:
    """The same in other words: a function that is decreased, or impaired; what has a cause without the cause."""
    if "function" in keys or "functions" in keys:
        rest = [key for key in keys if key not in ("function", "functions", *words.LESS, *words.IMPAIRED, *words.FUNCTION_WORDS)]
        for how, nouns in ((words.LESS, ("insufficiency", "failure")), (words.IMPAIRED, ("impairment", "insufficiency"))):
            if rest and any(key in how for key in keys):
                yield from (([*rest, noun], "") for noun in nouns)
    for k, key in enumerate(keys):
        if key in ("induced", "associated", "related") and 0 < k < len(keys) - 1:
            yield list(keys[k + 1 :]), ""
    base = [key for key in keys if key not in words.SALTS]
    if base and len(base) < len(keys):
        yield base, ""


def _is_word(text: str) -> bool:
    """Whether this is written as a word, not as a short form."""
    return len(text) > 4 and text[1:].islower()


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
