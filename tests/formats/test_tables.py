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
from rulener.errors import UsageError
from rulener.formats.tables import target_of
from rulener.run import limits
from rulener.run.directory import Totals, run
from tests.formats.test_omop import TERMS
from tests.postgresql import Server, postgresql, server  # noqa: F401 (fixtures)
from tests.run.conftest import small_parts  # noqa: F401 (a fixture)
from tests.run.tree import tree

pytest.importorskip("pyarrow", reason="the extras [duckdb] and [postgres] have it")

COUNT = 20
TABLES = ("entity", "note_nlp", "rulener_error", "rulener_part", "rulener_run")


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
    said = "Denies zorp ache. Vexosis, plunk."
    ids = range(COUNT)
    lines: list[dict[str, Any]] = [{"id": n, "text": f"{n}. {said}", "ward": f"W{n % 3}"} for n in ids]
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
    ((run_id, _, version, fingerprint, identity, finished),) = store.rows("select * from rulener_run")
    assert (run_id, version, fingerprint, finished) == (manifest["run_id"], rulener.__version__, engine.fingerprint, True)
    kept = json.loads(identity)
    assert {key: manifest[key] for key in kept} == kept
    assert kept["options"]["rows"] == ["entity=entity", "note_nlp=note_nlp"]
    joined = """
        select count(*) from note_nlp n join rulener_run r using (nlp_system)
        join entity e
          on e.run_id = r.run_id and e.note_id = cast(n.note_id as varchar) and e."start" = cast(n."offset" as integer)
    """
    ((count,),) = store.rows("select count(*) from entity")
    assert store.rows(joined) == [(count,)]
    assert store.rows("select part, notes, failed, entities from rulener_part") == [(0, 20, 1, count)]
    failed = store.rows("select run_id, note_id, code, reason from rulener_error")
    assert failed == [(run_id, "7", "N106", "the line has no text")]
    assert manifest["parts"][0]["files"] == []
    assert sorted(os.listdir(tmp_path / "out")) == ["errors.jsonl", "journal.jsonl", "manifest.json"]


@pytest.mark.usefixtures("small_parts")
def test_a_finished_run_given_again_writes_nothing(engine: rulener.Engine, notes: str, tmp_path: Path, store: Store) -> None:
    write(engine, notes, tmp_path / "out", store)
    before, files = store.dump(), tree(tmp_path / "out")
    of_rows = "select xmin::text, ctid::text from entity union all select xmin::text, ctid::text from rulener_run"
    versions = partial(store.rows, of_rows)
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
    for table in TABLES:
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
    for seed in range(5):
        chance = random.Random(seed)
        out = tmp_path / f"out{seed}"
        for table in TABLES:
            store.rows(f"drop table if exists {table}")
        for _ in range(3):
            kills += killed_after(chance.uniform(0.02, whole), partial(write, engine, notes, out, store, workers=workers))
        write(engine, notes, out, store, workers=workers)
        assert store.dump() == expected, seed
    assert kills > 3


@pytest.mark.usefixtures("small_parts")
def test_killed_between_the_database_and_the_journal(engine: rulener.Engine, notes: str, tmp_path: Path, store: Store) -> None:
    write(engine, notes, tmp_path / "whole", store)
    expected, files = store.dump(), tree(tmp_path / "whole")
    steps = sorted(random.Random(20261120).sample(range(1, 60), 8))
    for step in steps:
        for table in TABLES:
            store.rows(f"drop table if exists {table}")
        out = tmp_path / f"out{step}"
        assert killed_before(step, partial(write, engine, notes, out, store))
        write(engine, notes, out, store)
        assert store.dump() == expected, step
        assert tree(out) == files, step


def killed_before(step: int, work: Callable[[], Any]) -> bool:
    """Does `work` in a child that is killed before its `step`-th statement, load, commit or line of the journal."""
    pid = os.fork()
    if pid == 0:
        try:
            _count_to(step)
            work()
        finally:
            os._exit(0)
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == -signal.SIGKILL


