"""Every way to annotate many notes gives what annotating them one by one gives."""

from __future__ import annotations

import json
import multiprocessing
import os
import pickle
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from rulener import Engine
from rulener.core.columns import AXES
from rulener.core.views import Cue
from tests.reference.matching import LexiconRow
from tests.reference.strategies import dense_pack

from .support import core_entities, engine_of

PARTS = (
    "no fever or rash. ",
    "PMH: heart failure, HF.\n",
    "Chest pain: none.\n\n",
    "- denies Crohn\u2019s, na\u00efve\n",
    "plan: if pain 5 mg/dL then 12mg p.o.\n",
    "\U0001f600 mother had fever \ud800. ",
    "until 98.6 IT but pain of 5. ",
    "family history: Stra\u00dfe\n",
    "",
)
TEXTS = ["".join(PARTS[(n * k + k) % len(PARTS)] for k in range(n % 14)) for n in range(300)]
IDS = [f"note-{n}" for n in range(len(TEXTS))]


@pytest.fixture(scope="module")
def engine() -> Iterator[Engine]:
    with engine_of([dense_pack()]) as made:
        yield made


@pytest.fixture(scope="module")
def one_by_one(engine: Engine) -> list[dict[str, Any]]:
    found = [engine.annotate(text, note_id=name).to_dict() for text, name in zip(TEXTS, IDS, strict=True)]
    assert sum(len(doc["entities"]) for doc in found) > 1000
    return found


@pytest.mark.parametrize("workers", [1, 2, 4])
def test_annotate_many_keeps_the_order(engine: Engine, one_by_one: list[dict[str, Any]], workers: int) -> None:
    found = [doc.to_dict() for doc in engine.annotate_many(iter(TEXTS), workers=workers, ids=iter(IDS))]
    assert found == one_by_one


def test_json_is_that_of_the_dict(engine: Engine) -> None:
    for text in TEXTS[:100]:
        doc = engine.annotate(text, note_id='a\u2028"b')
        assert json.loads(doc.to_json()) == doc.to_dict()


def test_json_of_given_mentions_is_that_of_the_dict(engine: Engine) -> None:
    doc = engine.annotate("no fever, HF", [(3, 8, "problem"), (10, 12, "xyzzy"), (2, 2, "")])
    assert json.loads(doc.to_json()) == doc.to_dict()
    assert [e.rule for e in doc.entities] == [None, None, None]
    assert [c.code for c in doc.entities[0].concepts] == ["1"]


def test_jsonl_lines_are_those_of_the_documents(engine: Engine) -> None:
    made = engine.jsonl(TEXTS, IDS)
    lines = made.data.decode("utf-8").splitlines(keepends=True)
    assert lines == [engine.annotate(text, note_id=name).to_json() + "\n" for text, name in zip(TEXTS, IDS, strict=True)]
    assert (made.notes, made.failures) == (len(TEXTS), [])
    assert made.entities == sum(len(json.loads(line)["entities"]) for line in lines)


def test_annotate_batch_has_a_row_for_every_entity(engine: Engine, one_by_one: list[dict[str, Any]]) -> None:
    pytest.importorskip("pyarrow")
    rows = engine.annotate_batch(TEXTS, ids=IDS).to_pylist()
    expected = [(doc["note_id"], entity) for doc in one_by_one for entity in doc["entities"]]
    assert len(rows) == len(expected)
    for row, (note_id, entity) in zip(rows, expected, strict=True):
        assert row["note_id"] == note_id
        for name in ("start", "end", "label", "rule", "section", "sentence", "linking", *AXES):
            assert row[name] == entity[name], name
        parts = ("system", "code", "name", "score", "step")
        assert [{part: concept[part] for part in parts} for concept in row["concepts"]] == entity["concepts"]
        assert row["text"] == as_utf8(entity["text"])
        cues = [{name: cue[name] for name in Cue._fields} for cue in row["cues"]]
        assert cues == entity["cues"]
        assert {a.pop("name"): a for a in row["attributes"]} == {
            name: {**a, "text": as_utf8(a["text"])} for name, a in entity["attributes"].items()
        }


