"""Running the examples and cases of packs through an engine (docs/authors/grammar.md says what they mean).

Every deviation has a grade: `boundary` (found with another span), `label`, `assertion`, `missing`, `extra`, or `effect` (a cue or
section does not do, or does, what the example says). A result without deviations is exact.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from xml.etree import ElementTree

from rulener.authoring.marks import as_marked, label_and_axes
from rulener.packs.cases import parse_marked
from rulener.packs.model import AXES, Case, ContextCue, Direction, MarkedMention, MarkedText, Pack, Place, Rule, Section, Text

PASS, FAIL, XFAIL, XPASS = "pass", "fail", "xfail", "xpass"
GRADES = ("exact", "boundary", "label", "assertion", "missing", "extra", "effect")


@dataclass(frozen=True, slots=True)
class Problem:
    """One deviation. `start` and `end` are offsets into the text without marks; -1 when it is about none of its places."""

    grade: str
    message: str
    start: int = -1
    end: int = -1

    def __str__(self) -> str:
        return f"{self.grade}: {self.message}"


@dataclass(frozen=True, slots=True)
class Result:
    """How one example or case came out. `expected` is the text as its author marked it, `found` as the engine would."""

    status: str
    pack: str
    name: str
    place: Place
    problems: tuple[Problem, ...] = ()
    expected: str = ""
    found: str = ""
    reason: str = ""

    @property
    def grade(self) -> str:
        """The first deviation's grade, or `exact`."""
        return self.problems[0].grade if self.problems else "exact"

    def to_dict(self) -> dict[str, Any]:
        place = {"path": self.place.path, "line": self.place.line, "column": self.place.column}
        problems = [{"grade": p.grade, "message": p.message, "start": p.start, "end": p.end} for p in self.problems]
        return {
            "status": self.status,
            "grade": self.grade,
            "pack": self.pack,
            "name": self.name,
            "place": place,
            "problems": problems,
            "expected": self.expected,
            "found": self.found,
            "reason": self.reason,
        }


@dataclass(frozen=True, slots=True)
class Coverage:
    """Which of a pack's rules some example or case made act."""

    pack: str
    rules: int
    idle: tuple[Rule, ...]

    def to_dict(self) -> dict[str, Any]:
        idle = [{"id": rule.id, "path": rule.place.path, "line": rule.place.line} for rule in self.idle]
        return {"pack": self.pack, "rules": self.rules, "exercised": self.rules - len(self.idle), "idle": idle}


