"""Conversion: what comes back is what went in, what a format cannot hold is counted, what is wrong is named by file and line."""

from __future__ import annotations

import errno
import json
import shutil
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import rulener
from rulener.cli.main import ended
from rulener.core.columns import AXES
from rulener.errors import UsageError
from rulener.formats import annotated
from rulener.formats.brat import LINE_ENDS
from rulener.formats.gold import GoldWriter, _record, read_gold
from rulener.formats.plain import Left, PlainBatch, PlainDocument, PlainEngine, PlainEntity, document_of
from rulener.formats.sink import FolderSink, Sink
from rulener.formats.writers import FORMATS
from rulener.run.convert import LOST, TARGETS, convert
from rulener.run.directory import run
from tests.formats.test_text_formats import NOTES, documents, notes_file, written_text

BACK = ("brat", "labelstudio", "doccano", "prodigy", "conll", "csv", "parquet", "arrow", "jsonl")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("convert")


@pytest.fixture(scope="module")
def engine(folder: Path) -> rulener.Engine:
    return rulener.load(cache_dir=folder / "cache")


@pytest.fixture(scope="module")
def out(engine: rulener.Engine, folder: Path) -> Path:
    pytest.importorskip("pyarrow", reason="the extra [parquet] has it")
    run(engine, [notes_file(folder)], str(folder / "out"), format=list(BACK), workers=1)
    return folder / "out"


def lines(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_bytes().splitlines()]


def places(document: dict[str, Any]) -> list[tuple[int, int, str]]:
    return [(entity["start"], entity["end"], entity["label"]) for entity in document["entities"]]


# --- there and back


@pytest.mark.parametrize("name", BACK)
def test_what_a_run_wrote_comes_back(out: Path, folder: Path, tmp_path: Path, name: str) -> None:
    """The same notes, places and labels, and of the rest all that the format holds."""
    done = convert(str(out), str(tmp_path / "x.jsonl"), name, "jsonl", notes=[str(folder / "notes.jsonl")])
    assert done.failures == []
    back = {document["note_id"]: document for document in lines(tmp_path / "x.jsonl")}
    for document in documents(out):
        if name in ("csv", "parquet", "arrow") and not document["entities"]:
            continue  # they have no row of it
        note_id = document["note_id"] if name != "conll" else document["note_id"].replace("\t", " ").replace("\n", " ")
        found = back.pop(note_id)
        assert places(found) == places(document)
        assert found["length"] == document["length"]
        for one, other in zip(found["entities"], document["entities"], strict=True):
            assert one["text"] == written_text(document["note_id"])[one["start"] : one["end"]]
            if name != "conll":
                assert [axis for axis in AXES if one[axis]] == [axis for axis in AXES if other[axis]]
            if name in ("jsonl", "csv", "brat", "parquet", "prodigy"):
                assert one["rule"] == other["rule"]
            if name == "brat":
                assert [(c["system"], c["code"]) for c in one["concepts"]] == [
                    (c["system"], c["code"]) for c in sorted(other["concepts"], key=lambda c: c["code"] is None)
                ]
                assert (one["section"], one["linking"]) == (other["section"], other["linking"])
            if name in ("csv", "parquet", "arrow", "jsonl"):
                without = ("linking", "concepts") if name == "csv" else ("concepts",)
                assert {**one, **dict.fromkeys(without)} == {**other, **dict.fromkeys(without)}
                kept = ("system", "code", "score", "step")
                assert [[c[k] for k in kept] for c in one["concepts"]] == [[c[k] for k in kept] for c in other["concepts"]]
    assert back == {}


def test_json_lines_and_tables_come_back_byte_by_byte(out: Path, folder: Path, tmp_path: Path) -> None:
    convert(str(out), str(tmp_path / "x.jsonl"), "jsonl", "jsonl")
    assert lines(tmp_path / "x.jsonl") == documents(out)
    convert(str(out), str(tmp_path / "x.csv"), "jsonl", "csv")
    assert (tmp_path / "x.csv").read_bytes() == (out / "part-00000.csv").read_bytes()
    notes = [str(folder / "notes.jsonl")]
    for name in ("brat", "doccano", "labelstudio", "prodigy"):
        convert(str(out), str(tmp_path / name), "jsonl", name, notes=notes)
        convert(str(tmp_path / name), str(tmp_path / f"{name}-again"), name, name)
        if name != "brat":
            assert (tmp_path / name).read_bytes() == (out / f"part-00000{FORMATS[name].suffix}").read_bytes()
            assert lines_or_array(tmp_path / f"{name}-again", "text") == lines_or_array(tmp_path / name, "text")
        else:
            for path in sorted((out / "part-00000.brat").rglob("*.ann")):
                relative = path.relative_to(out / "part-00000.brat")
                assert (tmp_path / name / relative).read_bytes() == path.read_bytes()
                assert (tmp_path / f"{name}-again" / relative).read_bytes() == path.read_bytes()


