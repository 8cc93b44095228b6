"""What the page shows, as markup. Everything that comes from files or notes goes through `text`."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from difflib import unified_diff
from itertools import pairwise
from typing import TYPE_CHECKING, Any

from rulener.authoring.effects import Change, Effect
from rulener.authoring.html import describe
from rulener.authoring.outline import Entry
from rulener.authoring.testing import FAIL, XFAIL, XPASS, Result
from rulener.explain import Rule, quoted
from rulener.formats.html import text as escaped
from rulener.formats.texts import colours, plain
from rulener.linking.decisions import fold
from rulener.packs.diagnostics import Diagnostic
from rulener.packs.model import AXES

if TYPE_CHECKING:
    from rulener.document import Document
    from rulener.explain import Explanation, Found, PassedOver
    from rulener.workbench.files import Conflict
    from rulener.workbench.review import Decided, Question
    from rulener.workbench.session import CaseDraft, Session, TermDraft

SHOWN_CHARACTERS = 60_000  # of a note at a time
SHOWN_CHANGES = 200
SHOWN_RESULTS = 200
SHOWN_FINDINGS = 200
SHOWN_QUESTIONS = 50
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
        if heading is not None and (heading.name or not active):
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
        f'<span class="sr">{result.status} </span><span class="what">{text(result.name.rpartition(":")[2])}</span>'
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


def tabs(all_: Sequence[tuple[str, str]], chosen: str, counts: Mapping[str, tuple[str, str]]) -> str:
    """The tabs of the lower panel. `counts` has, for some, a short text and how it looks (`error`, `warning`, `good`)."""
    made = []
    for name, words in all_:
        short, look = counts.get(name, ("", ""))
        badge = f' <span class="badge {look}">{text(short)}</span>' if short else ""
        said = f'role="tab" data-act="tab" data-name="{name}" aria-selected="{str(name == chosen).lower()}"'
        made.append(f"<button {said}>{words}{badge}</button>")
    return "".join(made)


def counts_of(session: Session) -> dict[str, tuple[str, str]]:
    """What the tabs say before they are opened."""
    counts: dict[str, tuple[str, str]] = {}
    if session.effect is not None and session.effect.changes:
        counts["changes"] = (f"{len(session.effect.changes):,}", "good")
    failing = sum(result.status in (FAIL, XPASS) for result in session.results)
    if failing:
        counts["tests"] = (f"{failing:,}", "error")
    if session.findings:
        errors = any(finding.severity == "error" for finding in session.findings)
        counts["findings"] = (f"{len(session.findings):,}", "error" if errors else "warning")
    return counts


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


# --- explanations -----------------------------------------------------------------------------------------------------


def explanation_panel(
    explanation: Explanation, jump: Callable[[str], tuple[str, int] | None], source: Callable[[str], str]
) -> str:
    """Why there is what there is at a place. `jump` gives the file and line of a rule on the workbench, `source` the text of one
    that is not."""
    said = _Explained(explanation, jump, source)
    return f'<button class="close" data-act="unexplain" aria-label="close the explanation">×</button>{"".join(said.parts())}'


class _Explained:
    def __init__(
        self, explanation: Explanation, jump: Callable[[str], tuple[str, int] | None], source: Callable[[str], str]
    ) -> None:
        self.of = explanation
        self.jump = jump
        self.source = source

    def parts(self) -> Iterator[str]:
        if not self.of.entities:
            lines = self.of.lines()
            end = lines.index("") if "" in lines else len(lines)
            yield "".join(f"<p>{text(line)}</p>" for line in lines[:end])
        for found in self.of.entities:
            yield from self._entity(found)
        yield from self._passed([one for one in self.of.passed_over if not any(one in found.beat for found in self.of.entities)])
        cues = [cue for cue in self.of.cues if not cue.within_cue]
        if cues:
            yield "<h4>cues in this sentence</h4><ul>"
            for cue in cues:
                axes = ", ".join(cue.live or cue.axes)
                yield f"<li><b>{text(cue.text)}</b> ({axes}) {text(cue.why)} {self._rule(cue.rule)}</li>"
            yield "</ul>"

    def _entity(self, found: Found) -> Iterator[str]:
        data = found.data
        axes = [axis for axis in AXES if data[axis]]
        yield f'<h3>{text(quoted(data["text"]))} <span class="tag">{text(data["label"])}</span>'
        yield "".join(f'<span class="tag axis">{AXIS_SIGNS[axis]} {axis}</span>' for axis in axes)
        yield f"</h3><dl><dt>rule</dt><dd>{self._rule(found.rule)}</dd>"
        concepts = [_concept(concept) for concept in data["concepts"]]
        if concepts:
            yield f"<dt>concept</dt><dd>{'<br>'.join(concepts)}</dd>"
        if data["linking"] in ("ambiguous", "unresolved"):
            yield f"<dt>linking</dt><dd>{text(data['linking'])}</dd>"
        if found.section and found.section["name"]:
            yield f"<dt>section</dt><dd>{text(found.section['name'])}, under {text(quoted(found.section['heading']))}</dd>"
        for name, attribute in data["attributes"].items():
            yield f"<dt>{text(name)}</dt><dd>{text(attribute['text'])}</dd>"
        for cue, place, stop in zip(data["cues"], found.cue_places, found.cue_stops, strict=True):
            words = self.of.text[cue["start"] : cue["end"]]
            reach = self.of.text[cue["scope_start"] : cue["scope_end"]]
            by = "the heading" if cue["via"] == "section" else "the cue"
            far = "" if cue["via"] == "section" else f", which reaches {text(quoted(reach, 60))}"
            ended = f", up to {text(quoted(stop.text))} {self._rule(stop.rule)}" if stop is not None else ""
            rule = self._rule(Rule(cue["rule"], place))
            yield f"<dt>{text(cue['axis'])}</dt><dd>by {by} {text(quoted(words))}{far}{ended} {rule}</dd>"
        plain_axes = [axis for axis in AXES if data[axis] is False]
        if plain_axes:
            yield f"<dt>not</dt><dd>{', '.join(plain_axes)}</dd>"
        yield "</dl>"
        rivals = [one for one in found.beat if one.rule != found.rule or found.rule.name.startswith("lexicon:")]
        yield from self._passed(rivals, "it beat")

    def _passed(self, passed: Sequence[PassedOver], head: str = "also matches here, but does not count") -> Iterator[str]:
        if passed:
            yield f"<h4>{head}</h4><ul>"
            for one in passed:
                rule = f" {self._rule(one.rule)}" if one.rule else ""
                what = one.label or {"word": "a word some rule looks for"}.get(one.what, one.what)
                yield f"<li><b>{text(quoted(one.text))}</b> as {text(what)}: {text(one.why)}{rule}</li>"
            yield "</ul>"

    def _rule(self, rule: Rule) -> str:
        """A rule's name: a button that jumps to it, or its source to unfold."""
        at = self.jump(rule.place)
        if at is not None:
            return f'<button class="jump" data-act="jump" data-key="{text(at[0])}" data-line="{at[1]}">{text(rule.name)}</button>'
        source = self.source(rule.place)
        if source:
            said = f'<summary title="{text(rule.place)}">{text(rule.name)}</summary>'
            return f"<details>{said}<pre>{text(source)}</pre></details>"
        return f'<code title="{text(rule.place)}">{text(rule.name)}</code>'