class Tester:
    """Runs examples and cases of these packs; `engine` is one that has them."""

    def __init__(self, engine: Any, packs: Sequence[Pack]) -> None:
        self._engine = engine
        self._schemes: Mapping[str, set[str]] = {
            label.id: {name for _, name in label.schemes} for pack in packs for label in pack.labels
        }
        self._seen: set[str] = set()  # names of rules that acted

    def coverage(self, pack: Pack) -> Coverage:
        """What the examples and cases run so far have exercised."""
        rules = rules_of(pack)
        return Coverage(pack.name, len(rules), tuple(rule for rule in rules if f"{pack.name}:{rule.id}" not in self._seen))

    # --- examples

    def examples(self, pack: Pack) -> Iterator[Result]:
        """Each example of each rule that has an effect of its own."""
        for rule in rules_of(pack):
            for kind, texts in (("match", rule.examples.match), ("skip", rule.examples.skip)):
                for number, text in enumerate(texts, 1):
                    yield self._example(pack, rule, kind, number, text)

    def _example(self, pack: Pack, rule: Rule, kind: str, number: int, text: Text) -> Result:
        marked, _ = parse_marked(text)
        if isinstance(rule, ContextCue):
            problems, document = self._context(pack, rule, kind == "match", marked)
        else:
            document = self._annotated(marked.text)
            if isinstance(rule, Section):
                problems = _section(pack, rule, kind == "match", marked, document)
            else:
                problems = self._mention(pack, rule, kind == "match", marked, document)
        name = f"{pack.name}:{rule.id} {kind} {number}"
        status = FAIL if problems else PASS
        return Result(status, pack.name, name, text.place, tuple(problems), text.value, as_marked(document))

    def _annotated(self, text: str, mentions: Iterable[tuple[int, int, str]] | None = None) -> Any:
        document = self._engine.annotate(text, mentions=mentions)
        self._seen.update(entity.rule for entity in document.entities if entity.rule)
        self._seen.update(cue.rule for entity in document.entities for cue in entity.cues)
        self._seen.update(section.rule for section in document.sections if section.rule)
        return document

    def _mention(self, pack: Pack, rule: Rule, match: bool, marked: MarkedText, document: Any) -> list[Problem]:
        own = [entity for entity in document.entities if is_rule(entity.rule, pack, rule)]
        if not match:
            return [Problem("extra", f"the rule finds {_spot(entity)}", entity.start, entity.end) for entity in own]
        if not marked.mentions:
            others = "" if document.entities else ", nor does any other"
            return [] if own else [Problem("missing", f"the rule finds nothing{others}")]
        problems: list[Problem] = []
        for mention in marked.mentions:
            found = [entity for entity in own if (entity.start, entity.end) == (mention.start, mention.end)]
            if not found:
                problems.append(_not_there(mention, own, document.text, "the rule"))
            elif mention.label is not None:
                problems += self._label_and_axes(mention, found, document.text)
        return problems

    def _context(self, pack: Pack, rule: ContextCue, match: bool, marked: MarkedText) -> tuple[list[Problem], Any]:
        if rule.direction in (Direction.PSEUDO, Direction.STOP):
            document = self._annotated(marked.text)
            hits = self._cue_hits(marked.text)
            self._seen.update(hits)
            hit = any(is_rule(name, pack, rule) for name in hits)
            wrong = hit != match
            return ([Problem("effect", f"the cue is {'not ' if match else ''}found")] if wrong else []), document
        label = rule.on[0].value if rule.on else "mention"
        given = [(m.start, m.end, label if m.given or m.label is None else m.label) for m in marked.mentions]
        document = self._annotated(marked.text, given)
        problems = [] if given else [Problem("missing", "nothing is marked: write the mention in brackets")]
        for mention in marked.mentions:
            entity = _at(document, mention)
            acts = entity is not None and any(is_rule(cue.rule, pack, rule) for cue in entity.cues)
            if acts != match:
                what = f"the cue {'does not act' if match else 'acts'} on {_span(mention, marked.text)}"
                problems.append(Problem("effect", what, mention.start, mention.end))
        return problems, document

    def _cue_hits(self, text: str) -> list[str]:
        """The rules of all cue hits in a text, those that act on nothing too."""
        return [hit["rule"] for hit in self._engine.explain(text).to_dict()["cues"]]

    # --- cases

    def case(self, case: Case, pack: Pack | None = None) -> Result:
        """One case of a pack."""
        marked = case.marked
        given = [m for m in marked.mentions if m.given]
        expected = [m for m in marked.mentions if not m.given]
        problems: list[Problem] = []
        document = None
        if given:
            document = self._annotated(marked.text, [(m.start, m.end, "mention") for m in given])
            for mention in given:
                problems += _axes(mention, _at(document, mention), marked.text)
        if expected or case.only or not given:
            document = self._annotated(marked.text)
            for mention in expected:
                problems += self._expected(mention, document)
            if case.only:
                problems += self._others(expected, document)
        status = (XFAIL if problems else XPASS) if case.xfail else (FAIL if problems else PASS)
        name = pack.name if pack else ""
        wanted = _as_written(marked)
        return Result(status, name, case.id, case.place, tuple(problems), wanted, as_marked(document), case.xfail)

    def _expected(self, mention: MarkedMention, document: Any) -> list[Problem]:
        here = [e for e in document.entities if (e.start, e.end) == (mention.start, mention.end)]
        if not here:
            alike = [entity for entity in document.entities if self._is_label(entity.label, mention.label)]
            return [_not_there(mention, alike, document.text, "the engine")]
        return self._label_and_axes(mention, here, document.text) if mention.label is not None else []

    def _label_and_axes(self, mention: MarkedMention, found: Sequence[Any], text: str) -> list[Problem]:
        labelled = [entity for entity in found if self._is_label(entity.label, mention.label)]
        if not labelled:
            labels = " and ".join(entity.label for entity in found)
            return [Problem("label", f"{_span(mention, text)} is {labels}, not {mention.label}", mention.start, mention.end)]
        return min((_axes(mention, entity, text) for entity in labelled), key=len)

    def _is_label(self, actual: str, wanted: str | None) -> bool:
        return wanted in (None, actual) or wanted in self._schemes.get(actual, ())

    def _others(self, expected: Sequence[MarkedMention], document: Any) -> list[Problem]:
        """What is found besides; one that overlaps a mark is that mark's deviation."""
        return [
            Problem("extra", f"also found: {_spot(entity)}", entity.start, entity.end)
            for entity in document.entities
            if (entity.start, entity.end) not in {(m.start, m.end) for m in expected}
        ]


def rules_of(pack: Pack) -> tuple[Rule, ...]:
    """The rules that have an effect of their own."""
    return (*pack.terms, *pack.patterns, *pack.context, *pack.sections)