def lines_or_array(path: Path, key: str) -> list[Any]:
    data = path.read_bytes()
    records = json.loads(data) if data.startswith(b"[") else [json.loads(line) for line in data.splitlines()]
    return [(record.get("data") or record)[key] for record in records]


def test_parquet_has_the_schema_of_a_run(out: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from pyarrow import feather, parquet

    from rulener.formats import arrow

    convert(str(out), str(tmp_path / "x.parquet"), "jsonl", "parquet")
    table, other = parquet.read_table(tmp_path / "x.parquet"), parquet.read_table(out / "part-00000.parquet")
    assert table.schema == other.schema
    assert table.schema.metadata == other.schema.metadata
    assert table.to_pylist() == other.to_pylist()
    monkeypatch.setattr(arrow, "_GROUP", 5)
    convert(str(out), str(tmp_path / "y.parquet"), "jsonl", "parquet")
    assert parquet.ParquetFile(tmp_path / "y.parquet").num_row_groups > 1
    assert parquet.read_table(tmp_path / "y.parquet").to_pylist() == other.to_pylist()
    (tmp_path / "none.jsonl").write_text("")
    for name in ("parquet", "arrow"):
        convert(str(tmp_path / "none.jsonl"), str(tmp_path / f"none.{name}"), "jsonl", name)
    assert parquet.read_table(tmp_path / "none.parquet").schema == other.schema
    assert feather.read_table(tmp_path / "none.arrow").schema == other.schema


def test_i2b2_comes_back(engine: rulener.Engine, folder: Path, tmp_path: Path) -> None:
    scheme = rulener.Engine(engine.path, scheme="i2b2")
    run(scheme, [notes_file(folder)], str(tmp_path / "out"), format=["jsonl", "i2b2"], workers=1)
    done = convert(str(tmp_path / "out"), str(tmp_path / "gold.jsonl"), "i2b2", "gold")
    assert done.failures == []
    found = {line["id"]: line for line in lines(tmp_path / "gold.jsonl")}
    compared = 0
    for document in documents(tmp_path / "out"):
        mentions = found[document["note_id"]]["mentions"]
        assert len(mentions) == len({(m["start"], m["end"], m["label"]) for m in mentions})
        for entity in document["entities"]:
            (mention,) = (m for m in mentions if m["start"] <= entity["start"] < entity["end"] <= m["end"])
            assert mention["label"] == entity["label"]
            if entity["label"] == "problem":
                true = [axis for axis in ("family", "hypothetical", "uncertain", "negated") if entity[axis]][:1]
                assert [axis for axis, value in mention["gold"].items() if value] == true
                assert "historical" not in mention["gold"]
                compared += 1
            else:
                assert mention["gold"] == {}
    assert compared > 10
    layout = tmp_path / "beth"  # as the challenge gave it out
    for kind in ("concept", "ast", "txt"):
        (layout / kind).mkdir(parents=True)
    for path in (tmp_path / "out" / "part-00000.i2b2").glob("plain.*"):
        kind = {".con": "concept", ".ast": "ast", ".txt": "txt"}[path.suffix]
        shutil.copy(path, layout / kind / f"record-1{path.suffix}")
    convert(str(layout), str(tmp_path / "beth.jsonl"), "i2b2", "gold")
    (record,) = lines(tmp_path / "beth.jsonl")
    assert record["id"] == "txt/record-1.txt"
    assert record["mentions"] == found["plain"]["mentions"]


# --- gold


def test_gold_is_what_mentions_takes(engine: rulener.Engine, tmp_path: Path) -> None:
    brat = tmp_path / "corrected"
    brat.mkdir()
    (brat / "annotation.conf").write_text("[entities]\nproblem\n[attributes]\nNegated\tArg:<ENTITY>\nFamily\tArg:<ENTITY>\n")
    (brat / "a.txt").write_text("No evidence of lomarinosis. Zorb fever.")
    (brat / "a.ann").write_text("T1\tproblem 15 26\tlomarinosis\nA1\tNegated T1\nT2\tproblem 33 38\tfever\n")
    assert ended(["convert", str(brat), str(tmp_path / "gold.jsonl"), "--from", "brat", "--to", "gold"]) == 0
    (note,) = lines(tmp_path / "gold.jsonl")
    assert note == {
        "schema": "rulener.gold/1", "id": "a.txt", "text": "No evidence of lomarinosis. Zorb fever.",
        "mentions": [
            {"id": "T1", "start": 15, "end": 26, "text": "lomarinosis", "label": "problem",
             "gold": {"negated": True, "family": False}},
            {"id": "T2", "start": 33, "end": 38, "text": "fever", "label": "problem",
             "gold": {"negated": False, "family": False}},
        ],
    }  # fmt: skip
    given = [(mention["start"], mention["end"], mention["label"]) for mention in note["mentions"]]
    doc = engine.annotate(note["text"], mentions=given)
    assert [(e.text, e.negated) for e in doc.entities] == [("lomarinosis", True), ("fever", False)]


def test_axes_that_nobody_judged_are_no_gold(out: Path, folder: Path, tmp_path: Path) -> None:
    done = convert(str(out), str(tmp_path / "g.jsonl"), "doccano", "gold")
    asserted = sum(any(e[axis] for axis in AXES) for document in documents(out) for e in document["entities"])
    assert done.left_out == {"assertions that no annotator judged": asserted}
    assert all(mention["gold"] == {} for line in lines(tmp_path / "g.jsonl") for mention in line["mentions"])
    convert(str(out), str(tmp_path / "g.jsonl"), "doccano", "gold", judged=["negated"], overwrite=True)
    found = [mention["gold"] for line in lines(tmp_path / "g.jsonl") for mention in line["mentions"]]
    assert {frozenset(gold) for gold in found} == {frozenset(["negated"])}
    assert {gold["negated"] for gold in found} == {True, False}


def test_annotations_of_label_studio(tmp_path: Path) -> None:
    text = "\U0001f642 No fever.\r\nCough."

    def region(key: str, start: int, end: int, words: str, **more: Any) -> dict[str, Any]:
        kind = more.pop("type", "labels")
        return {"id": key, "type": kind, "value": {"start": start, "end": end, "text": words, **more}}

    good = [
        region("a", 5, 10, "fever", labels=["symptom"]),
        region("a", 5, 10, "fever", choices=["negated"], type="choices"),
        region("b", 14, 19, "Cough", labels=["symptom", "finding"]),  # as a browser counts: in UTF-16 units
        region("gone", 5, 10, "fever", choices=["family"], type="choices"),
        {"type": "relation", "from_id": "a", "to_id": "b"},
        region("c", 0, 1, "x", rating=3, type="rating"),
    ]
    tasks = [
        {"id": 1, "data": {"text": text, "note_id": "n1"}, "annotations": [
            {"was_cancelled": True, "result": []}, {"result": []}, {"ground_truth": True, "result": good},
        ]},
        {"id": 2, "data": {"text": "x"}, "annotations": []},
        {"id": 3, "data": {"text": "chest pain"}, "annotations": [{"result": [region("a", 0, 5, "other", labels=["x"])]}]},
        {"id": 4, "data": {"text": "x"}, "annotations": [{"result": [region("a", 0, 9, "x" * 9, labels=["x"])]}]},
        {"id": 5, "data": {}},
    ]  # fmt: skip
    (tmp_path / "export.json").write_text(json.dumps(tasks))
    done = convert(str(tmp_path / "export.json"), str(tmp_path / "g.jsonl"), "labelstudio", "gold")
    (note,) = lines(tmp_path / "g.jsonl")
    assert [(m["text"], m["label"], [axis for axis in AXES if m["gold"][axis]]) for m in note["mentions"]] == [
        ("fever", "symptom", ["negated"]), ("Cough", "symptom", []), ("Cough", "finding", []),
    ]  # fmt: skip
    assert done.left_out == {
        "annotations that were cancelled": 1, "assertions of mentions that are gone": 1, "further annotations of a task": 1,
        "offsets in UTF-16 units, which were converted": 1, "relations": 1, "results of type rating": 1,
        "tasks without an annotation": 1,
    }  # fmt: skip
    assert [tuple(failure) for failure in done.failures] == [
        ("3", "N121", "export.json: task 3: the words at 0 to 5 are others in the text"),
        ("4", "N121", "export.json: task 4: the words at 0 to 9 are others in the text"),
        ("5", "N120", "export.json: task 5: no data.text"),
    ]


def test_answers_of_prodigy_and_doccano(tmp_path: Path) -> None:
    tasks = [
        {"text": "No fever.", "spans": [{"start": 3, "end": 8, "label": "symptom"}], "answer": "accept",
         "meta": {"note_id": "a"}},
        {"text": "No cough.", "spans": [], "answer": "reject"},
        {"text": "No cough.", "_input_hash": -7, "answer": "accept"},
        {"text": "No cough.", "spans": [{"start": 3, "end": 90, "label": "x"}], "_input_hash": 8},
        {"text": "No cough.", "spans": [{"start": 3}], "_input_hash": 9},
    ]  # fmt: skip
    (tmp_path / "p.jsonl").write_text("".join(json.dumps(task) + "\n" for task in tasks))
    done = convert(str(tmp_path / "p.jsonl"), str(tmp_path / "g.jsonl"), "prodigy", "gold")
    assert [(note["id"], len(note["mentions"])) for note in lines(tmp_path / "g.jsonl")] == [("a", 1), ("-7", 0)]
    assert done.left_out == {"tasks that were not accepted": 1}
    assert [failure.reason for failure in done.failures] == [
        "p.jsonl:4: 3 to 90 is not in the text of 9 characters",
        "p.jsonl:5: its spans have no start, end and label",
    ]
    exported = [
        {"id": 1, "text": "No fever.", "label": [[3, 8, "symptom"]], "note_id": "a",
         "assertions": [[3, 8, ["negated"]], [0, 2, []]]},
        {"id": 2, "text": "Cough.", "entities": [{"id": 7, "label": "symptom", "start_offset": 0, "end_offset": 5}],
         "relations": [{}], "Comments": ["?"]},
        {"id": 3, "text": "Cough.", "label": [[0, "5", "symptom"]]},
        {"id": 4, "text": "Cough.", "label": [[0, 5]]},
        {"id": 1, "text": "Cough."},
    ]  # fmt: skip
    (tmp_path / "d.jsonl").write_text("".join(json.dumps(task) + "\n" for task in exported))
    done = convert(str(tmp_path / "d.jsonl"), str(tmp_path / "d.out"), "doccano", "doccano")
    assert [note["label"] for note in lines(tmp_path / "d.out")] == [[[3, 8, "symptom"]], [[0, 5, "symptom"]], []]
    assert lines(tmp_path / "d.out")[0]["assertions"] == [[3, 8, ["negated"]]]
    assert done.left_out == {"assertions of mentions that are gone": 1, "comments": 1, "relations": 1}
    assert [failure.reason for failure in done.failures] == [
        "d.jsonl:3: the offsets are no whole numbers",
        "d.jsonl:4: its labels are not [start, end, label]",
    ]


# --- what is wrong, by file and line

SECRET = "Zebra unmentionable"
BROKEN = {
    "T1\tx 0 99\tZebra": "a.ann:1: 0 to 99 is not in the text of 20 characters, or out of order",
    "T1\tx 0 5\tHorse": "a.ann:1: the words at 0 5 are others in the text",
    "\nT1\tx 5;0 5\tZebra": "a.ann:2: no label and offsets",
    "T1\tx 6 19;0 5\tunmentionable Zebra": "a.ann:1: 0 to 5 is not in the text of 20 characters, or out of order",
    "T1\tx 0 5\tZebra\nT1\tx 0 5\tZebra": "a.ann:2: a mark that is used twice",
    "T1\tx 0 5\tZebra\nA1\tNegated T2": "a.ann:2: T2 is no mention of this note",
    "T1\tx 0 5\tZebra\nN1\tReference T1 nothing": "a.ann:2: no reference to SYSTEM:CODE",
    "Zebra": "a.ann:1: no line of brat's standoff format",
    "\xff": "a.ann: not UTF-8: byte 0",
}


@pytest.mark.parametrize("content", BROKEN)
def test_lines_of_brat_that_cannot_be_read(tmp_path: Path, content: str, capsys: pytest.CaptureFixture[str]) -> None:
    brat = tmp_path / "brat"
    brat.mkdir()
    (brat / "a.txt").write_text(SECRET + ".")
    (brat / "a.ann").write_bytes(content.encode("latin-1") + b"\n")
    (brat / "b.txt").write_text("Fever.")
    (brat / "b.ann").write_text("T1\tx 0 5\tFever\n")
    assert ended(["convert", str(brat), str(tmp_path / "g"), "--from", "brat", "--to", "gold", "--json"]) == 5
    said = capsys.readouterr()
    assert json.loads(said.out)["failures"][0]["reason"] == f"brat/{BROKEN[content]}"
    assert f"]: brat/{BROKEN[content]}\n" in said.err
    assert not any(word in said.err + said.out for word in SECRET.split())
    assert [note["id"] for note in lines(tmp_path / "g")] == ["b.txt"]


def test_what_brat_says_beside_mentions(tmp_path: Path) -> None:
    brat = tmp_path / "brat"
    brat.mkdir()
    (brat / "a.txt").write_bytes("Fever, R\u00e9tinite\r\net cough \U0001f642 today.".encode())
    (brat / "a.ann").write_bytes(
        b"T1\tx 0 5;20 25\tFever cough\r\nA1\tNegated T1\r\nA2\tCertainty T1 High\r\nR1\tOf Arg1:T1 Arg2:T2\r\nE1\tEv:T1\r\n"
        b"A3\tNegated E1\r\n*\tEquiv T1 T2\r\n#1\tAnnotatorNotes T1\tplease check\r\nM1\tFamily T1\r\n\r\n"
        b"T2\tx 28 33\ttoday"
    )
    done = convert(str(brat), str(tmp_path / "g"), "brat", "gold")
    assert done.failures == []
    (note,) = lines(tmp_path / "g")
    assert [(m["start"], m["end"], m.get("fragments")) for m in note["mentions"]] == [
        (0, 25, [[0, 5], [20, 25]]), (28, 33, None),
    ]  # fmt: skip
    assert done.left_out == {
        "assertions that no annotator judged": 1, "attributes Certainty": 1, "attributes and notes of relations and events": 1,
        "equivalences": 1, "events": 1, "relations": 1, "remarks on mentions": 1,
    }  # fmt: skip
    again = convert(str(tmp_path / "g"), str(tmp_path / "b2"), "gold", "brat")
    assert (tmp_path / "b2" / "a.ann").read_text().startswith("T1\tx 0 5;20 25\tFever cough\n")
    assert again.left_out == {}
    flat = convert(str(brat), str(tmp_path / "d"), "brat", "doccano")
    assert flat.left_out["gaps inside mentions"] == 1
    (brat / "a.txt").unlink()
    assert [failure.reason for failure in convert(str(brat), str(tmp_path / "n"), "brat", "gold").failures] == [
        "brat/a.ann: no .txt beside it"
    ]


def test_lines_of_i2b2_that_cannot_be_read(tmp_path: Path) -> None:
    (tmp_path / "i").mkdir()
    for name, con, ast in [
        ("a", 'c="zebra" 1:0 1:0||t="problem"', 'c="zebra" 1:0 1:0||t="problem"||a="conditional"'),
        ("b", 'c="zebra" 1:0 1:9||t="problem"', ""),
        ("c", 'c="horse" 1:0 1:0||t="problem"', ""),
        ("d", "zebra", ""),
    ]:
        (tmp_path / "i" / f"{name}.txt").write_text(SECRET)
        (tmp_path / "i" / f"{name}.con").write_text(f"{con}\n")
        (tmp_path / "i" / f"{name}.ast").write_text(f"{ast}\n")
    (tmp_path / "i" / "e.con").write_text("")
    done = convert(str(tmp_path / "i"), str(tmp_path / "g"), "i2b2", "gold")
    assert [(note["id"], note["mentions"][0]["gold"]) for note in lines(tmp_path / "g")] == [("a.txt", {})]
    assert done.left_out == {"assertions conditional": 1}
    assert [failure.reason for failure in done.failures] == [
        "i/b.con:1: no words 1:0 to 1:9 in the text",
        "i/c.con:1: the words 1:0 to 1:0 are others in the text",
        'i/d.con:1: not as c="..." line:word line:word||t="..."',
        "i/e.con: no .txt beside it, nor in a folder txt beside its own",
    ]


def test_documents_that_do_not_fit_their_notes(out: Path, tmp_path: Path) -> None:
    (tmp_path / "n.jsonl").write_text('{"id": "plain", "text": "other words"}\n{"id": "nothing", "text": ""}\n')
    done = convert(str(out), str(tmp_path / "b"), "jsonl", "brat", notes=[str(tmp_path / "n.jsonl")])
    reasons = {failure.id: failure.reason for failure in done.failures}
    assert reasons["plain"] == "part-00000.jsonl:1: the words at 7 to 10 are others in the text"
    assert reasons["PLAIN"] == "part-00000.jsonl:5: no note has its id"
    assert done.notes == 1
    first = "-DOCSTART-\tplain\t0\tO\n\nother\t0\t5\tB-x\nwords\t6\t12\tO\n\n"
    (tmp_path / "c.conll").write_text(f"{first}-DOCSTART-\tq\t0\tO\n\nx\t0\n")
    done = convert(str(tmp_path / "c.conll"), str(tmp_path / "g"), "conll", "gold", notes=[str(tmp_path / "n.jsonl")])
    assert [failure.reason for failure in done.failures] == [
        "c.conll:4: 6 to 12 is not in the text of 11 characters",
        "c.conll:8: not token, start, end and a BIO label, parted by tabs",
    ]
    (tmp_path / "d.jsonl").write_text('{"schema": "rulener.document/1", "note_id": "a", "entities": [{}]}\nx\n[]\n{}\n')
    done = convert(str(tmp_path / "d.jsonl"), str(tmp_path / "d"), "jsonl", "csv")
    assert [failure.reason for failure in done.failures] == [
        "d.jsonl:1: its mentions are not as schema rulener.document/1 has them",
        "d.jsonl:2: not JSON: column 1",
        "d.jsonl:3: not a JSON object",
        "d.jsonl:4: not a document of schema rulener.document/1 with a note_id",
    ]


# --- usage


def test_refusals(out: Path, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"^\[U290\] the format jsonl does not hold the texts .* brat needs them \(give them: "):
        convert(str(out), str(tmp_path / "x"), "jsonl", "brat")
    with pytest.raises(UsageError, match=r"^\[U290\] the format conll does not hold the texts of notes; its tokens do not tell"):
        convert(str(out), str(tmp_path / "x"), "conll", "jsonl")
    with pytest.raises(UsageError, match=r"^\[U201\] nowhere: cannot read the input: no such file or folder"):
        convert("nowhere", str(tmp_path / "x"), "csv", "jsonl")
    with pytest.raises(UsageError, match=r"^\[U202\] .*: the format brat is a folder of files"):
        convert(str(out / "part-00000.csv"), str(tmp_path / "x"), "brat", "jsonl")
    with pytest.raises(UsageError, match=r"^\[U203\] .*: no part-\*\.gold\.jsonl in the folder \(give the file itself\)"):
        convert(str(out), str(tmp_path / "x"), "gold", "jsonl")
    with pytest.raises(UsageError, match=r"^\[U212\] unknown format 'fhir' \(one of jsonl, parquet, "):
        convert(str(out), str(tmp_path / "x"), "fhir", "jsonl")
    with pytest.raises(UsageError, match=r"^\[U212\] unknown format 'xml' \(one of jsonl, "):
        convert(str(out), str(tmp_path / "x"), "jsonl", "xml")
    with pytest.raises(UsageError, match=r"^\[U260\] the format i2b2 has the labels problem, test and treatment only"):
        convert(str(out), str(tmp_path / "x"), "brat", "i2b2")
    assert list(tmp_path.iterdir()) == []
    (tmp_path / "x").write_text("mine")
    with pytest.raises(UsageError, match=r"^\[U204\] .*x: the output exists already \(give another name, or --overwrite\)"):
        convert(str(out), str(tmp_path / "x"), "jsonl", "csv")
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "thesis.doc").write_text("mine")
    with pytest.raises(UsageError, match=r"^\[U204\] .*mine: the output folder holds files of something else"):
        convert(str(out), str(tmp_path / "mine"), "brat", "brat", overwrite=True)
    assert convert(str(out), str(tmp_path / "x"), "jsonl", "csv", overwrite=True).notes == len(NOTES)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["mine", "x"]


