"""What the command says when a database is not as it should be, and which options go together."""

from __future__ import annotations

import json
import os
import sqlite3
from pathlib import Path

import pytest

from tests.cli.conftest import Call

GOLDEN = Path(__file__).parent / "golden"

pytestmark = pytest.mark.usefixtures("fake_engine")


@pytest.fixture
def notes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with `n.db`, which has a table `note`."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("RULENER_DB", raising=False)
    with sqlite3.connect("n.db") as connection:
        connection.execute("create table note (note_id integer, note_text text)")
        connection.execute("insert into note values (1, 'no chest pain')")
    connection.close()
    return tmp_path


def test_the_url_may_be_in_the_environment(call: Call, notes: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RULENER_DB", "n.db")
    assert call("run", "--table", "note", "-o", "out", "-w", 1).code == 0
    manifest = json.loads((notes / "out" / "manifest.json").read_text())
    assert manifest["inputs"] == [{"kind": "sql", "name": "sqlite:n.db"}]
    assert manifest["options"]["table"] == "note"
    (notes / "a.txt").write_text("pain")
    assert call("run", "a.txt", "-o", "other", "-w", 1).code == 0


def test_a_password_on_the_command_line_is_warned_of(call: Call, notes: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("psycopg", reason="the extra [postgres] has it")
    url = f"postgresql://me:geheim@/x?host={notes}"
    ended = call("run", "--db", url, "--table", "note", "-o", "out")
    assert ended.err.startswith("rulener: warning: everybody on this machine can see a password on a command line; ")
    monkeypatch.setenv("RULENER_DB", url)
    quiet = call("run", "--table", "note", "-o", "out")
    assert "warning" not in quiet.err
    assert ended.code == quiet.code == 2
    assert "geheim" not in ended.err + quiet.err


CASES: dict[str, list[str]] = {
    "no_input": [],
    "db_and_input": ["n.db", "--db", "n.db", "--sql", "select 1"],
    "sql_and_table": ["--db", "n.db", "--sql", "select 1", "--table", "note"],
    "neither": ["--db", "n.db"],
    "no_url": ["--db", "mysql://root:geheim@host/x", "--table", "note"],
    "no_database": ["--db", "sqlite:nowhere.db", "--table", "note"],
    "no_table": ["--db", "n.db", "--table", "notes"],
    "no_name": ["--db", "n.db", "--table", "a.b.c.d"],
    "no_omop_column": ["--db", "n.db", "--omop-note"],
    "no_rows": ["--db", "n.db", "--sql", "select * from note where note_id > 1"],
}


TO: dict[str, list[str]] = {
    "rows_without_to": ["--rows", "note_nlp"],
    "to_no_url": ["--to", "oracle://root:geheim@host/x"],
    "to_sqlite": ["--to", "sqlite:n.db"],
    "to_unknown_rows": ["--to", "r.duckdb", "--rows", "mentions"],
    "to_no_table": ["--to", "r.duckdb", "--rows", "entity=a..b"],
    "to_review": ["--to", "r.duckdb", "--review", "queue.tsv"],
    "to_no_date": ["--to", "r.duckdb", "--rows", "note_nlp", "--nlp-date", "today"],
    "to_other_table": ["--to", "r.duckdb"],
    "to_no_database": ["--to", "duckdb:n.db"],
}


@pytest.mark.parametrize("name", TO)
def test_messages_of_targets(call: Call, notes: Path, name: str) -> None:
    duckdb = pytest.importorskip("duckdb", reason="the extra [duckdb] has it")
    with duckdb.connect("r.duckdb") as connection:
        connection.execute("create table entity (patient integer)")
    ended = call("run", "--db", "n.db", "--table", "note", *TO[name], "-o", "out", "--workers", 1)
    shown = f"{ended.err}exit code {ended.code}\n"
    golden = GOLDEN / f"run-{name.replace('_', '-', 1)}.txt"
    if os.environ.get("RULENER_WRITE_GOLDEN") == "1":
        golden.write_text(shown)
    assert shown == golden.read_text()


@pytest.mark.parametrize("name", CASES)
def test_messages(call: Call, notes: Path, name: str) -> None:
    ended = call("run", *CASES[name], "-o", "out", "--workers", 1)
    shown = f"{ended.err}exit code {ended.code}\n"
    golden = GOLDEN / f"run-db-{name}.txt"
    if os.environ.get("RULENER_WRITE_GOLDEN") == "1":
        golden.write_text(shown)
    assert shown == golden.read_text()


def test_a_damaged_database(call: Call, notes: Path) -> None:
    Path("n.db").write_bytes(Path("n.db").read_bytes()[:4096] + b"\xff" * 4096)
    ended = call("run", "--db", "sqlite:n.db", "--table", "note", "-o", "out")
    assert ended.code == 2
    assert ended.err == "rulener: error[U282]: sqlite:n.db: the query failed: database disk image is malformed\n"
