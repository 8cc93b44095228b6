"""What the page shows, as markup. Everything that comes from files or notes goes through `text`."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import pairwise
from typing import TYPE_CHECKING, Any

from rulener.authoring.effects import Change, Effect
from rulener.authoring.html import describe
from rulener.authoring.outline import Entry
from rulener.authoring.testing import FAIL, XFAIL, XPASS, Result
from rulener.formats.html import text as escaped
from rulener.formats.texts import colours, plain
from rulener.packs.diagnostics import Diagnostic
from rulener.packs.model import AXES

if TYPE_CHECKING:
    from rulener.document import Document

SHOWN_CHARACTERS = 60_000  # of a note at a time
SHOWN_CHANGES = 200
SHOWN_RESULTS = 200
SHOWN_FINDINGS = 200
AXIS_SIGNS = {"negated": "−", "uncertain": "?", "historical": "◷", "hypothetical": "if", "family": "FH"}
_KINDS = {
    "terms": ("T", "term"),
    "patterns": ("P", "pattern"),
    "context": ("C", "cue"),
    "sections": ("S", "section"),
    "cases": ("✓", "case"),
    "words": ("W", "word list"),
    "abbreviations": ("A", "abbreviation"),
    "continues": ("…", "continuation"),
    "continues_list": ("…", "list continuation"),
}


def text(value: str) -> str:
    """Plain text as markup, a character for a character."""
    return escaped(plain(value))


# --- files and rules --------------------------------------------------------------------------------------------------


def files_panel(
    keys: Sequence[str],
    entries: Sequence[Entry],
    findings: Sequence[Diagnostic],
    *,
    dirty: Iterable[str],
    open_key: str,
    search: str,
    refused: Sequence[str] = (),
) -> str:
    """The packs' files with their rules; with `search` only what has all its words in file, id or source."""
    unsaved = set(dirty)
    words = search.casefold().split()
    parts: list[str] = []
    pack = ""
    for key in keys:
        own = [entry for entry in entries if entry.path == key and entry.id]
        shown = [entry for entry in own if _has(words, f"{key} {entry.id} {entry.source}")]
        if words and not shown and not _has(words, key):
            continue
        folder, _, name = key.partition("/")
        if folder != pack:
            pack = folder
            parts.append(f'<h3 class="pack">{text(pack)}</h3>')
        parts.append(_file(key, name, findings, key in unsaved, key == open_key))
        if words or key == open_key:
            rules = "".join(_rule(entry, findings) for entry in shown)
            parts.append(f'<ul class="rules" aria-label="rules of {text(name)}">{rules}</ul>')
    for key in refused:
        parts.append(f'<p class="file refused" title="a link out of its folder is not opened">{text(key)} (link)</p>')
    if not parts:
        said = "Nothing has all these words." if words else "This folder has no .yaml files. A pack needs a pack.yaml."
        parts.append(f'<p class="empty">{said}</p>')
    return "".join(parts)


def _has(words: Sequence[str], value: str) -> bool:
    folded = value.casefold()
    return all(word in folded for word in words)


def _file(key: str, name: str, findings: Sequence[Diagnostic], is_dirty: bool, is_open: bool) -> str:
    own = [finding for finding in findings if finding.place and finding.place.path == key]
    dot = '<span class="dot" title="unsaved"><span class="sr">unsaved</span></span>' if is_dirty else ""
    current = ' aria-current="true"' if is_open else ""
    return (
        f'<button class="file" data-act="open" data-key="{text(key)}"{current}><span class="name">{text(name)}</span>'
        f"{dot}{_badges(own)}</button>"
    )


def _badges(findings: Sequence[Diagnostic]) -> str:
    errors = sum(finding.severity == "error" for finding in findings)
    warnings = len(findings) - errors
    made = ""
    for number, kind in ((errors, "error"), (warnings, "warning")):
        if number:
            plural = kind if number == 1 else f"{kind}s"
            made += f'<span class="badge {kind}" title="{number} {plural}">{number}<span class="sr"> {plural}</span></span>'
    return made


def _rule(entry: Entry, findings: Sequence[Diagnostic]) -> str:
    sign, kind = _KINDS.get(entry.kind, ("·", entry.kind))
    own = [f for f in findings if f.place and f.place.path == entry.path and entry.line <= f.place.line <= entry.last]
    status = f' <span class="status">{text(entry.status)}</span>' if entry.status != "stable" else ""
    return (
        f'<li><button class="rule" data-act="jump" data-key="{text(entry.path)}" data-line="{entry.line}" title="{kind}">'
        f'<span class="kind {entry.kind}" aria-hidden="true">{sign}</span><span class="sr">{kind} </span>'
        f'<span class="name">{text(entry.id)}</span>{status}{_badges(own)}</button></li>'
    )