def test_every_target_says_what_it_loses() -> None:
    assert LOST.keys() == TARGETS.keys()
    assert set(annotated.READERS) <= TARGETS.keys()


def test_fhir_and_html_from_json_lines(out: Path, folder: Path, tmp_path: Path) -> None:
    convert(str(out), str(tmp_path / "x.ndjson"), "jsonl", "fhir", notes=[str(folder / "notes.jsonl")])
    run_one = json.loads((tmp_path / "x.ndjson").read_bytes().splitlines()[0])
    assert run_one["entry"][0]["resource"]["resourceType"] == "Condition"
    convert(str(out), str(tmp_path / "x.html"), "brat", "html")
    assert "<mark" in (tmp_path / "x.html").read_text()


def test_losses_of_single_formats(tmp_path: Path) -> None:
    note = {"schema": "rulener.gold/1", "id": "a", "text": "(fever)\nknee", "mentions": [
        {"id": "T1", "start": 1, "end": 6, "text": "fever", "label": "problem", "gold": {"historical": True}},
        {"id": "T2", "start": 7, "end": 12, "text": "\nknee", "label": "test", "gold": {"negated": True}},
    ]}  # fmt: skip
    (tmp_path / "g").write_text(json.dumps(note) + "\n")

    def lost(target: str) -> dict[str, int]:
        return convert(str(tmp_path / "g"), str(tmp_path / target), "gold", target).left_out

    assert lost("brat") == {"line ends at the edges of mentions": 1}
    assert lost("conll") == {"assertions of mentions": 2, "white space at the edges of mentions": 1}
    assert lost("i2b2") == {
        "assertions of tests and treatments": 1, "mentions of parts of words, widened to whole ones": 2,
        "mentions that are historical": 1,
    }  # fmt: skip
    note["mentions"][0]["label"] = "anatomy"  # type: ignore[index]
    (tmp_path / "g").write_text(json.dumps(note) + "\n")
    assert lost("fhir") == {"mentions that become nothing: label anatomy": 1}


