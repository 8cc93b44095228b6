"""What a set of notes makes of some packs: hits and time per rule, sections, mentions whose concept is open.

Hits are counted over results: the rule of every mention, of every cue that acts, of every section. Time cannot be read off one
run, since all rules share one pass. It is measured apart (`rule_times`): every pattern and regex is compiled alone, with the word
lists, and runs over the same notes; the time of the same engine without rules is taken off. Terms, cues and headings are forms of
one automaton and cost what their hits cost; they are timed by kind.
"""

from __future__ import annotations

import json
import tempfile
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from time import process_time
from typing import Any

from rulener.authoring.html import bars, page, table
from rulener.authoring.html import text as escaped
from rulener.authoring.outline import Entry, outline
from rulener.errors import PackError, UsageError
from rulener.packs.model import AXES, Pack

SCHEMA = "rulener.stats/1"
TOP = 10
NO_RULES = "no rules at all"  # the time of tokens, sentences and sections alone
_REPEATS = 3
_LISTS = ("words", "abbreviations", "continues", "continues_list")


@dataclass(slots=True)
class Stats:
    """Counts over some notes. `rules` are all rules of the packs that could have fired; empty for a compiled file."""

    notes: int = 0
    characters: int = 0
    mentions: int = 0
    rules: tuple[str, ...] = ()
    hits: Counter[str] = field(default_factory=Counter)
    labels: Counter[str] = field(default_factory=Counter)
    axes: Counter[str] = field(default_factory=Counter)
    sections: Counter[str] = field(default_factory=Counter)
    notes_with_section: Counter[str] = field(default_factory=Counter)
    linking: Counter[str] = field(default_factory=Counter)
    milliseconds: dict[str, float] = field(default_factory=dict)

    def section_rows(self) -> list[tuple[str, int, int]]:
        """(name, times opened, notes with it), most first."""
        return [(name, opened, self.notes_with_section[name]) for name, opened in _ordered(self.sections).items()]

    def never(self) -> list[str]:
        """The rules that never fired, in the packs' order."""
        return [rule for rule in self.rules if not self.hits[rule]]

    def most_frequent(self) -> list[tuple[str, int]]:
        return _top(self.hits)

    def slowest(self) -> list[tuple[str, float]]:
        timed = [item for item in self.milliseconds.items() if item[0] != NO_RULES]
        return sorted(timed, key=lambda item: (-item[1], item[0]))[:TOP]

    def to_dict(self) -> dict[str, Any]:
        return {
            "schema": SCHEMA,
            "notes": self.notes,
            "characters": self.characters,
            "mentions": self.mentions,
            "labels": _ordered(self.labels),
            "axes": {axis: self.axes[axis] for axis in AXES},
            "sections": {name: {"opened": opened, "notes": notes} for name, opened, notes in self.section_rows()},
            "linking": _ordered(self.linking),
            "hits": _ordered(self.hits),
            "never": self.never(),
            "milliseconds": dict(sorted(self.milliseconds.items(), key=lambda item: (-item[1], item[0]))),
        }


def stats_of(engine: Any, notes: Iterable[tuple[str, str]], packs: Sequence[Pack] = ()) -> Stats:
    """Annotate notes (id, text) and count. `packs` are those of the engine, for the rules that never fire.

    Raises NoteError for a note that cannot be annotated.
    """
    stats = Stats(rules=tuple(f"{pack.name}:{rule.id}" for pack in packs for rule in _acting(pack)))
    for document in engine.annotate_many(_counted(notes, stats)):
        stats.mentions += len(document.entities)
        acting: set[tuple[str, int, int]] = set()
        for entity in document.entities:
            stats.hits[entity.rule or ""] += 1
            stats.labels[entity.label] += 1
            stats.axes.update(axis for axis in AXES if getattr(entity, axis))
            stats.linking.update([entity.linking] if entity.linking else [])
            acting.update((cue.rule, cue.start, cue.end) for cue in entity.cues)
        found = [section for section in document.sections if section.rule]
        stats.hits.update(section.rule for section in found)
        own = {section.rule for section in found}  # what a section sets is told by its mentions' cues as well
        stats.hits.update(rule for rule, _, _ in acting if rule not in own)
        stats.sections.update(section.name for section in found)
        stats.notes_with_section.update({section.name for section in found})
    return stats


