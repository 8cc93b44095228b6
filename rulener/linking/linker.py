"""What the engine asks for: links the mentions of a batch, once it has been scanned.

Found mentions have their concepts from the artifact; the linker looks only at those that the scanner flagged (a name with several
equal concepts, a bracket behind the mention) and at those a decision is about. Given mentions go through the sieve.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rulener.core.columns import LINKINGS, STEPS, Batch, Tables
from rulener.errors import UsageError
from rulener.linking.abbreviations import MAX_SHORT, is_short_form, meaning, stands_for
from rulener.linking.causes import may_name_causes
from rulener.linking.note import Note, note_of
from rulener.linking.sections import expects
from rulener.linking.short_forms import Sense, ShortForms, best_near, names_sense, read_short_forms, shipped
from rulener.linking.sieve import (
    AMBIGUOUS,
    RESOLVED,
    SCORES,
    STEP_NUMBERS,
    SURE,
    UNLIKELY,
    Candidate,
    Linked,
    Mention,
    Sieve,
    Tried,
    judge,
)

if TYPE_CHECKING:
    from rulener.linking.decisions import Decisions

DEFAULT_STEPS = tuple(step for step in STEPS if step not in ("spelling", "decision"))
DEFAULT_MIN_SCORE = 0.3
_OPTIONS = ("steps", "min_score", "abbreviations", "deep")
ROW_AMBIGUOUS, ROW_BRACKET = 1, 2
_SHORT_IN_BRACKET = re.compile(r"\s?[(\[]([^\s()\[\]]{2,10})[)\];,:]")
_LONG_IN_BRACKET = re.compile(r"\s?[(\[]([^()\[\]\n]{2,120})[)\]]")


@dataclass(frozen=True, slots=True)
class Options:
    """What the linker does. `steps` that are switched off are not tried; `min_score` is the least a partial match may have;
    `abbreviations` is the file of the abbreviation lexicon, None for that of the package. With `deep` the steps for given
    mentions are tried on those found mentions of rules that have no concept."""

    steps: tuple[str, ...] = DEFAULT_STEPS
    min_score: float = DEFAULT_MIN_SCORE
    abbreviations: str | None = None
    deep: bool = False
    short_forms: ShortForms = field(default_factory=shipped, compare=False)

    @property
    def is_default(self) -> bool:
        return self == Options()

    def to_dict(self) -> dict[str, Any]:
        made: dict[str, Any] = {"steps": list(self.steps), "min_score": self.min_score}
        if self.deep:
            made["deep"] = True
        return made if self.abbreviations is None else {**made, "abbreviations": self.abbreviations}

    def keys(self) -> dict[str, Any]:
        """What of the options changes results, whatever the place of files."""
        made = self.to_dict()
        return made if self.abbreviations is None else {**made, "abbreviations": self.short_forms.sha256}


def read_options(given: Mapping[str, Any] | bool | None) -> Options | None:
    """Options from what a caller gave: None or True for the defaults, False for no linking. Raises UsageError: U250 an option is
    wrong, U255 the abbreviations are."""
    if given is False:
        return None
    if given is None or given is True:
        return Options()
    unknown = sorted(given.keys() - set(_OPTIONS))
    if unknown:
        raise UsageError("U250", f"linking has no option {unknown[0]!r}", hint="options: " + ", ".join(_OPTIONS))
    steps = given.get("steps", DEFAULT_STEPS)
    known = [step for step in STEPS if step != "decision"]
    wrong = [step for step in steps if step not in known] if not isinstance(steps, str) else [steps]
    if wrong:
        raise UsageError("U250", f"linking has no step {wrong[0]!r}", hint="steps: " + ", ".join(known))
    least = given.get("min_score", DEFAULT_MIN_SCORE)
    if not isinstance(least, int | float) or isinstance(least, bool) or not 0 <= least <= 1:
        raise UsageError("U250", f"linking: min_score is {least!r}, not a number from 0 to 1")
    deep = given.get("deep", False)
    if not isinstance(deep, bool):
        raise UsageError("U250", f"linking: deep is {deep!r}, not true or false")
    path = given.get("abbreviations")
    if path is not None and not isinstance(path, str | os.PathLike):
        raise UsageError("U250", f"linking: abbreviations is {path!r}, not a path")
    short_forms = shipped() if path is None else read_short_forms(Path(path))
    return Options(
        tuple(step for step in STEPS if step in steps), float(least), None if path is None else os.fspath(path), deep, short_forms
    )


Tokenise = Callable[[str], Sequence[tuple[Any, ...]]]
_KNOWN = 50_000  # judgements kept
_Key = tuple[int, int | None]


@dataclass(slots=True)
class _NoteRows:
    """The rows of one note that need a look."""

    ambiguous: list[int] = field(default_factory=list)
    bracket: list[int] = field(default_factory=list)
    short: list[tuple[int, tuple[Sense, ...]]] = field(default_factory=list)
    uncoded: list[int] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class _Judged:
    """A judgement, the candidates that are as good as the best by what names their code, and the one that is sure."""

    linked: Linked
    equal: Mapping[_Key, Candidate]
    sure: _Key | None


class Linker:
    """Links the mentions of one artifact. Threads may share it: what it keeps never changes a result."""

    def __init__(
        self,
        tables: Tables,
        sections: Mapping[str, Any],
        options: Options | None,
        decisions: Decisions | None,
        compatible: Callable[[str], frozenset[int] | None],
        names_file: Callable[[], tuple[Path, str]] | None = None,
    ) -> None:
        """`names_file` gives where the index of names may be kept, and the key of the artifact it is made from."""
        self._names_file = names_file
        self.tables = tables
        self.options = options
        self._sections = sections
        self._compatible = compatible
        self._sieve: Sieve | None = None
        self._known: dict[tuple[int, ...], _Judged] = {}
        self._deep: dict[tuple[str, str], Linked] = {}
        self._senses: dict[tuple[int, ...], int | None] = {}
        self._decided: dict[tuple[str, str, str | None], int | None] = {}
        self._decisions = decisions
        if decisions is not None:
            self._decided = decisions.resolve(tables)
            self._surfaces = {surface for surface, _, _ in self._decided}

    @property
    def is_active(self) -> bool:
        return self.options is not None or bool(self._decided)

    @property
    def sieve(self) -> Sieve:
        """The deeper steps; the index of names is built when it is first needed."""
        if self._sieve is None:
            from rulener.linking.index import NameIndex, version

            assert self.options is not None
            correct = None
            try:
                path, key = self._names_file() if self._names_file is not None else (None, "")
                index = NameIndex.of(self._sections, path, f"{key} {version()}")
            except (ArithmeticError, IndexError, KeyError, TypeError, ValueError) as error:
                raise self.tables.corrupt() from error
            if "spelling" in self.options.steps:
                from rulener.linking.spelling import Corrector

                correct = Corrector(index.spellings)
            self._sieve = Sieve(self.tables, index, self.options.steps, self.options.min_score, correct, self.options.short_forms)
        return self._sieve

    # --- found mentions -----------------------------------------------------------------------------------------------

    def link_found(self, batch: Batch, tokenise: Tokenise) -> None:
        """Judge the flagged mentions of a scanned batch, and those that a decision is about. `tokenise` reads the words of a
        mention, when one goes through the deeper steps."""
        made: dict[int, Linked] = {}
        if self.options is not None:
            for note, rows in self._flagged(batch).items():
                self._link_note(batch, note, rows, made, tokenise)
        if self._decided:
            self._decide(batch, range(batch.n_entities), made)
        write(batch, made)

    def _flagged(self, batch: Batch) -> dict[int, _NoteRows]:
        found: dict[int, _NoteRows] = {}
        for row, note in batch.flagged_rows(ROW_AMBIGUOUS):
            found.setdefault(note, _NoteRows()).ambiguous.append(row)
        for row, note in batch.flagged_rows(ROW_BRACKET):
            found.setdefault(note, _NoteRows()).bracket.append(row)
        assert self.options is not None
        if "abbreviation" in self.options.steps:
            short_forms = self.options.short_forms
            for row, note, surface in batch.short_rows(short_forms.of_several):
                found.setdefault(note, _NoteRows()).short.append((row, short_forms.senses(surface)))
        if self.options.deep:
            for row, note in batch.uncoded_rows():
                found.setdefault(note, _NoteRows()).uncoded.append(row)
        return found

    def _link_note(self, batch: Batch, note: int, rows: _NoteRows, made: dict[int, Linked], tokenise: Tokenise) -> None:
        if rows.bracket and self.options is not None and "abbreviation" in self.options.steps:
            defined = self._defined(batch, note, rows.bracket)
            if defined:
                self._link_abbreviations(batch, note, defined, made)
        if rows.short:
            self._link_short_forms(batch, note, rows.short, made, tokenise)
        for row in rows.uncoded:
            if row not in made:
                linked = self._deepened(batch, row, batch.texts[note][slice(*batch.span(row))], tokenise)
                if linked.candidates and linked.candidates[0].score >= SURE:
                    made[row] = linked
        left = [row for row in rows.ambiguous if row not in made]
        judged = [(row, self._judged(batch.terms(row))) for row in left]
        unsettled = [(row, found) for row, found in judged if found.linked.linking == AMBIGUOUS]
        if unsettled:
            self._one_sense(batch, note, unsettled, made)

    def _defined(self, batch: Batch, note: int, rows: Sequence[int]) -> dict[str, int]:
        """The rows that short forms of the note stand for: mentions before a bracket that holds their short form, or in one
        behind it."""
        text = batch.texts[note]
        found: dict[str, int] = {}
        for row in rows:
            start, end = batch.span(row)
            inside = _SHORT_IN_BRACKET.match(text, end)
            if inside:
                if stands_for(inside.group(1), text, start, end):
                    found.setdefault(inside.group(1), row)
                continue
            if end - start <= MAX_SHORT and is_short_form(text[start:end]):
                long = _LONG_IN_BRACKET.match(text, end)
                if long and stands_for(text[start:end], text, *long.span(1)):
                    spans = {batch.span(other): other for other in range(*batch.row_range(note))}
                    if long.span(1) in spans:
                        found.setdefault(text[start:end], spans[long.span(1)])
        return found

    def _link_abbreviations(self, batch: Batch, note: int, defined: Mapping[str, int], made: dict[int, Linked]) -> None:
        """Mentions of a short form get the concepts of the mention that it stands for, when that has their label."""
        text = batch.texts[note]
        for row in range(*batch.row_range(note)):
            start, end = batch.span(row)
            if end - start > MAX_SHORT + 1:
                continue
            surface = text[start:end]
            long = defined.get(surface, defined.get(surface.removesuffix("s"), defined.get(surface + "s")))
            if long is None or long == row:
                continue
            _, _, label, _, terms = batch.row(row)
            _, _, long_label, _, long_terms = batch.row(long)
            found = self._static(long_terms)
            if not found or label != long_label:
                continue
            own = self._static(terms)
            candidates = [c._replace(step="abbreviation", score=round(c.score * SCORES["abbreviation"], 4)) for c in found]
            keys = {self.tables.concept_key(c.concept) for c in candidates}
            rest = [c for c in own if self.tables.concept_key(c.concept) not in keys]
            if [c.concept for c in own] != [c.concept for c in found]:
                best = judge(self.tables, candidates)
                made[row] = Linked(best.linking, (*candidates, *rest), "the note defines it")

    def _one_sense(self, batch: Batch, note: int, rows: Sequence[tuple[int, _Judged]], made: dict[int, Linked]) -> None:
        """One of several equal concepts is taken when another mention of the note, resolved by itself, has it and no other."""
        undecided = {row for row, _ in rows}
        said: set[_Key] = set()
        for row in range(*batch.row_range(note)):
            if row in undecided:
                continue
            sure = self._sure(made[row]) if row in made else self._judged(batch.terms(row)).sure
            if sure is not None:
                said.add(sure)
        for row, found in rows:
            supported = said.intersection(found.equal)
            if len(supported) == 1:
                first = found.equal[supported.pop()]
                rest = [c for c in found.linked.candidates if c is not first]
                made[row] = Linked(RESOLVED, (first, *rest), "another mention of the note has this concept")
                continue
            by_section = self._by_section(found.linked, found.equal.values(), batch.row(row)[3])
            if by_section is not None:
                made[row] = by_section

    def _by_section(self, linked: Linked, equals: Iterable[Candidate], section: str | None) -> Linked | None:
        """The only one of several equal concepts whose semantic type the section is about, before the others."""
        if section is None:
            return None
        found = [c for c in equals if expects(section, self.tables.concept(c.concept).semantic_type)]
        if len(found) != 1:
            return None
        rest = [c for c in linked.candidates if c is not found[0]]
        return Linked(RESOLVED, (found[0], *rest), "the section is about things of its kind")

    def _link_short_forms(
        self, batch: Batch, note: int, rows: Sequence[tuple[int, tuple[Sense, ...]]], made: dict[int, Linked], tokenise: Tokenise
    ) -> None:
        """A short form whose concept is one meaning of several stays as it is when the words beside it speak for that meaning, or
        it is the usual one; else it is ambiguous, or with `deep` what they speak for."""
        text = batch.texts[note]
        whole = ""
        for row, senses in rows:
            if row in made:
                continue
            terms = batch.terms(row)
            candidates = self._judged(terms).linked.candidates
            own = self._own_sense(terms, candidates, senses)
            if own is None:
                continue
            whole = whole or text.lower()
            start, end, _, section, _ = batch.row(row)
            chosen = best_near(senses, text, whole, start, end, section)
            if chosen == own or (chosen is None and senses[own].is_usual):
                continue
            meant = None
            if chosen is not None and self.options is not None and self.options.deep:
                found = (self._deepened(batch, row, " ".join(name), tokenise) for name in senses[chosen].names)
                meant = next((linked for linked in found if linked.linking == RESOLVED), None)
            if meant is not None:
                first = [
                    c._replace(step="abbreviation", score=round(c.score * SCORES["abbreviation"], 4)) for c in meant.candidates
                ]
                rest = [c._replace(score=UNLIKELY) for c in candidates]
                made[row] = Linked(RESOLVED, (*first, *rest), "the words beside it speak for this meaning")
            else:
                why = "a short form of several meanings" if chosen is None else "the words beside it speak for another meaning"
                made[row] = Linked(AMBIGUOUS, candidates, why)

    def _own_sense(self, terms: tuple[int, ...], candidates: Sequence[Candidate], senses: Sequence[Sense]) -> int | None:
        """Which of a short form's meanings its best concept is."""
        if terms not in self._senses:
            name = self.tables.concept(candidates[0].concept).name if candidates else None
            if len(self._senses) >= _KNOWN:
                self._senses.clear()
            self._senses[terms] = names_sense(senses, name) if name else None
        return self._senses[terms]

    def _deepened(self, batch: Batch, row: int, surface: str, tokenise: Tokenise) -> Linked:
        """What the steps for given mentions say of these words alone, with the row's label. Worked out once for each wording."""
        label = batch.labels[batch.row(row)[2]]
        known = self._deep.get((surface, label))
        if known is None:
            note = note_of(surface, tokenise(surface))
            mention = Mention(0, len(surface), note.words, self._compatible(label))
            known, _ = self.sieve.link(mention, note, [])
            if len(self._deep) >= _KNOWN:
                self._deep.clear()
            self._deep[surface, label] = known
        return known

    # --- given mentions -----------------------------------------------------------------------------------------------

    def link_given(self, batch: Batch, tokens: Sequence[tuple[Any, ...]]) -> None:
        """Send the mentions of a batch of one note, given by the caller, through the sieve."""
        made: dict[int, Linked] = {}
        if self.options is not None:
            note = note_of(batch.texts[0], tokens, spans_of(batch, 0))
            for row in range(batch.n_entities):
                linked, _ = self.trace(batch, row, note)
                if linked is not None:
                    made[row] = linked
        if self._decided:
            self._decide(batch, range(batch.n_entities), made)
        write(batch, made)

    def trace(self, batch: Batch, row: int, note: Note) -> tuple[Linked | None, list[Tried]]:
        """The sieve on one mention: what it says (None: nothing to add to the artifact's concepts), and the steps tried."""
        start, end, label, section, terms = batch.row(row)
        labels = self._compatible(batch.labels[label])
        fitting = [term for term in terms if labels is None or self.tables.term_label(term) in labels]
        exact = [c for c in self._static(fitting) if self.tables.concept_key(c.concept)[1] is not None]
        if exact and fitting == terms and not self._may_mean_more(note, note.text[start:end]):
            judged = self._judged(tuple(terms))
            if judged.linked.linking != AMBIGUOUS:
                return None, []
            return self._by_section(judged.linked, judged.equal.values(), section), []
        mention = Mention(start, end, note.within(start, end), labels, section)
        linked, tried = self.sieve.link(mention, note, exact)
        if linked.linking == AMBIGUOUS and linked.candidates and linked.candidates[0].score >= SURE:
            best = linked.candidates[0]
            equals = [c for c in linked.candidates if (c.score, c.rank) == (best.score, best.rank)]
            linked = self._by_section(linked, equals, section) or linked
        if not linked.candidates and fitting == terms:
            linked = judge(self.tables, self._static(terms))
        return linked, tried

    def _may_mean_more(self, note: Note, surface: str) -> bool:
        """Whether something in the note may say more of a mention than the name at its place."""
        assert self.options is not None
        if note.definitions or (note.implied and meaning(note.implied, surface) is not None):
            return True
        if "abbreviation" in self.options.steps and len(self.options.short_forms.senses(surface)) > 1:
            return True
        return "cause" in self.options.steps and may_name_causes(note)

    # --- decisions ----------------------------------------------------------------------------------------------------

    def _decide(self, batch: Batch, rows: Iterable[int], made: dict[int, Linked]) -> None:
        assert self._decisions is not None
        note = -1
        for row in rows:
            start, end, label, section, _ = batch.row(row)
            if len(batch.texts) > 1 or note < 0:
                note = self._note_of(batch, row, max(note, 0))
            surface = self._decisions.fold(batch.texts[note][start:end])
            if surface not in self._surfaces:
                continue
            name = batch.labels[label]
            for key in ((surface, name, section), (surface, name, None)):
                if key in self._decided:
                    concept = self._decided[key]
                    if concept is None:
                        made[row] = Linked(LINKINGS.index("resolved"), (), "a reviewer decided: no concept")
                    else:
                        made[row] = Linked(RESOLVED, (Candidate(concept, 1.0, "decision", None, (0, 0)),), "a reviewer decided")
                    break

    def _note_of(self, batch: Batch, row: int, note: int) -> int:
        while batch.row_range(note)[1] <= row:
            note += 1
        return note

    # --- inside -------------------------------------------------------------------------------------------------------

    def _sure(self, linked: Linked) -> _Key | None:
        return self.tables.concept_key(linked.candidates[0].concept) if linked.linking == RESOLVED and linked.candidates else None

    def _judged(self, terms: tuple[int, ...]) -> _Judged:
        """What the artifact alone says of a mention with these terms. Worked out once: a large vocabulary gives a surface dozens
        of concepts, and notes say the same words again and again."""
        found = self._known.get(terms)
        if found is None:
            linked = judge(self.tables, self._static(terms))
            equal: dict[_Key, Candidate] = {}
            for candidate in linked.candidates:
                if (candidate.score, candidate.rank) == (linked.candidates[0].score, linked.candidates[0].rank):
                    equal.setdefault(self.tables.concept_key(candidate.concept), candidate)
            found = _Judged(linked, equal, self._sure(linked))
            if len(self._known) >= _KNOWN:
                self._known.clear()
            self._known[terms] = found
        return found

    def _static(self, terms: Iterable[int]) -> list[Candidate]:
        """The concepts that terms at a mention's very place give it, best first, each code once."""
        found = []
        for term in terms:
            for concept, is_variant, rank in self.tables.term_links(term):
                step = "variant" if is_variant else "exact"
                found.append(Candidate(concept, SCORES[step], step, None, (int(is_variant), rank)))
        found.sort(key=lambda c: c.rank)
        kept: dict[Any, Candidate] = {}
        for candidate in found:
            key = self.tables.concept_key(candidate.concept)
            kept.setdefault(key if key[1] is not None else candidate.concept, candidate)
        return list(kept.values())


def spans_of(batch: Batch, note: int) -> list[tuple[int, int, str]]:
    """The mentions of a note: start, end, label."""
    rows = range(*batch.row_range(note))
    return [(*batch.span(row), batch.labels[batch.row(row)[2]]) for row in rows]


def write(batch: Batch, made: Mapping[int, Linked]) -> None:
    """Hand what was said of rows to the batch."""
    for row in sorted(made):
        linked = made[row]
        batch.relink(row, linked.linking, [(c.concept, c.score, STEP_NUMBERS[c.step], c.matched) for c in linked.candidates])


__all__ = ["DEFAULT_STEPS", "Linker", "Options", "read_options", "spans_of"]
