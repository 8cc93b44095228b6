"""The review queue and the decisions file."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import pytest

from rulener.errors import UsageError
from rulener.linking.decisions import read_decisions
from rulener.workbench import session as parts
from rulener.workbench.review import Decided, decided, with_decision, write_decision
from rulener.workbench.session import Session
from tests.workbench.conftest import caught_up

TABLE = "term\tlabel\tsystem\tcode\tpreferred\n" + "".join(
    f"{row}\n"
    for row in ("cold\tdisorder\tX\t1\tcommon cold", "cold\tdisorder\tX\t2\tcold temperature", "gout\tdisorder\tX\t3\tgout")
)
NOTES = [("a.txt", "Has a cold. Gout."), ("b.txt", "Plan:\nCold again, and Cold.")]


def put(path: Path, *decision: str) -> list[Decided]:
    write_decision(path, with_decision(path, Decided(*decision)))
    return decided(path)


@pytest.mark.parametrize("name", ["d.tsv", "d.csv", "d.jsonl"])
def test_a_decision_is_written_changed_and_taken_back(tmp_path: Path, name: str) -> None:
    path = tmp_path / name
    assert put(path, "Cold", "disorder", "", "X:1") == [Decided("Cold", "disorder", "", "X:1")]
    assert put(path, "cold", "symptom", "plan", "none") == [
        Decided("Cold", "disorder", "", "X:1"),
        Decided("cold", "symptom", "plan", "none"),
    ]
    assert put(path, "cold", "disorder", "", "X:2")[-1] == Decided("cold", "disorder", "", "X:2")
    assert put(path, "COLD", "disorder", "", "") == [Decided("cold", "symptom", "plan", "none")]


def test_other_columns_and_open_rows_stay(tmp_path: Path) -> None:
    path = tmp_path / "d.csv"
    path.write_text('why,surface,label,code\n"a, b",ms,disorder,X:1\nlater,cold,disorder,\n', "utf-8")
    put(path, "ms", "symptom", "plan", "X:2")
    with path.open(newline="") as file:
        assert list(csv.reader(file)) == [
            ["why", "surface", "label", "code", "section"],
            ["a, b", "ms", "disorder", "X:1", ""],
            ["later", "cold", "disorder", "", ""],
            ["", "ms", "symptom", "X:2", "plan"],
        ]


def test_json_lines_keep_what_they_carry(tmp_path: Path) -> None:
    path = tmp_path / "d.jsonl"
    path.write_text('{"surface": "ms", "label": "disorder", "code": "X:1", "by": "ann"}\n', "utf-8")
    put(path, "cold", "disorder", "", "X:2")
    assert json.loads(path.read_text("utf-8").splitlines()[0])["by"] == "ann"


def test_what_is_no_code_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="U354"):
        with_decision(tmp_path / "d.tsv", Decided("a", "b", "", "I50"))
    (tmp_path / "bad.tsv").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(UsageError, match="U251"):
        with_decision(tmp_path / "bad.tsv", Decided("a", "b", "", "X:1"))


def test_the_queue_is_worked_through(pack: Path, tmp_path: Path) -> None:
    table = tmp_path / "terms.tsv"
    table.write_text(TABLE, "utf-8")
    path = tmp_path / "decisions.tsv"
    session = Session([pack], lexicons=[table], notes=NOTES, decisions=path)
    session.ask_for_questions()
    assert parts.QUESTIONS in caught_up(session)
    assert session.questions is not None
    (question,) = session.questions
    assert (question.surface, question.label, question.count) == ("cold", "disorder", 3)
    assert question.candidates == {"X:1": "common cold", "X:2": "cold temperature"}
    assert [place.note for place in question.places] == ["a.txt", "b.txt", "b.txt"]
    with pytest.raises(UsageError, match="U252"):
        session.decide("cold", "disorder", "", "X:9")
    assert not path.exists()
    session.decide("cold", "disorder", "", "X:2")
    caught_up(session)
    assert session.questions == []
    document = session.document(NOTES[0][1])
    assert document is not None
    assert document.entities[0].concepts[0].code == "2"
    assert [one.code for one in read_decisions(path).decisions] == ["X:2"]
    session.decide("cold", "disorder", "", "")
    caught_up(session)
    assert len(session.questions) == 1
    session.close()


def test_without_a_file_nothing_can_be_decided(session: Session) -> None:
    with pytest.raises(UsageError, match="U354"):
        session.decide("cold", "disorder", "", "X:1")
