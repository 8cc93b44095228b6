"""What a change does: two engines over the same notes, mention by mention.

A mention of one engine answers one of the other with the same span; of those left, one that overlaps it. What has no answer is
added or lost; what has one and differs in span, label, assertion, concepts or rule is changed.
"""

from __future__ import annotations

import hashlib
import json
from bisect import bisect_right
from collections import Counter, deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import tee
from pathlib import Path
from typing import Any

from rulener.authoring.files import replace_file
from rulener.errors import UsageError
from rulener.packs.model import AXES

KINDS = ("added", "lost", "changed")
CONTEXT = 50  # characters of a note shown either side of a mention
SCHEMA = "rulener.effect/1"
BASELINE_FILE = "baseline.json"
BASELINE_SCHEMA = "rulener.baseline/1"


@dataclass(frozen=True, slots=True)
class Hit:
    """One mention as far as it is compared. Concepts are `SYSTEM:CODE`, in order."""

    start: int
    end: int
    label: str
    rule: str
    axes: tuple[str, ...] = ()
    concepts: tuple[str, ...] = ()

    def to_dict(self) -> dict[str, Any]:
        return {
            "start": self.start,
            "end": self.end,
            "label": self.label,
            "rule": self.rule,
            "axes": list(self.axes),
            "concepts": list(self.concepts),
        }


@dataclass(frozen=True, slots=True)
class Change:
    """One mention that came, went or changed. `what` names what differs; `snippet` is the text before, in and after it."""

    kind: str
    note: str
    before: Hit | None
    after: Hit | None
    what: tuple[str, ...]
    line: int
    column: int
    snippet: tuple[str, str, str] = field(repr=False)

    @property
    def hit(self) -> Hit:
        """The mention as it is now, or was."""
        found = self.after or self.before
        assert found is not None
        return found

    def to_dict(self) -> dict[str, Any]:
        """Without the note's text."""
        return {
            "kind": self.kind,
            "note": self.note,
            "line": self.line,
            "column": self.column,
            "what": list(self.what),
            "before": self.before.to_dict() if self.before else None,
            "after": self.after.to_dict() if self.after else None,
        }


@dataclass(slots=True)
class Effect:
    """All changes over some notes, with the counts they are part of."""

    notes: int = 0
    changed_notes: int = 0
    before: int = 0
    after: int = 0
    changes: list[Change] = field(default_factory=list)

    def counts(self) -> dict[str, int]:
        counted = Counter(change.kind for change in self.changes)
        return {kind: counted[kind] for kind in KINDS}

    def by_rule(self) -> list[tuple[str, dict[str, int]]]:
        """(rule, changes of each kind), most changes first. A change counts for the rule that makes, or made, the mention."""
        counted: dict[str, Counter[str]] = {}
        for change in self.changes:
            counted.setdefault(change.hit.rule, Counter())[change.kind] += 1
        ordered = sorted(counted.items(), key=lambda item: (-sum(item[1].values()), item[0]))
        return [(rule, {kind: counts[kind] for kind in KINDS}) for rule, counts in ordered]

    def to_dict(self) -> dict[str, Any]:
        return {
            "schema": SCHEMA,
            "notes": self.notes,
            "changed_notes": self.changed_notes,
            "mentions": {"before": self.before, "after": self.after},
            "counts": self.counts(),
            "rules": [{"rule": rule, **counts} for rule, counts in self.by_rule()],
            "changes": [change.to_dict() for change in self.changes],
        }


def effect_of(old: Any, new: Any, notes: Iterable[tuple[str, str]]) -> Effect:
    """Compare two engines over notes (id, text), in order. Notes are read once and not kept.

    Raises NoteError for a note that one of the engines cannot annotate.
    """
    effect = Effect()
    for (note, text), before, after in _side_by_side(old, new, notes):
        add_note(effect, note, text, before, after)
    return effect


