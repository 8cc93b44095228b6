"""Why the engine says what it says: `Engine.explain`, in plain words and as data.

A note is scanned once more with the trace on. What the scan kept (candidates that lost, occurrences that did not count, every
cue) is put beside the mentions it is about.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any

from rulener.core.columns import Batch
from rulener.errors import NoteError, UsageError
from rulener.linking.linker import spans_of
from rulener.linking.note import Note, note_of

if TYPE_CHECKING:
    from rulener.core.columns import Document, Entity
    from rulener.engine import Engine

SCHEMA = "rulener.explanation/1"
AXES = ("negated", "uncertain", "historical", "hypothetical", "family")

_WHY_LOST = {
    "priority": "its rule has a lower priority",
    "shorter": "it is shorter",
    "later": "it begins later",
    "order": "its rule comes later (packs before lexicons, each in the order written)",
    "unless": "its rule's `unless` rules it out here",
    "heading": "it is part of a section heading",
}
_WHY_REJECTED = {
    "case": "that one keeps its capitals, and they differ here",
    "glued": "it is stuck to a number, or a number's letters follow",
    "link only": "that one is only used to link a mention found otherwise (its row says `link`)",
    "no heading here": "not taken as one: it must begin a line and be followed by a colon or dash, or fill the line",
}
_DIRECTIONS = {
    "forward": "looks forward",
    "backward": "looks back",
    "both": "looks both ways",
    "field": "answers the field name before it",
    "pseudo": "silences the cues it covers",
    "stop": "stops other cues",
    "sign": "stands at the mention it speaks of",
}
_VIA = {"direct": "", "list": ", along a list", "field": ", as a field's value", "section": ""}
_REACHING = ("forward", "backward", "both")
_QUOTED = 100  # characters of a sentence or scope shown on one line
_INDENT = 13
_CONTROLS = {number: "\ufffd" for number in (*range(32), *range(127, 160))}  # a note must not steer the terminal


def explain(engine: Engine, text: str, position: int | None = None) -> Explanation:
    """Explain a note, or what stands at `position` (an index into the text) and why nothing else does.

    Raises UsageError for a position outside the text, NoteError when the note cannot be annotated.
    """
    if position is not None and not 0 <= position < len(text):
        raise UsageError(
            "U220",
            f"offset {position} lies outside the note's {len(text)} characters",
            hint=f"offsets go from 0 to {len(text) - 1}" if text else "the note is empty",
        )
    return _Explainer(engine, text).explanation(position)


# --- what an explanation is made of -----------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Rule:
    """A rule's name and where it stands: `pack/file.yaml:line:column`, or a lexicon's file."""

    name: str
    place: str

    def __str__(self) -> str:
        return f"{self.name} ({self.place})"


@dataclass(frozen=True, slots=True)
class PassedOver:
    """Something that could have counted and did not.

    `what` is `mention`, `cue`, `heading` or `word` (one that a regex, `blocked_by` or `unless` looks for); `reason` is short and
    stable, `why` says it in words. `winner` is the mention that took the place, None when none did.
    """

    start: int
    end: int
    text: str
    what: str
    rule: Rule | None
    label: str | None
    concepts: tuple[dict[str, Any], ...] = field(hash=False)
    reason: str
    why: str
    winner: tuple[int, int, str, Rule] | None = None  # start, end, label, rule

    def to_dict(self) -> dict[str, Any]:
        made: dict[str, Any] = {
            "start": self.start,
            "end": self.end,
            "text": self.text,
            "what": self.what,
            "rule": self.rule.name if self.rule else None,
            "place": self.rule.place if self.rule else None,
            "label": self.label,
            "concepts": list(self.concepts),
            "reason": self.reason,
            "why": self.why,
            "winner": None,
        }
        if self.winner:
            start, end, label, rule = self.winner
            made["winner"] = {"start": start, "end": end, "label": label, "rule": rule.name, "place": rule.place}
        return made


@dataclass(frozen=True, slots=True)
class CueHit:
    """A cue that stands in the note. It acts only on its `live` axes: on the others a longer or pseudo cue covers it."""

    start: int
    end: int
    text: str
    rule: Rule
    direction: str
    axes: tuple[str, ...]
    live: tuple[str, ...]
    acts_on: tuple[str, ...]  # entity ids
    why: str  # what it does, or why it does nothing
    within_cue: bool  # it does nothing because a longer cue speaks instead

    def to_dict(self) -> dict[str, Any]:
        return {
            "rule": self.rule.name,
            "place": self.rule.place,
            "start": self.start,
            "end": self.end,
            "text": self.text,
            "direction": self.direction,
            "axes": list(self.axes),
            "live": list(self.live),
            "acts_on": list(self.acts_on),
            "why": self.why,
        }


@dataclass(frozen=True, slots=True)
class Found:
    """An entity with everything that speaks for it."""

    data: dict[str, Any]  # the entity as in rulener.document/1
    rule: Rule
    line: int
    column: int
    sentence: tuple[int, int]
    section: dict[str, Any] | None
    cue_places: tuple[str, ...]
    cue_stops: tuple[CueHit | None, ...]  # the stop cue that ends each cue's reach; None: the sentence, a mark or a limit does
    beat: tuple[PassedOver, ...]
    tried: tuple[dict[str, Any], ...] = ()  # steps of the linker, for a mention without a sure concept

    def to_dict(self, text: str) -> dict[str, Any]:
        cues = [
            {**cue, "text": text[cue["start"] : cue["end"]], "place": place, "ended_by": stop.to_dict() if stop else None}
            for cue, place, stop in zip(self.data["cues"], self.cue_places, self.cue_stops, strict=True)
        ]
        start, end = self.sentence
        return {
            **self.data,
            "cues": cues,
            "rule_place": self.rule.place,
            "line": self.line,
            "column": self.column,
            "sentence_span": {"start": start, "end": end},
            "section_span": self.section,
            "beat": [passed.to_dict() for passed in self.beat],
            "tried": list(self.tried),
        }


@dataclass(frozen=True, slots=True)
class Spot:
    """The place asked about: the token there, or what lies between two."""

    position: int
    line: int
    column: int
    kind: str  # word, number, punct, gap
    start: int  # of the token, or of the gap
    end: int
    key: str | None  # the token as rules see it, folded
    known: bool  # some form of the loaded packs and lexicons has this word
    section: dict[str, Any] | None
    in_heading: bool
    sentence: tuple[int, int]
    left_out: tuple[str, ...]  # labels found here that the scheme in use has no name for

    def to_dict(self, text: str) -> dict[str, Any]:
        return {
            "position": self.position,
            "line": self.line,
            "column": self.column,
            "kind": self.kind,
            "start": self.start,
            "end": self.end,
            "text": text[self.start : self.end],
            "key": self.key,
            "known": self.known,
            "section": self.section,
            "in_heading": self.in_heading,
            "sentence": {"start": self.sentence[0], "end": self.sentence[1]},
            "left_out": list(self.left_out),
        }


@dataclass(frozen=True, slots=True)
class Explanation:
    """Why the entities of a note are there. With a position: what concerns that place, and why nothing else is there.

    `entities` are those of the note, or those at the position; `cues` every cue of the note, or those of the position's sentence;
    `passed_over` what did not count, in the note or at the position.
    """

    text: str
    spot: Spot | None
    entities: tuple[Found, ...]
    cues: tuple[CueHit, ...]
    passed_over: tuple[PassedOver, ...]

    def to_dict(self) -> dict[str, Any]:
        """The explanation as plain data."""
        return {
            "schema": SCHEMA,
            "length": len(self.text),
            "position": self.spot.to_dict(self.text) if self.spot else None,
            "entities": [found.to_dict(self.text) for found in self.entities],
            "cues": [cue.to_dict() for cue in self.cues],
            "passed_over": [passed.to_dict() for passed in self.passed_over],
        }

    def lines(self) -> list[str]:
        """The explanation in plain words, line by line."""
        return list(_Words(self).lines())


_Hit = tuple[int, int, str, str, str, tuple[str, ...], tuple[str, ...]]  # as Document.cue_hits gives it


# --- from the trace ---------------------------------------------------------------------------------------------------


class _Explainer:
    """One traced scan of one note."""

    def __init__(self, engine: Engine, text: str) -> None:
        self.engine = engine
        self.text = text
        self.tables = engine._tables
        self.scanner = engine._scanner(trace=True)
        batch = Batch(engine._tables, [None], engine._labels)
        self.scanner.annotate(batch, text)
        engine._linker.link_found(batch, self.scanner.tokenise)
        if batch.failures:
            _, code, reason = batch.failures[0]
            raise NoteError(code, reason)
        self.document: Document = batch.document(0)
        self.entities: tuple[Entity, ...] = self.document.entities
        self.sentences = self.document.sentences
        self.line_starts = _line_starts(text)

    def explanation(self, position: int | None) -> Explanation:
        if position is None:
            return Explanation(self.text, None, tuple(map(self._found, self.entities)), self._cues, self._passed_over)
        spot = self._spot(position)
        here = [entity for entity in self.entities if entity.start <= position < entity.end]
        low, high = spot.sentence
        cues = tuple(cue for cue in self._cues if cue.start < high and low < cue.end)
        passed = tuple(p for p in self._passed_over if p.start <= position < p.end)
        return Explanation(self.text, spot, tuple(map(self._found, here)), cues, passed)

    # entities

    def _found(self, entity: Entity) -> Found:
        line, column = self._line_column(entity.start)
        sentence = self.sentences[entity.sentence]
        beat = tuple(p for p in self._passed_over if p.winner and _is_winner(entity, p.winner))
        rule = Rule(entity.rule or "", entity.rule_place or "")
        section = self._section(entity.start)
        span = (sentence.start, sentence.end)
        data = entity.to_dict()
        stops = tuple(self._stop_of(cue) for cue in data["cues"])
        return Found(data, rule, line, column, span, section, entity.cue_places, stops, beat, self._tried(entity))

    def _stop_of(self, cue: dict[str, Any]) -> CueHit | None:
        """The stop cue that stands at the end of a cue's reach on its axis, behind it or, for one that looks back, before it."""
        if cue["via"] not in ("direct", "list"):
            return None
        low, high = cue["scope_start"], cue["scope_end"]
        near = self._stops_from[self._behind_spaces(high)] if cue["start"] < high else self._stops_to[self._before_spaces(low)]
        return next((hit for hit in near if cue["axis"] in hit.live), None)

    def _behind_spaces(self, position: int) -> int:
        while position < len(self.text) and self.text[position].isspace():
            position += 1
        return position

    def _before_spaces(self, position: int) -> int:
        while position > 0 and self.text[position - 1].isspace():
            position -= 1
        return position

    @cached_property
    def _stops_from(self) -> defaultdict[int, list[CueHit]]:
        """The stop cues by where they begin."""
        return _by_place((hit.start, hit) for hit in self._cues if hit.direction == "stop")

    @cached_property
    def _stops_to(self) -> defaultdict[int, list[CueHit]]:
        """The stop cues by where they end."""
        return _by_place((hit.end, hit) for hit in self._cues if hit.direction == "stop")

    def _tried(self, entity: Entity) -> tuple[dict[str, Any], ...]:
        """What the linker's steps say of a mention that has no sure concept."""
        linker = self.engine._linker
        if linker.options is None or entity.linking not in ("ambiguous", "unresolved"):
            return ()
        _, tried = linker.trace(self.document.batch, int(entity.id[1:]) - 1, self._note)
        named = ((t, [(self.tables.concept(c.concept), c.score) for c in t.found]) for t in tried)
        return tuple(
            {
                "step": step.step,
                "words": step.words,
                "found": [{"system": c.system, "code": c.code, "name": c.name, "score": score} for c, score in found],
            }
            for step, found in named
        )

    @cached_property
    def _note(self) -> Note:
        return note_of(self.text, self.scanner.tokenise(self.text), spans_of(self.document.batch, 0))

    def _section(self, position: int) -> dict[str, Any] | None:
        """The section a place stands in, with its heading's words."""
        for section in reversed(self.document.sections):
            if section.start <= position:
                heading = self.text[section.heading_start : section.heading_end]
                span = {"start": section.start, "end": section.end}
                return {"name": section.name, "heading": heading, "rule": section.rule, **span}
        return None

    # what did not count

    @cached_property
    def _passed_over(self) -> tuple[PassedOver, ...]:
        found = dict.fromkeys(self._losers())  # a rule's several forms may say the same
        found.update(dict.fromkeys(self._rejected()))
        return tuple(sorted(found, key=lambda p: (p.start, p.end)))

    def _losers(self) -> Iterator[PassedOver]:
        for start, end, term, winner, reason in self.document.losers():
            name, place, label, concepts = self.tables.term_view(term)
            won = None
            if winner is not None:
                winner_name, winner_place, winner_label, _ = self.tables.term_view(winner[2])
                won = (winner[0], winner[1], winner_label, Rule(winner_name, winner_place))
            yield PassedOver(
                start,
                end,
                self.text[start:end],
                "mention",
                Rule(name, place),
                label,
                tuple(concept.to_dict() for concept in concepts),
                reason,
                _WHY_LOST[reason],
                won,
            )

    def _rejected(self) -> Iterator[PassedOver]:
        name: str | None
        place: str | None
        for start, end, number, reason in self.document.rejected():
            if reason == "no heading here":
                what = "heading"
                _, name, place = self.tables.heading_view(number)
            else:
                kind, name, place = self.tables.entry_view(number)
                what = {"term": "mention", "other": "word"}.get(kind, kind)
            rule = Rule(name, place or "") if name is not None else None
            yield PassedOver(start, end, self.text[start:end], what, rule, None, (), reason, _WHY_REJECTED[reason])

    # cues

    @cached_property
    def _cues(self) -> tuple[CueHit, ...]:
        acts: dict[tuple[str, int, int], list[str]] = {}
        for entity in self.entities:
            for cue in entity.cues:
                reached = acts.setdefault((cue.rule, cue.start, cue.end), [])
                if entity.id not in reached:
                    reached.append(entity.id)
        hits = [self._assessed(hit) for hit in self.document.cue_hits()]
        found = []
        for hit in hits:
            start, end, name, place, direction, axes, live = hit
            ids = tuple(acts.get((name, start, end), ()))
            cover = None if live else _cover(hit, hits)
            why = self._what_it_does(hit, hits, ids, cover)
            within_cue = cover is not None and cover[4] != "pseudo"
            found.append(CueHit(start, end, self.text[start:end], Rule(name, place), direction, axes, live, ids, why, within_cue))
        return tuple(sorted(found, key=lambda cue: (cue.start, cue.end)))

    def _assessed(self, hit: _Hit) -> _Hit:
        """The hit, without the axes no loaded pack assesses."""
        axes, live = (tuple(axis for axis in axes if axis in self.engine.axes) for axes in hit[5:])
        return (*hit[:5], axes, live)

    def _what_it_does(self, hit: _Hit, hits: Sequence[_Hit], acts_on: Sequence[str], cover: _Hit | None) -> str:
        start, end, _, _, direction, _, live = hit
        if not live:
            if cover is None:
                return "does nothing"
            place = "lies in" if cover[0] <= start and end <= cover[1] else "overlaps"
            return f"does nothing: it {place} the {_role(cover[4])} {quoted(self.text[cover[0] : cover[1]])}"
        if direction == "pseudo":
            covered = [h for h in hits if h is not hit and h[0] < end and start < h[1] and set(h[5]) - set(h[6])]
            words = dict.fromkeys(quoted(self.text[h[0] : h[1]]) for h in covered)
            return f"silences {_listed(words)}" if words else "covers no cue here"
        if direction == "stop":
            return "ends the reach of " + ("all cues" if live == self.engine.axes else f"{_listed(live)} cues")
        return f"makes {_listed(acts_on)} {_listed(live)}" if acts_on else "reaches no mention"

    # the place asked about

    def _spot(self, position: int) -> Spot:
        line, column = self._line_column(position)
        kind, start, end, key, known = self._token_at(position)
        in_heading = any(section.heading_start <= position < section.heading_end for section in self.document.sections)
        section, sentence = self._section(position), self._sentence_around(position)
        return Spot(position, line, column, kind, start, end, key, known, section, in_heading, sentence, self._left_out(position))

    def _token_at(self, position: int) -> tuple[str, int, int, str | None, bool]:
        """Kind, span and key of the token at a place, and whether any form has it; or the gap between two tokens."""
        before = 0
        for start, end, key, kind, _, number in self.scanner.tokenise(self.text):
            if start <= position < end:
                return kind, start, end, key, number != 0
            if start > position:
                return "gap", before, start, None, False
            before = end
        return "gap", before, len(self.text), None, False

    def _left_out(self, position: int) -> tuple[str, ...]:
        """Labels of the mentions here that the engine's scheme leaves out."""
        if self.engine.scheme is None:
            return ()
        from rulener.engine import Engine

        mapping = self.engine._meta["schemes"][self.engine.scheme]
        everything = Engine(self.engine.path).annotate(self.text)
        here = (entity.label for entity in everything.entities if entity.start <= position < entity.end)
        return tuple(dict.fromkeys(label for label in here if label not in mapping))

    def _sentence_around(self, position: int) -> tuple[int, int]:
        for sentence in self.sentences:
            if position < sentence.end:
                return sentence.start, sentence.end
        return (self.sentences[-1].start, self.sentences[-1].end) if self.sentences else (0, 0)

    def _line_column(self, position: int) -> tuple[int, int]:
        from bisect import bisect_right

        line = bisect_right(self.line_starts, position)
        return line, position - self.line_starts[line - 1] + 1


