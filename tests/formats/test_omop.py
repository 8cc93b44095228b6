"""Rows of OMOP NOTE_NLP: what goes where, what is refused, and that nothing depends on how the run went."""

from __future__ import annotations

import csv
import datetime
import json
from collections import Counter
from functools import partial
from pathlib import Path
from typing import Any

import pytest

import rulener
from rulener.errors import NoteError, UsageError
from rulener.formats import omop
from rulener.formats.omop import COLUMNS, MAX_NOTE_ID, MENTIONS, admit, parse_date, rows
from rulener.formats.readers import omop_note
from rulener.formats.writers import Settings
from rulener.run.directory import run
from tests.run.conftest import small_parts  # noqa: F401 (a fixture)
from tests.run.test_resume import killed_at
from tests.run.tree import tree

TERMS = """\
term\tlabel\tsystem\tcode\tpreferred\tstandard\tstandard_id\tstandard_name
glorpitis\tdisorder\tLOCAL\tG1\tGlorpitis\tLOCAL\t
zorp ache\tsymptom\tLOCAL\tZ1\tZorp ache\tTARGET:77\t4007\tAche of zorp
vexosis\tdisorder\tLOCAL\tV1\tVexosis\tLOCAL:V1\t4008\tVexosis
plunk\tdisorder\tLOCAL\tP1\tPlunk fever\t\t\t
plunk\tdisorder\tLOCAL\tP2\tPlunk itch\t\t\t
blip sign\tfinding\t\t\t\t\t\t
"""
NOTE = """\
note_id,person_id,note_date,note_source_value,note_class_concept_id,note_text
17,1,2026-01-02,disch,5,"Past medical history: vexosis.

No zorp ache. Possible glorpitis."
3,2,2026-01-03,op,5,"Mother had vexosis. Zorp ache today."
4,2,2026-01-03,op,5,""
"""


@pytest.fixture(scope="module")
def engine(tmp_path_factory: pytest.TempPathFactory) -> rulener.Engine:
    folder = tmp_path_factory.mktemp("omop")
    (folder / "terms.tsv").write_text(TERMS)
    return rulener.load(lexicons=[folder / "terms.tsv"], cache_dir=folder / "cache")


def of(engine: rulener.Engine, text: str, **settings: Any) -> tuple[list[omop.Row], Counter[str]]:
    counts: Counter[str] = Counter()
    given = Settings("r1", **{"nlp_date": "2026-11-20", **settings})
    return list(rows(engine.batch([text], ["17"]), given, counts)), counts


def test_a_row(engine: rulener.Engine) -> None:
    ((row,), counts) = of(engine, "Fell at home. Denies zorp ache today.")
    assert row == omop.Row(
        note_nlp_id=17_000_001, note_id=17, section_concept_id=0, snippet="Denies zorp ache today.", offset="21",
        lexical_variant="zorp ache", note_nlp_concept_id=4007, note_nlp_source_concept_id=0,
        nlp_system=f"rulener {rulener.__version__} run r1", nlp_date=datetime.date(2026, 11, 20), nlp_datetime=None,
        term_exists="N", term_temporal="present",
        term_modifiers="negated=yes,uncertain=no,historical=no,hypothetical=no,family=no,label=symptom,concept=LOCAL:Z1,"
        "linking=resolved,rule=lexicon:terms",
    )  # fmt: skip
    assert counts == {"rows": 1}


@pytest.mark.parametrize(
    ("text", "exists", "temporal"),
    [
        ("He has vexosis.", "Y", "present"),
        ("No vexosis.", "N", "present"),
        ("Possible vexosis.", "N", "present"),
        ("Mother had vexosis.", "N", None),
        ("Return if vexosis develops.", "N", "present"),
        ("Past medical history: vexosis.", "Y", "past"),
    ],
)
def test_what_is_said_of_a_mention(engine: rulener.Engine, text: str, exists: str, temporal: str | None) -> None:
    ((row,), _) = of(engine, text)
    assert row.term_exists == exists
    assert temporal is None or row.term_temporal == temporal


