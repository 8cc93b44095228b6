"""Results in DuckDB and PostgreSQL: the same rows as in files, exactly once, however often a run was killed."""

from __future__ import annotations

import json
import os
import random
import signal
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import pytest

import rulener
from rulener.formats.tables import target_of
from rulener.run.directory import Totals, run
from tests.formats.test_omop import TERMS
from tests.postgresql import Server, postgresql, server  # noqa: F401 (fixtures)
from tests.run.conftest import small_parts  # noqa: F401 (a fixture)
from tests.run.tree import tree

pytest.importorskip("pyarrow", reason="the extras [duckdb] and [postgres] have it")

COUNT = 20


class Store:
    """A database for results: `url` as --to has it; `rows` asks it; `dump` is all that matters of its tables."""

    def __init__(self, url: str) -> None:
        self.url = url

    def rows(self, statement: str) -> list[tuple[Any, ...]]:
        if self.url.startswith("duckdb:"):
            import duckdb

            with duckdb.connect(self.url[len("duckdb:") :]) as connection:
                found: list[tuple[Any, ...]] = connection.execute(statement).fetchall()
                return found
        import psycopg

        with psycopg.connect(self.url, autocommit=True) as connection:
            cursor = connection.execute(statement)
            return cursor.fetchall() if cursor.description else []

    def dump(self, entity: str = "entity", note_nlp: str = "note_nlp") -> dict[str, list[tuple[Any, ...]]]:
        order = {
            entity: 'run_id, note_id, "start", "end", rule', note_nlp: "note_nlp_id, nlp_system", "rulener_run": "run_id",
            "rulener_part": "run_id, part", "rulener_error": "run_id, part, note_id",
        }  # fmt: skip
        return {table: self.rows(f"select * from {table} order by {by}") for table, by in order.items()}