def _count_to(step: int) -> None:
    from rulener.formats.duckdb_tables import DuckDBTables
    from rulener.formats.postgresql_tables import PostgreSQLTables
    from rulener.run.output import Output

    calls = 0

    def counted(function: Callable[..., Any]) -> Callable[..., Any]:
        def call(*args: Any, **kwargs: Any) -> Any:
            nonlocal calls
            calls += 1
            if calls == step:
                os.kill(os.getpid(), signal.SIGKILL)
            return function(*args, **kwargs)

        return call

    for kind in (DuckDBTables, PostgreSQLTables):
        for name in ("_execute", "_load", "load"):
            setattr(kind, name, counted(getattr(kind, name)))
    Output._write_line = counted(Output._write_line)  # type: ignore[method-assign]


# --- what is refused, and what is told apart


def refused(code: str, work: Callable[[], Any]) -> str:
    with pytest.raises(UsageError) as caught:
        work()
    assert caught.value.code == code, caught.value
    return str(caught.value)


def test_a_run_of_the_same_name_over_other_notes(engine: rulener.Engine, notes: str, tmp_path: Path, store: Store) -> None:
    write(engine, notes, tmp_path / "out", store)
    before = store.dump()
    with open(notes, "a") as file:
        file.write('{"id": 100, "text": "vexosis"}\n')
    message = refused("U287", partial(write, engine, notes, tmp_path / "new", store))
    assert "over other notes" in message
    assert store.dump() == before
    write(engine, notes, tmp_path / "named", store, ("entity",), run_id="second")
    assert dict(store.rows("select run_id, count(*) from entity group by 1"))["second"] == len(before["entity"]) + 1
    refused("U287", partial(write, engine, notes, tmp_path / "taken", store, run_id="second"))  # other options


@pytest.mark.usefixtures("small_parts")
def test_more_notes_at_the_end_of_whole_parts(engine: rulener.Engine, tmp_path: Path, store: Store) -> None:
    path = tmp_path / "n.jsonl"
    lines = [f'{{"id": {number}, "text": "vexosis"}}\n' for number in range(9)]
    path.write_text("".join(lines[:6]))
    write(engine, str(path), tmp_path / "out", store)
    for count in (9, 3):
        path.write_text("".join(lines[:count]))
        refused("U287", partial(write, engine, str(path), tmp_path / f"new{count}", store))
    assert store.rows("select count(*) from entity") == [(6,)]


def test_the_same_notes_twice_in_note_nlp(engine: rulener.Engine, notes: str, tmp_path: Path, store: Store) -> None:
    write(engine, notes, tmp_path / "out", store, ("note_nlp",), run_id="first")
    before = store.rows("select * from note_nlp order by 1")
    message = refused("U288", partial(write, engine, notes, tmp_path / "new", store, ("note_nlp",), run_id="second"))
    assert "has rows of these notes already: note_nlp_id " in message
    assert f"of rulener {rulener.__version__} run first; 0 parts are done and stay" in message
    assert store.rows("select * from note_nlp order by 1") == before
    more = tmp_path / "more.jsonl"
    more.write_text('{"id": 50, "text": "vexosis"}\n')
    write(engine, str(more), tmp_path / "third", store, ("note_nlp",), run_id="third")
    systems = dict(store.rows("select nlp_system, count(*) from note_nlp group by 1"))
    assert systems[f"rulener {rulener.__version__} run third"] == 1


def test_overwriting_removes_the_rows_of_the_run_and_no_others(
    engine: rulener.Engine, notes: str, tmp_path: Path, store: Store
) -> None:
    more = tmp_path / "more.jsonl"
    more.write_text('{"id": 50, "text": "vexosis"}\n')
    write(engine, str(more), tmp_path / "kept", store, run_id="kept")
    write(engine, notes, tmp_path / "out", store, run_id="old")
    write(engine, notes, tmp_path / "out", store, run_id="new", overwrite=True, nlp_date="2026-11-21")
    assert {run for (run,) in store.rows("select run_id from rulener_run")} == {"kept", "new"}
    assert {run for (run,) in store.rows("select distinct run_id from entity")} == {"kept", "new"}
    assert store.rows("select count(*) from note_nlp") == store.rows("select count(*) from entity")
    assert {str(day) for (day,) in store.rows("select distinct nlp_date from note_nlp where note_id < 50")} == {"2026-11-21"}