def test_an_axis_that_no_pack_assesses_is_null(tmp_path: Path) -> None:
    pack = tmp_path / "pack"
    pack.mkdir()
    (pack / "pack.yaml").write_text("name: mine\nversion: 1.0.0\nlabels: [{id: ailment}]\naxes: [negated]\n")
    (pack / "rules.yaml").write_text("terms:\n  - id: v\n    label: ailment\n    any: [vexosis]\n")
    ((row,), counts) = of(rulener.load(pack, base=None, cache_dir=tmp_path / "cache"), "vexosis")
    assert (row.term_exists, row.term_temporal) == ("Y", None)
    assert row.term_modifiers == (
        "negated=no,uncertain=unknown,historical=unknown,hypothetical=unknown,family=unknown,label=ailment,rule=mine:v"
    )
    assert counts == {"rows": 1, "concept 0: no code": 1}


def test_concept_ids(engine: rulener.Engine) -> None:
    found, counts = of(engine, "vexosis; zorp ache; glorpitis; plunk; blip sign")
    assert [(row.lexical_variant, row.note_nlp_concept_id, row.note_nlp_source_concept_id) for row in found] == [
        ("vexosis", 4008, 4008), ("zorp ache", 4007, 0), ("glorpitis", 0, 0), ("plunk", 0, 0), ("blip sign", 0, 0),
    ]  # fmt: skip
    assert counts == {
        "rows": 5, "concept 0: no standard concept in the lexicon": 1, "concept 0: ambiguous": 1, "concept 0: no code": 1,
    }  # fmt: skip


def test_long_sentences_and_mentions_are_cut_and_counted(engine: rulener.Engine, tmp_path: Path) -> None:
    text = "word " * 100 + "vexosis" + " word" * 100
    ((row,), counts) = of(engine, text)
    assert len(row.snippet) == 250
    assert text[text.index(row.snippet) :].index("vexosis") in range(115, 130)
    assert counts == {"rows": 1, "snippet cut": 1}
    for near_an_end in ("vexosis" + " word" * 100, "word " * 100 + "vexosis"):
        ((row,), _) = of(engine, near_an_end)
        assert len(row.snippet) == 250
        assert "vexosis" in row.snippet
    batch = engine.batch(["a" * 300 + " vexosis"], ["17"])
    assert batch.n_entities == 1
    long = engine.annotate("x " + "y" * 300 + " z", mentions=[(2, 302, "disorder")], note_id="17").batch
    counts = Counter()
    ((row),) = rows(long, Settings("r1", "2026-11-20"), counts)
    assert (row.lexical_variant, row.snippet) == ("y" * 250, "y" * 250)
    assert (counts["lexical_variant cut"], counts["snippet cut"]) == (1, 1)


def test_offsets_are_exact_in_texts_of_all_kinds(engine: rulener.Engine) -> None:
    text = "\U0001f9e0\u0130e\u0301\r\nvexosis\0, zorp ache \ud800 vexosis"
    found, counts = of(engine, text)
    assert [text[int(row.offset) :][: len(row.lexical_variant)] for row in found] == ["vexosis", "zorp ache", "vexosis"]
    assert all(row.snippet.encode() for row in found)
    assert counts["NUL replaced"] > 0


@pytest.mark.parametrize("note_id", ["a.txt", "-1", "017", "1.5", "", " 1", str(MAX_NOTE_ID + 1)])
def test_notes_whose_id_is_no_integer(note_id: str) -> None:
    with pytest.raises(NoteError) as caught:
        admit(note_id, {}, Settings("r1", "2026-11-20"))
    assert caught.value.code == "N110"
    admit(str(MAX_NOTE_ID), {}, Settings("r1", "2026-11-20"))
    assert MAX_NOTE_ID * MENTIONS + MENTIONS <= 1 << 63


@pytest.mark.parametrize("day", [None, "", "1/2/2026", "2026-13-01", "yesterday"])
def test_notes_without_a_date(day: str | None) -> None:
    with pytest.raises(NoteError) as caught:
        admit("1", {"note_date": day}, Settings("r1"))
    assert caught.value.code == "N111"
    admit("1", {"note_date": day}, Settings("r1", "2026-11-20"))