def _side_by_side(
    old: Any, new: Any, notes: Iterable[tuple[str, str]]
) -> Iterator[tuple[tuple[str, str], list[Hit], list[Hit]]]:
    first, second, third, fourth, fifth = tee(notes, 5)
    before = old.annotate_many((text for _, text in first), ids=(note for note, _ in second))
    after = new.annotate_many((text for _, text in third), ids=(note for note, _ in fourth))
    for note, old_document, new_document in zip(fifth, before, after, strict=True):
        yield note, hits_of(old_document), hits_of(new_document)


def hits_of(document: Any) -> list[Hit]:
    """The mentions of a document as they are compared."""
    return [
        Hit(
            entity.start,
            entity.end,
            entity.label,
            entity.rule or "",
            tuple(axis for axis in AXES if getattr(entity, axis)),
            tuple(f"{concept.system}:{concept.code}" for concept in entity.concepts if concept.code is not None),
        )
        for entity in document.entities
    ]


def add_note(effect: Effect, note: str, text: str, before: Sequence[Hit], after: Sequence[Hit]) -> None:
    """Count one more note into an effect, for who has the mentions of both sides already."""
    effect.notes += 1
    effect.before += len(before)
    effect.after += len(after)
    changes = list(_changes(note, text, before, after))
    effect.changed_notes += bool(changes)
    effect.changes += changes


def _changes(note: str, text: str, before: Sequence[Hit], after: Sequence[Hit]) -> Iterator[Change]:
    if before == after:
        return
    pairs, lost, added = _paired(before, after)
    found: list[tuple[str, Hit | None, Hit | None, tuple[str, ...]]] = []
    for one, other in pairs:
        what = tuple(name for name in ("span", "label", "axes", "concepts", "rule") if _differs(name, one, other))
        if what:
            found.append(("changed", one, other, what))
    found += [("lost", hit, None, ()) for hit in lost]
    found += [("added", None, hit, ()) for hit in added]
    starts = [0, *(at + 1 for at, char in enumerate(text) if char == "\n")] if found else []
    for kind, one_, other_, what in sorted(found, key=lambda item: _place(item[2] or item[1])):
        yield _change(kind, note, text, starts, one_, other_, what)


def _place(hit: Hit | None) -> tuple[int, int, str, str]:
    assert hit is not None
    return hit.start, hit.end, hit.label, hit.rule


def _differs(name: str, one: Hit, other: Hit) -> bool:
    if name == "span":
        return (one.start, one.end) != (other.start, other.end)
    return bool(getattr(one, name) != getattr(other, name))


def _paired(before: Sequence[Hit], after: Sequence[Hit]) -> tuple[list[tuple[Hit, Hit]], list[Hit], list[Hit]]:
    """Mentions that answer each other: the same in all, then in span and label, then in span, then overlapping with one label."""
    lost, added = sorted(before, key=_place), sorted(after, key=_place)
    pairs: list[tuple[Hit, Hit]] = []
    for alike in (
        lambda hit: hit,
        lambda hit: (hit.start, hit.end, hit.label),
        lambda hit: (hit.start, hit.end),
    ):
        pairs += _taken(lost, added, alike)
    pairs += _overlapping(lost, added)
    return pairs, lost, added


def _taken(lost: list[Hit], added: list[Hit], alike: Callable[[Hit], object]) -> list[tuple[Hit, Hit]]:
    """Pairs with the same key, taken out of both lists; the first of each with the first."""
    waiting: dict[object, deque[Hit]] = {}
    for hit in added:
        waiting.setdefault(alike(hit), deque()).append(hit)
    pairs = [(one, found.popleft()) for one in lost if (found := waiting.get(alike(one)))]
    _take_out(pairs, lost, added)
    return pairs


def _overlapping(lost: list[Hit], added: list[Hit]) -> list[tuple[Hit, Hit]]:
    """Pairs of one label that overlap, taken out of both lists, which are in order of their places."""
    pairs: list[tuple[Hit, Hit]] = []
    used: set[int] = set()
    first = 0  # all before it end before the mention that is looked at
    for one in lost:
        while first < len(added) and added[first].end <= one.start:
            first += 1
        at = first
        while at < len(added) and added[at].start < one.end:
            if at not in used and added[at].end > one.start and added[at].label == one.label:
                used.add(at)
                pairs.append((one, added[at]))
                break
            at += 1
    _take_out(pairs, lost, added)
    return pairs