def test_tables_that_do_not_fit(engine: rulener.Engine, notes: str, tmp_path: Path, store: Store) -> None:
    store.rows("create table entity (patient integer)")
    message = refused("U286", partial(write, engine, notes, tmp_path / "out", store))
    assert "the table entity is not one for rows of entity: " in message
    assert "run_id" in message
    assert store.rows("select count(*) from entity") == [(0,)]
    (tmp_path / "out").rename(tmp_path / "was")
    write(engine, notes, tmp_path / "out", store, ("entity=found", "note_nlp"))
    assert store.rows("select count(*) from found") == store.rows("select count(*) from note_nlp")


def test_schemas_and_names_are_quoted(engine: rulener.Engine, notes: str, tmp_path: Path, store: Store) -> None:
    store.rows('create schema "my cdm"')
    name = '"my cdm"."no""te; drop table entity; --"'
    write(engine, notes, tmp_path / "out", store, (f'note_nlp={name}', "entity=\"my cdm\".entity"))
    assert store.rows(f"select count(*) from {name}") == store.rows('select count(*) from "my cdm".entity')
    assert store.rows('select count(*) from "my cdm".rulener_part') == [(1,)]


@pytest.mark.parametrize(
    ("url", "rows", "code"),
    [
        ("sqlite:x.db", (), "U280"),
        ("mysql://x", (), "U280"),
        ("duckdb:x", ("mention",), "U212"),
        ("duckdb:x", ("entity", "entity=x"), "U212"),
        ("duckdb:x", ("entity=a.b.c.d",), "U282"),
        ("duckdb:x", ("entity=what?",), "U282"),
    ],
)
def test_targets_that_are_none(url: str, rows: tuple[str, ...], code: str) -> None:
    refused(code, partial(target_of, url, rows))


def test_notes_without_entities_leave_their_part(engine: rulener.Engine, tmp_path: Path, store: Store) -> None:
    (tmp_path / "n.jsonl").write_text('{"id": 1, "text": ""}\n')
    write(engine, str(tmp_path / "n.jsonl"), tmp_path / "out", store)
    assert store.rows("select part, notes, entities from rulener_part") == [(0, 1, 0)]
    assert store.rows("select count(*) from entity") == store.rows("select count(*) from note_nlp") == [(0,)]


def test_a_duckdb_that_another_process_has_open(engine: rulener.Engine, notes: str, tmp_path: Path) -> None:
    duckdb = pytest.importorskip("duckdb", reason="the extra [duckdb] has it")
    store = Store(f"duckdb:{tmp_path}/results.duckdb")
    write(engine, notes, tmp_path / "out", store)
    ready, held = os.pipe()
    pid = os.fork()
    if pid == 0:
        try:
            connection = duckdb.connect(store.url[7:])
            os.write(held, b"x")
            signal.pause()
            connection.close()
        finally:
            os._exit(0)
    os.read(ready, 1)
    try:
        message = refused("U281", partial(write, engine, notes, tmp_path / "new", store))
    finally:
        os.kill(pid, signal.SIGKILL)
        os.waitpid(pid, 0)
        os.close(ready)
        os.close(held)
    assert message == (
        "[U281] duckdb:results.duckdb: cannot open the database: another process has it open (wait for its end)"
    )


@pytest.mark.skipif(not os.path.isdir("/proc/self/task"), reason="the system does not say which threads there are")
def test_duckdb_has_no_threads_that_a_forked_worker_would_miss(tmp_path: Path) -> None:
    pytest.importorskip("duckdb", reason="the extra [duckdb] has it")
    from rulener.formats.database import connect_duckdb, parse_url

    before = len(os.listdir("/proc/self/task"))
    connection = connect_duckdb(parse_url(f"duckdb:{tmp_path}/x.duckdb"), read_only=False)
    connection.execute("create table t as select range as n from range(100000)")
    assert len(os.listdir("/proc/self/task")) <= before
    connection.close()


