"""Running the examples and cases of packs through an engine (docs/authors/grammar.md says what they mean)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from rulener.packs.cases import parse_marked
from rulener.packs.model import (
    AXES,
    Case,
    ContextCue,
    Direction,
    MarkedMention,
    MarkedText,
    Pack,
    Place,
    Rule,
    Section,
    Text,
)

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

PASS, FAIL, XFAIL, XPASS = "pass", "fail", "xfail", "xpass"


@dataclass(frozen=True, slots=True)
class Result:
    """How one example or case came out. `found` is the text with what the engine found marked in it."""

    status: str
    name: str
    place: Place
    problems: tuple[str, ...] = ()
    found: str = ""
    reason: str = ""

    def to_dict(self) -> dict[str, Any]:
        place = {"path": self.place.path, "line": self.place.line, "column": self.place.column}
        return {
            "status": self.status,
            "name": self.name,
            "place": place,
            "problems": list(self.problems),
            "found": self.found,
            "reason": self.reason,
        }


class Tester:
    """Runs examples and cases. `schemes` maps a label to the labels of its schemes."""

    def __init__(self, engine: Any, packs: Sequence[Pack]) -> None:
        self._engine = engine
        self._schemes: Mapping[str, set[str]] = {
            label.id: {name for _, name in label.schemes} for pack in packs for label in pack.labels
        }

    # --- examples

    def examples(self, pack: Pack) -> Iterator[Result]:
        """Each example of each rule that has an effect of its own."""
        rules: Sequence[Rule] = (*pack.terms, *pack.patterns, *pack.context, *pack.sections)
        for rule in rules:
            for kind, texts in (("match", rule.examples.match), ("skip", rule.examples.skip)):
                for number, text in enumerate(texts, 1):
                    yield self._example(pack, rule, kind, number, text)

    def _example(self, pack: Pack, rule: Rule, kind: str, number: int, text: Text) -> Result:
        marked, _ = parse_marked(text)
        if isinstance(rule, ContextCue):
            problems, document = self._context(pack, rule, kind == "match", marked)
        else:
            document = self._engine.annotate(marked.text)
            if isinstance(rule, Section):
                problems = _section(pack, rule, kind == "match", marked, document)
            else:
                problems = self._mention(pack, rule, kind == "match", marked, document)
        name = f"{pack.name}:{rule.id} {kind} {number}"
        return Result(FAIL if problems else PASS, name, text.place, tuple(problems), as_marked(document))

    def _mention(self, pack: Pack, rule: Rule, match: bool, marked: MarkedText, document: Any) -> list[str]:
        own = [entity for entity in document.entities if is_rule(entity.rule, pack, rule)]
        if not match:
            return [f"the rule finds {_spot(entity)}" for entity in own]
        if not marked.mentions:
            return [] if own else [self._not_found(marked.text, document)]
        problems = []
        for mention in marked.mentions:
            found = [entity for entity in own if (entity.start, entity.end) == (mention.start, mention.end)]
            if not found:
                problems.append(f"the rule does not find {_span(mention)}")
            elif mention.label is not None:
                problems += self._label_and_axes(mention, found)
        return problems

    def _not_found(self, text: str, document: Any) -> str:
        return "the rule finds nothing" + ("" if document.entities else ", nor does any other")

    def _context(self, pack: Pack, rule: ContextCue, match: bool, marked: MarkedText) -> tuple[list[str], Any]:
        if rule.direction in (Direction.PSEUDO, Direction.STOP):
            document = self._engine.annotate(marked.text)
            hit = any(is_rule(name, pack, rule) for name in self._cue_hits(marked.text))
            wrong = hit != match
            return ([f"the cue is {'not ' if match else ''}found"] if wrong else []), document
        label = rule.on[0].value if rule.on else "mention"
        given = [(m.start, m.end, label if m.given or m.label is None else m.label) for m in marked.mentions]
        document = self._engine.annotate(marked.text, mentions=given)
        problems = [] if given else ["nothing is marked: write the mention in brackets"]
        for mention in marked.mentions:
            entity = _at(document, mention)
            acts = entity is not None and any(is_rule(cue.rule, pack, rule) for cue in entity.cues)
            if acts != match:
                problems.append(f"the cue {'does not act' if match else 'acts'} on {_span(mention)}")
        return problems, document

    def _cue_hits(self, text: str) -> list[str]:
        """The rules of all cue hits in a text, those that act on nothing too."""
        return [hit["rule"] for hit in self._engine.explain(text).to_dict()["cues"]]

    # --- cases

    def case(self, case: Case) -> Result:
        marked = case.marked
        given = [m for m in marked.mentions if m.given]
        expected = [m for m in marked.mentions if not m.given]
        problems: list[str] = []
        document = None
        if given:
            document = self._engine.annotate(marked.text, mentions=[(m.start, m.end, "mention") for m in given])
            for mention in given:
                problems += _axes(mention, _at(document, mention))
        if expected or case.only or not given:
            document = self._engine.annotate(marked.text)
            for mention in expected:
                problems += self._expected(mention, document)
            if case.only:
                problems += self._others(expected, document)
        status = (XFAIL if problems else XPASS) if case.xfail else (FAIL if problems else PASS)
        return Result(status, case.id, case.place, tuple(problems), as_marked(document), case.xfail)

    def _expected(self, mention: MarkedMention, document: Any) -> list[str]:
        here = [e for e in document.entities if (e.start, e.end) == (mention.start, mention.end)]
        if not here:
            return [f"{_span(mention)} is not found"]
        return self._label_and_axes(mention, here) if mention.label is not None else []

    def _label_and_axes(self, mention: MarkedMention, found: Sequence[Any]) -> list[str]:
        labelled = [entity for entity in found if self._is_label(entity.label, mention.label)]
        if not labelled:
            return [f"{_span(mention)} is {' and '.join(entity.label for entity in found)}, not {mention.label}"]
        return min((_axes(mention, entity) for entity in labelled), key=len)

    def _is_label(self, actual: str, wanted: str | None) -> bool:
        return wanted in (None, actual) or wanted in self._schemes.get(actual, ())

    def _others(self, expected: Sequence[MarkedMention], document: Any) -> list[str]:
        spans = {(mention.start, mention.end) for mention in expected}
        return [f"also found: {_spot(entity)}" for entity in document.entities if (entity.start, entity.end) not in spans]


def is_rule(name: str, pack: Pack, rule: Rule) -> bool:
    """Is this the name that results give the rule?"""
    return name == f"{pack.name}:{rule.id}"


def as_marked(document: Any) -> str:
    """A document as its author would mark it."""
    from rulener.cli.show import marked

    def braces(entity: Any) -> str:
        return " ".join([entity.label, *(axis for axis in AXES if getattr(entity, axis))])

    return "".join(piece for piece, _ in marked(document.text, document.entities, braces))


def _section(pack: Pack, rule: Section, match: bool, marked: MarkedText, document: Any) -> list[str]:
    own = [section for section in document.sections if is_rule(section.rule or "", pack, rule)]
    if not match:
        return [f"the rule opens a section at offset {section.heading_start}" for section in own]
    if not marked.mentions:
        return [] if own else ["the rule opens no section"]
    return [
        f"the rule opens no section at {_span(m)}"
        for m in marked.mentions
        if not any(_is_heading(s, m, marked.text) for s in own)
    ]


def _is_heading(section: Any, mention: MarkedMention, text: str) -> bool:
    """The colon may be marked or not."""

    def bare(end: int) -> int:
        return len(text[:end].rstrip(": \t"))

    return section.heading_start == mention.start and bare(section.heading_end) == bare(mention.end)


def _at(document: Any, mention: MarkedMention) -> Any:
    return next((e for e in document.entities if (e.start, e.end) == (mention.start, mention.end)), None)


def _axes(mention: MarkedMention, entity: Any) -> list[str]:
    if entity is None:
        return [f"{_span(mention)} does not come back"]
    actual = tuple(axis for axis in AXES if getattr(entity, axis))
    if actual == mention.axes:
        return []
    return [f"{_span(mention)} is {' '.join(actual) or 'plain'}, not {' '.join(mention.axes) or 'plain'}"]


def _span(mention: MarkedMention) -> str:
    return f"the mark at {mention.start}-{mention.end}"


def _spot(entity: Any) -> str:
    return f"{entity.label} at {entity.start}-{entity.end} (rule {entity.rule})"