def test_dates() -> None:
    day, moment = datetime.date(2026, 1, 2), datetime.datetime(2026, 1, 2, 8, 30)
    assert parse_date("2026-01-02") == (day, None)
    assert parse_date("2026-01-02T08:30") == parse_date("2026-01-02 08:30:00.00Z") == (day, moment)


def test_a_date_that_is_none_ends_the_run_before_it_begins(engine: rulener.Engine, tmp_path: Path) -> None:
    (tmp_path / "a.txt").touch()
    with pytest.raises(UsageError) as caught:
        run(engine, [str(tmp_path / "a.txt")], str(tmp_path / "out"), format="omop-csv", nlp_date="today")
    assert str(caught.value) == "[U284] 'today' is no date for NOTE_NLP (as in 2026-11-20 or 2026-11-20T08:30:00)"
    assert not (tmp_path / "out").exists()


def test_too_many_mentions(engine: rulener.Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(omop, "MENTIONS", 3)
    assert len(of(engine, "vexosis, vexosis")[0]) == 2
    with pytest.raises(UsageError, match=r"^\[U285\] note 17 has 3 mentions; NOTE_NLP can have 2$"):
        of(engine, "vexosis, vexosis, vexosis")


def test_concepts_of_sections(engine: rulener.Engine, tmp_path: Path) -> None:
    (tmp_path / "sections.tsv").write_text("concept_id\tsection\tnote\n7001\tpast_medical_history\tx\n7002\tplan\t\n")
    sections = omop.read_sections(str(tmp_path / "sections.tsv"))
    assert sections == (("past_medical_history", 7001), ("plan", 7002))
    found, counts = of(engine, "vexosis\n\nPast medical history: vexosis.", sections=sections)
    assert [row.section_concept_id for row in found] == [0, 7001]
    assert counts == {"rows": 2, "section 0": 1}


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (None, "No such file or directory"),
        ("", "it has no columns section and concept_id"),
        ("section,concept\nplan,1\n", "it has no columns section and concept_id"),
        ("section,concept_id\nplan,x\n", "line 2 is not a section and the id of a concept"),
        ("section,concept_id\nplan\n", "line 2 is not a section and the id of a concept"),
        ("section,concept_id\n,1\n", "line 2 is not a section and the id of a concept"),
        ("section,concept_id\nplan,2147483648\n", "line 2 is not a section and the id of a concept"),
        ("section,concept_id\nplan,1\nplan,2\n", "line 3 gives the section 'plan' another concept"),
    ],
)
def test_tables_of_sections_that_are_none(tmp_path: Path, content: str | None, message: str) -> None:
    if content is not None:
        (tmp_path / "s.csv").write_text(content)
    with pytest.raises(UsageError) as caught:
        omop.read_sections(str(tmp_path / "s.csv"))
    assert str(caught.value) == f"[U295] s.csv: the table of sections cannot be used: {message}"


# --- runs


def written(out: Path) -> list[dict[str, str]]:
    found = []
    for path in sorted(out.glob("*.note_nlp.csv")):
        with open(path, encoding="utf-8", newline="") as file:
            found += list(csv.DictReader(file))
    return found


