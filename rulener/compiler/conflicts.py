"""Conflict analysis: what terms, cues and headings do to each other once they stand in one automaton.

All cues, headings and everyday words make one pyahocorasick automaton over folded tokens; every term of the packs and every
row of a lexicon is run through it. The findings are warnings: nothing here keeps a pack from being compiled.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

import ahocorasick

from rulener.compiler import unicode
from rulener.core.automaton import Builder
from rulener.errors import LexiconError
from rulener.lexicon.table import LINK_ONLY, Skipped, read_table
from rulener.packs.diagnostics import Diagnostic, Findings, sort_diagnostics
from rulener.packs.model import AXES, ContextCue, Direction, Pack, Place, Term, Text, Unless
from rulener.packs.patterns import cue_forms

_CUE, _HEADING, _EVERYDAY = range(3)
_ASSERTING = (Direction.FORWARD, Direction.BACKWARD, Direction.BOTH)
_NAMED_ROWS = 5
_NAMED_CUES = 5
_SHOWN_CHARACTERS = 60
_UNKNOWN = 0  # the number of every token that no cue, heading or everyday word has

# Words that are hardly ever a medical fact by themselves, whatever a vocabulary says they may stand for.
_EVERYDAY_TEXT = """
    a about after again all also am an and any are as ask at away back bad be because been before being best better
    big both but by call came can change clear close come could daily day days did do does done down each early else
    end even ever every fair far few find fine first fit for form found from full gave get give go good got great had
    half happy hard has have he help her here high him his home hot hour house how i if in into is it its just keep
    kept kind know large last late later lead least left less let like line little live long look lot low made make
    many may me mean met might month more most much must my name near need never new next nice night no none nor not
    now of off old on once one only onto open or other our out over own part past people place plan point poor put
    quite ran read ready really rest right room run said same saw say see seen set several she short should show side
    since small so some soon start state still stop such sure take talk tell ten than that the their them then there
    these they thing things think this those three time to today together told too took top toward true try turn two
    under until up upon us use used using very wait walk want was way we week weeks well went were what when where
    which while white who whole whose why wide will wish with within without word work would year years yes yet you
    young your
"""
EVERYDAY_WORDS = frozenset(_EVERYDAY_TEXT.split())


def pack_conflicts(packs: Sequence[Pack]) -> list[Diagnostic]:
    """The conflicts within these packs, sorted. The packs are linked and without errors."""
    flags = _Flags(packs)
    findings = Findings()
    for pack in packs:
        for term in pack.terms:
            for text, exact in _texts(term):
                _check_text(text, exact, flags.conflicts(text.value, exact), findings)
        for cue in pack.context:
            if cue.direction is Direction.PSEUDO:
                _check_pseudo(cue, flags, findings)
    _check_shadows(packs, flags, findings)
    return sort_diagnostics(findings.all)


def lexicon_conflicts(packs: Sequence[Pack], path: Path, skipped: Skipped | None = None) -> list[Diagnostic]:
    """The conflicts between a lexicon's rows and these packs: one finding a kind, counted, the first rows named by line.

    Streams the rows; those that cannot be read go to `skipped`. Raises LexiconError when the table cannot be used.
    """
    flags = _Flags(packs)
    tallies = [_Tally(*words) for words in _LEXICON_WORDING]
    rows = 0
    for row in read_table(path, Skipped() if skipped is None else skipped):
        rows += 1
        if row.use == LINK_ONLY:  # never found in text, so in conflict with nothing
            continue
        for tally, flag in zip(tallies, flags.conflicts(row.term, row.exact), strict=True):
            if flag is not None:
                tally.add(row.line, row.term, flag)
    if not rows:
        raise LexiconError("L103", "the lexicon has no usable row", place=str(path))
    return [tally.diagnostic(path) for tally in tallies if tally.count]


# --- the automaton ---------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Flag:
    """A cue's form, a heading or an everyday word."""

    kind: int
    surface: str
    exact: bool
    rule: str = ""
    axes: frozenset[str] = frozenset()
    direction: Direction | None = None
    place: Place | None = None

    @property
    def asserts(self) -> bool:
        return self.direction in _ASSERTING

    def is_cue_on(self, axes: frozenset[str]) -> bool:
        """Whether it is a cue that does something on one of these axes."""
        return self.kind == _CUE and self.direction is not Direction.PSEUDO and bool(self.axes & axes)

    @property
    def shown(self) -> str:
        """The text and whose it is."""
        return f"`{self.surface}` of `{self.rule}`" if self.rule else f"`{self.surface}`"