# --- findings ---------------------------------------------------------------------------------------------------------


def findings_panel(findings: Sequence[Diagnostic], *, is_checked: bool, is_current: bool, failure: str = "") -> str:
    """All findings with their places, fixes and notes."""
    parts: list[str] = []
    if failure:
        parts.append(f'<p class="failure" role="alert">{text(failure)}</p>')
    if not findings and not failure:
        said = "No findings." if is_checked else "No errors. The slower checks are under way…"
        parts.append(f'<p class="empty good">{said}</p>')
    parts += [_finding(finding) for finding in findings[:SHOWN_FINDINGS]]
    if len(findings) > SHOWN_FINDINGS:
        parts.append(f'<p class="empty">and {len(findings) - SHOWN_FINDINGS:,} more</p>')
    if findings and not is_current:
        parts.append('<p class="empty">What you see of the note is from before the mistake.</p>')
    return "".join(parts)


def _finding(finding: Diagnostic) -> str:
    place = finding.place
    notes = "".join(f'<span class="note">{text(note)}</span>' for note in finding.notes)
    fix = f'<span class="fix">{text(finding.fix)}</span>' if finding.fix else ""
    where = f"{place.path}:{place.line}:{place.column}" if place else ""
    inside = (
        f'<span class="code {finding.severity}">{finding.code}</span> <span class="what">{text(finding.message)}</span>'
        f'<span class="where">{text(where)}</span>{notes}{fix}'
    )
    if place is None:
        return f'<div class="finding {finding.severity}">{inside}</div>'
    return (
        f'<button class="finding {finding.severity}" data-act="jump" data-key="{text(place.path)}" data-line="{place.line}" '
        f'data-column="{place.column}">{inside}</button>'
    )


# --- the note ---------------------------------------------------------------------------------------------------------


def note_panel(document: Document, labels: Sequence[str], start: int = 0, selected: int | None = None) -> str:
    """The note from `start` on, marked. Its text content is the note, a character for a character (with `data-start` before)."""
    whole: str = document.text
    stop = min(len(whole), start + SHOWN_CHARACTERS)
    styles = colours(labels)
    cut = len(whole) > SHOWN_CHARACTERS
    bar = _window_bar(start, stop, len(whole)) if cut else ""
    body = "".join(_marked(document, styles, start, stop, selected))
    said = 'tabindex="0" role="document" aria-label="the note"'
    return f'{bar}<div class="note" id="note" {said} data-start="{start}">{body}</div>'


def plain_note(whole: str) -> str:
    """A note that nothing could be said of, as it is."""
    return f'<div class="note" id="note" tabindex="0" data-start="0">{text(whole[:SHOWN_CHARACTERS])}</div>'


def _window_bar(start: int, stop: int, length: int) -> str:
    def button(at: int, words: str, on: bool) -> str:
        return f'<button data-act="window" data-start="{at}"{"" if on else " disabled"}>{words}</button>'

    before, after = max(0, start - SHOWN_CHARACTERS), min(length, start + SHOWN_CHARACTERS)
    return (
        f'<p class="window">{button(before, "← earlier", start > 0)} characters {start:,} to {stop:,} of {length:,} '
        f"{button(after, 'later →', stop < length)}</p>"
    )