def test_a_run_writes_csv_and_parquet_with_the_notes_dates(engine: rulener.Engine, tmp_path: Path) -> None:
    parquet = pytest.importorskip("pyarrow.parquet", reason="the extra [parquet] has it")
    (tmp_path / "NOTE.csv").write_text(NOTE)
    totals = run(
        engine, [str(tmp_path / "NOTE.csv")], str(tmp_path / "out"), format=["omop-csv", "omop-parquet"], columns=omop_note(),
        workers=1,
    )  # fmt: skip
    found = written(tmp_path / "out")
    assert tuple(found[0]) == COLUMNS
    assert [(row["note_nlp_id"], row["lexical_variant"], row["nlp_date"], row["term_exists"]) for row in found] == [
        ("17000001", "vexosis", "2026-01-02", "Y"),
        ("17000002", "zorp ache", "2026-01-02", "N"),
        ("17000003", "glorpitis", "2026-01-02", "N"),
        ("3000001", "vexosis", "2026-01-03", "N"),
        ("3000002", "Zorp ache", "2026-01-03", "Y"),
    ]
    table = parquet.read_table(tmp_path / "out" / "part-00000.note_nlp.parquet")
    same = [{name: "" if value is None else str(value) for name, value in row.items()} for row in table.to_pylist()]
    assert same == found
    assert [str(field.type) for field in table.schema] == [
        "int64", "int64", "int32", "string", "string", "string", "int32", "int32", "string", "date32[day]", "timestamp[us]",
        "string", "string", "string",
    ]  # fmt: skip
    manifest = json.loads((tmp_path / "out" / "manifest.json").read_text())
    assert manifest["formats"]["omop-csv"] == {"concept 0: no standard concept in the lexicon": 1, "rows": 5}
    assert manifest["formats"] == totals.formats
    assert found[0]["nlp_system"] == f"rulener {rulener.__version__} run {manifest['run_id']}"


def test_notes_that_note_nlp_cannot_hold_are_named(engine: rulener.Engine, tmp_path: Path) -> None:
    (tmp_path / "n.csv").write_text("id,text,note_date\na1,vexosis,2026-01-02\n2,vexosis,\n3,vexosis,2026-01-02\n")
    columns = rulener.formats.readers.Columns(carry=("note_date",))
    totals = run(engine, [str(tmp_path / "n.csv")], str(tmp_path / "out"), format="omop-csv", columns=columns, workers=1)
    assert (totals.notes, totals.failed, totals.entities) == (3, 2, 1)
    errors = [json.loads(line) for line in (tmp_path / "out" / "errors.jsonl").read_text().splitlines()]
    assert [(error["note_id"], error["code"]) for error in errors] == [("a1", "N110"), ("2", "N111")]
    assert [row["note_id"] for row in written(tmp_path / "out")] == ["3"]


def test_a_file_without_rows_has_its_header(engine: rulener.Engine, tmp_path: Path) -> None:
    parquet = pytest.importorskip("pyarrow.parquet", reason="the extra [parquet] has it")
    (tmp_path / "n.csv").write_text("id,text\n1,nothing\n")
    options: dict[str, Any] = {"format": ["omop-csv", "omop-parquet"], "nlp_date": "2026-11-20T08:30:00", "run_id": "nightly"}
    run(engine, [str(tmp_path / "n.csv")], str(tmp_path / "out"), workers=1, **options)
    assert (tmp_path / "out" / "part-00000.note_nlp.csv").read_text() == ",".join(COLUMNS) + "\n"
    assert parquet.read_table(tmp_path / "out" / "part-00000.note_nlp.parquet").column_names == list(COLUMNS)
    manifest = json.loads((tmp_path / "out" / "manifest.json").read_text())
    assert (manifest["run_id"], manifest["options"]["nlp_date"]) == ("nightly", "2026-11-20T08:30:00")


@pytest.mark.usefixtures("small_parts")
def test_stopped_and_resumed_the_bytes_are_the_same(engine: rulener.Engine, tmp_path: Path) -> None:
    pytest.importorskip("pyarrow")
    texts = [f"{number},No zorp ache and vexosis number {number}." for number in range(20)]
    (tmp_path / "n.csv").write_text("id,text\n" + "\n".join(texts) + "\n")
    path = str(tmp_path / "n.csv")
    work = partial(run, engine, [path], format=["omop-csv", "omop-parquet"], nlp_date="2026-11-20")
    work(str(tmp_path / "whole"), workers=1)
    assert len(written(tmp_path / "whole")) == 40
    out = str(tmp_path / "out")
    assert killed_at(30, partial(work, out, workers=1))
    work(out, workers=1)
    assert tree(tmp_path / "out") == tree(tmp_path / "whole")
    work(str(tmp_path / "two"), workers=2)
    assert tree(tmp_path / "two") == tree(tmp_path / "whole")