def _is_winner(entity: Entity, winner: tuple[int, int, str, Rule]) -> bool:
    return (entity.start, entity.end, entity.rule) == (winner[0], winner[1], winner[3].name)


def _cover(hit: _Hit, hits: Iterable[_Hit]) -> _Hit | None:
    """The longest hit that took an axis from this one."""
    overlapping = [h for h in hits if h is not hit and h[0] < hit[1] and hit[0] < h[1] and set(h[6]) & set(hit[5])]
    return max(overlapping, key=lambda h: (h[1] - h[0], -h[0]), default=None)


def _role(direction: str) -> str:
    return {"pseudo": "pseudo cue", "stop": "stop"}.get(direction, "cue")


def _line_starts(text: str) -> list[int]:
    import re

    return [0, *(match.end() for match in re.finditer("\r\n|\n|\r", text))]


def _listed(words: Iterable[str]) -> str:
    return ", ".join(words)


def quoted(text: str, limit: int = _QUOTED) -> str:
    """A piece of the note on one line, in quotes, the middle left out when it is long."""
    plain = " ".join(text.split()).translate(_CONTROLS)
    if len(plain) > limit:
        plain = f"{plain[: limit * 2 // 3].rstrip()} … {plain[-(limit // 3) :].lstrip()}"
    return f'"{plain}"'


