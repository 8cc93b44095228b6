"""What the service answers is what `rulener run` writes."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import rulener
from rulener.cli.main import ended

pytest.importorskip("fastapi", reason="the extra [serve] has it")
pytest.importorskip("httpx", reason="the extra [test] has it")

if TYPE_CHECKING:
    from tests.service.client import Client

NOTES = Path(__file__).parents[2] / "examples" / "notes"


@pytest.fixture(scope="module")
def written(engine: rulener.Engine, tmp_path_factory: pytest.TempPathFactory) -> list[tuple[str, str, bytes]]:
    """`(id, text, line)` of the example notes: what `rulener run` wrote of them."""
    out = tmp_path_factory.mktemp("run") / "out"
    assert ended(["run", str(NOTES), "-o", str(out), "--pack", str(engine.path)]) == 0
    lines = (out / "part-00000.jsonl").read_bytes().splitlines()
    names = [json.loads(line)["note_id"] for line in lines]
    return [(name, (NOTES / name).read_bytes().decode(), line) for name, line in zip(names, lines, strict=True)]


def test_a_note_is_the_line_of_a_run(client: Client, written: list[tuple[str, str, bytes]]) -> None:
    assert len(written) > 5
    for name, text, line in written:
        answer = client.post("/v1/annotate", {"text": text, "note_id": name})
        assert answer.status_code == 200
        assert answer.headers["content-type"] == "application/json"
        assert answer.content == line


def test_a_batch_is_the_lines_of_a_run(client: Client, engine: rulener.Engine, written: list[tuple[str, str, bytes]]) -> None:
    answer = client.post("/v1/annotate:batch", {"notes": [{"note_id": name, "text": text} for name, text, _ in written]})
    assert answer.status_code == 200
    assert answer.json() == {
        "engine": engine.fingerprint,
        "documents": [json.loads(line) for _, _, line in written],
        "errors": [],
    }
    assert b",".join(line for _, _, line in written) in answer.content


def test_long_batches_are_one_batch(client: Client, engine: rulener.Engine) -> None:
    texts = [f"Denies chest pain. Visit {number}." for number in range(200)] + ["x" * 300_000, "No fever."]
    found = client.post("/v1/annotate:batch", {"notes": [{"text": text} for text in texts]}).json()
    assert found["documents"] == [engine.annotate(text).to_dict() for text in texts]


def test_a_note_that_fails_fails_alone(serving: Callable[..., Client], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "slow").mkdir()
    (tmp_path / "slow" / "pack.yaml").write_text("name: slow\nversion: 1.0.0\nlabels:\n  - id: ailment\n", "utf-8")
    rule = "terms:\n  - {id: cough, label: ailment, any: [cough]}\n"
    rule += "patterns:\n  - {id: runaway, label: ailment, regex: '\\bkey (?:a|aa)+\\d'}\n"
    (tmp_path / "slow" / "rules.yaml").write_text(rule, "utf-8")
    monkeypatch.setattr("rulener.compiler.build.REGEX_TIMEOUT", 0.05)
    engine = rulener.load(tmp_path / "slow", base=None, cache_dir=tmp_path / "cache")
    client = serving(engine)
    bad = "key " + "a" * 200
    notes = [("a", "cough"), ("b", bad), ("c", "cough, cough")]
    table = "".join(json.dumps({"id": name, "text": text}) + "\n" for name, text in notes)
    (tmp_path / "notes.jsonl").write_text(table, "utf-8")
    assert ended(["run", str(tmp_path / "notes.jsonl"), "-o", str(tmp_path / "out"), "--pack", str(engine.path)]) == 5

    found = client.post("/v1/annotate:batch", {"notes": [{"note_id": name, "text": text} for name, text in notes]}).json()
    (error,) = found["errors"]
    assert error.pop("index") == 1
    assert error == json.loads((tmp_path / "out/errors.jsonl").read_text("utf-8"))
    lines = (tmp_path / "out/part-00000.jsonl").read_text("utf-8").splitlines()
    assert found["documents"] == [json.loads(line) for line in lines]

    alone = client.post("/v1/annotate", {"text": bad})
    assert (alone.status_code, alone.json()["code"]) == (422, "N301")
    assert bad not in alone.text


def test_given_mentions_are_judged(client: Client, engine: rulener.Engine) -> None:
    text = "Denies chest pain. Mother had asthma 😀."
    mentions = [(7, 17, "problem"), (30, 36, "my own label"), (0, 0, "nothing")]
    body = {"text": text, "note_id": "n", "mentions": [{"start": s, "end": e, "label": name} for s, e, name in mentions]}
    found = client.post("/v1/annotate", body)
    assert found.content.decode() == engine.annotate(text, mentions, "n").to_json()
    assert [entity["label"] for entity in found.json()["entities"]] == ["problem", "my own label", "nothing"]
    assert client.post("/v1/annotate", {"text": text, "mentions": []}).json()["entities"] == []
    whole = b'{"text": "pain", "mentions": [{"start": 0.0, "end": 4e0, "label": "a"}]}'
    assert client.post("/v1/annotate", whole).json()["entities"][0]["text"] == "pain"


# everything a JSON body in UTF-8 can carry, but NUL
TEXTS = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), min_size=1)
PARTS = ["no", "fever", "denies", "chest pain", "İ", "ﬁ", "e\u0301", "\r\n", "😀", '"', "\\", "\x7f"]
WORDS = st.lists(st.sampled_from(PARTS), min_size=1)


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(text=TEXTS | WORDS.map(" ".join), note_id=st.none() | TEXTS.map(lambda text: text[:256]))
def test_any_text_comes_back_as_the_library_gives_it(
    client: Client, engine: rulener.Engine, text: str, note_id: str | None
) -> None:
    body: dict[str, Any] = {"text": text} if note_id is None else {"text": text, "note_id": note_id}
    answer = client.post("/v1/annotate", json.dumps(body, ensure_ascii=len(text) % 2 == 0).encode())
    assert answer.content.decode() == engine.annotate(text, note_id=note_id).to_json()


def test_answers_name_their_engine(client: Client, engine: rulener.Engine) -> None:
    for answer in (
        client.post("/v1/annotate", {"text": "No fever."}),
        client.post("/v1/annotate", {"text": ""}),
        client.post("/v1/annotate:batch", b"{"),
        client.get("/health"),
        client.get("/nothing"),
    ):
        assert answer.headers["rulener-engine"] == engine.fingerprint