def _take_out(pairs: Sequence[tuple[Hit, Hit]], lost: list[Hit], added: list[Hit]) -> None:
    olds, news = {id(old) for old, _ in pairs}, {id(new) for _, new in pairs}
    lost[:] = [hit for hit in lost if id(hit) not in olds]
    added[:] = [hit for hit in added if id(hit) not in news]


def _change(
    kind: str, note: str, text: str, starts: Sequence[int], before: Hit | None, after: Hit | None, what: tuple[str, ...]
) -> Change:
    hit = after or before
    assert hit is not None
    line = bisect_right(starts, hit.start)
    column = hit.start - starts[line - 1] + 1
    snippet = (text[max(0, hit.start - CONTEXT) : hit.start], text[hit.start : hit.end], text[hit.end : hit.end + CONTEXT])
    return Change(kind, note, before, after, what, line, column, snippet)


# --- a pack's baseline -----------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Baseline:
    """What a pack found in a fixed set of notes when somebody last looked: offsets and rules, never text.

    `notes` maps a note's id to (SHA-256 of its text, mentions); `accepted` tells why each version of the baseline was accepted.
    """

    notes: dict[str, tuple[str, list[Hit]]]
    accepted: list[dict[str, Any]]


def take_baseline(engine: Any, notes: Iterable[tuple[str, str]], accepted: list[dict[str, Any]]) -> Baseline:
    """What the engine finds in these notes."""
    first, second, third = tee(notes, 3)
    documents = engine.annotate_many((text for _, text in first), ids=(note for note, _ in second))
    return Baseline(
        {note: (digest(text), hits_of(document)) for (note, text), document in zip(third, documents, strict=True)}, accepted
    )


def digest(text: str) -> str:
    """The hash by which a note of a baseline is known again."""
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()


def against_baseline(baseline: Baseline, engine: Any, notes: Iterable[tuple[str, str]]) -> tuple[Effect, list[str]]:
    """The changes since the baseline was taken, and what is wrong with the notes: other texts, missing or new notes."""
    effect = Effect()
    problems = []
    seen = set()
    first, second, third = tee(notes, 3)
    documents = engine.annotate_many((text for _, text in first), ids=(note for note, _ in second))
    for (note, text), document in zip(third, documents, strict=True):
        seen.add(note)
        known = baseline.notes.get(note)
        if known is None or known[0] != digest(text):
            problems.append(f"{note}: {'not in the baseline' if known is None else 'the text is not that of the baseline'}")
            continue
        add_note(effect, note, text, known[1], hits_of(document))
    problems += [f"{note}: in the baseline, but not among the notes" for note in baseline.notes if note not in seen]
    return effect, problems


def write_baseline(folder: Path, baseline: Baseline) -> Path:
    """Write a pack's baseline. Raises UsageError U271."""
    path = folder / BASELINE_FILE
    notes = {
        note: {"sha256": hash_, "mentions": [hit.to_dict() for hit in hits]} for note, (hash_, hits) in baseline.notes.items()
    }
    content = {"schema": BASELINE_SCHEMA, "accepted": baseline.accepted, "notes": notes}
    replace_file(path, (json.dumps(content, ensure_ascii=False, indent=1) + "\n").encode("utf-8", "surrogatepass"))
    return path


def read_baseline(folder: Path) -> Baseline | None:
    """A pack's baseline, None when it has none. Raises UsageError U274 when the file cannot be read."""
    path = folder / BASELINE_FILE
    if not path.is_file():
        return None
    try:
        content = json.loads(path.read_bytes())
        if content["schema"] != BASELINE_SCHEMA:
            raise ValueError
        notes = {id_: (note["sha256"], [_hit(hit) for hit in note["mentions"]]) for id_, note in content["notes"].items()}
        return Baseline(notes, list(content["accepted"]))
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        raise UsageError("U274", "this baseline cannot be read", place=str(path), hint="take it anew with --accept") from None


def _hit(data: dict[str, Any]) -> Hit:
    return Hit(data["start"], data["end"], data["label"], data["rule"], tuple(data["axes"]), tuple(data["concepts"]))
