"""Notes from databases: the same from DuckDB, SQLite and PostgreSQL, in the order of their ids, and what is said when not."""

from __future__ import annotations

import json
import re
import sqlite3
import tracemalloc
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from rulener.errors import MissingExtra, UsageError
from rulener.formats import database
from rulener.formats.database import has_password, parse_url, quoted
from rulener.formats.readers import Columns, omop_note
from rulener.formats.sql import query_of
from rulener.run.directory import run
from rulener.run.spool import Spool, _order
from tests.formats.test_readers import CarryingEngine
from tests.postgresql import Server, postgresql, server  # noqa: F401 (fixtures)
from tests.run.conftest import small_parts  # noqa: F401 (a fixture)
from tests.run.fake import FakeEngine
from tests.run.test_resume import killed_at
from tests.run.tree import tree

NOTE = """create table note (
    note_id bigint, person_id bigint, note_date date, note_source_value varchar(50), note_class_concept_id integer, note_text text
)"""
ROWS = [
    (10, 3, "2026-01-03", "disch", 1, "ten: chest pain"),
    (2, 1, "2026-01-01", None, 2, "caf\u00e9, \U0001f9e0 and 'quotes'\r\nnext"),
    (9, 2, "2026-01-02", "op", 3, ""),
]


@pytest.fixture(params=["sqlite", "duckdb", "postgresql"])
def notes(request: pytest.FixtureRequest, tmp_path: Path) -> Callable[..., str]:
    """Makes a database with tables; gives its URL. BYTES stands for the type of bytes."""

    def made(*statements: str, rows: list[tuple[Any, ...]] = ROWS) -> str:
        url, connection, mark = connected(request, tmp_path)
        for statement in statements or (NOTE,):
            connection.execute(statement.replace("BYTES", "bytea" if request.param == "postgresql" else "blob"))
        values = ", ".join([mark] * len(rows[0]))
        for row in rows:
            connection.execute(f"insert into note values ({values})", row)
        connection.commit()
        connection.close()
        return url

    return made


def connected(request: pytest.FixtureRequest, folder: Path) -> tuple[str, Any, str]:
    if request.param == "sqlite":
        return f"sqlite:{folder}/n.db", sqlite3.connect(folder / "n.db"), "?"
    if request.param == "duckdb":
        duckdb = pytest.importorskip("duckdb", reason="the extra [duckdb] has it")
        return f"duckdb:{folder}/n.duckdb", duckdb.connect(str(folder / "n.duckdb")).begin(), "?"
    url = request.getfixturevalue("postgresql")
    import psycopg

    return url, psycopg.connect(url), "%s"


Make = Callable[..., str]


def read(
    url: str, folder: Path, columns: Columns | None = None, sql: str | None = None, table: str | None = None, **options: Any
) -> tuple[list[Any], list[Any]]:
    query = query_of(url, sql, table)
    out = folder / "out"
    run(CarryingEngine(), [], str(out), workers=1, overwrite=True, query=query, columns=columns, **options)
    found = [json.loads(line) for part in sorted(out.glob("part-*")) for line in part.read_text().splitlines()]
    errors = [json.loads(line) for line in (out / "errors.jsonl").read_text().splitlines()]
    return found, [(error["note_id"], error["code"], error["reason"]) for error in errors]


def test_a_query_gives_notes_in_the_order_of_their_ids(notes: Make, tmp_path: Path) -> None:
    found, errors = read(notes(), tmp_path, sql="select note_text, note_id from note where person_id < 3;")
    assert found == [{"id": "2", "text": ROWS[1][5]}, {"id": "9", "text": ""}]
    assert errors == []


def test_the_note_table_of_the_omop_cdm(notes: Make, tmp_path: Path) -> None:
    found, errors = read(notes(), tmp_path, omop_note(), table="note")
    assert [note["id"] for note in found] == ["2", "9", "10"]
    assert found[0]["m"] == {
        "person_id": 1, "note_date": "2026-01-01", "note_source_value": None, "note_class_concept_id": 2,
    }  # fmt: skip
    assert errors == []
    manifest = json.loads((tmp_path / "out" / "manifest.json").read_text())
    assert manifest["inputs"][0]["kind"] == "sql"
    assert re.fullmatch(r"sqlite:n\.db|duckdb:n\.duckdb|postgresql:test\d+", manifest["inputs"][0]["name"])
    assert manifest["options"]["table"] == "note"
    assert manifest["options"]["carry"] == ["person_id", "note_date", "note_source_value", "note_class_concept_id"]