def _acting(pack: Pack) -> Iterable[Any]:
    return (*pack.terms, *pack.patterns, *pack.context, *pack.sections)


def _counted(notes: Iterable[tuple[str, str]], stats: Stats) -> Iterable[str]:
    for _, text in notes:
        stats.notes += 1
        stats.characters += len(text)
        yield text


# --- time ------------------------------------------------------------------------------------------------------------


def rule_times(packs: Sequence[Pack], texts: Sequence[str]) -> dict[str, float]:
    """Milliseconds of processor time that each pattern, and each other kind of rule as a whole, adds to a run over `texts`.

    The least of three runs; below the timer's noise it is 0. Patterns that cannot stand alone are left out.
    """
    from rulener.engine import load

    entries = {(pack.name, entry.id): entry for pack in packs for entry in outline(pack.path)}
    lists = _words_file(packs)
    times: dict[str, float] = {}
    with tempfile.TemporaryDirectory(prefix="rulener-stats-") as name:
        folder = Path(name)

        def measured(rules: str) -> float | None:
            made = folder / str(len(list(folder.iterdir())))
            _write_pack(made, packs, lists, rules)
            try:
                engine = load(made, base=None, lexicons=[], cache_dir=folder / "cache")
            except PackError:
                return None
            return min(_run(engine, texts) for _ in range(_REPEATS)) * 1000

        nothing = measured("") or 0.0
        for pack in packs:
            for pattern in pack.patterns:
                entry = entries.get((pack.name, pattern.id))
                time = measured(f"patterns:\n{_indented(entry)}\n") if entry else None
                if time is not None:
                    times[f"{pack.name}:{pattern.id}"] = max(0.0, round(time - nothing, 3))
            for kind in ("terms", "context", "sections"):
                own = [entry for (owner, _), entry in entries.items() if owner == pack.name and entry.kind == kind]
                time = measured(f"{kind}:\n" + "\n".join(map(_indented, own)) + "\n") if own else None
                if time is not None:
                    times[f"{pack.name}: all {len(own)} {kind}"] = max(0.0, round(time - nothing, 3))
        times[NO_RULES] = round(nothing, 3)
    return times


def _run(engine: Any, texts: Sequence[str]) -> float:
    begin = process_time()
    for document in engine.annotate_many(texts):
        len(document.entities)
    return process_time() - begin


def _words_file(packs: Sequence[Pack]) -> str:
    """The word lists of all packs; ids that two packs share only once."""
    parts = []
    seen: set[tuple[str, str]] = set()
    for kind in _LISTS:
        own = [entry for pack in packs for entry in outline(pack.path) if entry.kind == kind]
        kept = [entry for entry in own if (kind, entry.id) not in seen and not seen.add((kind, entry.id))]  # type: ignore[func-returns-value]
        if kept:
            parts.append(f"{kind}:\n" + "\n".join(map(_indented, kept)))
    return "\n".join(parts) + "\n"


def _indented(entry: Entry) -> str:
    """The source of an entry as an entry of a list at the beginning of a file."""
    lines = entry.source.split("\n")
    column = len(lines[0]) - len(lines[0].lstrip())
    return "\n".join(f"  {line[column:]}" if not line[:column].strip() else line for line in lines)


def _write_pack(folder: Path, packs: Sequence[Pack], lists: str, rules: str) -> None:
    folder.mkdir()
    labels = list(dict.fromkeys(label.id for pack in packs for label in pack.labels))
    header = {"name": "one", "version": "0", "labels": [{"id": label} for label in labels], "axes": list(AXES)}
    (folder / "pack.yaml").write_text(json.dumps(header), encoding="utf-8")  # JSON is YAML
    if lists.strip():
        (folder / "lists.yaml").write_text(lists, encoding="utf-8")
    if rules:
        (folder / "rules.yaml").write_text(rules, encoding="utf-8")