def _concept(concept: Mapping[str, Any]) -> str:
    if concept["code"] is None:
        return f"{text(concept['name'] or '')} (no code)"
    return f"<code>{text(concept['system'])}:{text(concept['code'])}</code> {text(concept['name'] or '')}"


# --- dialogs ----------------------------------------------------------------------------------------------------------


_ID_SHAPE = r'pattern="[a-z][a-z0-9\-]*"'


def term_dialog(draft: TermDraft) -> str:
    """The form of a new term."""
    labels = "".join(f"<option{' selected' if label == draft.label else ''}>{text(label)}</option>" for label in draft.labels)
    files = "".join(f"<option>{text(key)}</option>" for key in draft.files)
    into = '<option value="">a new rule</option>' + "".join(
        f'<option value="{text(f"{key}#{id_}")}">one more text of {text(id_)}</option>' for key, id_ in draft.terms
    )
    exact = " checked" if draft.exact else ""
    return _form(
        "addterm",
        "Make a term",
        f'<label>words<input name="words" value="{text(draft.words)}" required></label>'
        f'<label>as<select name="into">{into}</select></label>'
        f'<label class="new">id<input name="id" value="{text(draft.id)}" {_ID_SHAPE} required></label>'
        f'<label class="new">label<select name="label">{labels}</select></label>'
        f'<label class="new">file<select name="key">{files}</select></label>'
        f'<label class="check"><input type="checkbox" name="exact"{exact}> only with these capitals</label>',
    )


def case_dialog(draft: CaseDraft) -> str:
    """The form of a new case."""
    files = "".join(f"<option>{text(key)}</option>" for key in draft.files)
    written = draft.marked.rpartition("{")[2].rpartition("}")[0].split()
    boxes = "".join(
        f'<label class="check"><input type="checkbox" data-axis="{axis}"{" checked" if axis in written else ""}> {axis}</label>'
        for axis in AXES
    )
    return _form(
        "addcase",
        "Make a case",
        '<p class="dim">A case goes into the pack and is shared with it: put invented words in place of whatever could tell who '
        "the patient is.</p>"
        '<label>the note, with what must be found<textarea name="marked" rows="5" spellcheck="false">'
        f"{text(draft.marked)}</textarea></label>"
        f"<fieldset><legend>it is</legend>{boxes}</fieldset>"
        f'<label>id<input name="id" value="{text(draft.id)}" {_ID_SHAPE} required></label>'
        f'<label>file<select name="key">{files}</select></label>',
    )


