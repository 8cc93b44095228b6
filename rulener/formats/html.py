"""A page of marked notes for reading: self-contained, no script, nothing asked of any other place."""

from __future__ import annotations

import re
from html import escape
from typing import TYPE_CHECKING, Any

from rulener.core.columns import AXES
from rulener.formats.texts import asserted, colours, good_documents, utf8

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from rulener.core.columns import Batch, Document, Entity
    from rulener.formats.sink import Sink

_POLICY = "default-src 'none'; style-src 'unsafe-inline'"
_STYLE = """
:root { color-scheme: light dark; }
body { font: 16px/1.6 system-ui, sans-serif; margin: 0 auto; max-width: 60rem; padding: 1rem; }
header { border-bottom: 1px solid #8886; padding-bottom: .5rem; }
h1 { font-size: 1.2rem; } h2 { font-size: 1rem; font-family: ui-monospace, monospace; overflow-wrap: anywhere; }
ul { list-style: none; padding: 0; } header li, nav li { display: inline-block; margin: .1rem .8rem .1rem 0; }
section { border-bottom: 1px solid #8886; padding: .5rem 0; }
.note { white-space: pre-wrap; overflow-wrap: anywhere; unicode-bidi: isolate; line-height: 2; }
.empty { opacity: .7; }
mark { --tint: hsl(var(--hue) var(--strength) 50%); color: inherit; background: hsl(var(--hue) var(--strength) 50% / .25);
  border-bottom: 2px solid var(--tint); padding: .1em 0; }
mark.first { border-left: 2px solid var(--tint); padding-left: .1em; }
mark.negated { text-decoration: line-through; }
mark.uncertain { border-bottom-style: dashed; }
mark.historical { border-bottom-style: double; border-bottom-width: 4px; }
mark.hypothetical { font-style: italic; border-bottom-style: dotted; }
mark.family { outline: 2px dotted var(--tint); outline-offset: 1px; }
mark[data-signs]::after { content: attr(data-signs); font-size: .7em; vertical-align: super; font-style: normal;
  display: inline-block; padding-left: .15em; }
@media print { mark { -webkit-print-color-adjust: exact; print-color-adjust: exact; } }
"""
_SIGNS = {"negated": "−", "uncertain": "?", "historical": "◷", "hypothetical": "if", "family": "FH"}
_UNSEEN = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]")
_BIDI = re.compile(r"[\u202a-\u202e\u2066-\u2069]")  # would turn round what stands beside them