def test_an_omop_note_file_in_capital_letters(tmp_path: Path) -> None:
    (tmp_path / "NOTE.csv").write_text(
        "NOTE_ID,PERSON_ID,NOTE_DATE,NOTE_CLASS_CONCEPT_ID,NOTE_TEXT,NOTE_SOURCE_VALUE,VISIT_OCCURRENCE_ID\n"
        "7,1,2026-01-02,5,text,src,99\n"
    )
    columns = omop_note(("visit_occurrence_id",))
    run(CarryingEngine(), [str(tmp_path / "NOTE.csv")], str(tmp_path / "out"), workers=1, columns=columns)
    (note,) = [json.loads(line) for line in (tmp_path / "out" / "part-00000.jsonl").read_text().splitlines()]
    assert note["id"] == "7"
    assert note["m"] == {
        "person_id": "1", "note_date": "2026-01-02", "note_source_value": "src", "note_class_concept_id": "5",
        "visit_occurrence_id": "99",
    }  # fmt: skip


def test_null_ids_null_texts_and_ids_used_twice(notes: Make, tmp_path: Path) -> None:
    rows = [(1, "a"), (None, "no id"), (3, None), (1, "b"), (4, "d")]
    found, errors = read(notes("create table note (note_id integer, note_text text)", rows=rows), tmp_path, table="note")
    name = json.loads((tmp_path / "out" / "manifest.json").read_text())["inputs"][0]["name"]
    assert [note["id"] for note in found] == ["1", "4"]
    assert errors == [
        ("1", "N104", f"its id is used twice: first at {name}:1, again at {name}:2"),
        ("3", "N106", "the row has no text"),
        (f"{name}:5", "N106", "the row has no id"),
    ]


def test_which_of_two_notes_with_one_id_is_first_does_not_depend_on_the_database(notes: Make, tmp_path: Path) -> None:
    url = notes("create table note (note_id integer, note_text text)", rows=[(1, "b"), (1, "a"), (1, "c")])
    forth = read(url, tmp_path, sql="select * from note order by note_text")
    assert read(url, tmp_path, sql="select * from note order by note_text desc") == forth


def test_texts_that_are_bytes(notes: Make, tmp_path: Path) -> None:
    url = notes("create table note (note_id integer, note_text BYTES)", rows=[(1, b"caf\xe9"), (2, b"\x81")])
    reason = "the row's text is bytes (say --encoding NAME, or cast it to text)"
    assert read(url, tmp_path, table="note")[1] == [("1", "N106", reason), ("2", "N106", reason)]
    found, errors = read(url, tmp_path, table="note", encoding="cp1252")
    assert found == [{"id": "1", "text": "caf\u00e9"}]
    assert errors == [("2", "N102", "the row's text is not cp1252: byte 0 cannot be decoded")]


def test_sqlite_text_that_is_not_utf8(tmp_path: Path) -> None:
    with sqlite3.connect(tmp_path / "n.db") as connection:
        connection.execute("create table note (id, text)")
        connection.execute("insert into note values (1, cast(x'636166e9' as text))")
    connection.close()
    found, errors = read(str(tmp_path / "n.db"), tmp_path, table="note")
    assert (found, [code for _, code, _ in errors]) == ([], ["N106"])
    assert read(str(tmp_path / "n.db"), tmp_path, table="note", encoding="latin-1")[0] == [{"id": "1", "text": "caf\u00e9"}]


def test_names_are_quoted(notes: Make, tmp_path: Path) -> None:
    name = '"no""te; drop table note; --"'
    url = notes(f'create table {quoted(name)} ("ID" integer, "te xt" text)', "create table note (x integer)", rows=[(1,)])
    assert read_error(url, tmp_path, Columns("ID", "te xt"), table=name) == "U203"  # there, and empty
    assert read(url, tmp_path, Columns("x", "x"), sql="select x from note")[1] == [("1", "N106", "the row has no text")]


def read_error(url: str, folder: Path, columns: Columns | None = None, **what: str) -> str:
    with pytest.raises(UsageError) as caught:
        read(url, folder, columns, **what)
    return caught.value.code