# --- drift -----------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Drift:
    """A count of two runs, for 1,000 notes each."""

    what: str
    name: str
    before: float
    after: float

    def to_dict(self) -> dict[str, Any]:
        return {"what": self.what, "name": self.name, "before": self.before, "after": self.after}


def drift(before: dict[str, Any], after: dict[str, Any], least: float = 0.25) -> list[Drift]:
    """What differs between two runs' `to_dict` by at least this share of the greater count; greatest difference first."""
    found = []
    for what in ("labels", "axes", "linking", "sections", "hits"):
        for name in sorted({*before[what], *after[what]}):
            one, other = (_per_thousand(run, what, name) for run in (before, after))
            if abs(one - other) >= least * max(one, other) and one != other:
                found.append(Drift(what, name, round(one, 2), round(other, 2)))
    return sorted(found, key=lambda item: (-abs(item.before - item.after), item.what, item.name))


def _per_thousand(run: dict[str, Any], what: str, name: str) -> float:
    value = run[what].get(name, 0)
    count = float(value["opened"] if isinstance(value, dict) else value)
    return 1000 * count / max(1, int(run["notes"]))


def read_stats(path: Path) -> dict[str, Any]:
    """An earlier run's JSON. Raises UsageError U275 when the file is none."""
    try:
        content = json.loads(path.read_bytes())
        good = content["schema"] == SCHEMA and all(isinstance(content[key], dict) for key in ("labels", "hits", "sections"))
    except (OSError, ValueError, KeyError, TypeError):
        good = False
    if not good:
        hint = "write one with rulener stats … --json > before.json"
        raise UsageError("U275", "this is no output of rulener stats", place=str(path), hint=hint)
    return dict(content)


# --- a page ----------------------------------------------------------------------------------------------------------


def stats_page(stats: Stats, drifted: Sequence[Drift] = ()) -> bytes:
    """The page of `rulener stats --html`."""
    never = stats.never()
    parts = [
        "<h1>Statistics</h1>",
        f"<p>{stats.notes:,} notes, {stats.characters:,} characters, {stats.mentions:,} mentions.</p>",
        "<h2>Mentions by label</h2>",
        bars([(name, float(count)) for name, count in _ordered(stats.labels).items()]),
        "<h2>Assertions</h2>",
        bars([(axis, float(stats.axes[axis])) for axis in AXES]),
        "<h2>Rules with the most hits</h2>",
        bars([(name, float(count)) for name, count in stats.most_frequent()]),
        "<h2>Sections</h2>",
        table(["section", "opened", "notes"], stats.section_rows(), [1, 2]),
    ]
    if stats.milliseconds:
        parts += ["<h2>Slowest rules (processor time over these notes)</h2>", bars(stats.slowest(), " ms")]
    if stats.linking:
        parts += ["<h2>Linking</h2>", bars([(name, float(count)) for name, count in _ordered(stats.linking).items()])]
    if drifted:
        rows = [[one.what, one.name, one.before, one.after] for one in drifted]
        parts += ["<h2>Drift, for 1,000 notes</h2>", table(["of", "name", "before", "now"], rows, [2, 3])]
    parts += [f"<h2>Rules that never fired ({len(never)} of {len(stats.rules)})</h2>", f"<p>{escaped(', '.join(never))}</p>"]
    return page("Statistics", "\n".join(parts))


def _top(counter: Counter[str]) -> list[tuple[str, int]]:
    return sorted(counter.items(), key=lambda item: (-item[1], item[0]))[:TOP]


def _ordered(counter: Counter[str]) -> dict[str, int]:
    return dict(sorted(counter.items(), key=lambda item: (-item[1], item[0])))