def is_rule(name: str | None, pack: Pack, rule: Rule) -> bool:
    """Is this the name that results give the rule?"""
    return name == f"{pack.name}:{rule.id}"


def grades(results: Iterable[Result]) -> dict[str, int]:
    """How many results there are of each grade; known gaps are not counted."""
    counted = Counter(result.grade for result in results if result.status != XFAIL)
    return {grade: counted[grade] for grade in GRADES if counted[grade]}


def to_junit(results: Iterable[Result]) -> bytes:
    """The results as JUnit XML, one suite a pack; no times, so that the same results give the same bytes."""
    root = ElementTree.Element("testsuites", name="rulener")
    suites: dict[str, list[Result]] = {}
    for result in results:
        suites.setdefault(result.pack, []).append(result)
    for pack, own in suites.items():
        counts = Counter(result.status for result in own)
        suite = ElementTree.SubElement(root, "testsuite", name=pack, tests=str(len(own)))
        suite.set("failures", str(counts[FAIL] + counts[XPASS]))
        suite.set("skipped", str(counts[XFAIL]))
        for result in own:
            _junit_case(suite, result)
    ElementTree.indent(root)
    written: bytes = ElementTree.tostring(root, encoding="utf-8", xml_declaration=True)
    return written + b"\n"


def _junit_case(suite: ElementTree.Element, result: Result) -> None:
    case = ElementTree.SubElement(suite, "testcase", name=result.name, classname=result.place.path, file=result.place.path)
    case.set("line", str(result.place.line))
    if result.status == XFAIL:
        ElementTree.SubElement(case, "skipped", message=_xml(result.reason))
    elif result.status == XPASS:
        ElementTree.SubElement(case, "failure", type="xpass", message="passes: take the xfail out")
    elif result.status == FAIL:
        failure = ElementTree.SubElement(case, "failure", type=result.grade, message=_xml(result.problems[0].message))
        lines = [*map(str, result.problems), f"expected: {result.expected}", f"found: {result.found}"]
        failure.text = _xml("\n".join(lines))


def _xml(text: str) -> str:
    """Without what XML cannot hold."""
    return "".join(char if char in "\t\n" or (char >= " " and not "\ud800" <= char <= "\udfff") else "\ufffd" for char in text)


# --- words -------------------------------------------------------------------------------------------------------------


def _section(pack: Pack, rule: Section, match: bool, marked: MarkedText, document: Any) -> list[Problem]:
    own = [section for section in document.sections if is_rule(section.rule, pack, rule)]
    if not match:
        what = "the rule opens a section at offset"
        return [Problem("effect", f"{what} {s.heading_start}", s.heading_start, s.heading_end) for s in own]
    if not marked.mentions:
        return [] if own else [Problem("effect", "the rule opens no section")]
    return [
        Problem("effect", f"the rule opens no section at {_span(m, marked.text)}", m.start, m.end)
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


def _not_there(mention: MarkedMention, candidates: Sequence[Any], text: str, who: str) -> Problem:
    """The mark is found with another span, or not at all."""
    overlapping = [entity for entity in candidates if entity.start < mention.end and mention.start < entity.end]
    if overlapping:
        nearest = min(overlapping, key=lambda e: (abs(e.start - mention.start) + abs(e.end - mention.end), e.start))
        message = f"{who} finds {_spot(nearest)} instead of {_span(mention, text)}"
        return Problem("boundary", message, mention.start, mention.end)
    return Problem("missing", f"{who} does not find {_span(mention, text)}", mention.start, mention.end)


def _axes(mention: MarkedMention, entity: Any, text: str) -> list[Problem]:
    if entity is None:
        return [Problem("missing", f"{_span(mention, text)} does not come back", mention.start, mention.end)]
    actual = tuple(axis for axis in AXES if getattr(entity, axis))
    if actual == mention.axes:
        return []
    message = f"{_span(mention, text)} is {' '.join(actual) or 'plain'}, not {' '.join(mention.axes) or 'plain'}"
    return [Problem("assertion", message, mention.start, mention.end)]


def _as_written(marked: MarkedText) -> str:
    pieces, at = [], 0
    for mention in marked.mentions:
        braces = f"{{{' '.join([mention.label, *mention.axes])}}}" if mention.label else ""
        pieces += [marked.text[at : mention.start], f"[{marked.text[mention.start : mention.end]}]{braces}"]
        at = mention.end
    return "".join([*pieces, marked.text[at:]])


def _span(mention: MarkedMention, text: str) -> str:
    return f"[{text[mention.start : mention.end]}] at {mention.start}-{mention.end}"


def _spot(entity: Any) -> str:
    return f"[{entity.text}]{{{label_and_axes(entity)}}} at {entity.start}-{entity.end} (rule {entity.rule})"
