"""A page for every rule of a pack, for clinical review and sign-off: plain HTML files that need nothing else."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from rulener.authoring.files import replace_file
from rulener.authoring.html import page, table
from rulener.authoring.html import text as escaped
from rulener.authoring.outline import Entry, outline
from rulener.authoring.testing import Result
from rulener.errors import UsageError
from rulener.packs.cases import parse_marked
from rulener.packs.diagnostics import Diagnostic
from rulener.packs.model import ContextCue, MentionRule, Pack, Pattern, Rule, Section, Term, Text, WordList

_KINDS = {
    "terms": "Terms",
    "patterns": "Patterns",
    "context": "Context cues",
    "sections": "Sections",
    "words": "Word lists",
    "abbreviations": "Abbreviations",
    "continues": "Words that a line goes on after",
    "continues_list": "Words that carry a list on",
}
_MARKER = "rulener-docs"


@dataclass(frozen=True, slots=True)
class _Subject:
    kind: str
    rule: Rule
    entry: Entry | None
    results: tuple[Result, ...]
    findings: tuple[Diagnostic, ...]

    @property
    def file(self) -> str:
        return f"{self.kind}-{self.rule.id}.html"

    @property
    def state(self) -> str:
        """How its tests stand, in words."""
        failed = sum(result.status == "fail" for result in self.results)
        if not self.results:
            return "no examples"
        return f"{failed} of {len(self.results)} fail" if failed else f"{len(self.results)} pass"


def write_pages(
    pack: Pack, folder: Path, results: Iterable[Result] = (), findings: Iterable[Diagnostic] = ()
) -> list[Path]:
    """Write `index.html` and a page for each rule into `folder`; the files written, the index first.

    `results` are those of the pack's examples, `findings` those of `rulener check`. Pages of rules that are gone are removed.
    Raises UsageError U271 (cannot be written) or U272 (the folder holds something else).
    """
    _prepare(folder)
    subjects = _subjects(pack, list(results), list(findings))
    index = folder / "index.html"
    written = [index]
    for before, subject, after in zip([None, *subjects], subjects, [*subjects[1:], None], strict=False):
        path = folder / subject.file
        replace_file(path, _rule_page(pack, subject, before, after))
        written.append(path)
    replace_file(index, _index_page(pack, subjects))
    for path in folder.glob("*.html"):
        if path not in written:
            path.unlink()
    return written


def _prepare(folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
        others = [path.name for path in folder.iterdir() if path.suffix != ".html"]
        index = folder / "index.html"
        known = not any(folder.iterdir()) or (index.is_file() and _MARKER in index.read_text(encoding="utf-8", errors="replace"))
    except OSError as error:
        raise UsageError("U271", f"cannot be written: {error.strerror}", place=str(folder)) from None
    if others or not known:
        hint = "name a new folder, or one that rulener docs made"
        raise UsageError("U272", "the folder holds something else", place=str(folder), hint=hint)


def _subjects(pack: Pack, results: list[Result], findings: list[Diagnostic]) -> list[_Subject]:
    entries = {(entry.kind, entry.id): entry for entry in outline(pack.path)}
    found = []
    for kind in _KINDS:
        for rule in getattr(pack, kind):
            entry = entries.get((kind, rule.id))
            own = tuple(result for result in results if result.name.startswith(f"{pack.name}:{rule.id} "))
            about = tuple(finding for finding in findings if entry and _is_about(finding, entry))
            found.append(_Subject(kind, rule, entry, own, about))
    return found


def _is_about(finding: Diagnostic, entry: Entry) -> bool:
    place = finding.place
    return place is not None and place.path == entry.path and entry.line <= place.line <= entry.last


# --- the index -------------------------------------------------------------------------------------------------------


def _index_page(pack: Pack, subjects: Sequence[_Subject]) -> bytes:
    failed = sum(result.status == "fail" for subject in subjects for result in subject.results)
    parts = [
        f"<!-- {_MARKER} -->",
        f"<h1>{escaped(pack.name)} {escaped(pack.version)}</h1>",
        f"<p>{escaped(pack.description)}</p>",
        f"<p>{len(subjects)} rules; {sum(len(s.results) for s in subjects)} examples, {failed} fail. "
        f"Content {escaped(pack.content_hash[:16])}.</p>",
        "<nav>" + " ".join(f'<a href="#{kind}">{title}</a>' for kind, title in _KINDS.items() if _of(subjects, kind)) + "</nav>",
    ]
    for kind, title in _KINDS.items():
        own = _of(subjects, kind)
        if own:
            parts.append(f'<h2 id="{kind}">{title} ({len(own)})</h2>\n<table>\n<thead><tr>{_heads()}</tr></thead>\n<tbody>')
            parts += [_row(subject) for subject in own]
            parts.append("</tbody>\n</table>")
    if pack.labels:
        rows = [[label.id, label.description, _schemes(label.schemes)] for label in pack.labels]
        parts += ["<h2>Labels</h2>", table(["label", "description", "schemes"], rows)]
    return page(f"{pack.name} {pack.version}", "\n".join(parts))


def _heads() -> str:
    return "".join(f"<th>{name}</th>" for name in ("rule", "what", "status", "examples", "findings"))


def _row(subject: _Subject) -> str:
    link = f'<a href="{escaped(subject.file)}">{escaped(subject.rule.id)}</a>'
    cells = [link, escaped(_what(subject.rule)), escaped(subject.rule.status), escaped(subject.state), str(len(subject.findings))]
    return "<tr>" + "".join(f"<td>{cell}</td>" for cell in cells) + "</tr>"


def _of(subjects: Sequence[_Subject], kind: str) -> list[_Subject]:
    return [subject for subject in subjects if subject.kind == kind]


def _schemes(schemes: Iterable[tuple[str, str]]) -> str:
    return ", ".join(f"{scheme}: {label}" for scheme, label in schemes)


# --- one rule --------------------------------------------------------------------------------------------------------


def _rule_page(pack: Pack, subject: _Subject, before: _Subject | None, after: _Subject | None) -> bytes:
    rule = subject.rule
    links = ['<a href="index.html">all rules</a>']
    for arrow, one in (("←", before), ("→", after)):
        links += [f'<a href="{escaped(one.file)}">{arrow} {escaped(one.rule.id)}</a>'] if one else []
    parts = [
        f"<nav>{' '.join(links)}</nav>",
        f"<h1>{escaped(rule.id)}</h1>",
        f"<p>{_KINDS[subject.kind]} of {escaped(pack.name)} {escaped(pack.version)}, {escaped(rule.status)}. "
        f"{escaped(_what(rule))}</p>",
    ]
    if rule.note:
        parts.append(f"<p>{escaped(rule.note)}</p>")
    parts += ["<h2>What it says</h2>", table(["", ""], _facts(rule))]
    parts += _examples(subject)
    if subject.findings:
        rows = [[finding.severity, finding.code, finding.message, finding.fix] for finding in subject.findings]
        parts += ["<h2>Findings</h2>", table(["", "code", "message", "fix"], rows)]
    if subject.entry:
        place = f"{Path(subject.entry.path).name}, line {subject.entry.line}"
        parts += [f"<h2>Source</h2><p class=dim>{escaped(place)}</p>", f"<pre>{escaped(subject.entry.source)}</pre>"]
        parts.append(_sign_off(subject.entry))
    return page(f"{rule.id} - {pack.name}", "\n".join(parts))


def _sign_off(entry: Entry) -> str:
    """Lines to be filled in on paper; the hash says which wording was signed."""
    rows = [["reviewed by", ""], ["date", ""], ["decision", "accept / change / reject"], ["remarks", ""]]
    rows.append(["wording", entry.meaning[:16]])
    return "<h2>Sign-off</h2>" + table(["", ""], rows)


def _what(rule: Rule) -> str:
    """The rule in one sentence."""
    if isinstance(rule, MentionRule):
        return f"Marks a {rule.label.value}."
    if isinstance(rule, ContextCue):
        axes = ", ".join(rule.axes) or "all axes"
        return f"Cue, {rule.direction.value}: {axes}."
    if isinstance(rule, Section):
        return f"Opens the section {rule.name}."
    return f"{len(rule.any)} words." if isinstance(rule, WordList) else ""


def _facts(rule: Rule) -> list[list[str]]:
    rows: list[tuple[str, Iterable[Text] | str]] = []
    if isinstance(rule, MentionRule):
        rows += [("label", rule.label.value), ("name", rule.name)]
        rows += [("concepts", ", ".join(f"{c.system}:{c.code}" for c in rule.concepts))]
        rows += [("priority", str(rule.priority) if rule.priority else "")]
        rows += [("not in sections", rule.unless.section), ("not before", rule.unless.before), ("not after", rule.unless.after)]
    if isinstance(rule, Term):
        rows += [("any capitals", rule.any), ("as written", rule.exact)]
    if isinstance(rule, Pattern):
        rows += [("pattern", rule.match), ("regex", [rule.regex] if rule.regex else []), ("anchors", rule.anchors)]
    if isinstance(rule, ContextCue):
        scope = rule.scope
        reach = f"within the {scope.within}, lists {scope.lists}" + (f", {scope.tokens} words" if scope.tokens else "")
        rows += [("cues", rule.cues), ("as written", rule.exact), ("reach", reach), ("blocked by", rule.blocked_by)]
        rows += [("on", rule.on), ("not on", rule.not_on)]
    if isinstance(rule, Section):
        rows += [("headings", rule.headings), ("sets", ", ".join(rule.sets))]
    if isinstance(rule, WordList):
        rows += [("words", rule.any)]
    plain = [[name, value if isinstance(value, str) else ", ".join(text.value for text in value)] for name, value in rows]
    return [row for row in plain if row[1]]


def _examples(subject: _Subject) -> list[str]:
    parts = []
    status = {(result.place.line, result.place.column): result for result in subject.results}
    for title, texts in (("Must be found", subject.rule.examples.match), ("Must not be found", subject.rule.examples.skip)):
        if texts:
            parts.append(f"<h2>{title}</h2>\n<ul>")
            for example in texts:
                result = status.get((example.place.line, example.place.column))
                said = "" if result is None else f' <span class="dim">{escaped(result.status)}</span>'
                problems = "".join(f"<br>{escaped(problem)}" for problem in (result.problems if result else ()))
                parts.append(f"<li>{_marked(example)}{said}{problems}</li>")
            parts.append("</ul>")
    return parts


def _marked(example: Text) -> str:
    """The text with its marks as highlights."""
    marked, _ = parse_marked(example)
    pieces, at = [], 0
    for mention in marked.mentions:
        pieces.append(escaped(marked.text[at : mention.start]))
        braces = " ".join([mention.label, *mention.axes]) if mention.label else ""
        said = f' <span class="dim">{escaped(braces)}</span>' if braces else ""
        pieces.append(f"<mark>{escaped(marked.text[mention.start : mention.end])}</mark>{said}")
        at = mention.end
    return "".join([*pieces, escaped(marked.text[at:])])
