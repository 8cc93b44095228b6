"""Found mentions: the note's own abbreviations and senses, the reviewer's decisions, the review queue."""

from __future__ import annotations

import csv
import json
import pickle
from pathlib import Path

import pytest

from rulener import errors
from rulener.cli.main import ended
from rulener.linking.abbreviations import definitions

from .support import codes, engine_of, row

ROWS = [
    row("ankylosing spondylitis", "8"),
    row("angelman syndrome", "9"),
    row("AS", "8", case="exact"),
    row("AS", "7", case="exact"),
    row("cold", "2"),
    row("cold", "3"),
    row("common cold", "2"),
]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("has congestive heart failure (CHF) now", {"CHF": "congestive heart failure"}),
        ("CHF (congestive heart failure) now", {"CHF": "congestive heart failure"}),
        ("women on combined oral contraceptives (COCs)", {"COCs": "combined oral contraceptives"}),
        ("shortness of breath (SOB)", {"SOB": "shortness of breath"}),
        ("myotonic dystrophy (DM)", {"DM": "myotonic dystrophy"}),
        ("chronic obstructive pulmonary disease (COPD; severe)", {"COPD": "chronic obstructive pulmonary disease"}),
        ("a cough (see below) and fever (38.5)", {}),
        ("breast cancer (2)", {}),
        ("", {}),
    ],
)
def test_definitions(text: str, expected: dict[str, str]) -> None:
    assert {short: text[d.start : d.end] for short, d in definitions(text).items()} == expected


def test_an_abbreviation_is_what_the_note_says(tmp_path: Path) -> None:
    engine = engine_of(tmp_path, ROWS)
    doc = engine.annotate("Angelman syndrome (AS) is known. The AS is stable.")
    assert [(e.text, codes(e)[0], e.linking) for e in doc.entities[1:]] == [("AS", "9", "resolved")] * 2
    assert json.loads(doc.to_json()) == doc.to_dict()
    assert engine.annotate("The AS is stable.").entities[0].linking == "ambiguous"


def test_one_sense_per_note(tmp_path: Path) -> None:
    engine = engine_of(tmp_path, ROWS)
    entities = engine.annotate("Common cold. The cold persists.").entities
    assert [(codes(e), e.linking) for e in entities] == [(["2"], "resolved"), (["2", "3"], "resolved")]
    assert engine.annotate("The cold persists.").entities[0].linking == "ambiguous"


def test_explain_shows_the_steps_tried(tmp_path: Path) -> None:
    explained = engine_of(tmp_path, [*ROWS, row("hypothermia", "5")]).explain("Feeling cold. The cold persists.")
    unresolved, ambiguous = explained.to_dict()["entities"]
    assert [step["step"] for step in unresolved["tried"]][-1] == "partial"
    assert ambiguous["tried"] == []
    lines = "\n".join(explained.lines())
    assert "unresolved; steps tried:" in lines
    assert "partial: feeling cold -> S:2 cold" in lines or "partial: feeling cold -> nothing" in lines


def test_documents_tables_and_lines_say_the_same(tmp_path: Path) -> None:
    pytest.importorskip("pyarrow")
    engine = engine_of(tmp_path, ROWS)
    texts = ["Common cold. The cold persists.", "AS", "", "Angelman syndrome (AS). AS."]
    documents = [e for text in texts for e in engine.annotate(text).to_dict()["entities"]]
    rows = engine.annotate_batch(texts).to_pylist()
    lines = [e for line in engine.jsonl(texts, list("abcd")).data.splitlines() for e in json.loads(line)["entities"]]
    assert [(r["linking"], [(c["code"], c["score"], c["step"]) for c in r["concepts"]]) for r in rows] == [
        (e["linking"], [(c["code"], c["score"], c["step"]) for c in e["concepts"]]) for e in documents
    ]
    assert [e["concepts"] for e in lines] == [e["concepts"] for e in documents]


def decided(folder: Path, text: str, name: str = "decisions.tsv") -> Path:
    (folder / name).write_text(text, encoding="utf-8")
    return folder / name


def test_decisions_win(tmp_path: Path) -> None:
    path = decided(
        tmp_path, "surface\tlabel\tsection\tcode\ncold\tdisorder\t\tS:3\nCOLD\tdisorder\tallergies\tnone\nas\tdisorder\t\t\n"
    )
    engine = engine_of(tmp_path, ROWS, decisions=path)
    plain = engine_of(tmp_path, ROWS)
    assert engine.fingerprint != plain.fingerprint
    for one in (engine, pickle.loads(pickle.dumps(engine))):
        entity, other = one.annotate("A Cold.\n\nAllergies: cold").entities
        assert (codes(entity), entity.linking, entity.concepts[0].step) == (["3"], "resolved", "decision")
        assert (codes(other), other.linking) == ([], "resolved")
    (given,) = engine.annotate("a cold", mentions=[(2, 6, "disorder")]).entities
    assert codes(given) == ["3"]