class HtmlWriter:
    """One page a part: the notes with their mentions marked, a legend before them and a list of the notes after them."""

    def __init__(self, sink: Sink, engine: Any) -> None:
        self._sink = sink
        self._styles = {label: _style(*colour) for label, colour in colours(engine.labels).items()}
        self._fingerprint = engine.fingerprint
        self._notes: list[tuple[str, int]] = []
        self._begun = False

    def write(self, batch: Batch) -> None:
        self._begin()
        for document in good_documents(batch):
            self._notes.append((str(document.note_id), len(document)))
            self._sink.write(utf8("".join(self._note(document))))

    def close(self) -> None:
        self._begin()
        items = "\n".join(
            f'<li><a href="#n{number}">{text(note_id)}</a> ({count})</li>'
            for number, (note_id, count) in enumerate(self._notes, 1)
        )
        nav = f'<nav id="notes"><h2>Notes and their mentions</h2>\n<ul>\n{items}\n</ul></nav>'
        self._sink.write(utf8(f"</main>\n{nav}\n</body></html>\n"))

    def _begin(self) -> None:
        if self._begun:
            return
        self._begun = True
        labels = "".join(
            f'<li><mark class="first" style="{style}">{text(label)}</mark></li>' for label, style in self._styles.items()
        )
        axes = "".join(
            f'<li><mark class="first {axis}" style="{_style(0, 0)}" data-signs="{_SIGNS[axis]}">{axis}</mark></li>'
            for axis in AXES
        )
        self._sink.write(
            utf8(
                '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">\n'
                f'<meta http-equiv="Content-Security-Policy" content="{_POLICY}">\n'
                '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
                f"<title>Marked notes</title>\n<style>{_STYLE}</style></head>\n<body>\n"
                f"<header><h1>Marked notes</h1><p>Engine {text(self._fingerprint[:16])}. Point at a mark for its rule, concepts "
                f'and cues. <a href="#notes">List of the notes</a></p>\n<ul>{labels}</ul>\n<ul>{axes}</ul></header>\n<main>\n'
            )
        )

    def _note(self, document: Document) -> Iterator[str]:
        number = len(self._notes)
        yield f'<section id="n{number}"><h2>{text(str(document.note_id))}</h2>\n'
        if document.metadata:
            carried = "; ".join(f"{name}: {value}" for name, value in document.metadata.items())
            yield f"<p>{text(carried)}</p>\n"
        yield '<div class="note">' if document.text else '<div class="note empty">'
        at = 0
        for start, end, inside in _pieces(document.entities):
            yield text(document.text[at:start])
            yield self._mark(document.text[start:end], start, end, inside)
            at = end
        yield text(document.text[at:])
        yield "</div></section>\n"

    def _mark(self, words: str, start: int, end: int, inside: list[Entity]) -> str:
        """One piece of text under one or more mentions. It looks as the shortest of them says; the title tells all."""
        entity = min(inside, key=lambda one: one.end - one.start)
        found = asserted(entity)
        classes = " ".join((["first"] if start == entity.start else []) + found)
        signs = f' data-signs="{" ".join(_SIGNS[axis] for axis in found)}"' if found and end == entity.end else ""
        title = text("\n".join(_told(one) for one in inside))
        ids = " ".join(one.id for one in inside)
        style = self._styles.get(entity.label, _style(0, 0))
        return f'<mark class="{classes}" style="{style}" data-ids="{ids}"{signs} title="{title}">{text(words)}</mark>'


def text(value: str) -> str:
    """Plain text as markup, a character for a character. What cannot be seen or would turn the text round gets a sign."""
    shown = _BIDI.sub("\ufffd", _UNSEEN.sub(lambda found: chr(0x2421 if found[0] == "\x7f" else 0x2400 + ord(found[0])), value))
    return escape(shown, quote=True).replace("\r", "&#13;")


def _style(hue: int, strength: int) -> str:
    return f"--hue:{hue};--strength:{strength}%"


def _pieces(entities: Iterable[Entity]) -> Iterator[tuple[int, int, list[Entity]]]:
    """The marked text cut wherever a mention begins or ends: start, end, the mentions over it."""
    waiting = sorted((one for one in entities if one.start < one.end), key=lambda one: (one.start, -one.end))
    open_ones: list[Entity] = []
    at = taken = 0
    while taken < len(waiting) or open_ones:
        if not open_ones:
            at = waiting[taken].start
        while taken < len(waiting) and waiting[taken].start <= at:
            open_ones.append(waiting[taken])
            taken += 1
        end = min(one.end for one in open_ones)
        if taken < len(waiting):
            end = min(end, waiting[taken].start)
        yield at, end, list(open_ones)
        at = end
        open_ones = [one for one in open_ones if one.end > at]


def _told(entity: Entity) -> str:
    """Label, assertions, rule, section, concepts, cues: what the title of a mark says."""
    parts = [f"{entity.id} {entity.label}", *asserted(entity)]
    if entity.rule is not None:
        parts.append(entity.rule)
    if entity.section is not None:
        parts.append(f"section {entity.section}")
    parts += [_concept(one.system, one.code, one.name) for one in entity.concepts]
    parts += [f"{cue.axis}: {cue.rule}" for cue in entity.cues]
    return " | ".join(parts)


def _concept(system: str | None, code: str | None, name: str | None) -> str:
    reference = ":".join(part for part in (system, code) if part is not None) if code is not None else ""
    return " ".join(part for part in (reference, name) if part)
