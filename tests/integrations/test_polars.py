"""polars: the row stays, nulls are counted, what comes out is what the engine says."""

from __future__ import annotations

from typing import Any

import pytest

pl = pytest.importorskip("polars", reason="polars is not installed (extra [polars])")
pytest.importorskip("pyarrow", reason="pyarrow is not installed (extra [parquet])")

import rulener  # noqa: E402
from rulener.integrations import rows  # noqa: E402
from rulener.integrations.polars import annotate  # noqa: E402
from tests.small import NOTES, write_lexicon, write_pack  # noqa: E402

TEXTS = ["Denies otalgia 🙂 and hiccups 7.", None, "", "Known otalgia.", "nothing", *NOTES]


@pytest.fixture(scope="module")
def engine(tmp_path_factory: pytest.TempPathFactory) -> rulener.Engine:
    folder = tmp_path_factory.mktemp("polars")
    lexicon = write_lexicon(folder / "lexicon.tsv")
    return rulener.load(write_pack(folder / "small"), base=None, lexicons=[lexicon], cache_dir=folder / "cache")


def expected(engine: rulener.Engine) -> list[tuple[Any, ...]]:
    return [
        (row, e.start, e.end, e.text, e.label, e.negated, e.uncertain, [c.code for c in e.concepts], [c.rule for c in e.cues])
        for row, text in enumerate(TEXTS)
        if text is not None
        for e in engine.annotate(text).entities
    ]


@pytest.mark.parametrize("kind", [pl.String, pl.Categorical])
def test_entities_know_the_row_of_their_note(engine: rulener.Engine, kind: Any) -> None:
    found = annotate(pl.Series("notes", TEXTS, dtype=kind), engine)
    shown = [
        (
            *(row[name] for name in ("row", "start", "end", "text", "label", "negated", "uncertain")),
            [concept["code"] for concept in row["concepts"]],
            [cue["rule"] for cue in row["cues"]],
        )
        for row in found.entities.to_dicts()
    ]
    assert shown == expected(engine)
    assert found.counts["missing"] == 1
    assert found.failures.rows() == [(1, "N106", rows.NO_TEXT, True)]


def test_ids_and_carried_columns(engine: rulener.Engine) -> None:
    frame = pl.DataFrame({"note": TEXTS, "key": range(100, 100 + len(TEXTS)), "ward": [["a", str(k)] for k in range(len(TEXTS))]})
    found = annotate(frame, engine, text="note", id="key", carry=["ward"])
    of = [row for row, *_ in expected(engine)]
    assert found.entities["note_id"].cast(pl.String).to_list() == [str(100 + row) for row in of]
    assert found.entities["ward"].to_list() == [["a", str(row)] for row in of]
    assert found.failures.rows() == [(1, "101", "N106", rows.NO_TEXT, True)]
    joined = found.entities.join(frame.with_row_index("row"), on="row")
    assert joined["note"].to_list() == [TEXTS[row] for row in of]


def test_one_list_a_note(engine: rulener.Engine) -> None:
    lists = annotate(pl.Series(TEXTS), engine).lists().to_list()
    assert [None if found is None else [(e["start"], e["text"], e["negated"]) for e in found] for found in lists] == [
        None if text is None else [(e.start, e.text, e.negated) for e in engine.annotate(text).entities] for text in TEXTS
    ]


@pytest.mark.parametrize("notes", [[], [None, None]])
def test_nothing_to_annotate_has_the_columns_too(engine: rulener.Engine, notes: list[None]) -> None:
    some = annotate(pl.Series(["otalgia"]), engine).entities
    found = annotate(pl.Series(notes, dtype=pl.String), engine)
    assert found.entities.columns == some.columns
    assert found.entities.height == 0
    assert found.lists().to_list() == notes


def test_what_is_no_text_fails(engine: rulener.Engine) -> None:
    found = annotate(pl.DataFrame({"text": [1, None]}), engine, text="text")
    assert found.counts == {"notes": 2, "annotated": 0, "missing": 1, "failed": 1, "entities": 0}


def test_slices_and_threads_change_nothing(engine: rulener.Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    notes = pl.Series(TEXTS * 5)
    whole = annotate(notes, engine).entities.to_dicts()
    monkeypatch.setattr(rows, "SLICE_NOTES", 3)
    for workers in (1, 3):
        assert annotate(notes, engine, workers=workers).entities.to_dicts() == whole


@pytest.mark.parametrize(
    ("options", "code"),
    [({}, "U213"), ({"text": "absent"}, "U213"), ({"text": "text", "carry": ["row"]}, "U241")],
)
def test_wrong_columns_are_said(engine: rulener.Engine, options: dict[str, Any], code: str) -> None:
    with pytest.raises(rulener.UsageError, match=code):
        annotate(pl.DataFrame({"text": ["a"], "row": [1]}), engine, **options)