# --- in words ---------------------------------------------------------------------------------------------------------


class _Words:
    """An explanation for the terminal."""

    def __init__(self, explanation: Explanation) -> None:
        self.of = explanation
        self.text = explanation.text

    def lines(self) -> Iterator[str]:
        if self.of.spot is None:
            yield from self._note()
        else:
            yield from self._place(self.of.spot)

    # the whole note

    def _note(self) -> Iterator[str]:
        if not self.of.entities:
            yield "No entity was found in this note."
        for found in self.of.entities:
            yield from self._entity(found)
            yield ""
        idle = [cue for cue in self.of.cues if not cue.acts_on and cue.direction not in ("pseudo", "stop") and not cue.within_cue]
        if idle:
            yield "Cues that act on nothing"
            for cue in idle:
                yield f"  {_at(cue.start, cue.end)}  {quoted(cue.text)}: {cue.why}; {cue.rule}"
        ruled_out = [p for p in self.of.passed_over if p.reason == "unless"]
        if ruled_out:
            yield "Ruled out by `unless`"
            for passed in ruled_out:
                yield f"  {_at(passed.start, passed.end)}  {self._passed(passed)}"

    def _entity(self, found: Found) -> Iterator[str]:
        data = found.data
        yield f"{data['id']}  {quoted(data['text'])}  {data['label']}  at {_at(data['start'], data['end'])}, line {found.line}"
        yield _row("rule", str(found.rule))
        for number, concept in enumerate(data["concepts"]):
            yield _row("concept" if number == 0 else "", _concept(concept))
        if data["linking"] in ("ambiguous", "unresolved"):
            yield _row("linking", f"{data['linking']}{'; steps tried:' if found.tried else ''}")
            for step in found.tried:
                names = ", ".join(_concept(concept) for concept in step["found"]) or "nothing"
                yield _row("", f"{step['step']}: {step['words']} -> {names}")
        if found.section:
            yield _row("section", _section(found.section))
        yield _row("sentence", quoted(self.text[slice(*found.sentence)]))
        for name, attribute in data["attributes"].items():
            value = "" if attribute["number"] is None else f" = {attribute['number']}"
            yield _row("attribute", f"{name}: {quoted(attribute['text'])}{value}")
        yield from self._axes(found)
        # Another reading by the same rule says nothing new; a lexicon is one rule for all its terms.
        rivals = [passed for passed in found.beat if passed.rule != found.rule or found.rule.name.startswith("lexicon:")]
        for number, passed in enumerate(rivals):
            yield _row("beat" if number == 0 else "", self._beaten(passed, data))

    def _axes(self, found: Found) -> Iterator[str]:
        data = found.data
        for cue, place, stop in zip(data["cues"], found.cue_places, found.cue_stops, strict=True):
            yield _row(cue["axis"], self._cue(cue, place))
            if stop is not None:
                yield _row("", f"up to {quoted(stop.text)} at {_at(stop.start, stop.end)}, which ends it; {stop.rule}")
        plain = [axis for axis in AXES if data[axis] is False]
        unknown = [axis for axis in AXES if data[axis] is None]
        if plain:
            yield _row("not", _listed(plain))
        if unknown:
            yield _row("not judged", f"{_listed(unknown)} (no loaded pack speaks of it)")

    def _cue(self, cue: dict[str, Any], place: str) -> str:
        words = quoted(self.text[cue["start"] : cue["end"]])
        rule = Rule(cue["rule"], place)
        if cue["via"] == "section":
            return f"by its section's heading {words}; {rule}"
        scope = quoted(self.text[cue["scope_start"] : cue["scope_end"]], 60)
        return f"by {words} at {_at(cue['start'], cue['end'])}, which reaches {scope}{_VIA[cue['via']]}; {rule}"

    def _beaten(self, passed: PassedOver, winner: dict[str, Any]) -> str:
        same = (passed.start, passed.end) == (winner["start"], winner["end"])
        words = "the same words" if same else quoted(passed.text)
        return f"{words} as {passed.label}: {passed.why}; {passed.rule}"

    # one place

    def _place(self, spot: Spot) -> Iterator[str]:
        yield from self._what_stands_there(spot)
        if self.of.entities:
            for found in self.of.entities:
                yield ""
                yield from self._entity(found)
        else:
            yield "No entity stands here."
            yield from self._why_nothing(spot)
        yield from self._also_here()
        yield from self._nearby()

    def _also_here(self) -> Iterator[str]:
        own = {id(passed) for found in self.of.entities for passed in found.beat}
        others = [passed for passed in self.of.passed_over if id(passed) not in own]
        if others:
            yield ""
            yield "What also matches here but does not count"
            for passed in others:
                yield f"  {self._passed(passed)}"

    def _nearby(self) -> Iterator[str]:
        cues = [cue for cue in self.of.cues if not cue.within_cue]
        if cues:
            yield ""
            yield "Cues in this sentence"
        for cue in cues:
            yield f"  {self._cue_nearby(cue)}"
            for found in self.of.entities:
                if found.data["id"] not in cue.acts_on and cue.live and cue.direction in _REACHING:
                    yield f"    not {found.data['id']}: {self._why_not(cue, found.data)}"

    def _why_not(self, cue: CueHit, entity: dict[str, Any]) -> str:
        """Why a cue does not act on an entity of its sentence, as far as its place tells."""
        if cue.start < entity["end"] and entity["start"] < cue.end:
            return "the cue is part of the mention"
        is_behind = entity["start"] >= cue.end
        if cue.direction == ("backward" if is_behind else "forward"):
            return f"the mention stands {'behind' if is_behind else 'before'} the cue"
        low, high = (cue.end, entity["start"]) if is_behind else (entity["end"], cue.start)
        for stop in self.of.cues:
            if stop.direction == "stop" and low <= stop.start and stop.end <= high and set(stop.live) >= set(cue.live):
                return f"{quoted(stop.text)} stands between and stops it"
        return "its reach ends before, a word of its `blocked_by` stands near, or its rule is not for this label"

    def _what_stands_there(self, spot: Spot) -> Iterator[str]:
        where = f"Offset {spot.position} (line {spot.line}, column {spot.column})"
        if spot.kind == "gap":
            yield f"{where} is {self._gap(spot)}."
        else:
            yield f"{where} is in the {_KINDS[spot.kind]} {quoted(self.text[spot.start : spot.end])}{_read_as(spot, self.text)}."

    def _gap(self, spot: Spot) -> str:
        here = self.text[spot.position]
        name = "a line break" if here in "\r\n" else "a space" if here.isspace() else f"the separator {quoted(here)}"
        before, after = self.text[: spot.start].rsplit(None, 1)[-1:], self.text[spot.end :].split(None, 1)[:1]
        if before and after:
            return f"{name} between {quoted(before[0], 30)} and {quoted(after[0], 30)}"
        if before or after:
            return f"{name} {'after the last word' if before else 'before the first word'} of the note"
        return f"{name} in a note without words"

    def _why_nothing(self, spot: Spot) -> Iterator[str]:
        if spot.left_out:
            yield f"Found here: {_listed(spot.left_out)}, but the scheme in use has no name for that label, so it is left out."
        elif spot.in_heading and spot.section:
            yield f"It belongs to a heading, and headings hold no mentions. It opens the section {_section(spot.section)}."
        elif spot.kind == "gap":
            yield "Mentions begin and end at words; look at the words beside it."
        elif spot.kind == "number":
            yield "A number is only ever part of a term or of a pattern, and none matches here."
        elif spot.kind == "punct":
            yield "A punctuation mark is only ever part of a term or of a pattern, and none matches here."
        elif spot.key is None:
            yield "The word is longer than 255 bytes; such words match nothing."
        elif not spot.known:
            yield "No term, cue, heading or pattern of the loaded packs and lexicons has this word."
        elif any(cue.start <= spot.position < cue.end for cue in self.of.cues):
            yield "The word is (part of) a cue, see below."
        elif not self.of.passed_over:
            yield "The loaded packs and lexicons have this word, but only in longer forms, none of which stands here whole."

    def _passed(self, passed: PassedOver) -> str:
        rule = f"; {passed.rule}" if passed.rule else ""
        if passed.what == "mention" and passed.label:
            winner = ""
            if passed.winner:
                start, end, label, _ = passed.winner
                winner = f" lost to {quoted(self.text[start:end])} ({label}):"
            return f"{quoted(passed.text)} as {passed.label}{_codes(passed.concepts)}{winner or ':'} {passed.why}{rule}"
        names = {"mention": "a term", "cue": "a cue", "heading": "a heading", "word": "a word some rule looks for"}
        return f"{quoted(passed.text)} as {names[passed.what]}: {passed.why}{rule}"

    def _cue_nearby(self, cue: CueHit) -> str:
        axes = _listed(cue.live or cue.axes)
        return f"{quoted(cue.text)} at {_at(cue.start, cue.end)} ({axes}; {_DIRECTIONS[cue.direction]}): {cue.why}; {cue.rule}"


