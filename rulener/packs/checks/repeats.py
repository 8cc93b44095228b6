"""Texts that are written twice: within a rule, and in a rule that comes too late to count."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from rulener.packs.checks.base import folded
from rulener.packs.diagnostics import Diagnostic, Edit, Findings
from rulener.packs.model import ContextCue, Pack, Place, Section, Term, Text, Unless
from rulener.packs.patterns import cue_forms


class RepeatedText:
    """The same text twice within one rule."""

    code = "R302"

    def check(self, packs: Sequence[Pack]) -> list[Diagnostic]:
        """All findings in these packs."""
        findings = Findings()
        for texts in (texts for pack in packs for texts in _text_lists(pack)):
            first: dict[str, Text] = {}
            for key, text in texts:
                before = first.setdefault(key, text)
                if before is not text:
                    findings.warning(
                        self.code,
                        f"`{text.value}` stands twice in this rule",
                        text.place,
                        others=[(before.place, "first here")],
                        fix="remove one",
                        edits=[Edit(text.place, "")] if text.place.width >= len(text.value) else (),
                    )
        return findings.all


def _text_lists(pack: Pack) -> Iterator[list[tuple[str, Text]]]:
    """The lists in which no text should stand twice, each text with what it is compared by."""
    for term in pack.terms:
        yield _folded(term.any)
        yield _as_written(term.exact)
    for section in pack.sections:
        yield _folded(section.headings)
    for cue in pack.context:
        yield _folded(cue.cues)
        yield _as_written(cue.exact)
        yield _folded(cue.blocked_by)
    for words in (*pack.words, *pack.abbreviations, *pack.continues, *pack.continues_list):
        yield _folded(words.any)
    for pattern in pack.patterns:
        yield _as_written(pattern.match)


def _folded(texts: Iterable[Text]) -> list[tuple[str, Text]]:
    # A text that folds to nothing (a lone hyphen) is compared as written.
    return [(folded(text.value) or text.value, text) for text in texts]


def _as_written(texts: Iterable[Text]) -> list[tuple[str, Text]]:
    return [(text.value, text) for text in texts]


@dataclass(frozen=True, slots=True)
class _Entry:
    """A text of a rule with what decides whether an earlier one hides it."""

    key: tuple[object, ...]
    rank: int
    rule: str
    surface: str
    text: Text


class ShadowedText:
    """A text that an earlier rule of the same effect has already, so that the later one never counts."""

    code = "R303"

    def check(self, packs: Sequence[Pack]) -> list[Diagnostic]:
        """All findings in these packs."""
        findings = Findings()
        first: dict[tuple[object, ...], _Entry] = {}
        reported: set[tuple[Place, Place]] = set()
        for entry in sorted(_entries(packs), key=lambda entry: -entry.rank):
            before = first.setdefault(entry.key, entry)
            pair = (entry.text.place, before.text.place)
            if before.rule != entry.rule and pair not in reported:
                reported.add(pair)
                findings.warning(
                    self.code,
                    f"`{entry.surface}` of rule `{entry.rule}` never counts: `{before.rule}` has it already",
                    entry.text.place,
                    others=[(before.text.place, f"in `{before.rule}`")],
                    fix="remove it from one of the two",
                )
        return findings.all


def _entries(packs: Sequence[Pack]) -> Iterator[_Entry]:
    for pack in packs:
        for term in pack.terms:
            yield from _term_entries(pack, term)
        for cue in pack.context:
            yield from _cue_entries(pack, cue)
        for section in pack.sections:
            yield from _section_entries(pack, section)


def _term_entries(pack: Pack, term: Term) -> Iterator[_Entry]:
    """Terms of one label; a rule with `unless` may step back, so it hides nothing and is not hidden."""
    if term.unless != Unless():
        return
    for text in term.any:
        yield _Entry(("term", term.label.value, folded(text.value)), term.priority, f"{pack.name}/{term.id}", text.value, text)
    for text in term.exact:
        yield _Entry(("exact", term.label.value, text.value), term.priority, f"{pack.name}/{term.id}", text.value, text)


def _cue_entries(pack: Pack, cue: ContextCue) -> Iterator[_Entry]:
    """Cues of one direction, axis and target; those that can be blocked step back."""
    if cue.blocked_by:
        return
    targets = tuple(text.value for text in cue.on), tuple(text.value for text in cue.not_on)
    seen: set[tuple[object, ...]] = set()
    for form in cue_forms(cue):
        surface = form.surface if form.exact else folded(form.surface) or form.surface
        key = ("cue", cue.axes, cue.direction, targets, form.exact, surface)
        if key not in seen:
            seen.add(key)
            yield _Entry(key, 0, f"{pack.name}/{cue.id}", form.surface, form.text)


def _section_entries(pack: Pack, section: Section) -> Iterator[_Entry]:
    for text in section.headings:
        key = ("heading", folded(text.value))
        yield _Entry(key, 0, f"{pack.name}/{section.id}", text.value, text)
