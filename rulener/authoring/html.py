"""Self-contained pages: everything escaped, no script, nothing asked of any other place."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from html import escape

from rulener.authoring.effects import Change, Effect, Hit

_STYLE = """
:root { color-scheme: light dark; --line: #8884; --mark: #fd68; --added: #2a72; --lost: #c332; --changed: #47c2; }
body { font: 16px/1.5 system-ui, sans-serif; margin: 2rem auto; max-width: 70rem; padding: 0 1rem; }
table { border-collapse: collapse; margin: 1rem 0; } th, td { border-bottom: 1px solid var(--line); padding: .3rem .8rem; }
th { text-align: left; } td.n, th.n { text-align: right; font-variant-numeric: tabular-nums; }
pre { overflow-x: auto; padding: .8rem; border: 1px solid var(--line); white-space: pre-wrap; }
code, pre { font-family: ui-monospace, monospace; font-size: .9rem; }
mark { background: var(--mark); color: inherit; padding: 0 .15rem; }
li.added { background: var(--added); } li.lost { background: var(--lost); } li.changed { background: var(--changed); }
ul.snippets { list-style: none; padding: 0; } ul.snippets li { margin: .4rem 0; padding: .4rem .8rem; }
.dim { opacity: .75; font-size: .9rem; } .bar { fill: #47c; } nav a { margin-right: 1rem; }
"""
_SAFETY = "default-src 'none'; style-src 'unsafe-inline'"


def page(title: str, body: str, language: str = "en") -> bytes:
    """A whole page. `title` is escaped here, `body` is markup."""
    policy = f'<meta http-equiv="Content-Security-Policy" content="{_SAFETY}">'
    view = '<meta name="viewport" content="width=device-width, initial-scale=1">'
    head = f'<meta charset="utf-8">\n{policy}\n{view}\n<title>{text(title)}</title>\n<style>{_STYLE}</style>'
    written = f'<!doctype html>\n<html lang="{language}">\n<head>\n{head}\n</head>\n<body>\n{body}\n</body>\n</html>\n'
    return written.encode("utf-8")


def text(value: object) -> str:
    """Plain text as markup."""
    return escape("".join(_visible(char) for char in str(value)), quote=True)


def table(head: Sequence[str], rows: Iterable[Sequence[object]], numbers: Iterable[int] = ()) -> str:
    """A table of plain texts; the columns of `numbers` are set to the right."""
    right = set(numbers)

    def row(cells: Sequence[object], tag: str) -> str:
        return "".join(f"<{tag}{' class=n' if at in right else ''}>{text(cell)}</{tag}>" for at, cell in enumerate(cells))

    body = "\n".join(f"<tr>{row(cells, 'td')}</tr>" for cells in rows)
    return f"<table>\n<thead><tr>{row(head, 'th')}</tr></thead>\n<tbody>\n{body}\n</tbody>\n</table>"


def bars(rows: Sequence[tuple[str, float]], unit: str = "") -> str:
    """A bar for each (name, value)."""
    greatest = max((value for _, value in rows), default=0) or 1
    height = 24
    parts = []
    for number, (name, value) in enumerate(rows):
        y = number * height
        width = round(400 * value / greatest, 1)
        parts.append(f'<text x="0" y="{y + 16}" fill="currentColor" font-size="13">{text(name)}</text>')
        parts.append(f'<rect class="bar" x="300" y="{y + 4}" width="{width}" height="15"></rect>')
        parts.append(f'<text x="{306 + width}" y="{y + 16}" fill="currentColor" font-size="13">{value:,.10g}{text(unit)}</text>')
    return f'<svg role="img" viewBox="0 0 820 {height * len(rows)}" width="820">{"".join(parts)}</svg>'


def effect_page(effect: Effect, old: str, new: str) -> bytes:
    """The page of `rulener diff --html`."""
    counts = effect.counts()
    title = f"{old} → {new}"
    parts = [
        f"<h1>{text(title)}</h1>",
        f"<p>{effect.notes:,} notes, {effect.changed_notes:,} with changes; mentions {effect.before:,} → {effect.after:,}: "
        f"{', '.join(f'{number:,} {kind}' for kind, number in counts.items())}.</p>",
        "<h2>By rule</h2>",
        table(["rule", *counts], [[rule, *kinds.values()] for rule, kinds in effect.by_rule()], range(1, 4)),
        "<h2>Changes</h2>",
        '<ul class="snippets">',
        *(_change(change) for change in effect.changes),
        "</ul>",
    ]
    return page(title, "\n".join(parts))


def _change(change: Change) -> str:
    before, inside, after = change.snippet
    said = f"{change.kind}: {describe(change)}"
    place = f"{change.note}:{change.line}:{change.column}"
    shown = f"…{text(before)}<mark>{text(inside)}</mark>{text(after)}…"
    return f'<li class="{change.kind}">{shown}<br><span class="dim">{text(said)} · {text(place)}</span></li>'


def describe(change: Change) -> str:
    """What a change is, in words, without the note's text."""
    def said(hit: Hit) -> str:
        return " ".join([hit.label, *hit.axes])

    if change.before is None or change.after is None:
        return f"{said(change.hit)} by {change.hit.rule}"
    one, other = change.before, change.after
    parts = []
    if "label" in change.what or "axes" in change.what:
        parts.append(f"{said(one)} → {said(other)}")
    else:
        parts.append(said(other))
    if "span" in change.what:
        parts.append(f"{one.start}-{one.end} → {other.start}-{other.end}")
    if "concepts" in change.what:
        parts.append(f"{' '.join(one.concepts) or 'no concept'} → {' '.join(other.concepts) or 'no concept'}")
    parts.append(f"{one.rule} → {other.rule}" if "rule" in change.what else f"by {other.rule}")
    return ", ".join(parts)


def _visible(char: str) -> str:
    """Control characters and halves of surrogate pairs are shown as such."""
    return char if char in "\n\t" or (char >= " " and char != "\x7f" and not "\ud800" <= char <= "\udfff") else "\ufffd"