def test_notes_from_and_results_to_one_database(engine: rulener.Engine, tmp_path: Path, store: Store) -> None:
    from rulener.formats.readers import omop_note
    from rulener.formats.sql import query_of

    store.rows(
        "create table note (note_id bigint, person_id bigint, note_date date, note_source_value varchar, "
        "note_class_concept_id integer, note_text varchar)"
    )
    for number in (5, 3):
        store.rows(f"insert into note values ({number}, {number + 10}, '2026-01-0{number}', null, 0, 'Vexosis. No zorp ache.')")
    query = query_of(store.url, None, "note")
    out = str(tmp_path / "out")
    run(engine, [], out, format=(), workers=1, query=query, columns=omop_note(), to=target_of(store.url, BOTH))
    found = store.rows("select note_nlp_id, term_exists, nlp_date from note_nlp order by 1")
    assert [(number, exists, str(day)) for number, exists, day in found] == [
        (3_000_001, "Y", "2026-01-03"), (3_000_002, "N", "2026-01-03"), (5_000_001, "Y", "2026-01-05"),
        (5_000_002, "N", "2026-01-05"),
    ]  # fmt: skip
    joined = "select distinct n.person_id from note n join note_nlp using (note_id) order by 1"
    assert store.rows(joined) == [(13,), (15,)]


# --- PostgreSQL alone


def test_the_lock_of_a_run(engine: rulener.Engine, notes: str, tmp_path: Path, postgresql: str, monkeypatch: Any) -> None:  # noqa: F811
    from rulener.formats import postgresql_tables
    from rulener.formats.postgresql_tables import PostgreSQLTables
    from rulener.formats.tables import RunRecord

    monkeypatch.setattr(postgresql_tables, "_LOCK_SECONDS", 0.05)
    record = RunRecord("r", "s", "v", "e", "{}")
    target = target_of(postgresql)
    with PostgreSQLTables(target, record) as first:
        first.open()
        with PostgreSQLTables(target, record) as second:
            message = refused("U289", second.open)
        assert "another session is writing the run r" in message
        with PostgreSQLTables(target, RunRecord("other", "s", "v", "e", "{}")) as third:
            third.open()


@pytest.mark.usefixtures("small_parts")
@pytest.mark.parametrize("at", [3, 14, 26])
def test_a_server_that_ends_the_session_in_the_middle(
    engine: rulener.Engine, notes: str, tmp_path: Path, postgresql: str, server: Server, monkeypatch: Any, at: int  # noqa: F811
) -> None:
    from rulener.formats.postgresql_tables import PostgreSQLTables

    store = Store(postgresql)
    write(engine, notes, tmp_path / "whole", store)
    expected = store.dump()
    for table in TABLES:
        store.rows(f"drop table {table}")
    calls = 0
    execute = PostgreSQLTables._execute

    def counted(self: PostgreSQLTables, *args: Any) -> Any:
        nonlocal calls
        calls += 1
        if calls == at:
            with server.connect() as connection:
                connection.execute(
                    "select pg_terminate_backend(pid) from pg_stat_activity where application_name = 'rulener'"
                )
        return execute(self, *args)

    monkeypatch.setattr(PostgreSQLTables, "_execute", counted)
    message = refused("U283", partial(write, engine, notes, tmp_path / "out", store))
    assert "the connection to the database is lost" in message
    monkeypatch.undo()
    monkeypatch.setattr(limits, "PART_NOTES", 3)
    monkeypatch.setattr(limits, "SLICE_NOTES", 2)
    write(engine, notes, tmp_path / "out", store)
    assert store.dump() == expected


