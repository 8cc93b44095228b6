"""What a run writes in each format is the same facts, complete, and the same bytes however it came about."""

from __future__ import annotations

import csv
import json
import shutil
import sys
from functools import partial
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

import rulener
from rulener import errors
from rulener.formats import writers
from rulener.formats.sink import FolderSink
from rulener.formats.writers import FORMATS, Format, known_formats
from rulener.run.directory import run
from tests.run.fake import FakeEngine
from tests.run.test_resume import killed_at
from tests.run.tree import tree

NOTES = {
    "a.txt": "Denies ear ache.\nOtalgia since 2012, took glorpin 500 mg.",
    "b.txt": 'Said "no pain, 5\u00b0".\n\nFH: otalgia.',
    "empty.txt": "",
    "bad.txt": b"\xff",
}


@pytest.fixture(scope="module")
def engine(tmp_path_factory: pytest.TempPathFactory) -> rulener.Engine:
    return rulener.load(cache_dir=tmp_path_factory.mktemp("cache"))


@pytest.fixture
def notes(tmp_path: Path) -> Path:
    (tmp_path / "notes").mkdir()
    for name, text in NOTES.items():
        (tmp_path / "notes" / name).write_bytes(text if isinstance(text, bytes) else text.encode())
    return tmp_path / "notes"


def documents(out: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for path in sorted(out.glob("part-*.jsonl")) for line in path.read_bytes().splitlines()]


def test_every_format_has_the_same_entities(engine: rulener.Engine, notes: Path, tmp_path: Path) -> None:
    pytest.importorskip("pyarrow")
    from pyarrow import feather, parquet

    out = tmp_path / "out"
    run(engine, [str(notes)], str(out), format=["csv", "parquet", "jsonl", "arrow"])
    found = [{"note_id": doc["note_id"], **entity} for doc in documents(out) for entity in doc["entities"]]
    assert {entity["note_id"] for entity in found} == {"a.txt", "b.txt"}

    table = parquet.read_table(out / "part-00000.parquet")
    assert table.to_pylist() == feather.read_table(out / "part-00000.arrow").to_pylist()
    shared = ("note_id", "start", "end", "text", "label", "negated", "family", "section", "sentence", "rule")
    assert [[row[name] for name in shared] for row in table.to_pylist()] == [[e[name] for name in shared] for e in found]
    assert table.schema.metadata == {b"rulener.engine": engine.fingerprint.encode()}

    with open(out / "part-00000.csv", encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    assert [(row["note_id"], int(row["start"]), row["text"], row["negated"]) for row in rows] == [
        (e["note_id"], e["start"], e["text"], "true" if e["negated"] else "false") for e in found
    ]
    assert [json.loads(row["concepts"]) for row in rows] == [e["concepts"] for e in found]
    for entity in found:
        text = NOTES[entity["note_id"]]
        assert isinstance(text, str)
        assert text[entity["start"] : entity["end"]] == entity["text"]


def test_a_part_without_entities_has_its_header(engine: rulener.Engine, tmp_path: Path) -> None:
    pytest.importorskip("pyarrow")
    from pyarrow import feather, parquet

    (tmp_path / "notes").mkdir()
    (tmp_path / "notes" / "bad.txt").write_bytes(b"\xff")
    run(engine, [str(tmp_path / "notes")], str(tmp_path / "out"), format=["csv", "parquet", "arrow"])
    full = parquet.read_schema(tmp_path / "out" / "part-00000.parquet")
    assert full.names[:4] == ["note_id", "start", "end", "text"]
    assert feather.read_table(tmp_path / "out" / "part-00000.arrow").schema.equals(full)
    assert (tmp_path / "out" / "part-00000.csv").read_text().startswith("note_id,id,start,end,text,label,")


@pytest.mark.parametrize("name", FORMATS)
def test_workers_and_restarts_do_not_show(engine: rulener.Engine, notes: Path, tmp_path: Path, name: str) -> None:
    for module in FORMATS[name].needs:
        pytest.importorskip(module)
    once, again = tmp_path / "1", tmp_path / "2"
    for number in range(30):
        (notes / f"n{number}.txt").write_text(f"No ear ache on day {number}. Otalgia.\n")
    if name == "i2b2":
        engine = rulener.Engine(engine.path, scheme="i2b2")
    run(engine, [str(notes)], str(once), format=name, workers=1)
    run(engine, [str(notes)], str(again), format=name, workers=2)
    assert tree(again) == tree(once)


def test_formats_are_named_in_one_order() -> None:
    assert known_formats(["csv", "jsonl", "csv"]) == ("jsonl", "csv")
    with pytest.raises(errors.UsageError, match=r"^\[U212\] unknown format 'xml' \(one of jsonl, "):
        known_formats(["xml"])


def test_a_format_that_is_not_installed_is_told_before_the_run(
    engine: rulener.Engine, notes: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    with pytest.raises(errors.MissingExtra, match=r"the format parquet needs .* \(pip install 'rulener\[parquet"):
        run(engine, [str(notes)], str(tmp_path / "out"), format="parquet")
    assert not (tmp_path / "out").exists()


class EachWriter:
    """A file a note, in folders, for the tests of folders."""

    def __init__(self, sink: FolderSink, engine: FakeEngine) -> None:
        self._sink = sink

    def write(self, batch: Any) -> None:
        for line in batch.lines:
            self._sink.add(f"{json.loads(line)['note_id']}.json", line.encode())

    def close(self) -> None:
        """Every file is written already."""


def test_folders_of_files_survive_kills(notes: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    module = ModuleType("rulener.formats.each")
    module.EachWriter = EachWriter  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "rulener.formats.each", module)
    made = Format("each", ".each", "each:EachWriter", "a file a note", folder=True)
    monkeypatch.setitem(writers.FORMATS, "each", made)
    monkeypatch.setitem(writers._ALL, "each", made)
    (notes / "sub").mkdir()
    (notes / "sub" / "a.txt").write_text("pain")

    def work(out: Path) -> None:
        run(FakeEngine(), [str(notes)], str(out), format=["each", "jsonl"], workers=1)

    work(tmp_path / "whole")
    whole = tree(tmp_path / "whole")
    assert {"part-00000.each/a.txt.json", "part-00000.each/sub/a.txt.json", "part-00000.jsonl"} <= whole.keys()
    step = 1
    while killed_at(step, partial(work, tmp_path / f"o{step}")):
        work(tmp_path / f"o{step}")
        assert tree(tmp_path / f"o{step}") == whole, step
        step += 1
    assert step > 8


def test_a_folder_from_which_a_file_was_taken_away_is_refused_and_made_again_when_it_is_gone(
    notes: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    module = ModuleType("rulener.formats.each")
    module.EachWriter = EachWriter  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "rulener.formats.each", module)
    made = Format("each", ".each", "each:EachWriter", "a file a note", folder=True)
    monkeypatch.setitem(writers.FORMATS, "each", made)
    monkeypatch.setitem(writers._ALL, "each", made)
    run(FakeEngine(), [str(notes)], str(tmp_path / "out"), format="each", workers=1)
    before = tree(tmp_path / "out")
    (tmp_path / "out" / "part-00000.each" / "a.txt.json").unlink()
    with pytest.raises(errors.UsageError, match=r"U214.*part-00000\.each is not as it was written"):
        run(FakeEngine(), [str(notes)], str(tmp_path / "out"), format="each", workers=1)
    shutil.rmtree(tmp_path / "out" / "part-00000.each")
    totals = run(FakeEngine(), [str(notes)], str(tmp_path / "out"), format="each", workers=1)
    assert (totals.resumed, tree(tmp_path / "out")) == (0, before)