def _marked(
    document: Document, styles: Mapping[str, tuple[int, int]], low: int, high: int, selected: int | None
) -> Iterator[str]:
    entities = [entity for entity in document.entities if entity.start < high and low < entity.end and entity.start < entity.end]
    cues = {(cue.start, cue.end): cue for entity in entities for cue in entity.cues if cue.start < high and low < cue.end}
    sections = [one for one in document.sections if one.heading_start < high and low < one.heading_end]
    edges = {low, high}
    for one in entities:
        edges |= {max(low, one.start), min(high, one.end)}
    for begin, end in cues:
        edges |= {max(low, begin), min(high, end)}
    for one_ in sections:
        edges |= {max(low, one_.heading_start), min(high, one_.heading_end)}
    ordered = sorted(edges)
    waiting = sorted(entities, key=lambda one: (one.start, -one.end))
    active: list[Any] = []
    taken = 0
    for begin, end in pairwise(ordered):
        while taken < len(waiting) and waiting[taken].start <= begin:
            active.append(waiting[taken])
            taken += 1
        active = [one for one in active if one.end > begin]
        piece = text(document.text[begin:end])
        cue = next((cue for place, cue in cues.items() if place[0] <= begin and end <= place[1]), None)
        heading = next((one for one in sections if one.heading_start <= begin and end <= one.heading_end), None)
        if cue is not None:
            piece = f'<span class="cue {cue.axis}" title="{text(f"{cue.axis} by {cue.rule}")}">{piece}</span>'
        if heading is not None:
            name = text(heading.name or "unnamed section")
            piece = f'<span class="heading" title="section: {name}" data-name="{name}">{piece}</span>'
        yield _mark(piece, begin, end, active, styles, selected) if active else piece


def _mark(
    piece: str, begin: int, end: int, inside: Sequence[Any], styles: Mapping[str, tuple[int, int]], selected: int | None
) -> str:
    """A piece of text under mentions. It looks as the shortest of them says."""
    entity = min(inside, key=lambda one: one.end - one.start)
    axes = [axis for axis in AXES if getattr(entity, axis)]
    first, last = begin == entity.start, end == entity.end
    classes = ["mention", *axes, *(["first"] if first else []), *(["last"] if last else [])]
    if selected is not None and entity.start <= selected < entity.end:
        classes.append("selected")
    hue, strength = styles.get(entity.label, (0, 0))
    signs = f' data-signs="{" ".join(AXIS_SIGNS[axis] for axis in axes)}"' if axes and last else ""
    said = text(" ".join([entity.label, *axes]))
    focus = f' tabindex="0" role="button" aria-label="{text(plain_words(entity))}"' if first else ""
    return (
        f'<mark class="{" ".join(classes)}" style="--hue:{hue};--strength:{strength}%" data-act="explain" '
        f'data-at="{entity.start}"{signs} title="{said} · {text(entity.rule or "")}"{focus}>{piece}</mark>'
    )


def plain_words(entity: Any) -> str:
    """A mention in words, for a screen reader."""
    axes = [axis for axis in AXES if getattr(entity, axis)]
    return f"{entity.text}: {', '.join([entity.label, *axes])}"


def legend(document: Document, labels: Sequence[str]) -> str:
    """The labels and assertions that the note has, with their looks."""
    styles = colours(labels)
    seen = dict.fromkeys(entity.label for entity in document.entities)
    axes = [axis for axis in AXES if any(getattr(entity, axis) for entity in document.entities)]
    made = [
        f'<mark class="mention first last" style="--hue:{hue};--strength:{strength}%">{text(label)}</mark>'
        for label, (hue, strength) in ((label, styles.get(label, (0, 0))) for label in seen)
    ]
    made += [
        f'<mark class="mention first last {axis}" style="--hue:0;--strength:0%" data-signs="{AXIS_SIGNS[axis]}">{axis}</mark>'
        for axis in axes
    ]
    return "".join(made) or "nothing is found in this note"


# --- tests ------------------------------------------------------------------------------------------------------------


def results_panel(results: Sequence[Result], focus: str, is_focused: Mapping[Result, bool]) -> str:
    """Examples and cases: those of the rule first, then what fails."""
    if not results:
        return '<p class="empty">No examples and no cases yet. Mark some words of a note to make a case.</p>'
    failing = [result for result in results if result.status in (FAIL, XPASS)]
    own = [result for result in results if is_focused.get(result)]
    passed = sum(result.status not in (FAIL, XPASS) for result in results)
    head = f'<p class="counts"><b class="{"bad" if failing else "good"}">{passed} of {len(results)} pass</b></p>'
    parts = [head]
    if own:
        parts.append(f"<h4>of the rule {text(focus)}</h4>")
        parts += [_result(result) for result in own[:SHOWN_RESULTS]]
    others = [result for result in failing if not is_focused.get(result)]
    if others:
        parts.append("<h4>not as they should be</h4>")
        parts += [_result(result) for result in others[:SHOWN_RESULTS]]
        if len(others) > SHOWN_RESULTS:
            parts.append(f'<p class="empty">and {len(others) - SHOWN_RESULTS:,} more</p>')
    return "".join(parts)


_SIGN_OF = {FAIL: "✗", XPASS: "!", XFAIL: "~"}