class _Hit(NamedTuple):
    start: int  # tokens
    end: int
    flag: _Flag


class _Conflicts(NamedTuple):
    """What is wrong with one surface, each the flag it collides with, or None."""

    contained_cue: _Flag | None
    equal_cue: _Flag | None
    heading: _Flag | None
    everyday: _Flag | None


_NOTHING = _Conflicts(None, None, None, None)


class _Flags:
    """The automaton of everything that terms may collide with."""

    def __init__(self, packs: Sequence[Pack]) -> None:
        self._builder = Builder(*unicode.tables())
        self._numbers: dict[str, int] = {}
        self._by_form: dict[tuple[int, ...], list[_Flag]] = {}
        for flag in _flags(packs):
            self._add(flag)
        self._automaton = ahocorasick.Automaton(ahocorasick.STORE_ANY, ahocorasick.KEY_SEQUENCE)
        for form, flags in self._by_form.items():
            self._automaton.add_word(form, (len(form), flags))
        if self._by_form:
            self._automaton.make_automaton()

    def _add(self, flag: _Flag) -> None:
        tokens = tuple(self._numbers.setdefault(token, len(self._numbers) + 1) for token in self._builder.spell(flag.surface))
        if tokens:
            self._by_form.setdefault(tokens, []).append(flag)

    def key(self, surface: str) -> tuple[str, ...]:
        """The folded tokens of a surface: equal keys are found at the same places."""
        return tuple(self._builder.spell(surface))

    def hits(self, surface: str) -> tuple[list[_Hit], int]:
        """Everything that stands in a surface, and how many tokens that has."""
        number = self._numbers.get
        tokens = tuple([number(token, _UNKNOWN) for token in self._builder.spell(surface)])
        if not any(tokens) or not self._by_form:
            return [], len(tokens)
        found = []
        for last, (length, flags) in self._automaton.iter(tokens):
            for flag in flags:
                if not flag.exact or flag.surface in surface:
                    found.append(_Hit(last + 1 - length, last + 1, flag))
        return found, len(tokens)

    def silences(self, surface: str, axes: frozenset[str]) -> bool:
        """Whether a pseudo cue of this surface can take a cue away: one inside it, or a shorter one that overlaps its edge."""
        hits, _ = self.hits(surface)
        if any(hit.flag.is_cue_on(axes) for hit in hits):
            return True
        tokens = tuple([self._numbers.get(token, _UNKNOWN) for token in self._builder.spell(surface)])
        return any(
            _overlap_at_edge(form, tokens)
            for form, flags in self._by_form.items()
            if len(form) <= len(tokens) and any(flag.is_cue_on(axes) for flag in flags)
        )

    def conflicts(self, surface: str, exact: bool) -> _Conflicts:
        """What a term of this surface collides with: the first flag of each kind, from the left, in rule order."""
        hits, n = self.hits(surface)
        if not hits:
            return _NOTHING
        cues = [hit for hit in hits if hit.flag.asserts]
        whole = [hit.flag for hit in hits if hit.end - hit.start == n]
        spelled_out = not exact or surface.islower()
        return _Conflicts(
            contained_cue=next((hit.flag for hit in cues if hit.end - hit.start < n and not _is_silenced(hit, hits)), None),
            equal_cue=next((flag for flag in whole if flag.asserts), None),
            heading=next((flag for flag in whole if flag.kind == _HEADING), None),
            everyday=next((flag for flag in whole if flag.kind == _EVERYDAY and spelled_out), None),
        )