@pytest.mark.parametrize(
    ("what", "code", "words"),
    [
        ({"table": "nothing"}, "U282", "nothing"),
        ({"table": "nowhere.note"}, "U282", "nowhere"),
        ({"sql": "selct 1"}, "U282", "selct"),
        ({"sql": "select patient from note"}, "U282", "patient"),
        ({"sql": "delete from note"}, "U282", ""),
        ({"sql": "select note_id from note"}, "U213", "no column for the text"),
    ],
)
def test_queries_that_fail(notes: Make, tmp_path: Path, what: dict[str, str], code: str, words: str) -> None:
    url = notes()
    with pytest.raises(UsageError) as caught:
        read(url, tmp_path, **what)
    assert caught.value.code == code
    assert words in caught.value.message
    assert not (tmp_path / "out").exists()
    assert [note["id"] for note in read(url, tmp_path, table="note")[0]] == ["2", "9", "10"]


def test_an_error_never_quotes_a_row(notes: Make, tmp_path: Path) -> None:
    url = notes()
    if url.startswith("sqlite"):
        pytest.skip("SQLite casts whatever it is given")
    with pytest.raises(UsageError) as caught:
        read(url, tmp_path, sql="select cast(note_text as integer) as note_id, note_text from note")
    assert caught.value.code == "U282"
    assert "chest" not in str(caught.value)
    assert re.search("ConversionException|SQLSTATE 22P02", str(caught.value))


def test_a_run_is_resumed_when_the_database_is_the_same(notes: Make, tmp_path: Path, small_parts: None) -> None:  # noqa: F811
    rows = [(number, f"note {number}: chest pain") for number in range(20)]
    url = notes("create table note (note_id integer, note_text text)", rows=rows)
    query = query_of(url, "select * from note", None)
    other_order = query_of(url, "select * from note", None)

    def work(out: Path, workers: int = 1) -> None:
        run(FakeEngine(), [], str(out), workers=workers, query=query)

    work(tmp_path / "whole")
    work(tmp_path / "two", 2)
    assert tree(tmp_path / "two") == tree(tmp_path / "whole")
    assert killed_at(40, lambda: work(tmp_path / "out"))
    assert not [path for path in (tmp_path / "out").iterdir() if "spool" in path.name and path.stat().st_size]
    run(FakeEngine(), [], str(tmp_path / "out"), workers=1, query=other_order)
    assert tree(tmp_path / "out") == tree(tmp_path / "whole")


def test_a_database_that_changed_is_refused(tmp_path: Path, small_parts: None) -> None:  # noqa: F811
    connection = sqlite3.connect(tmp_path / "n.db")
    connection.execute("create table note (id, text)")
    connection.executemany("insert into note values (?, ?)", [(number, "pain") for number in range(20)])
    connection.commit()
    query = query_of(str(tmp_path / "n.db"), None, "note")
    run(FakeEngine(), [], str(tmp_path / "out"), workers=1, query=query)
    before = tree(tmp_path / "out")
    connection.execute("update note set text = 'Pain' where id = 7")
    connection.commit()
    with pytest.raises(UsageError, match=r"U205.*the input notes"):
        run(FakeEngine(), [], str(tmp_path / "out"), workers=1, query=query)
    assert tree(tmp_path / "out") == before
    connection.close()


def test_memory_does_not_grow_with_the_number_of_rows(tmp_path: Path) -> None:
    def peak(rows: int) -> int:
        path = tmp_path / f"{rows}.db"
        connection = sqlite3.connect(path)
        connection.execute("create table note (id integer, text text)")
        connection.executemany("insert into note values (?, ?)", ((n, "chest pain " * 200) for n in range(rows, 0, -1)))
        connection.commit()
        connection.close()
        query = query_of(str(path), None, "note")
        tracemalloc.start()
        with closing(Spool(str(tmp_path))) as spool:
            spool.add(query.notes(Columns(), None), by_id=True)
        used = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        return used

    peak(10)  # imports
    few = peak(1_000)
    assert peak(8_000) < few + 4_000_000  # the texts have 17 MB; what is kept of each is its place


# --- URLs


@pytest.mark.parametrize(
    ("url", "kind", "name"),
    [
        ("duckdb:/data/notes.duckdb", "duckdb", "duckdb:notes.duckdb"),
        ("sqlite:notes.db", "sqlite", "sqlite:notes.db"),
        ("new.duckdb", "duckdb", "duckdb:new.duckdb"),
        ("postgresql://me:secret@host:5432/cdm?sslmode=require", "postgresql", "postgresql:cdm"),
        ("postgres:///cdm%20a", "postgresql", "postgresql:cdm a"),
        ("postgresql://?dbname=cdm&password=secret", "postgresql", "postgresql:cdm"),
    ],
)
def test_urls(url: str, kind: str, name: str) -> None:
    found = parse_url(url)
    assert (found.kind, found.name) == (kind, name)
    assert "secret" not in repr(found)
    assert has_password(url) == ("secret" in url)