@pytest.fixture(params=["duckdb", "postgresql"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Store:
    if request.param == "duckdb":
        pytest.importorskip("duckdb", reason="the extra [duckdb] has it")
        return Store(f"duckdb:{tmp_path}/results.duckdb")
    return Store(request.getfixturevalue("postgresql"))


@pytest.fixture
def another(store: Store, tmp_path: Path, request: pytest.FixtureRequest) -> Store:
    """An empty database of the same kind."""
    if store.url.startswith("duckdb:"):
        return Store(f"duckdb:{tmp_path}/another/results.duckdb")
    made: Server = request.getfixturevalue("server")
    return Store(made.new_database())


@pytest.fixture(scope="module")
def engine(tmp_path_factory: pytest.TempPathFactory) -> rulener.Engine:
    folder = tmp_path_factory.mktemp("tables")
    (folder / "terms.tsv").write_text(TERMS)
    return rulener.load(lexicons=[folder / "terms.tsv"], cache_dir=folder / "cache")


@pytest.fixture
def notes(tmp_path: Path) -> str:
    """Notes 0 to 19, of which 7 has no text; number 3 holds what is hard to write."""
    lines = [{"id": number, "text": f"Denies zorp ache. Vexosis {number}, plunk.", "ward": f"W{number % 3}"} for number in range(COUNT)]
    lines[7]["text"] = None
    lines[3]["text"] = 'Vexosis\t"a\\b",\r\n\0\ud800 zorp ache; \U0001f9e0 \\N\nblip sign'
    path = tmp_path / "notes.jsonl"
    path.write_text("".join(json.dumps(line) + "\n" for line in lines))
    return str(path)


BOTH = ("entity", "note_nlp")


def write(engine: rulener.Engine, notes: str, out: Path, store: Store, rows: Any = BOTH, **options: Any) -> Totals:
    options = {"format": (), "nlp_date": "2026-11-20", "workers": 1, **options}
    return run(engine, [notes], str(out), to=target_of(store.url, rows), **options)


def test_the_rows_are_those_of_the_files(engine: rulener.Engine, notes: str, tmp_path: Path, store: Store) -> None:
    from pyarrow import parquet

    from rulener.formats.readers import Columns

    out = tmp_path / "out"
    totals = write(
        engine, notes, out, store, format=["parquet", "omop-parquet", "jsonl"], columns=Columns(carry=("ward",)), workers=2
    )
    table = parquet.read_table(out / "part-00000.parquet").to_pylist()
    assert len(table) == totals.entities == store.rows("select count(*) from entity")[0][0] > 50
    names = ("note_id", "start", "end", "label", "linking", "rule", "negated", "family", "section", "sentence")
    listed = ", ".join(f'"{name}"' for name in names)
    order = 'order by cast(note_id as integer), "start", "end"'
    assert store.rows(f"select {listed} from entity {order}") == [tuple(row[name] for name in names) for row in table]
    for column in ("concepts", "attributes", "cues"):
        assert [found for (found,) in store.rows(f"select {column} from entity {order}")] == [row[column] for row in table]
    assert {json.dumps(found) for (found,) in store.rows("select metadata from entity")} == {
        json.dumps({"ward": f"W{number}"}) for number in range(3)
    }
    texts = [found for (found,) in store.rows(f"select text from entity {order}")]
    assert texts == [row["text"] for row in table]

    nlp = parquet.read_table(out / "part-00000.note_nlp.parquet")
    listed = ", ".join(f'"{name}"' for name in nlp.column_names)
    assert store.rows(f"select {listed} from note_nlp order by note_nlp_id") == [tuple(row.values()) for row in nlp.to_pylist()]
    assert totals.formats[f"{store.url.split(':')[0]}/note_nlp"] == totals.formats["omop-parquet"]


def test_what_an_auditor_can_join(engine: rulener.Engine, notes: str, tmp_path: Path, store: Store) -> None:
    write(engine, notes, tmp_path / "out", store)
    manifest = json.loads((tmp_path / "out" / "manifest.json").read_text())
    ((run_id, system, version, fingerprint, identity, finished),) = store.rows("select * from rulener_run")
    assert (run_id, version, fingerprint, finished) == (manifest["run_id"], rulener.__version__, engine.fingerprint, True)
    kept = json.loads(identity)
    assert {key: manifest[key] for key in kept} == kept
    assert kept["options"]["rows"] == ["entity=entity", "note_nlp=note_nlp"]
    joined = """
        select count(*) from note_nlp n join rulener_run r using (nlp_system)
        join entity e on e.run_id = r.run_id and e.note_id = cast(n.note_id as varchar) and e."start" = cast(n."offset" as integer)
    """
    assert store.rows(joined) == store.rows("select count(*) from entity")
    assert store.rows("select part, notes, failed, entities from rulener_part") == [(0, 20, 1, store.rows("select count(*) from entity")[0][0])]
    assert store.rows("select run_id, note_id, code, reason from rulener_error") == [(run_id, "7", "N106", "the line has no text")]
    assert manifest["parts"][0]["files"] == []
    assert sorted(os.listdir(tmp_path / "out")) == ["errors.jsonl", "journal.jsonl", "manifest.json"]


@pytest.mark.usefixtures("small_parts")
def test_a_finished_run_given_again_writes_nothing(engine: rulener.Engine, notes: str, tmp_path: Path, store: Store) -> None:
    write(engine, notes, tmp_path / "out", store)
    before, files = store.dump(), tree(tmp_path / "out")
    versions = partial(store.rows, "select xmin::text, ctid::text from entity union all select xmin::text, ctid::text from rulener_run")
    was = versions() if store.url.startswith("postgresql:") else Path(store.url[7:]).read_bytes()
    totals = write(engine, notes, tmp_path / "out", store)
    assert totals.resumed == totals.parts == 7
    assert (store.dump(), tree(tmp_path / "out")) == (before, files)
    if store.url.startswith("postgresql:"):
        assert versions() == was
    # a lost folder: everything is worked out again, and nothing written twice
    write(engine, notes, tmp_path / "new", store)
    assert store.dump() == before


@pytest.mark.usefixtures("small_parts")
def test_two_workers_and_another_order_of_parts(
    engine: rulener.Engine, notes: str, tmp_path: Path, store: Store, another: Store
) -> None:
    (tmp_path / "another").mkdir()
    write(engine, notes, tmp_path / "out", store)
    write(engine, notes, tmp_path / "two", another, workers=2)
    mine, its = store.dump(), another.dump()
    if store.url.startswith("postgresql:"):  # other names of the database, so other names of the run
        assert [row[1:] for row in mine["entity"]] == [row[1:] for row in its["entity"]]
    else:
        assert mine == its


@pytest.mark.usefixtures("small_parts")
def test_rows_that_somebody_removed_are_written_again(engine: rulener.Engine, notes: str, tmp_path: Path, store: Store) -> None:
    write(engine, notes, tmp_path / "out", store)
    before = store.dump()
    for table in ("entity", "note_nlp", "rulener_error", "rulener_part", "rulener_run"):
        store.rows(f"drop table {table}")
    totals = write(engine, notes, tmp_path / "out", store)
    assert totals.resumed == 0
    assert store.dump() == before


# --- runs that end at any moment

def killed_after(seconds: float, work: Callable[[], Any]) -> bool:
    """Does `work` in a child that is killed after so many seconds. False when it came to its end before."""
    pid = os.fork()
    if pid == 0:
        os.setpgid(0, 0)
        try:
            signal.signal(signal.SIGALRM, lambda *_: os.kill(os.getpid(), signal.SIGKILL))
            signal.setitimer(signal.ITIMER_REAL, seconds)
            work()
        finally:
            os._exit(0)
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == -signal.SIGKILL


@pytest.mark.usefixtures("small_parts")
@pytest.mark.parametrize("workers", [1, 2])
def test_killed_at_random_moments(
    engine: rulener.Engine, notes: str, tmp_path: Path, store: Store, workers: int
) -> None:
    begun = time.perf_counter()
    write(engine, notes, tmp_path / "out", store)
    whole = time.perf_counter() - begun
    expected = store.dump()
    kills = 0
    for seed in range(8):
        chance = random.Random(seed)
        out = tmp_path / f"out{seed}"
        for table in ("entity", "note_nlp", "rulener_error", "rulener_part", "rulener_run"):
            store.rows(f"drop table if exists {table}")
        for _ in range(4):
            kills += killed_after(chance.uniform(0.02, whole), partial(write, engine, notes, out, store, workers=workers))
        write(engine, notes, out, store, workers=workers)
        assert store.dump() == expected, seed
    assert kills > 4