_KINDS = {"word": "word", "number": "number", "punct": "punctuation mark"}


def _by_place(hits: Iterable[tuple[int, CueHit]]) -> defaultdict[int, list[CueHit]]:
    found: defaultdict[int, list[CueHit]] = defaultdict(list)
    for place, hit in hits:
        found[place].append(hit)
    return found


def _at(start: int, end: int) -> str:
    return f"{start}-{end}"


def _row(name: str, value: str) -> str:
    return f"    {name:<{_INDENT}}{value}"


def _concept(concept: dict[str, Any]) -> str:
    if concept["code"] is None:
        return f"{concept['name']} (no code)"
    shown = f"{concept['system']}:{concept['code']}" + (f" {concept['name']}" if concept["name"] else "")
    step = concept.get("step", "exact")
    matched = f": {concept['matched']}" if concept.get("matched") else ""
    return shown if step == "exact" else f"{shown} ({step}{matched}, {concept['score']:g})"


def _codes(concepts: Iterable[dict[str, Any]]) -> str:
    codes = [f"{concept['system']}:{concept['code']}" for concept in concepts if concept["code"]]
    return f" {_listed(codes)}" if codes else ""


def _section(section: dict[str, Any]) -> str:
    if section["name"] is None:
        return f"unnamed: no pack knows the heading {quoted(section['heading'])}"
    return f"{section['name']}, under {quoted(section['heading'])}; {section['rule']}"


def _read_as(spot: Spot, text: str) -> str:
    """How rules see the word, when that is not how it is written."""
    return f", which rules read as {quoted(spot.key)}" if spot.key is not None and spot.key != text[spot.start : spot.end] else ""
