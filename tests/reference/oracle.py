"""The oracle: everything the engine says of a note, said slowly and independently."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from rulener.packs.model import Pack, Text

from .context import Assertion, CueRecord, Mention, cue_rules, declared_axes, labels_of
from .matching import (
    Attribute,
    Candidate,
    Concept,
    Form,
    LexiconRow,
    Loser,
    MentionFinder,
    Note,
    form_of,
    forms_of,
    heading_forms,
    occurrences_of_any,
    resolve,
    section_spans,
    take_headings,
)
from .text import Token, lay_out, sentence_spans, sentence_starts

__all__ = ["LEXICON_RULE", "LexiconRow", "Occurrence", "Oracle", "OracleEntity", "OracleSection"]

LEXICON_RULE = "lexicon:table"
TERM = "term"
CUE = "cue"
HEADING = "heading"

Occurrence = tuple[str, str, int, int]
GivenMention = tuple[int, int, str]


@dataclass(frozen=True)
class OracleSection:
    """An unknown heading has no name and an empty rule. `start`..`heading_end` is the heading without its mark."""

    name: str | None
    rule: str
    heading_start: int
    heading_end: int
    start: int
    end: int


@dataclass(frozen=True)
class OracleEntity:
    """`cues`: (axis, rule, start, end, scope start, scope end, via). A given mention has no rule."""

    start: int
    end: int
    label: str
    rule: str
    concepts: tuple[Concept, ...]
    section: str | None
    sentence: int
    attributes: Mapping[str, Attribute]
    negated: bool | None
    uncertain: bool | None
    historical: bool | None
    hypothetical: bool | None
    family: bool | None
    cues: tuple[CueRecord, ...]


class Oracle:
    """Packs and a lexicon, ready to be asked about notes."""

    def __init__(self, packs: Sequence[Pack], lexicon: Sequence[LexiconRow] = (), resolution: str | None = None) -> None:
        self.packs = tuple(packs)
        self.lexicon = tuple(lexicon)
        self.resolution = resolution or next((p.resolution for p in reversed(packs) if p.resolution), "longest")
        self.abbreviations = single_keys(words.any for pack in packs for words in pack.abbreviations)
        self.continues = single_keys(words.any for pack in packs for words in pack.continues)
        self.list_words = single_keys(words.any for pack in packs for words in pack.continues_list)
        self.heading_forms = heading_forms(packs)
        self.finder = MentionFinder(packs, self.lexicon, LEXICON_RULE)
        self.cue_rules = cue_rules(packs)
        self.axes = declared_axes(packs)
        self.labels = labels_of(packs)

    def read(self, text: str) -> Note:
        """A note as far as its sentences and sections."""
        layout = lay_out(text)
        headings = take_headings(layout, self.heading_forms, self.continues)
        starts = sentence_starts(layout, self.abbreviations, self.continues, headings)
        return Note(layout, starts, section_spans(layout, headings))

    def tokens(self, text: str) -> list[Token]:
        return self.read(text).layout.tokens

    def sentences(self, text: str) -> list[tuple[int, int]]:
        """Code-point spans: the first token's start to the last token's end."""
        note = self.read(text)
        return sentence_spans(note.layout, note.sentence_starts)

    def sections(self, text: str) -> list[OracleSection]:
        note = self.read(text)
        return [
            OracleSection(*(s.heading.name, s.heading.rule, *note.offsets(s.heading.start, s.heading.end), s.start, s.end))
            for s in note.sections
        ]

    def occurrences(self, text: str) -> list[Occurrence]:
        """All accepted form hits as (kind, rule, start, end), before any resolution; kinds are term, cue and heading."""
        note = self.read(text)
        found = {
            (kind, rule, *note.offsets(a, b))
            for kind, rule, forms in self.all_forms()
            for a, b in occurrences_of_any(note.layout, forms)
        }
        return sorted(found, key=lambda o: (o[2], o[3], o[0], o[1]))

    def all_forms(self) -> list[tuple[str, str, list[Form]]]:
        found: list[tuple[str, str, list[Form]]] = []
        for pack in self.packs:
            for term in pack.terms:
                found.append((TERM, f"{pack.name}:{term.id}", forms_of(term.any) + forms_of(term.exact, exact=True)))
        for row in self.lexicon:
            form = form_of(row.term, exact=row.case == "exact")
            found.append((TERM, LEXICON_RULE, [form] if form else []))
        found += [(CUE, rule.name, list(rule.forms)) for rule in self.cue_rules]
        found += [(HEADING, heading.rule, [heading.form]) for heading in self.heading_forms]
        return found

    def annotate(self, text: str, mentions: Sequence[GivenMention] | None = None) -> list[OracleEntity]:
        """The entities of a note; given mentions instead of found ones when there are any."""
        note = self.read(text)
        candidates = self.finder.candidates(note, links=mentions is not None)
        if mentions is None:
            chosen, _ = resolve(candidates, self.resolution)
        else:
            chosen = [given_candidate(note, candidates, mention) for mention in mentions]
        places = [Mention(c.first, c.last, c.label) for c in chosen]
        assertion = Assertion(note, self.cue_rules, places, self.labels, self.list_words)
        return [self.entity(note, c, assertion.cues_of(place)) for c, place in zip(chosen, places, strict=True)]

    def losers(self, text: str) -> list[Loser]:
        return resolve(self.finder.candidates(self.read(text)), self.resolution)[1]

    def entity(self, note: Note, c: Candidate, cues: tuple[CueRecord, ...]) -> OracleEntity:
        declared = tuple(cue for cue in cues if cue[0] in self.axes)
        true = {cue[0] for cue in declared}

        def value(axis: str) -> bool | None:
            return axis in true if axis in self.axes else None

        return OracleEntity(
            start=c.start,
            end=c.end,
            label=c.label,
            rule=c.rule,
            concepts=c.concepts,
            section=note.section_name(c.first),
            sentence=note.sentence_number(c.first),
            attributes=c.attributes,
            negated=value("negated"),
            uncertain=value("uncertain"),
            historical=value("historical"),
            hypothetical=value("hypothetical"),
            family=value("family"),
            cues=declared,
        )


def given_candidate(note: Note, candidates: Sequence[Candidate], mention: GivenMention) -> Candidate:
    """A given mention, with the concepts of all terms found at exactly its span."""
    start, end, label = mention
    same = [c for c in sorted(candidates, key=lambda c: c.rank) if c.is_term and (c.start, c.end) == (start, end)]
    links = tuple(link for c in same for link in c.links)
    return Candidate(*note.tokens_over(start, end), start, end, label, rule="", order=0, links=links)


def single_keys(lists: Iterable[Sequence[Text]]) -> frozenset[str]:
    """The keys of lists of single words."""
    forms = [form_of(text.value) for texts in lists for text in texts]
    return frozenset(form.keys[0] for form in forms if form and len(form.keys) == 1)