def test_a_note_nlp_of_the_cdms_own_ddl(engine: rulener.Engine, notes: str, tmp_path: Path, postgresql: str) -> None:  # noqa: F811
    store = Store(postgresql)
    store.rows(
        'create table note_nlp (note_nlp_id integer not null, note_id integer not null, section_concept_id integer, '
        'snippet varchar(250), "offset" varchar(50), lexical_variant varchar(250) not null, note_nlp_concept_id integer, '
        "note_nlp_source_concept_id integer, nlp_system varchar(250), nlp_date date not null, nlp_datetime timestamp, "
        "term_exists varchar(1), term_temporal varchar(50), term_modifiers varchar(2000))"
    )
    message = refused("U286", partial(write, engine, notes, tmp_path / "out", store))
    assert 'alter table "note_nlp" alter column note_nlp_id type bigint' in message
    store.rows('alter table "note_nlp" alter column note_nlp_id type bigint')
    write(engine, notes, tmp_path / "out", store)
    assert store.rows("select count(*) > 50 from note_nlp") == [(True,)]
    message = refused("U288", partial(write, engine, notes, tmp_path / "new", store, run_id="second"))  # without a key, too
    assert "note_nlp_id" in message


def test_a_user_who_may_not_make_tables(
    engine: rulener.Engine, notes: str, tmp_path: Path, postgresql: str, monkeypatch: Any  # noqa: F811
) -> None:
    monkeypatch.setenv("PGPASSWORD", "geheim")
    guarded = postgresql.replace("postgres@", "guarded@")
    message = refused("U288", partial(write, engine, notes, tmp_path / "out", Store(guarded)))
    name = postgresql.split("/")[3].split("?")[0]
    assert message == f"[U288] postgresql:{name}: cannot write to the database: permission denied for schema public"
    store = Store(postgresql)
    write(engine, notes, tmp_path / "made", store, run_id="first", rows=("entity",))
    for table in ("entity", "rulener_run", "rulener_part", "rulener_error"):
        store.rows(f"grant select, insert, update, delete on {table} to guarded")
    write(engine, notes, tmp_path / "out", Store(guarded), rows=("entity",), run_id="second")
    assert {run for (run,) in store.rows("select distinct run_id from entity")} == {"first", "second"}
    for path in (tmp_path / "out").iterdir():
        assert b"geheim" not in path.read_bytes()


def test_a_worker_that_outlives_its_parent_holds_no_session(server: Server, postgresql: str) -> None:  # noqa: F811
    from rulener.formats.postgresql_tables import PostgreSQLTables
    from rulener.formats.tables import RunRecord

    with PostgreSQLTables(target_of(postgresql), RunRecord("r", "s", "v", "e", "{}")) as tables:
        tables.open()
        waiting, go = os.pipe()
        pid = os.fork()
        if pid == 0:
            os.close(go)
            os.read(waiting, 1)
            os._exit(0)
        tables._connection.pgconn.finish()  # as when the parent is gone: nothing is said to the server
    try:
        with PostgreSQLTables(target_of(postgresql), RunRecord("r", "s", "v", "e", "{}")) as again:
            again.open()
    finally:
        os.close(go)
        os.close(waiting)
        os.waitpid(pid, 0)


def test_whatever_a_text_holds_comes_back(postgresql: str) -> None:  # noqa: F811
    import psycopg
    from hypothesis import given, settings
    from hypothesis import strategies as st

    from rulener.formats.postgresql_tables import _json, _lines

    with psycopg.connect(postgresql) as connection:
        connection.execute("create temporary table t (n integer, text text, made jsonb, sure boolean)")

        @settings(max_examples=60, deadline=None, database=None)
        @given(st.lists(st.tuples(st.text(), st.none() | st.booleans()), max_size=6))
        def there_and_back(values: list[tuple[str, bool | None]]) -> None:
            connection.execute("truncate t")
            with connection.cursor() as cursor, cursor.copy("copy t from stdin") as copy:
                copy.write(_lines((n, text, _json([{"a": text}]), sure) for n, (text, sure) in enumerate(values)))
            found = connection.execute("select text, made, sure from t order by n").fetchall()
            plain = [text.replace("\0", "\ufffd") for text, _ in values]
            assert found == [(text, [{"a": text}], sure) for text, (_, sure) in zip(plain, values, strict=True)]

        there_and_back()
