"""Explanations and look-ups: what the commands print."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

import rulener
from rulener.cli.main import ended

pytest.importorskip("fastapi", reason="the extra [serve] has it")
pytest.importorskip("httpx", reason="the extra [test] has it")

if TYPE_CHECKING:
    from tests.service.client import Client

TEXT = "Denies chest pain but has a fever. Mother had asthma. 😀"


def printed(capfd: pytest.CaptureFixture[str], *arguments: object) -> Any:
    """The JSON that a command prints."""
    ended([str(argument) for argument in arguments])
    return json.loads(capfd.readouterr().out)


@pytest.mark.parametrize("position", [None, 8, len(TEXT) - 1])
def test_an_explanation_is_that_of_the_command(
    client: Client, engine: rulener.Engine, tmp_path: Path, position: int | None, capfd: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "n.txt").write_text(TEXT, "utf-8")
    where = tmp_path / "n.txt" if position is None else f"{tmp_path / 'n.txt'}:{position}"
    expected = printed(capfd, "explain", where, "--pack", engine.path, "--json")
    body = {"text": TEXT} if position is None else {"text": TEXT, "position": position}
    found = client.post("/v1/explain", body).json()
    assert found.pop("engine") == engine.fingerprint
    assert found == expected


@pytest.mark.parametrize("wanted", ["heart failure", "Heart-Failure", "MI", "no such thing", "  ", "...", "w" * 999])
def test_a_term_is_looked_up_as_by_the_command(
    client: Client, engine: rulener.Engine, wanted: str, capfd: pytest.CaptureFixture[str]
) -> None:
    found = client.post("/v1/concepts", {"term": wanted})
    assert found.status_code == 200
    expected = printed(capfd, "lexicon", "lookup", wanted, engine.path, "--json")["rows"]
    assert found.json() == {"engine": engine.fingerprint, "rows": expected, "more": 0}
    assert bool(expected) == (wanted.lower()[:5] in ("heart", "mi"))


@pytest.mark.parametrize("wanted", ["MESH:D006333", "d006333", "mesh:d006333", "D00633", ":", "D006333:", "é", "MESH:"])
def test_a_code_is_looked_up_as_by_the_command(
    client: Client, engine: rulener.Engine, wanted: str, capfd: pytest.CaptureFixture[str]
) -> None:
    found = client.post("/v1/concepts", {"code": wanted}).json()
    assert found["rows"] == printed(capfd, "lexicon", "lookup", wanted, engine.path, "--json")["rows"]
    assert ("heart failure" in {row["term"] for row in found["rows"]}) == wanted.lower().endswith("d006333")
    assert bool(found["rows"]) == wanted.lower().endswith("d006333")


def test_many_rows_are_counted(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    every = client.post("/v1/concepts", {"code": "MESH:D006333"}).json()["rows"]
    assert len(every) > 1
    monkeypatch.setattr("rulener.service.answers.ROWS", 1)
    found = client.post("/v1/concepts", {"code": "MESH:D006333"}).json()
    assert (found["rows"], found["more"]) == (every[:1], len(every) - 1)


def test_mentions_are_linked(client: Client, engine: rulener.Engine) -> None:
    mentions = [(7, 17, "problem"), (28, 33, "symptom"), (0, 6, "Zaphod")]
    body = {"text": TEXT, "mentions": [{"start": s, "end": e, "label": name} for s, e, name in mentions]}
    found = client.post("/v1/concepts", body).json()
    entities = engine.annotate(TEXT, mentions).to_dict()["entities"]
    kept = ("start", "end", "text", "label", "linking", "concepts")
    assert found == {"engine": engine.fingerprint, "mentions": [{name: one[name] for name in kept} for one in entities]}
    assert found["mentions"][0]["concepts"][0]["code"] == "D002637"


def test_a_damaged_file_is_no_fault_of_the_client(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    def damaged(*_: object) -> Any:
        raise rulener.ArtifactCorrupt("A104", "its tables lead nowhere", place="/secret/place.rnr")

    monkeypatch.setattr("rulener.service.answers.surfaces_of", damaged)
    answer = client.post("/v1/concepts", {"term": "x"})
    assert (answer.status_code, answer.json()["code"]) == (500, "A104")
    assert "/secret" not in answer.text