@pytest.mark.parametrize("url", ["", "duckdb:", "sqlite:///x.db", "mysql://root@host/x", "postgresql:cdm", "postgresql://[::1/x"])
def test_urls_that_are_none(url: str) -> None:
    with pytest.raises(UsageError) as caught:
        parse_url(url)
    assert caught.value.code == "U280"


@pytest.mark.parametrize("name", ["", ".", "a.", "a.b.c.d", 'a"b', '"a', "a\0b"])
def test_names_of_tables_that_are_none(name: str) -> None:
    with pytest.raises(UsageError) as caught:
        quoted(name)
    assert caught.value.code == "U282"


def test_names_of_tables() -> None:
    assert quoted("note") == '"note"'
    assert quoted('cdm."a.b""c"') == '"cdm"."a.b""c"'


def test_a_file_that_is_no_database(tmp_path: Path) -> None:
    (tmp_path / "n.db").write_text("no database")
    for url in (f"{tmp_path}/n.db", f"sqlite:{tmp_path}/n.db", f"sqlite:{tmp_path}/none.db"):
        assert read_error(url, tmp_path, table="note") == "U281"


def test_a_duckdb_that_is_none_or_in_use(tmp_path: Path) -> None:
    duckdb = pytest.importorskip("duckdb", reason="the extra [duckdb] has it")
    (tmp_path / "n.duckdb").write_text("no database" * 1000)
    for name in ("n.duckdb", "none.duckdb"):
        assert read_error(f"duckdb:{tmp_path}/{name}", tmp_path, table="note") == "U281"
    assert not (tmp_path / "none.duckdb").exists()
    assert duckdb is not None


@pytest.mark.parametrize(("url", "extra"), [("duckdb:x", "duckdb"), ("postgresql:///x", "postgres")])
def test_a_missing_driver_names_its_extra(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, url: str, extra: str) -> None:
    def absent(name: str) -> Any:
        raise ImportError(name)

    monkeypatch.setattr(database, "import_module", absent)
    with pytest.raises(MissingExtra) as caught:
        read(url, tmp_path, table="note")
    assert caught.value.hint == f"pip install 'rulener[{extra}]'"


def test_a_wrong_password_is_not_repeated(server: Server, tmp_path: Path) -> None:  # noqa: F811
    with pytest.raises(UsageError) as caught:
        read(server.url(user="guarded", password="wrong-one"), tmp_path, table="note")
    assert str(caught.value) == (
        '[U281] postgresql:postgres: cannot open the database: connection to server on socket '
        f'"{server.folder}/.s.PGSQL.5432" failed: FATAL:  password authentication failed for user "guarded" '
        "(the environment variable PGPASSWORD or the file ~/.pgpass may hold it)"
    )


def test_a_server_that_is_not_there(server: Server, tmp_path: Path) -> None:  # noqa: F811
    with pytest.raises(UsageError) as caught:
        read(f"postgresql://me:secret@/x?host={tmp_path}", tmp_path, table="note")
    assert caught.value.code == "U281"
    assert "secret" not in str(caught.value)
    with pytest.raises(UsageError) as caught:
        read(f"postgresql://me:secret@/x?host={tmp_path}&nonsense=1", tmp_path, table="note")
    assert caught.value.code == "U280"
    assert "secret" not in str(caught.value)


def test_a_session_that_is_ended_while_it_reads(server: Server, postgresql: str, tmp_path: Path) -> None:  # noqa: F811
    with server.connect(postgresql) as connection:
        connection.execute("create table note as select n as note_id, 'pain' as note_text from generate_series(1, 2000) n")
        rows = query_of(postgresql, None, "note").notes(Columns(), None)
        next(rows)
        connection.execute("select pg_terminate_backend(pid) from pg_stat_activity where application_name = 'rulener'")
        with pytest.raises(UsageError, match=r"\[U283\] postgresql:test\d+: the connection to the database is lost: "):
            list(rows)


# --- the order of ids


def test_numbers_come_first_and_by_value() -> None:
    ids = ["10", "9", "a", "aa", "a\0", "\u00e9", "010", "-1", "0", None, "123456789012345678901234567890"]
    expected = ["0", "9", "10", "123456789012345678901234567890", "-1", "010", "a", "a\0", "aa", "\u00e9", None]
    assert sorted(ids, key=_order) == expected
