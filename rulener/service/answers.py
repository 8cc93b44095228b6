"""What the engine answers, as bytes of JSON. Called in threads; looks at `stop` between notes."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import islice
from typing import TYPE_CHECKING, Any
from weakref import WeakKeyDictionary

from rulener.errors import NoteError, UsageError
from rulener.lexicon.look import facts
from rulener.service import problems
from rulener.service.problems import FieldError, Problem
from rulener.service.settings import ROWS
from rulener.surfaces import Surfaces

if TYPE_CHECKING:
    from rulener.engine import Engine
    from rulener.service.desk import Stop
    from rulener.service.forms import AnnotateRequest, BatchRequest, ConceptsRequest, ExplainRequest, Mention, Note

_SLICE_NOTES = 64
_SLICE_CHARACTERS = 1 << 18
_LABEL = re.compile(rb'"label":"((?:[^"\\]|\\.)*)"')  # a quote inside a string is escaped, so this is a field


@dataclass(slots=True)
class Answer:
    """The body of a response and what it counts: notes annotated, their code points, entities by label."""

    body: bytes
    notes: int = 0
    characters: int = 0
    entities: Counter[bytes] = field(default_factory=Counter)


def annotate(engine: Engine, request: AnnotateRequest, stop: Stop) -> Answer:
    """The line of `rulener run` for one note, without its end. Raises Problem with the note's code (N301)."""
    stop.check()
    if request.mentions is None:
        batch = engine.batch([request.text], [request.note_id])
        if batch.failures:
            _, code, reason = batch.failures[0]
            raise _note_failed(code, reason)
        body = engine.json_lines(batch)[:-1]
    else:
        body = _given(engine, request.text, request.mentions, request.note_id).to_json().encode()
    return _counted(body, 1, len(request.text))


def batch(engine: Engine, request: BatchRequest, stop: Stop) -> Answer:
    """`documents`: the lines of `rulener run` for the good notes in order; `errors`: those of its errors.jsonl, with indexes."""
    lines: list[bytes] = []
    errors: list[dict[str, Any]] = []
    begin = 0
    for notes in _slices(request.notes):
        stop.check()
        made = engine.batch([note.text for note in notes], [note.note_id for note in notes])
        rendered = engine.json_lines(made)
        if rendered:
            lines.append(rendered[:-1].replace(b"\n", b","))  # within a line every line break is escaped
        for index, code, reason in made.failures:
            errors.append({"index": begin + index, "note_id": notes[index].note_id, "code": code, "reason": reason})
        begin += len(notes)
    documents = b",".join(lines)
    body = b'{"engine":"%b","documents":[%b],"errors":%b}' % (engine.fingerprint.encode(), documents, as_json(errors))
    return _counted(body, len(request.notes) - len(errors), sum(len(note.text) for note in request.notes))


def explain(engine: Engine, request: ExplainRequest, stop: Stop) -> Answer:
    """What `rulener explain --json` prints, and the engine."""
    stop.check()
    try:
        found = engine.explain(request.text, request.position).to_dict()
    except UsageError as error:
        raise _outside("#/position", request.text) from error
    except NoteError as error:
        raise _note_failed(error.code, error.message) from error
    return Answer(as_json({"schema": found.pop("schema"), "engine": engine.fingerprint, **found}), 1, len(request.text))


def concepts(engine: Engine, request: ConceptsRequest, stop: Stop) -> Answer:
    """The rows of a surface or a code, as `rulener lexicon lookup --json` has them, or what each mention is linked to."""
    stop.check()
    if request.text:
        entities = _given(engine, request.text, request.mentions, None).to_dict()["entities"]
        mentions = [{name: entity[name] for name in _LINKED} for entity in entities]
        return Answer(as_json({"engine": engine.fingerprint, "mentions": mentions}), 1, len(request.text))
    if request.term:
        rows = surfaces_of(engine).rows(spelling=" ".join(engine.tokens(request.term)))
    else:
        rows = surfaces_of(engine).rows(code=request.code)
    shown = [facts(row) for row in islice(rows, ROWS)]
    more = sum(1 for _ in rows)
    return Answer(as_json({"engine": engine.fingerprint, "rows": shown, "more": more}))


_LINKED = ("start", "end", "text", "label", "linking", "concepts")
_surfaces: WeakKeyDictionary[Engine, Surfaces] = WeakKeyDictionary()


def surfaces_of(engine: Engine) -> Surfaces:
    """The surfaces of an engine's file; kept as long as the engine, for what looking them up prepares."""
    found = _surfaces.get(engine)
    if found is None:
        found = _surfaces[engine] = Surfaces(engine.path)
    return found


def _given(engine: Engine, text: str, mentions: Sequence[Mention], note_id: str | None) -> Any:
    wrong = [
        FieldError(f"#/mentions/{number}", f"does not lie within the text of {len(text):,} characters")
        for number, mention in enumerate(mentions)
        if not mention.start <= mention.end <= len(text)
    ]
    if wrong:
        raise problems.wrong_form(wrong)
    try:
        return engine.annotate(text, [(mention.start, mention.end, mention.label) for mention in mentions], note_id)
    except NoteError as error:
        raise _note_failed(error.code, error.message) from error


def _outside(pointer: str, text: str) -> Problem:
    return problems.wrong_form([FieldError(pointer, f"lies outside the text of {len(text):,} characters")])


def _slices(notes: Sequence[Note]) -> Iterator[Sequence[Note]]:
    """Runs of notes, so many or so long that a look at `stop` between them costs nothing."""
    begin = size = 0
    for number, note in enumerate(notes):
        if number > begin and (number - begin == _SLICE_NOTES or size + len(note.text) > _SLICE_CHARACTERS):
            yield notes[begin:number]
            begin, size = number, 0
        size += len(note.text)
    yield notes[begin:]


def _counted(body: bytes, notes: int, characters: int) -> Answer:
    return Answer(body, notes, characters, Counter(_LABEL.findall(body)))


def _note_failed(code: str, reason: str) -> Problem:
    return Problem(422, code, reason)


def as_json(value: Any) -> bytes:
    return json.dumps(value, separators=(",", ":"), ensure_ascii=False).encode()
