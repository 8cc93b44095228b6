"""Tables of notes: every row is a note or a line in errors.jsonl, whatever its file looks like."""

from __future__ import annotations

import datetime
import gzip
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from rulener.errors import UsageError
from rulener.formats.readers import Columns, plain_id, plain_value
from rulener.run import limits
from rulener.run.directory import run
from tests.run.conftest import small_parts  # noqa: F401 (a fixture)
from tests.run.fake import FakeBatch, FakeEngine
from tests.run.test_resume import killed_at
from tests.run.tree import tree


class CarryingEngine(FakeEngine):
    """Gives each note's text and metadata back, so that tests see what was read."""

    def batch(self, texts: list[str], ids: list[str], metadata: list[dict[str, Any]] | None = None) -> FakeBatch:
        carried = metadata if metadata is not None else [{}] * len(texts)
        rows = [{"id": i, "text": t, **({"m": m} if m else {})} for i, t, m in zip(ids, texts, carried, strict=True)]
        return FakeBatch([json.dumps(row) + "\n" for row in rows], 0, [])


@pytest.fixture
def read(tmp_path: Path) -> Callable[..., tuple[list[Any], list[Any]]]:
    """Run on one file; gives what the engine got and the errors."""

    def read(path: Path, **options: Any) -> tuple[list[Any], list[Any]]:
        out = tmp_path / "out"
        run(CarryingEngine(), [str(path)], str(out), workers=1, overwrite=True, **options)
        notes = [json.loads(line) for part in sorted(out.glob("part-*")) for line in part.read_text().splitlines()]
        errors = [json.loads(line) for line in (out / "errors.jsonl").read_text().splitlines()]
        return notes, [(error["note_id"], error["code"], error["reason"]) for error in errors]

    return read


Read = Callable[..., tuple[list[Any], list[Any]]]


def test_csv_as_spreadsheets_write_it(tmp_path: Path, read: Read) -> None:
    (tmp_path / "n.csv").write_bytes(
        b'\xef\xbb\xbfnote_id,ward,note_text\r\n1,A,"two\r\nlines, ""quoted"""\r\n2,B,caf\xc3\xa9\r\n\r\n3,C,\r\n'
    )
    notes, errors = read(tmp_path / "n.csv")
    assert notes == [
        {"id": "1", "text": 'two\r\nlines, "quoted"'},
        {"id": "2", "text": "caf\u00e9"},
        {"id": "3", "text": ""},
    ]
    assert errors == []


def test_bad_rows_are_named_and_the_others_read(tmp_path: Path, read: Read) -> None:
    (tmp_path / "n.tsv").write_bytes(b"id\ttext\n1\tgood\n2\n\tno id\n4\tcaf\xe9\n5\tlast\tone more\n6\tgood\n")
    notes, errors = read(tmp_path / "n.tsv")
    assert [note["id"] for note in notes] == ["1", "6"]
    assert errors == [
        ("n.tsv:2", "N106", "line 3: 1 columns, the header has 2"),
        ("n.tsv:3", "N106", "the row has no id"),
        ("n.tsv:4", "N102", "line 5 is not UTF-8"),
        ("n.tsv:5", "N106", "line 6: 3 columns, the header has 2"),
    ]


def test_quotes_that_do_not_close(tmp_path: Path, read: Read) -> None:
    (tmp_path / "n.csv").write_text('id,text\n1,good\n2,"open\n3,swallowed\n')
    notes, errors = read(tmp_path / "n.csv")
    assert [note["id"] for note in notes] == ["1"]
    assert errors == [("n.csv:2", "N106", "line 4: unexpected end of data")]


def test_another_encoding(tmp_path: Path, read: Read) -> None:
    (tmp_path / "n.csv").write_bytes(b"id,text\n1,caf\xe9\n")
    assert read(tmp_path / "n.csv", encoding="cp1252")[0] == [{"id": "1", "text": "caf\u00e9"}]