def _overlap_at_edge(cue: tuple[int, ...], pseudo: tuple[int, ...]) -> bool:
    """Whether the cue may stand so that it ends in the pseudo cue's beginning, or begins in its end."""
    return any(cue[-k:] == pseudo[:k] or cue[:k] == pseudo[-k:] for k in range(1, len(cue)))


def _is_silenced(hit: _Hit, hits: Iterable[_Hit]) -> bool:
    """Whether a longer pseudo or stop cue takes the hit away, on all its axes."""
    left = set(hit.flag.axes)
    for other in hits:
        longer = other.end - other.start > hit.end - hit.start
        covers = other.start <= hit.start and hit.end <= other.end
        if longer and covers and other.flag.direction in (Direction.PSEUDO, Direction.STOP):
            left -= other.flag.axes
    return not left


def _flags(packs: Iterable[Pack]) -> Iterator[_Flag]:
    for pack in packs:
        for cue in pack.context:
            axes = frozenset(cue.axes or AXES)
            for form in cue_forms(cue):
                yield _Flag(_CUE, form.surface, form.exact, f"{pack.name}:{cue.id}", axes, cue.direction, form.text.place)
        for section in pack.sections:
            for text in section.headings:
                heading = text.value.rstrip().removesuffix(":")
                yield _Flag(_HEADING, heading, False, f"{pack.name}:{section.id}", place=text.place)
    for word in sorted(EVERYDAY_WORDS):
        yield _Flag(_EVERYDAY, word, False)


# --- findings in packs -------------------------------------------------------------------------------------------------


def _texts(term: Term) -> Iterator[tuple[Text, bool]]:
    yield from ((text, False) for text in term.any)
    yield from ((text, True) for text in term.exact)


def _check_text(text: Text, exact: bool, conflicts: _Conflicts, findings: Findings) -> None:
    cue, equal, heading, everyday = conflicts
    if cue is not None:
        findings.warning(
            "R305",
            f"`{text.value}` contains the cue {cue.shown}",
            text.place,
            others=_elsewhere(cue, "the cue"),
            notes=["the cue does not act on this mention, but on others that it reaches from here"],
            fix=f"if it should not, add a cue with `direction: pseudo` and the text `{text.value}`",
        )
    if equal is not None:
        findings.warning(
            "R306",
            f"`{text.value}` is also the cue {equal.shown}",
            text.place,
            others=_elsewhere(equal, "the cue"),
            notes=["every mention of this term acts as a cue on the mentions around it"],
            fix="remove one of the two, or make the term longer",
        )
    if heading is not None:
        findings.warning(
            "R307",
            f"`{text.value}` is also the heading {heading.shown}",
            text.place,
            others=_elsewhere(heading, "the heading"),
            notes=["where it stands as a heading it is no mention"],
            fix="nothing, if that is meant; else remove one of the two",
        )
    if everyday is not None:
        findings.warning(
            "R309",
            f"`{text.value}` is an everyday word",
            text.place,
            notes=["it will be found wherever the word stands, whatever it means there"],
            fix="remove it, make it longer, or, if it is an abbreviation in capitals, write it under `exact`",
        )


def _elsewhere(flag: _Flag, label: str) -> list[tuple[Place, str]]:
    return [] if flag.place is None else [(flag.place, label)]


def _check_pseudo(cue: ContextCue, flags: _Flags, findings: Findings) -> None:
    """A text no form of which covers, or overlaps and outweighs, a cue of its axes."""
    axes = frozenset(cue.axes or AXES)
    useful: set[Place] = set()
    texts: dict[Place, Text] = {}
    for form in cue_forms(cue):
        texts[form.text.place] = form.text
        if form.text.place not in useful and flags.silences(form.surface, axes):
            useful.add(form.text.place)
    for place, text in texts.items():
        if place not in useful:
            findings.warning(
                "R308",
                f"the pseudo cue `{text.value}` has no cue in it",
                place,
                notes=["a pseudo cue silences the cues it covers; there is none on " + ", ".join(a for a in AXES if a in axes)],
                fix="remove it, or correct its axis or its words",
            )


