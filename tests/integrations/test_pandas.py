"""pandas: the index stays, missing values are counted, every kind of string column gives the same."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import pytest

pd = pytest.importorskip("pandas", reason="pandas is not installed (extra [pandas])")
pa = pytest.importorskip("pyarrow", reason="pyarrow is not installed (extra [parquet])")

import rulener  # noqa: E402
from rulener.integrations import rows  # noqa: E402
from rulener.integrations.pandas import annotate  # noqa: E402
from tests.small import NOTES, write_lexicon, write_pack  # noqa: E402

TEXTS = ["Denies otalgia 🙂 and hiccups 7.", None, "", "Known otalgia.", "nothing", *NOTES]
INDEX = [f"row {k}" for k in range(len(TEXTS))]


@pytest.fixture(scope="module")
def engine(tmp_path_factory: pytest.TempPathFactory) -> rulener.Engine:
    folder = tmp_path_factory.mktemp("pandas")
    lexicon = write_lexicon(folder / "lexicon.tsv")
    return rulener.load(write_pack(folder / "small"), base=None, lexicons=[lexicon], cache_dir=folder / "cache")


def expected(engine: rulener.Engine, texts: list[Any], names: list[Any]) -> list[tuple[Any, ...]]:
    return [
        (name, e.start, e.end, e.text, e.label, e.negated, [c.code for c in e.concepts], [c.rule for c in e.cues])
        for name, text in zip(names, texts, strict=True)
        if isinstance(text, str)
        for e in engine.annotate(text).entities
    ]


def rows_of(frame: Any) -> list[tuple[Any, ...]]:
    codes = [[concept["code"] for concept in concepts] for concepts in frame["concepts"]]
    rules = [[cue["rule"] for cue in cues] for cues in frame["cues"]]
    shown = (frame.index, *(frame[name] for name in ("start", "end", "text", "label", "negated")), codes, rules)
    return list(zip(*(list(values) for values in shown), strict=True))


@pytest.mark.parametrize("kind", ["object", "string", "string[python]", "string[pyarrow]", "arrow", "category"])
def test_entities_have_the_index_of_their_notes(engine: rulener.Engine, kind: str) -> None:
    notes = pd.Series(TEXTS, index=INDEX, dtype=pd.ArrowDtype(pa.string()) if kind == "arrow" else kind)
    found = annotate(notes, engine)
    assert rows_of(found.entities) == expected(engine, TEXTS, INDEX)
    assert "note_id" not in found.entities
    assert found.counts == {
        "notes": len(TEXTS),
        "annotated": len(TEXTS) - 1,
        "missing": 1,
        "failed": 0,
        "entities": len(found.entities),
    }
    assert [(name, *row) for name, row in zip(found.failures.index, found.failures.itertuples(index=False), strict=True)] == [
        ("row 1", "N106", rows.NO_TEXT, True)
    ]


def test_an_axis_that_nobody_assesses_is_not_false(engine: rulener.Engine) -> None:
    found = annotate(pd.Series(["Denies otalgia."]), engine).entities
    assert found["negated"].iloc[0] is True or bool(found["negated"].iloc[0])
    assert found["uncertain"].isna().all()
    assert not found["family"].isna().any()


def test_ids_carried_columns_and_an_index_of_several_levels(engine: rulener.Engine) -> None:
    index = pd.MultiIndex.from_tuples([("ward", k % 2) for k in range(len(TEXTS))], names=["place", "bed"])
    when = pd.date_range("2026-01-01", periods=len(TEXTS), tz="UTC")
    frame = pd.DataFrame({"note": TEXTS, "key": range(100, 100 + len(TEXTS)), "when": when}, index=index)
    found = annotate(frame, engine, text="note", id="key", carry=["when"])
    of = [row for row, *_ in expected(engine, TEXTS, list(range(len(TEXTS))))]
    assert list(found.entities.index) == [index[k] for k in of]
    assert found.entities.index.names == ["place", "bed"]
    assert found.entities["note_id"].tolist() == [str(100 + k) for k in of]
    assert found.entities["when"].tolist() == [when[k] for k in of]
    assert found.entities["when"].dtype == frame["when"].dtype


def test_parquet_there_and_back(engine: rulener.Engine, tmp_path: Path) -> None:
    found = annotate(pd.Series(TEXTS), engine).entities
    found.to_parquet(tmp_path / "found.parquet")
    again = pd.read_parquet(tmp_path / "found.parquet", dtype_backend="pyarrow")
    assert [len(concepts) for concepts in again["concepts"]] == [len(concepts) for concepts in found["concepts"]]
    assert again["start"].tolist() == found["start"].tolist()


def test_one_list_a_note(engine: rulener.Engine) -> None:
    notes = pd.Series(TEXTS, index=INDEX)
    lists = annotate(notes, engine).lists()
    assert list(lists.index) == INDEX
    assert lists.isna().tolist() == [text is None for text in TEXTS]
    shown = {name: [(e["start"], e["text"], e["negated"]) for e in found] for name, found in lists.items() if found is not pd.NA}
    assert shown == {
        name: [(e.start, e.text, e.negated) for e in engine.annotate(text).entities]
        for name, text in zip(INDEX, TEXTS, strict=True)
        if text is not None
    }


def test_what_is_no_note_fails_alone(engine: rulener.Engine) -> None:
    values = ["otalgia", 3.5, math.nan, pd.NA, pd.NaT, b"otalgia", "otalgia " * 3, "\ud800 otalgia", ["otalgia"]]
    found = annotate(pd.Series(values, dtype=object), engine, max_length=20)
    assert sorted(set(found.entities.index)) == [0, 7]
    assert found.entities["start"].tolist() == [0, 2]
    assert found.counts == {"notes": 9, "annotated": 2, "missing": 3, "failed": 4, "entities": 2}
    codes = dict(zip(found.failures.index, found.failures["code"], strict=True))
    assert codes == {1: "N106", 2: "N106", 3: "N106", 4: "N106", 5: "N106", 6: "N105", 8: "N106"}
    assert not any("otalgia" in reason for reason in found.failures["reason"])


def test_a_row_without_an_id_fails(engine: rulener.Engine) -> None:
    frame = pd.DataFrame({"id": [7, None, 9], "text": ["otalgia"] * 3})
    found = annotate(frame, engine, text="text", id="id")
    assert found.entities["note_id"].tolist() == ["7", "9"]
    assert found.failures["reason"].tolist() == [rows.NO_ID]


@pytest.mark.parametrize("notes", [[], [None, None]])
def test_nothing_to_annotate_has_the_columns_too(engine: rulener.Engine, notes: list[None]) -> None:
    some = annotate(pd.Series(["otalgia"]), engine).entities
    found = annotate(pd.Series(notes, dtype=object), engine)
    assert (found.entities.columns == some.columns).all()
    assert len(found.entities) == 0
    assert found.lists().isna().all()


def test_slices_and_threads_change_nothing(engine: rulener.Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    notes = pd.Series(TEXTS * 5)
    whole = annotate(notes, engine).entities
    monkeypatch.setattr(rows, "SLICE_NOTES", 3)
    for workers in (1, 3):
        pd.testing.assert_frame_equal(annotate(notes, engine, workers=workers).entities, whole)


def test_a_note_that_does_not_fit_into_memory_fails_alone(engine: rulener.Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    def short(texts: list[str], ids: list[str]) -> Any:
        if any("huge" in text for text in texts):
            raise MemoryError
        return engine.batch(texts, ids)

    class Short:
        batch = staticmethod(short)
        fingerprint = engine.fingerprint

    annotated = rows.annotate_column(Short(), ["otalgia", "huge otalgia", "otalgia 🙂"])  # type: ignore[arg-type]
    assert [failure[:3] for failure in annotated.failures] == [(1, "1", "N105")]
    assert annotated.positions.tolist() == [0, 2]


def test_the_engine_may_be_a_file_opened_once_until_it_is_replaced(engine: rulener.Engine, tmp_path: Path) -> None:
    path = tmp_path / "some.rnr"
    path.write_bytes(engine.path.read_bytes())
    first = rows.opened(path)
    assert rows.opened(str(path)) is first
    assert len(annotate(pd.Series(["otalgia"]), path).entities) == 1
    other = tmp_path / "other.rnr"
    other.write_bytes(engine.path.read_bytes())
    other.replace(path)
    assert rows.opened(path) is not first
    with pytest.raises(rulener.ArtifactError):
        rows.opened(tmp_path / "absent.rnr")


@pytest.mark.parametrize(
    ("options", "code"),
    [
        ({}, "U213"),
        ({"text": "absent"}, "U213"),
        ({"text": "text", "id": "absent"}, "U213"),
        ({"text": "text", "carry": ["absent"]}, "U213"),
        ({"text": "twice"}, "U213"),
        ({"text": "text", "carry": ["label"]}, "U241"),
        ({"text": "text", "workers": 0}, "U106"),
    ],
)
def test_wrong_columns_are_said(engine: rulener.Engine, options: dict[str, Any], code: str) -> None:
    frame = pd.DataFrame([["a", "b", "c", "d"]], columns=["text", "label", "twice", "twice"])
    with pytest.raises(rulener.UsageError, match=code):
        annotate(frame, engine, **options)


def test_a_series_has_no_columns_to_name(engine: rulener.Engine) -> None:
    with pytest.raises(rulener.UsageError, match="U213"):
        annotate(pd.Series(["a"]), engine, text="text")