@pytest.mark.parametrize("name", ["n.csv.gz", "n.jsonl.gz"])
def test_gzip(tmp_path: Path, read: Read, name: str) -> None:
    plain = b"id,text\n1,one\n2,two\n" if "csv" in name else b'{"id": 1, "text": "one"}\n\n{"id": "2", "text": "two"}\n'
    (tmp_path / name).write_bytes(gzip.compress(plain))
    assert read(tmp_path / name)[0] == [{"id": "1", "text": "one"}, {"id": "2", "text": "two"}]
    (tmp_path / name).write_bytes(gzip.compress(plain * 1000)[:-20])
    with pytest.raises(UsageError, match=r"^\[U201\] n\..*gz: cannot read the input: "):
        read(tmp_path / name)


def test_gzipped_notes_in_folders(tmp_path: Path, read: Read) -> None:
    (tmp_path / "notes").mkdir()
    (tmp_path / "notes" / "a.txt.gz").write_bytes(gzip.compress("caf\u00e9".encode()))
    (tmp_path / "notes" / "b.txt.gz").write_bytes(gzip.compress(b"x" * 100)[:-9])
    (tmp_path / "notes" / "c.txt.gz").write_bytes(b"no gzip")
    notes, errors = read(tmp_path / "notes")
    assert notes == [{"id": "a.txt.gz", "text": "caf\u00e9"}]
    assert [(note_id, code) for note_id, code, _ in errors] == [("b.txt.gz", "N101"), ("c.txt.gz", "N101")]


def test_a_gzipped_note_may_not_become_too_long(tmp_path: Path, read: Read, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "NOTE_BYTES", 1000)
    (tmp_path / "notes").mkdir()
    (tmp_path / "notes" / "a.txt.gz").write_bytes(gzip.compress(b"x" * 100_000))
    assert [code for _, code, _ in read(tmp_path / "notes")[1]] == ["N105"]


def test_columns_by_name(tmp_path: Path, read: Read) -> None:
    (tmp_path / "n.csv").write_text("row,body,ward,day\n7,text,A,2024-01-02\n")
    columns = Columns("row", "body", ("day",))
    assert read(tmp_path / "n.csv", columns=columns)[0] == [{"id": "7", "text": "text", "m": {"day": "2024-01-02"}}]
    every = Columns("row", "body", ("*",))
    assert read(tmp_path / "n.csv", columns=every)[0][0]["m"] == {"ward": "A", "day": "2024-01-02"}
    (tmp_path / "n.jsonl").write_text('{"row": 7, "body": "text", "ward": {"floor": 3}}\n')
    assert read(tmp_path / "n.jsonl", columns=every)[0] == [{"id": "7", "text": "text", "m": {"ward": {"floor": 3}}}]


@pytest.mark.parametrize(
    ("columns", "message"),
    [
        (Columns(), "no column for the id (note_id or id); it has 'row', 'text' (--id-column names it)"),
        (Columns("nr"), "no column 'nr'; it has 'row', 'text' (--id-column names it)"),
        (Columns("row", "body"), "no column 'body'; it has 'row', 'text' (--text-column names it)"),
        (Columns("row", None, ("ward",)), "no column 'ward'; it has 'row', 'text' (--carry names columns of the table)"),
    ],
)
def test_a_missing_column_ends_the_run_before_it_begins(tmp_path: Path, read: Read, columns: Columns, message: str) -> None:
    (tmp_path / "n.csv").write_text("row,text\n7,text\n")
    with pytest.raises(UsageError) as caught:
        read(tmp_path / "n.csv", columns=columns)
    assert str(caught.value) == f"[U213] n.csv: {message}"
    assert not (tmp_path / "out").exists()