def conflict_dialog(conflict: Conflict, mine: str) -> str:
    """Both sides of a file that changed on disk meanwhile."""
    if conflict.theirs is None:
        body = "<p>The file is gone from the disk. What you have is still here.</p>"
        take = ""
    else:
        lines = unified_diff(conflict.theirs.splitlines(), mine.splitlines(), "on disk", "yours", lineterm="", n=2)
        kinds = {"+": "added", "-": "lost", "@": "dim"}
        made = "".join(f'<span class="{kinds.get(line[:1], "")}">{text(line)}\n</span>' for line in lines)
        body = (
            "<p>Somebody, or another program, has changed the file since you opened it. Nothing was written. "
            f'<span class="lost">− is on disk</span>, <span class="added">+ is yours</span>.</p><pre class="diff">{made}</pre>'
        )
        take = f'<button type="button" data-act="theirs" data-key="{text(conflict.key)}">Take what is on disk</button>'
    keep = (
        f'<button type="button" class="primary" data-act="overwrite" data-key="{text(conflict.key)}" '
        f'data-over="{conflict.digest}">Write mine</button>'
    )
    back = '<button type="button" data-local="close">Go on editing</button>'
    return _dialog(f"{text(conflict.key)} has changed on disk", f'{body}<p class="buttons">{back}{take}{keep}</p>')


def _form(act: str, title: str, inside: str) -> str:
    buttons = '<button type="button" data-local="close">Cancel</button><button class="primary">Write it</button>'
    return _dialog(title, f'<form method="dialog" data-form="{act}">{inside}<p class="buttons">{buttons}</p></form>')


def _dialog(title: str, inside: str) -> str:
    return f'<dialog id="wb-dialog" aria-labelledby="wb-dialog-title"><h2 id="wb-dialog-title">{title}</h2>{inside}</dialog>'


# --- the review queue -------------------------------------------------------------------------------------------------


def review_panel(
    questions: Sequence[Question] | None, decided: Sequence[Decided], *, file: str, notes: int, is_current: bool = True
) -> str:
    """Questions with their candidates, one click each, and what was decided so far."""
    if not notes:
        return '<p class="empty">No notes were given: start with <code>--notes FOLDER</code> to see what they leave open.</p>'
    if questions is None and not is_current:
        return '<p class="empty">The queue is collected when the errors are mended.</p>'
    if questions is None:
        return f'<p class="empty">Collecting over {notes:,} notes…</p>'
    known = {(fold(one.surface), one.label) for one in decided if not one.section}
    left = [one for one in questions if (fold(one.surface), one.label) not in known]
    where = f"decisions go into <code>{text(file)}</code>" if file else "start with <code>--decisions FILE</code> to decide"
    head = (
        f'<p class="counts"><b>{len(left):,} open</b><span class="dim">{sum(one.count for one in left):,} mentions; '
        f"{len(decided):,} decided; {where}</span></p>"
    )
    shown = "".join(_question(one, bool(file)) for one in left[:SHOWN_QUESTIONS])
    more = f'<p class="empty">and {len(left) - SHOWN_QUESTIONS:,} more</p>' if len(left) > SHOWN_QUESTIONS else ""
    done = "".join(_decided(one) for one in reversed(decided[-SHOWN_QUESTIONS:]))
    return head + shown + more + (f"<h4>decided</h4>{done}" if done else "")


def _question(question: Question, can_decide: bool) -> str:
    about = f'data-surface="{text(question.surface)}" data-label="{text(question.label)}"'
    off = "" if can_decide else " disabled"
    choices = "".join(
        f'<button class="choice" data-act="decide" {about} data-code="{text(code)}"{off}><code>{text(code)}</code> {text(name)}'
        "</button>"
        for code, name in question.candidates.items()
    )
    choices += f'<button class="choice" data-act="decide" {about} data-code="none"{off}>no concept</button>'
    sections = "".join(f"<option>{text(name)}</option>" for name, _ in question.sections.most_common())
    where = f'<select name="section" aria-label="where this holds"><option value="">everywhere</option>{sections}</select>'
    said = f"another code for {text(question.surface)}"
    own = (
        f'<span class="own"><input name="code" placeholder="SYSTEM:CODE" aria-label="{said}"{off}>'
        f'<button class="choice" data-act="decide" {about} data-own="1"{off}>use it</button></span>'
    )
    places = "".join(
        f'<button class="place" data-act="note" data-note="{text(place.note)}" data-at="{place.start}">'
        f"{text(place.snippet[0])}<b>{text(place.snippet[1])}</b>{text(place.snippet[2])}</button>"
        for place in question.places
    )
    times = "once" if question.count == 1 else f"{question.count:,} times"
    return (
        f'<div class="question" role="group" aria-label="{text(question.surface)}"><p><b>{text(question.surface)}</b> '
        f'<span class="tag">{text(question.label)}</span> <span class="dim">{times}; {text(question.why)}</span></p>'
        f'<div class="choices">{choices}{where if sections else ""}{own}</div>{places}</div>'
    )


def _decided(one: Decided) -> str:
    where = f" in {text(one.section)}" if one.section else ""
    about = f'data-surface="{text(one.surface)}" data-label="{text(one.label)}" data-section="{text(one.section)}"'
    return (
        f'<p class="decided"><b>{text(one.surface)}</b> <span class="tag">{text(one.label)}</span>{where}: '
        f'<code>{text(one.code)}</code> <button class="jump" data-act="decide" {about} data-code="">take it back</button></p>'
    )