def _result(result: Result) -> str:
    bad = result.status in (FAIL, XPASS)
    problems = "".join(f'<span class="note">{text(str(problem))}</span>' for problem in result.problems)
    found = f'<span class="found"><i>found</i> {text(result.found)}</span>' if bad else ""
    return (
        f'<button class="result {result.status}" data-act="jump" data-key="{text(result.place.path)}" '
        f'data-line="{result.place.line}"><span class="sign">{_SIGN_OF.get(result.status, "✓")}</span>'
        f'<span class="sr">{result.status} </span><span class="what">{text(result.name.partition(":")[2])}</span>'
        f'<span class="expected">{text(result.expected)}</span>{found}{problems}</button>'
    )


# --- what would change ------------------------------------------------------------------------------------------------


def changes_panel(effect: Effect | None, *, notes: int, has_edits: bool, is_cut: bool = False) -> str:
    """Mentions that come, go and change over the notes, counts first."""
    if not notes:
        return '<p class="empty">No notes were given: start with <code>--notes FOLDER</code> to see what an edit changes.</p>'
    many = f"{notes:,} {'note' if notes == 1 else 'notes'}{' (more were given and not taken)' if is_cut else ''}"
    if not has_edits:
        return f'<p class="empty">Nothing is unsaved. Edit a rule, and what it changes in {many} is shown here.</p>'
    if effect is None:
        return f'<p class="empty">Counting over {many}…</p>'
    counts = effect.counts()
    said = "".join(f'<span class="count {kind}"><b>{number:,}</b> {kind}</span>' for kind, number in counts.items())
    head = (
        f'<p class="counts">{said}<span class="dim">in {effect.changed_notes:,} of {many}; mentions {effect.before:,} → '
        f"{effect.after:,}</span></p>"
    )
    rows = "".join(_change(change) for change in effect.changes[:SHOWN_CHANGES])
    more = len(effect.changes) - SHOWN_CHANGES
    return head + rows + (f'<p class="empty">and {more:,} more</p>' if more > 0 else "")


_CHANGE_SIGNS = {"added": "+", "lost": "−", "changed": "~"}


def _change(change: Change) -> str:
    before, inside, after = change.snippet
    return (
        f'<button class="change {change.kind}" data-act="note" data-note="{text(change.note)}" data-at="{change.hit.start}">'
        f'<span class="sign" aria-hidden="true">{_CHANGE_SIGNS[change.kind]}</span><span class="sr">{change.kind} </span>'
        f'<span class="snippet">{text(before)}<b>{text(inside)}</b>{text(after)}</span>'
        f'<span class="dim">{text(describe(change))} · {text(change.note)}:{change.line}</span></button>'
    )


# --- bars and tabs ----------------------------------------------------------------------------------------------------

NO_NOTE = (
    '<p class="empty">No note is open. Start with <code>--notes FOLDER</code>, or paste a text of your own with '
    '<button data-local="paste">Paste…</button></p>'
)


def editor_bar(key: str, is_dirty: bool) -> str:
    """The open file's name, whether it is saved, and the button that saves it."""
    if not key:
        return '<span class="title">no file is open</span>'
    state = '<span class="unsaved">unsaved</span>' if is_dirty else '<span class="dim">saved</span>'
    off = "" if is_dirty else " disabled"
    return (
        f'<span class="title">{text(key)}</span>{state}<span class="space"></span>'
        f'<button class="primary" data-act="save" title="Ctrl+S"{off}>Save</button>'
    )


def tabs(all_: Sequence[tuple[str, str]], chosen: str) -> str:
    """The tabs of the lower panel."""
    return "".join(
        f'<button role="tab" data-act="tab" data-name="{name}" aria-selected="{str(name == chosen).lower()}">{words}</button>'
        for name, words in all_
    )


def note_title(id_: str, ids: Sequence[str], search: str) -> str:
    """Which note is open, of how many."""
    if not ids:
        said = "No note has these words." if search else "no notes"
        return f'<span class="dim">{said}</span>'
    at = f"{ids.index(id_) + 1:,} of {len(ids):,}" if id_ in ids else f"{len(ids):,} found"
    return f'<span class="title">{text(id_)}</span><span class="dim">{at}</span>'


def refused_note(why: str, whole: str) -> str:
    """A note that cannot be annotated, with the reason."""
    return f'<p class="failure" role="alert">{text(why)}</p>{plain_note(whole)}'