@dataclass(slots=True)
class _Surface:
    """A text of a term with what decides who wins where two rules have it."""

    term: Term
    rule: str
    text: Text
    exact: bool


def _check_shadows(packs: Sequence[Pack], flags: _Flags, findings: Findings) -> None:
    """Texts that two rules have, so that one of them never wins. Texts of one label written alike are R303's."""
    policy = next((pack.resolution for pack in reversed(packs) if pack.resolution is not None), "longest")
    if policy == "all":
        return
    surfaces = [
        _Surface(term, f"{pack.name}:{term.id}", text, exact)
        for pack in packs
        for term in pack.terms
        for text, exact in _texts(term)
    ]
    winners: dict[tuple[str, ...], list[_Surface]] = {}
    for surface in sorted(surfaces, key=lambda surface: -surface.term.priority):
        known = winners.setdefault(flags.key(surface.text.value), [])
        winner = next((other for other in known if _always_beats(other, surface, policy)), None)
        if winner is not None:
            findings.warning(
                "R310",
                f"`{surface.text.value}` of rule `{surface.rule}` never wins: `{winner.rule}` has it too",
                surface.text.place,
                others=[(winner.text.place, f"{winner.term.label.value}, priority {winner.term.priority}")],
                notes=["of two mentions of one place the higher priority is kept, then the rule that comes first"],
                fix="remove it from one of the two, give this rule a higher priority, or use `resolution: all`",
            )
        known.append(surface)


def _always_beats(winner: _Surface, loser: _Surface, policy: str) -> bool:
    same_label = winner.term.label.value == loser.term.label.value
    if winner.rule == loser.rule or winner.term.unless != Unless() or (policy == "longest_per_label" and not same_label):
        return False
    if same_label and winner.exact == loser.exact:
        return False
    return not winner.exact or (loser.exact and winner.text.value == loser.text.value)


# --- findings in lexicons --------------------------------------------------------------------------------------------

# (code, what one term does, what several do, the joint of a named row, how to mend it), in the order of _Conflicts
_LEXICON_WORDING = (
    (
        "R305",
        "contains a cue",
        "contain a cue",
        "contains",
        "those cues act on the mentions around the term; remove the rows, or add a pseudo cue",
    ),
    ("R306", "is a cue", "are cues", "is", "every mention of them acts as a cue; remove the rows"),
    ("R307", "is a heading", "are headings", "is", "as a heading they are no mention; nothing, if that is meant"),
    ("R309", "is an everyday word", "are everyday words", "is", "remove the rows, or set their case to `exact`"),
)


@dataclass(slots=True)
class _Tally:
    """One kind of conflict over a whole lexicon."""

    code: str
    one: str
    several: str
    joint: str
    fix: str
    count: int = 0
    last: str = ""
    rows: list[str] = field(default_factory=list)
    by_flag: Counter[str] = field(default_factory=Counter)

    def add(self, line: int, term: str, flag: _Flag) -> None:
        if term == self.last:  # the same surface with another code
            return
        self.last = term
        self.count += 1
        self.by_flag[flag.shown] += 1
        if len(self.rows) < _NAMED_ROWS:
            shown = term if len(term) <= _SHOWN_CHARACTERS else term[:_SHOWN_CHARACTERS] + "…"
            self.rows.append(f"line {line}: `{shown}`" + (f" {self.joint} {flag.shown}" if flag.rule else ""))

    def diagnostic(self, path: Path) -> Diagnostic:
        what = f"a term {self.one}" if self.count == 1 else f"{self.count} terms {self.several}"
        notes = [*self.rows, f"and {self.count - len(self.rows)} more"] if self.count > len(self.rows) else [*self.rows]
        if self.count > len(self.rows) and self.code == "R305":
            ordered = sorted(self.by_flag.items(), key=lambda item: (-item[1], item[0]))
            notes.append("most often: " + ", ".join(f"{flag} ({count})" for flag, count in ordered[:_NAMED_CUES]))
        return Diagnostic(self.code, "warning", f"{path.name}: {what}", (), tuple(notes), self.fix)