def test_a_full_disk_leaves_nothing_behind(out: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(self: Sink, data: Any) -> int:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(Sink, "write", full)
    (tmp_path / "x").write_text("before")
    with pytest.raises(UsageError, match=r"^\[U207\] .*: cannot write: No space left on device"):
        convert(str(out), str(tmp_path / "x"), "jsonl", "csv", overwrite=True)
    assert [path.name for path in tmp_path.iterdir()] == ["x"]
    assert (tmp_path / "x").read_text() == "before"


# --- any note, any mentions

ALPHABET = "ab1 \t\r\n.\u0301\u00e9\U0001f642\u200d\u2028\x0b\x85'\"\\<|"
BRIEFLY = settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
_TEXTS = st.text(alphabet=ALPHABET, max_size=30)


@st.composite
def plain_documents(
    draw: Callable[[Any], Any], *, overlap: bool = True, labels: Sequence[str] = ("x", "y z")
) -> PlainDocument:
    text = draw(_TEXTS)
    spans = draw(st.lists(st.tuples(st.integers(0, len(text)), st.integers(0, len(text))), max_size=4))
    entities = []
    for one, other in spans:
        start, end = sorted((one, other))
        if start == end or not text[start:end].strip():
            continue
        if overlap or all(end <= e.start or e.end <= start for e in entities):
            said = draw(st.sets(st.sampled_from(AXES), max_size=2))
            axes = {axis: axis in said for axis in AXES}
            entities.append(PlainEntity(start, end, text[start:end], draw(st.sampled_from(labels))).asserting(axes))
    return document_of("n", text, entities, judged=AXES)


def back(document: PlainDocument, name: str, folder: Path) -> PlainDocument:
    """The document, written and read again."""
    import importlib

    made = TARGETS[name]
    shutil.rmtree(folder / "x", ignore_errors=True)
    (folder / "x").unlink(missing_ok=True) if not (folder / "x").is_dir() else None
    sink: Any = (FolderSink if made.folder else Sink)(str(folder / "x"), "")
    module, _, kind = made.made_by.partition(":")
    labels = sorted({entity.label for entity in document.entities}) if name == "i2b2" else ["x", "y z"]
    writer = getattr(importlib.import_module(f"rulener.formats.{module}"), kind)(sink, PlainEngine(tuple(labels)))
    writer.write(PlainBatch([document]))
    writer.close()
    sink.close()
    source = annotated.Source(Left(), lambda _: document.text)
    (found,) = annotated.READERS[name].documents(str(folder / "x"), source)
    assert isinstance(found, PlainDocument), found
    return found


def key(entity: PlainEntity, *, axes: bool = True) -> tuple[Any, ...]:
    said = tuple(bool(getattr(entity, axis)) for axis in AXES) if axes else ()
    return (entity.start, entity.end, entity.label, entity.text, *said)


@pytest.mark.parametrize("name", ["brat", "labelstudio", "prodigy", "gold", "jsonl", "csv"])
@BRIEFLY
@given(document=plain_documents())
def test_offsets_of_any_text_come_back(tmp_path_factory: pytest.TempPathFactory, name: str, document: PlainDocument) -> None:
    if name == "csv" and not document.entities:
        return  # no row, no note
    found = back(document, name, _scratch(tmp_path_factory))
    expected = document.entities
    if name == "brat":  # a T line cannot hold line ends
        expected = tuple(stripped(one, LINE_ENDS) for one in expected)
    assert sorted(map(key, found.entities)) == sorted(map(key, expected))
    assert found.text == document.text


@BRIEFLY
@given(document=plain_documents(overlap=False, labels=("problem", "test")))
def test_words_of_any_text_come_back_from_i2b2(tmp_path_factory: pytest.TempPathFactory, document: PlainDocument) -> None:
    """Mentions of whole words, which is what the format holds; other white space than line ends has become a space."""
    found = back(document, "i2b2", _scratch(tmp_path_factory))
    places = {(e.start, e.end, e.label) for e in found.entities}
    assert {(e.start, e.end, e.label) for e in document.entities if whole_words(document.text, e)} <= places
    assert len(found.text) == len(document.text)
    assert all(found.text[e.start : e.end] == e.text for e in found.entities)


def whole_words(text: str, entity: PlainEntity) -> bool:
    around = text[entity.start - 1 : entity.start] + text[entity.end : entity.end + 1]
    return entity.text == entity.text.strip() and not around.strip()


@pytest.mark.parametrize("name", ["doccano", "conll"])
@BRIEFLY
@given(document=plain_documents(overlap=False))
def test_offsets_of_mentions_apart_come_back(
    tmp_path_factory: pytest.TempPathFactory, name: str, document: PlainDocument
) -> None:
    found = back(document, name, _scratch(tmp_path_factory))
    expected = document.entities
    if name == "conll":  # white space at the ends of a mention is no token, and a label is one word
        expected = tuple(replace(stripped(one, None), label=one.label.replace(" ", "_")) for one in expected)
    axes = name == "doccano"
    assert [key(one, axes=axes) for one in found.entities] == [key(one, axes=axes) for one in expected]


def stripped(entity: PlainEntity, spaces: str | None) -> PlainEntity:
    words = entity.text
    start, end = entity.start + len(words) - len(words.lstrip(spaces)), entity.end - len(words) + len(words.rstrip(spaces))
    return replace(entity, start=start, end=end, text=words.strip(spaces))


def _scratch(factory: pytest.TempPathFactory) -> Path:
    folder = factory.getbasetemp() / "any"
    folder.mkdir(exist_ok=True)
    return folder


def test_gold_has_its_schema(out: Path, tmp_path: Path) -> None:
    jsonschema = pytest.importorskip("jsonschema", reason="the extra [test] has it")
    schema = json.loads((Path(rulener.__file__).parent / "formats" / "gold.schema.json").read_text(encoding="utf-8"))
    convert(str(out), str(tmp_path / "g"), "brat", "gold")
    validator = jsonschema.Draft202012Validator(schema)
    for line in lines(tmp_path / "g"):
        validator.validate(line)
    pieces = document_of("a", "a b c", [PlainEntity(0, 5, "a b c", "x", fragments=((0, 1), (4, 5)))], metadata={"ward": 1})
    validator.validate(_record(pieces))


def test_gold_reads_what_it_writes(tmp_path: Path) -> None:
    entity = PlainEntity(0, 5, "fever", "symptom").asserting({"negated": True})
    document = document_of("a", "fever", [entity], judged=("negated",), metadata={"ward": 3})
    sink = Sink(str(tmp_path / "g"), "")
    GoldWriter(sink, None).write(PlainBatch([document]))
    sink.close()
    (found,) = read_gold(str(tmp_path / "g"), annotated.Source(Left()))
    assert found == document


_KEYS = [
    "text", "label", "entities", "spans", "start", "end", "start_offset", "end_offset", "meta", "note_id", "id", "data",
    "result", "annotations", "predictions", "value", "labels", "choices", "type", "assertions", "relations", "Comments",
    "metadata", "answer", "mentions", "gold", "fragments", "concepts", "sections", "length", "_input_hash",
]  # fmt: skip
_ANY = st.recursive(
    st.none() | st.booleans() | st.integers(-2, 9) | st.sampled_from(["x", "fever", "labels", "choices", "negated", "accept"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(_KEYS), inner, max_size=5),
    max_leaves=10,
)
_SOUND: dict[str, dict[str, Any]] = {
    "doccano": {"id": 1, "text": "fever", "label": [[0, 5, "x"]], "assertions": [[0, 5, ["negated"]]]},
    "prodigy": {"text": "fever", "spans": [{"start": 0, "end": 5, "label": "x"}], "meta": {"note_id": "a"}},
    "labelstudio": {"id": 1, "data": {"text": "fever"}, "annotations": [
        {"result": [{"id": "r", "type": "labels", "value": {"start": 0, "end": 5, "text": "fever", "labels": ["x"]}}]},
    ]},
    "gold": {"schema": "rulener.gold/1", "id": "a", "text": "fever", "mentions": [
        {"id": "T1", "start": 0, "end": 5, "text": "fever", "label": "x", "gold": {}},
    ]},
    "jsonl": {"schema": "rulener.document/1", "note_id": "a", "engine": "00000000", "length": 5, "sections": [], "relations": [],
              "entities": [PlainEntity(0, 5, "fever", "x").to_dict()]},
}  # fmt: skip


@pytest.mark.parametrize("name", _SOUND)
@BRIEFLY
@given(changed=_ANY, data=st.data())
def test_no_shape_of_a_record_stops_a_reader(
    tmp_path_factory: pytest.TempPathFactory, name: str, changed: Any, data: st.DataObject
) -> None:
    """One value of a sound record is another; it is read, or refused by its place."""
    record = json.loads(json.dumps(_SOUND[name]))
    places = list(_places(record))
    holder, place = data.draw(st.sampled_from(places))
    holder[place] = changed
    path = _scratch(tmp_path_factory) / "shape"
    shutil.rmtree(path) if path.is_dir() else path.unlink(missing_ok=True)
    path.write_text(json.dumps([record] if name == "labelstudio" else record) + "\n")
    for found in annotated.READERS[name].documents(str(path), annotated.Source(Left(), lambda _: "fever")):
        if isinstance(found, PlainDocument):
            json.dumps(found.to_dict())
            assert all(found.text[e.start : e.end] == e.text for e in found.entities)
        else:
            assert found.reason.startswith("shape:")


def _places(value: Any) -> Any:
    """Every place in a record where a value stands."""
    for place in value if isinstance(value, dict) else range(len(value)) if isinstance(value, list) else ():
        yield value, place
        yield from _places(value[place])


_PIECES = st.sampled_from([
    "T1", "T2", "A1", "N1", "#1", "R1", "E1", "*", "x", " ", "\t", "\n", "0", "5", "9", "0 5", ";", "fever", "Negated T1",
    "Reference", 'c="fever"', "1:0", "1:0 1:0", "||t=", '"problem"', '||a="absent"',
    "-DOCSTART-\ta\t0\tO", "B-x", "O", "\u00e9", "\r", "\x00",
])  # fmt: skip


@pytest.mark.parametrize(("name", "file"), [("brat", "a.ann"), ("i2b2", "a.con"), ("i2b2", "a.ast"), ("conll", "a")])
@BRIEFLY
@given(pieces=st.lists(_PIECES, max_size=12))
def test_no_line_stops_a_reader(tmp_path_factory: pytest.TempPathFactory, name: str, file: str, pieces: list[str]) -> None:
    folder = _scratch(tmp_path_factory) / f"lines-{name}"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    (folder / "a.txt").write_text("fever today")
    (folder / "a.con").write_text("")
    (folder / file).write_bytes("".join(pieces).encode())
    path = str(folder / file if name == "conll" else folder)
    for found in annotated.READERS[name].documents(path, annotated.Source(Left(), lambda _: "fever today")):
        if isinstance(found, PlainDocument):
            assert all(found.text[e.start : e.end] == e.text for e in found.entities)
        else:
            assert found.reason.startswith((f"lines-{name}/", "a:"))
