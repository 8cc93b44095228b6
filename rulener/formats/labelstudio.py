"""Label Studio tasks with predictions (https://labelstud.io/guide/predictions): a JSON array, one task a note."""

from __future__ import annotations

import json
from functools import partial
from typing import TYPE_CHECKING, Any

from rulener.core.columns import AXES
from rulener.formats.texts import asserted, good_documents, plain, utf8

if TYPE_CHECKING:
    from collections.abc import Iterator

    from rulener.core.columns import Batch, Document, Entity
    from rulener.formats.annotated import Annotated, Source
    from rulener.formats.plain import PlainDocument, PlainEntity
    from rulener.formats.sink import Sink


class LabelStudioWriter:
    def __init__(self, sink: Sink, engine: Any) -> None:
        self._sink = sink
        self._model = f"rulener {engine.fingerprint[:16]}"
        self._before = "[\n"

    def write(self, batch: Batch) -> None:
        for document in good_documents(batch):
            task = json.dumps(_task(document, self._model), ensure_ascii=False)
            self._sink.write(utf8(self._before + task))
            self._before = ",\n"

    def close(self) -> None:
        self._sink.write(b"[]\n" if self._before == "[\n" else b"\n]\n")


def _task(document: Document, model: str) -> dict[str, Any]:
    regions = [region for entity in document.entities for region in _regions(entity)]
    data: dict[str, Any] = {"text": plain(document.text), "note_id": document.note_id}
    if document.metadata:
        data["metadata"] = document.metadata
    return {"data": data, "predictions": [{"model_version": model, "result": regions}]}


def _regions(entity: Entity) -> Iterator[dict[str, Any]]:
    """A region for the label, and when something is asserted one of the same id for the choices that belong to it."""
    place = {"start": entity.start, "end": entity.end, "text": plain(entity.text)}
    to = {"id": entity.id, "to_name": "text"}
    codes = [f"{one.system}:{one.code}" for one in entity.concepts if one.system is not None and one.code is not None]
    said = {"text": [*([entity.rule] if entity.rule is not None else []), *codes]}
    yield {**to, "from_name": "label", "type": "labels", "value": {**place, "labels": [entity.label]}, "meta": said}
    if found := asserted(entity):
        yield {**to, "from_name": "assertion", "type": "choices", "value": {**place, "choices": found}}


# --- reading


def read_labelstudio(path: str, source: Source) -> Iterator[Annotated]:
    """The notes of a JSON export. The file is read whole.

    Of several annotations of a task the ground truth is taken, else the first that was not cancelled. A task that has
    `annotations` but none that counts is left out; one that has only predictions is what we wrote ourselves.
    """
    from rulener.errors import UsageError
    from rulener.formats.annotated import name_of, shaped
    from rulener.formats.plain import BadAnnotation

    with open(path, "rb") as file:
        try:
            tasks: Any = json.loads(file.read().removeprefix(b"\xef\xbb\xbf"))
        except json.JSONDecodeError as error:
            place = f"{name_of(path)}:{error.lineno}:{error.colno}"
            raise UsageError("U201", "cannot read the input: not JSON", place=place, hint="export as JSON") from None
        except (UnicodeDecodeError, RecursionError):
            raise UsageError("U201", "cannot read the input: not JSON", place=name_of(path)) from None
    for number, task in enumerate(tasks if isinstance(tasks, list) else [tasks], 1):
        place = f"{name_of(path)}: task {number}"
        note_id = None
        try:
            if not isinstance(task, dict) or not isinstance(task.get("data"), dict):
                raise BadAnnotation("N120", "no data", place)
            note_id = _id(task, place)
            found = shaped(partial(_taken, task, source), place, "an export of Label Studio")
            if found is not None:
                yield shaped(partial(_plain, task, found, note_id, place, source), place, "an export of Label Studio")
        except BadAnnotation as error:
            yield error.unreadable(note_id)


def _id(task: dict[str, Any], place: str) -> str:
    from rulener.formats.plain import BadAnnotation
    from rulener.formats.readers import plain_id

    found = plain_id(task["data"].get("note_id", task.get("id")))
    if found is None:
        raise BadAnnotation("N120", "neither data.note_id nor id", place)
    return found


def _taken(task: dict[str, Any], source: Source) -> dict[str, Any] | None:
    """The annotation of a task that counts."""
    if "annotations" not in task:
        predictions = task.get("predictions") or [{}]
        source.left.out("further predictions of a task", len(predictions) - 1)
        return predictions[0] if isinstance(predictions[0], dict) else {}
    given = [one for one in task["annotations"] or () if isinstance(one, dict)]
    made = [one for one in given if not one.get("was_cancelled")]
    source.left.out("annotations that were cancelled", len(given) - len(made))
    if not made:
        source.left.out("tasks without an annotation")
        return None
    source.left.out("further annotations of a task", len(made) - 1)
    return next((one for one in made if one.get("ground_truth")), made[0])


def _plain(task: dict[str, Any], taken: dict[str, Any], note_id: str, place: str, source: Source) -> PlainDocument:
    from rulener.formats.plain import BadAnnotation, PlainEntity, document_of

    text = task["data"].get("text")
    if not isinstance(text, str):
        raise BadAnnotation("N120", "no data.text", place)
    regions = [one for one in taken.get("result") or () if isinstance(one, dict)]
    chosen: dict[Any, list[str]] = {}
    entities: list[tuple[Any, PlainEntity]] = []
    for region in regions:
        value: Any = region.get("value") if isinstance(region.get("value"), dict) else {}
        kind = region.get("type")
        if kind == "choices" and set(value.get("choices", ())) <= set(AXES):
            chosen.setdefault(region.get("id"), []).extend(value.get("choices", ()))
        elif kind == "labels":
            start, end = _span(text, value, place, source)
            for label in value.get("labels") or ():
                entities.append((region.get("id"), PlainEntity(start, end, text[start:end], str(label))))
        else:
            source.left.out("relations" if kind == "relation" else f"results of type {kind}")
    judged = tuple(AXES) if "annotations" in task else ()
    made = [entity.asserting({axis: axis in chosen.get(key, ()) for axis in AXES}) for key, entity in entities]
    known = {key for key, _ in entities}
    source.left.out("assertions of mentions that are gone", sum(key not in known for key in chosen))
    return document_of(note_id, text, made, metadata=task["data"].get("metadata") or {}, judged=judged)


def _span(text: str, value: dict[str, Any], place: str, source: Source) -> tuple[int, int]:
    """Offsets in code points. Where the words do not stand at them but do when the text is counted in UTF-16 units, as browsers
    do, those are meant."""
    from rulener.formats.plain import BadAnnotation, span

    words = value.get("text")
    start: Any = value.get("start")
    end: Any = value.get("end")
    try:
        span(text, start, end)
        if not isinstance(words, str) or plain(text[start:end]) == plain(words):
            return start, end
    except BadAnnotation as error:
        if error.code == "N120" or not isinstance(words, str):
            error.place = place
            raise
    units = text.encode("utf-16-le", "surrogatepass")
    if 0 <= start <= end and units[2 * start : 2 * end] == words.encode("utf-16-le", "surrogatepass"):
        before = len(units[: 2 * start].decode("utf-16-le", "surrogatepass"))
        source.left.out("offsets in UTF-16 units, which were converted")
        return before, before + len(words)
    raise BadAnnotation("N121", f"the words at {start} to {end} are others in the text", place)
