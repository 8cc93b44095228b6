"""`rulener.read` gives the notes that a run annotates, in its order, with its options."""

from __future__ import annotations

import gzip
import json
from contextlib import closing
from pathlib import Path

import pytest

import rulener
from rulener.errors import NoteError, UsageError
from rulener.formats.readers import Columns
from rulener.run.directory import run
from tests.formats.test_fhir_notes import attachment, document
from tests.formats.test_readers import CarryingEngine


def inputs(folder: Path) -> list[str]:
    notes = folder / "notes"
    (notes / "ward").mkdir(parents=True)
    (notes / "b.txt").write_bytes(b"\xef\xbb\xbfFirst.\r\nSecond \xf0\x9f\x99\x82.")
    (notes / "ward" / "a.txt.gz").write_bytes(gzip.compress(b"Packed."))
    (notes / "bad.txt").write_bytes(b"\xff")
    (notes / "passed.pdf").write_text("x")
    (folder / "l.jsonl").write_text('{"id": "j1", "text": "One.", "ward": 3}\n\n{"id": "j2"}\nx\n')
    (folder / "t.csv").write_text("note_id,text,ward\nc1,Row.,B\n,No id.,C\n")
    (folder / "f.ndjson").write_text(json.dumps(document(1, attachment("Attached."))) + '\n{"resourceType": "Patient"}\n')
    return [str(notes), *(str(folder / name) for name in ("l.jsonl", "t.csv", "f.ndjson"))]


def test_the_notes_of_a_run(tmp_path: Path) -> None:
    paths = inputs(tmp_path)
    failures: list[NoteError] = []
    found = list(rulener.read(*paths, on_error=failures.append))
    run(CarryingEngine(), paths, str(tmp_path / "out"), workers=1)
    annotated = [json.loads(line) for line in (tmp_path / "out" / "part-00000.jsonl").read_text().splitlines()]
    assert [(note.id, note.text) for note in found] == [(one["id"], one["text"]) for one in annotated]
    assert [note.id for note in found] == ["b.txt", "ward/a.txt.gz", "j1", "c1", "DocumentReference/1"]
    assert found[0].text == "First.\r\nSecond \U0001f642."
    errors = [json.loads(line) for line in (tmp_path / "out" / "errors.jsonl").read_text().splitlines()]
    assert [(error.place, error.code) for error in failures] == [(error["note_id"], error["code"]) for error in errors]


def test_options_are_those_of_a_run(tmp_path: Path) -> None:
    (tmp_path / "t.csv").write_bytes(b"row,body,ward\n1,caf\xe9,B\n")
    (note,) = rulener.read(tmp_path / "t.csv", id_column="row", text_column="body", carry=["ward"], encoding="cp1252")
    assert note == rulener.Note("1", "caf\u00e9", {"ward": "B"})
    (tmp_path / "a.note").write_text("x")
    assert [note.id for note in rulener.read(tmp_path, notes=["*.note"])] == ["a.note"]
    assert [note.id for note in rulener.read(str(tmp_path / "*.note"))] == ["a.note"]
    with pytest.raises(UsageError, match=r"^\[U213\]"):
        list(rulener.read(tmp_path / "t.csv", id_column="nothing"))
    with pytest.raises(UsageError, match=r"^\[U210\]"):
        rulener.read(tmp_path, encoding="klingon")
    assert Columns() == Columns(None, None, ())


def test_a_bad_note_raises_at_its_place(tmp_path: Path) -> None:
    found = rulener.read(*inputs(tmp_path))
    assert next(found).id == "b.txt"
    with pytest.raises(NoteError, match=r"^\[N102\] bad.txt: not UTF-8: byte 0 of 1 cannot be decoded"):
        next(found)
    with pytest.raises(NoteError, match=r"^\[N106\] l.jsonl:4: the line is not JSON"):
        list(rulener.read(tmp_path / "l.jsonl", on_error=lambda error: _raise(error) if error.place != "j2" else None))


def _raise(error: NoteError) -> None:
    raise error


def test_nothing_to_read(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"^\[U201\] .*nowhere: "):
        rulener.read(tmp_path / "nowhere")
    with pytest.raises(UsageError, match=r"^\[U203\] .*: no notes found"):
        list(rulener.read(tmp_path))
    (tmp_path / "notes").mkdir()
    (tmp_path / "notes" / "a.txt").write_bytes(gzip.compress(b"x"))
    assert [error.code for error in _errors(tmp_path / "notes")] == ["N102"]


def _errors(path: Path) -> list[NoteError]:
    found: list[NoteError] = []
    list(rulener.read(path, on_error=found.append))
    return found


def test_a_database(tmp_path: Path) -> None:
    import sqlite3

    with closing(sqlite3.connect(tmp_path / "n.db")) as base:
        base.execute("create table note (note_id, note_text, ward)")
        base.executemany("insert into note values (?, ?, ?)", [(2, "Two.", "B"), (1, "One.", "C"), (3, None, "D")])
        base.commit()
    url = f"sqlite:{tmp_path}/n.db"
    found = list(rulener.read(db=url, table="note", carry=["ward"], on_error=lambda error: None))
    assert found == [("2", "Two.", {"ward": "B"}), ("1", "One.", {"ward": "C"})]
    assert [note.id for note in rulener.read(db=url, sql="select note_id, note_text from note where ward = 'C'")] == ["1"]
    with pytest.raises(NoteError, match=r"^\[N106\] 3: the row has no text"):
        list(rulener.read(db=url, table="note"))
    for wrong in ({}, {"sql": "x"}, {"db": url}, {"db": url, "sql": "x", "table": "y"}):
        with pytest.raises(ValueError, match="give "):
            rulener.read(**wrong)  # type: ignore[arg-type]


def test_texts_beside_annotations_are_notes_once(tmp_path: Path) -> None:
    for name in ("a.txt", "a.ann", "b.txt", "b.con", "b.ast", "notes.jsonl", "annotation.conf"):
        (tmp_path / name).write_text("{}" if name.endswith("jsonl") else "x")
    assert [note.id for note in rulener.read(tmp_path)] == ["a.txt", "b.txt"]
    totals = run(CarryingEngine(), [str(tmp_path)], str(tmp_path / "out"), workers=1)
    assert (totals.notes, totals.passed_over) == (2, 5)
