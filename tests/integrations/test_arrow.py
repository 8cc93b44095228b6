"""Arrow tables in and out: every note has rows, those of its entities or its error, in the order of the notes."""

from __future__ import annotations

from typing import Any

import pytest

pa = pytest.importorskip("pyarrow", reason="pyarrow is not installed (extra [parquet])")

import rulener  # noqa: E402
from rulener.integrations import arrow  # noqa: E402
from rulener.integrations.arrow import annotate_batches, annotate_table, result_schema  # noqa: E402
from tests.small import NOTES, write_lexicon, write_pack  # noqa: E402

TEXTS = ["Denies otalgia 🙂 and hiccups 7.", None, "", "Known otalgia.", "nothing", *NOTES]


@pytest.fixture(scope="module")
def engine(tmp_path_factory: pytest.TempPathFactory) -> rulener.Engine:
    folder = tmp_path_factory.mktemp("arrow")
    lexicon = write_lexicon(folder / "lexicon.tsv")
    return rulener.load(write_pack(folder / "small"), base=None, lexicons=[lexicon], cache_dir=folder / "cache")


def notes(**columns: Any) -> Any:
    return pa.table({"id": list(range(len(TEXTS))), "note": TEXTS, "ward": [f"w{k}" for k in range(len(TEXTS))], **columns})


def strings(table: Any) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = table.to_pylist()
    return rows


def test_rows_are_those_of_the_engine_with_errors_between(engine: rulener.Engine) -> None:
    found = annotate_table(notes(), engine, text="note", id="id", carry=["ward"])
    found.validate(full=True)
    assert found.schema.names[-2:] == ["ward", "error"]
    assert found.schema == result_schema(engine).remove(len(result_schema(engine)) - 1).append(
        pa.field("ward", pa.string())
    ).append(arrow.ERROR)
    rows = strings(found)
    good = [k for k, text in enumerate(TEXTS) if text is not None]
    plain = strings(engine.annotate_batch([TEXTS[k] for k in good], ids=[str(k) for k in good]))
    assert [{**row, "ward": f"w{row['note_id']}", "error": None} for row in plain] == [
        row for row in rows if row["error"] is None
    ]
    numbers = [int(row["note_id"]) for row in rows]
    assert numbers == sorted(numbers)
    (bad,) = (row for row in rows if row["error"])
    assert (bad["note_id"], bad["ward"], bad["error"]) == ("1", "w1", {"code": "N106", "reason": "the row has no text"})
    assert all(value is None for name, value in bad.items() if name not in ("note_id", "ward", "error"))


@pytest.mark.parametrize("kind", [pa.string(), pa.large_string(), pa.binary(), pa.dictionary(pa.int32(), pa.string())], ids=str)
def test_every_type_of_text(engine: rulener.Engine, kind: Any) -> None:
    column = notes()["note"].combine_chunks()
    made = column.dictionary_encode() if pa.types.is_dictionary(kind) else column.cast(kind)
    table = notes().set_column(1, "note", made)
    assert annotate_table(table, engine, text="note", id="id") == annotate_table(notes(), engine, text="note", id="id")


def test_what_is_no_utf8_fails_alone(engine: rulener.Engine) -> None:
    surrogate = b"otalgia \xed\xa0\x80"
    data, offsets = b"otalgia" + surrogate + b"otalgia", [0, 7, 7 + len(surrogate), 14 + len(surrogate)]
    texts = pa.StringArray.from_buffers(3, pa.py_buffer(pa.array(offsets, pa.int32()).buffers()[1]), pa.py_buffer(data))
    found = strings(annotate_table(pa.table({"id": ["a", "b", "c"], "text": texts}), engine, text="text", id="id"))
    assert [(row["note_id"], row["error"] and row["error"]["code"]) for row in found] == [("a", None), ("b", "N102"), ("c", None)]
    assert "otalgia" not in found[1]["error"]["reason"]
    ids = annotate_table(pa.table({"id": texts, "text": ["otalgia"] * 3}), engine, text="text", id="id")
    assert [row["note_id"] for row in strings(ids) if row["error"]] == [None]


def test_long_notes_other_types_and_rows_without_id(engine: rulener.Engine) -> None:
    table = pa.table({"id": [1.0, None, 3.0], "text": ["otalgia " * 9, "otalgia", "otalgia"]})
    found = strings(annotate_table(table, engine, text="text", id="id", max_length=20))
    assert [(row["note_id"], row["error"] and row["error"]["code"]) for row in found] == [
        ("1", "N105"),
        (None, "N106"),
        ("3", None),
    ]
    numbers = strings(annotate_table(pa.table({"id": [1], "text": [2]}), engine, text="text", id="id"))
    assert numbers[0]["error"]["code"] == "N106"


def test_a_stream_of_batches_is_the_same_as_a_table(engine: rulener.Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(arrow, "ROWS", 2)
    whole = annotate_table(notes(), engine, text="note", id="id", carry=["ward"])
    batches = list(annotate_batches(notes().to_batches(3), engine, text="note", id="id", carry=["ward"]))
    assert len(batches) > 3
    assert pa.Table.from_batches(batches, whole.schema).to_pylist() == whole.to_pylist()


@pytest.mark.parametrize(("options", "code"), [({"text": "x", "id": "id"}, "U213"), ({"text": "note", "id": "x"}, "U213")])
def test_wrong_columns_are_said(engine: rulener.Engine, options: dict[str, Any], code: str) -> None:
    with pytest.raises(rulener.UsageError, match=code):
        annotate_table(notes(), engine, **options)
    with pytest.raises(rulener.UsageError, match="U241"):
        annotate_table(notes(text=TEXTS), engine, text="note", id="id", carry=["text"])