def as_utf8(text: str) -> str:
    """Arrow holds no lone surrogates."""
    return "".join("\ufffd" if "\ud800" <= c <= "\udfff" else c for c in text)


def test_threads_share_an_engine(engine: Engine, one_by_one: list[dict[str, Any]]) -> None:
    def work(offset: int) -> bool:
        order = [(n * 7 + offset) % len(TEXTS) for n in range(len(TEXTS))]
        return all(engine.annotate(TEXTS[n], note_id=IDS[n]).to_dict() == one_by_one[n] for n in order)

    with ThreadPoolExecutor(2) as pool:
        assert list(pool.map(work, range(4))) == [True] * 4


def test_a_pickled_engine_is_the_same(engine: Engine, one_by_one: list[dict[str, Any]]) -> None:
    data = pickle.dumps(engine)
    assert len(data) < 1000
    again = pickle.loads(data)
    assert again.fingerprint == engine.fingerprint
    assert [again.annotate(text, note_id=name).to_dict() for text, name in zip(TEXTS, IDS, strict=True)] == one_by_one


def lines_of(engine: Engine) -> bytes:
    return engine.jsonl(TEXTS, IDS).data


@pytest.mark.parametrize("method", [m for m in ("spawn", "fork") if m in multiprocessing.get_all_start_methods()])
@pytest.mark.filterwarnings("ignore:.*multi-threaded.*fork:DeprecationWarning")
def test_processes_give_the_same_bytes(engine: Engine, method: str) -> None:
    with multiprocessing.get_context(method).Pool(1) as pool:
        assert pool.apply(lines_of, (engine,)) == lines_of(engine)


SCRIPT = """
import sys
from tests.core.support import core_entities, engine_of
from tests.core.test_batch import lines_of
from tests.reference.matching import LexiconRow
from tests.reference.strategies import dense_pack
with engine_of([dense_pack()]) as engine:
    sys.stdout.buffer.write(engine.path.read_bytes() + lines_of(engine))
"""


def test_the_hash_seed_changes_nothing() -> None:
    made = {run_with_seed(seed) for seed in ("0", "1", "4242")}
    assert len(made) == 1
    assert len(made.pop()) > 10_000


def run_with_seed(seed: str) -> bytes:
    tests = Path(__file__).parents[1]
    path = os.pathsep.join([str(tests.parent), os.environ.get("PYTHONPATH", "")])
    env = {**os.environ, "PYTHONHASHSEED": seed, "PYTHONPATH": path}
    return subprocess.run([sys.executable, "-c", SCRIPT], env=env, capture_output=True, check=True).stdout


def test_core_entities_are_read_lazily(engine: Engine) -> None:
    """A document lives on when the engine and its batch are forgotten."""
    documents = list(engine.annotate_many(["no fever", "rash"], workers=1))
    engine.close()
    assert [core_entities(doc.entities)[0]["span"] for doc in documents] == [(3, 8), (0, 4)]


def test_a_batch_may_name_thousands_of_different_things() -> None:
    """The dictionaries of the columns grow while rows are written."""
    terms = [f"ailment{n:04d}" for n in range(3000)]
    rows = [LexiconRow(term, "disorder", "X", f"c{n}", f"Ailment {n}") for n, term in enumerate(terms)]
    with engine_of([dense_pack()], rows) as engine:
        asked = terms[::-1] + terms[::7]
        table = engine.annotate_batch([" ".join(asked[k : k + 100]) for k in range(0, len(asked), 100)])
        found = [concepts[0] for concepts in table.column("concepts").to_pylist()]
    assert [(one["code"], one["name"]) for one in found] == [(f"c{int(term[7:])}", f"Ailment {int(term[7:])}") for term in asked]