def test_parquet_and_arrow(tmp_path: Path, read: Read) -> None:
    pa = pytest.importorskip("pyarrow")
    from pyarrow import feather, parquet

    day = datetime.date(2024, 1, 2)
    table = pa.table({"note_id": [1, 2, None, 4], "text": ["one", None, "x", "four"], "day": [day, day, None, None]})
    parquet.write_table(table, tmp_path / "n.parquet", row_group_size=3)
    feather.write_feather(table, str(tmp_path / "n.arrow"))
    expected = [{"id": "1", "text": "one", "m": {"day": "2024-01-02"}}, {"id": "4", "text": "four", "m": {"day": None}}]
    for name in ("n.parquet", "n.arrow"):
        notes, errors = read(tmp_path / name, columns=Columns(carry=("day",)))
        assert notes == expected
        assert errors == [("2", "N106", "the row has no text"), (f"{name}:3", "N106", "the row has no id")]


@pytest.mark.parametrize("name", ["n.parquet", "n.arrow"])
def test_a_file_that_is_no_table(tmp_path: Path, read: Read, name: str) -> None:
    pytest.importorskip("pyarrow")
    (tmp_path / name).write_bytes(b"this is no table" * 100)
    with pytest.raises(UsageError, match=rf"^\[U201\] {name}: cannot read the input: "):
        read(tmp_path / name)


def test_workers_restarts_and_changed_tables(tmp_path: Path, small_parts: None) -> None:  # noqa: F811
    table = tmp_path / "n.csv"
    rows = [f"{number},note {number}: chest pain\n" for number in range(20)]
    table.write_text("id,text\n" + "".join(rows))

    def work(out: Path, workers: int = 1) -> None:
        run(FakeEngine(), [str(table)], str(out), workers=workers)

    work(tmp_path / "whole")
    work(tmp_path / "two", 2)
    assert tree(tmp_path / "two") == tree(tmp_path / "whole")
    assert killed_at(25, lambda: work(tmp_path / "out"))
    assert not [path for path in (tmp_path / "out").iterdir() if "spool" in path.name and path.stat().st_size]
    work(tmp_path / "out")
    assert tree(tmp_path / "out") == tree(tmp_path / "whole")
    table.write_text("id,text\n" + "".join(rows[1:]))
    with pytest.raises(UsageError, match=r"U205.*the input notes"):
        work(tmp_path / "out")


def test_an_id_used_twice_names_both_rows(tmp_path: Path, read: Read) -> None:
    (tmp_path / "n.csv").write_text("id,text\n1,a\n2,b\n1,c\n")
    notes, errors = read(tmp_path / "n.csv")
    assert [note["text"] for note in notes] == ["a", "b"]
    assert errors == [("1", "N104", "its id is used twice: first at n.csv:1, again at n.csv:3")]


def test_patterns_of_names(tmp_path: Path, read: Read, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("a/x.note", "a/y.txt", "b/x.note"):
        (tmp_path / "in" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "in" / name).write_text(name)
    assert [note["id"] for note in read(tmp_path / "in", names=["*.note"])[0]] == ["a/x.note", "b/x.note"]
    assert [note["id"] for note in read(tmp_path / "in", names=["y*", "*.NOTE"])[0]] == ["a/x.note", "a/y.txt", "b/x.note"]
    assert [note["text"] for note in read(tmp_path / "in" / "*" / "x.note", names=["*.note"])[0]] == ["a/x.note"]
    with pytest.raises(UsageError, match="no file or folder matches the input"):
        read(tmp_path / "in" / "*.csv")


def test_ids_and_values_as_text() -> None:
    assert [plain_id(value) for value in (7, 7.0, "07")] == ["7", "7", "07"]
    assert [plain_id(value) for value in (7.5, None, True, "", b"x")] == [None] * 5
    assert [plain_value(value) for value in (float("nan"), 1.5, None, datetime.date(2024, 1, 2), b"xy")] == [
        None, 1.5, None, "2024-01-02", "2 bytes",
    ]  # fmt: skip