@pytest.mark.parametrize(
    ("text", "code", "place"),
    [
        ("surface\tlabel\tcode\ncold\tdisorder\tS:3\ncold\tdisorder\tS:2\n", "U253", ":3"),
        ("surface\tlabel\tcode\ncold\tdisorder\tS:99\n", "U252", ":2"),
        ("surface\tlabel\tcode\ncold\tdisorder\tthree\n", "U251", ":2"),
        ("surface\tlabel\tcode\n\tdisorder\tS:3\n", "U251", ":2"),
        ("surface\tcode\ncold\tS:3\n", "U251", ":1"),
    ],
)
def test_wrong_decisions_are_refused_with_their_line(tmp_path: Path, text: str, code: str, place: str) -> None:
    with pytest.raises(errors.UsageError) as caught:
        engine_of(tmp_path, ROWS, decisions=decided(tmp_path, text))
    assert caught.value.code == code
    assert f"decisions.tsv{place}" in str(caught.value)


def test_the_queue_of_a_run_and_back(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    engine_of(tmp_path, ROWS)
    (tmp_path / "notes").mkdir()
    (tmp_path / "notes" / "a.txt").write_text("The cold persists. Angelman syndrome. Feeling cold.", encoding="utf-8")
    made = ["--no-base", "--pack", str(tmp_path / "bare"), "--lexicon", str(tmp_path / "table.tsv"), "--workers", "1"]
    run = ["run", str(tmp_path / "notes"), *made]
    for name in ("q.tsv", "q.csv", "q.jsonl"):
        assert ended([*run, "-o", str(tmp_path / f"out-{name}"), "--review", str(tmp_path / name)]) == 0
    lines = [json.loads(line) for line in (tmp_path / "q.jsonl").read_text(encoding="utf-8").splitlines()]
    with open(tmp_path / "q.csv", encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    assert [(r["surface"], r["linking"], r["candidates"]) for r in rows] == [
        ("cold", "ambiguous", "S:2 cold (1, exact); S:3 cold (1, exact)"),
        ("Feeling cold", "unresolved", ""),
    ]
    assert [(q["start"], q["end"], q["window_start"], q["window_end"]) for q in lines] == [(4, 8, 0, 51), (38, 50, 0, 51)]
    rows[0]["code"] = "S:3"
    with open(tmp_path / "back.csv", "w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, rows[0].keys())
        writer.writeheader()
        writer.writerows(rows)
    back = ["--decisions", str(tmp_path / "back.csv")]
    assert ended([*run, *back, "-o", str(tmp_path / "out"), "--review", str(tmp_path / "q2.csv")]) == 0
    (line,) = (tmp_path / "out" / "part-00000.jsonl").read_text(encoding="utf-8").splitlines()
    assert json.loads(line)["entities"][0]["concepts"][0]["code"] == "3"
    assert "Feeling cold" in (tmp_path / "q2.csv").read_text(encoding="utf-8")
    capsys.readouterr()


def test_the_review_queue_has_text_only_when_asked(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    engine_of(tmp_path, ROWS)
    notes = tmp_path / "notes"
    notes.mkdir()
    (notes / "a.txt").write_text("Seen on Monday. Has a cold.", encoding="utf-8")
    (notes / "b.txt").write_text("Nothing of note.", encoding="utf-8")
    (notes / "c.txt").write_bytes(b"\xff\xfe\x00")  # fails in the run
    (notes / "d.txt").write_text("The AS is stable.", encoding="utf-8")
    made = ["--no-base", "--pack", str(tmp_path / "bare"), "--lexicon", str(tmp_path / "table.tsv"), "--workers", "1"]
    run = ["run", str(notes), *made]
    queue = tmp_path / "q.tsv"
    ended([*run, "-o", str(tmp_path / "out"), "--review", str(queue)])
    assert "Monday" not in queue.read_text(encoding="utf-8")
    assert "warning" not in capsys.readouterr().err
    ended([*run, "-o", str(tmp_path / "out"), "--review", str(queue), "--review-text"])
    with open(queue, encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file, delimiter="\t"))
    assert [(r["note_id"], r["window"]) for r in rows] == [
        ("a.txt", "Seen on Monday. Has a cold."),
        ("d.txt", "The AS is stable."),
    ]
    assert list(rows[0])[-2:] == ["window", "code"]
    assert "holds text of the notes" in capsys.readouterr().err
    assert ended([*run, "-o", str(tmp_path / "out"), "--review-text"]) == 2
