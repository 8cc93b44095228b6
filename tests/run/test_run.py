from __future__ import annotations

import errno
import json
import os
import signal
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from rulener.errors import UsageError
from rulener.formats.sink import Sink
from rulener.run import limits, work
from rulener.run.directory import default_workers, run
from rulener.run.output import Output
from tests.run.fake import FakeBatch, FakeEngine
from tests.run.tree import tree

Read = Callable[[Path], list[Any]]


def test_every_note_has_a_line_in_order(notes: Path, tmp_path: Path, engine: FakeEngine, lines: Read, small_parts: None) -> None:
    totals = run(engine, [str(notes)], str(tmp_path / "out"), workers=1)
    expected = sorted(path.relative_to(notes).as_posix() for path in notes.rglob("*.txt"))
    assert [line["note_id"] for line in lines(tmp_path / "out")] == expected
    assert (totals.notes, totals.failed, totals.parts) == (20, 0, 7)
    assert totals.entities == sum(len(line["entities"]) for line in lines(tmp_path / "out")) > 20


@pytest.mark.parametrize(("count", "start"), [(2, "fork"), (3, "fork"), (2, "spawn")])
def test_the_number_of_workers_does_not_show(
    notes: Path, tmp_path: Path, engine: FakeEngine, small_parts: None, count: int, start: str
) -> None:
    (notes / "bad.txt").write_bytes(b"\xff")
    run(engine, [str(notes)], str(tmp_path / "one"), workers=1)
    totals = run(engine, [str(notes)], str(tmp_path / "many"), workers=count, start=start)
    assert tree(tmp_path / "one") == tree(tmp_path / "many")
    assert totals.failed == 1


def test_a_folder_holds_only_what_it_says(notes: Path, tmp_path: Path, engine: FakeEngine) -> None:
    run(engine, [str(notes)], str(tmp_path / "out"), workers=1)
    assert list(tree(tmp_path / "out")) == ["errors.jsonl", "journal.jsonl", "manifest.json", "part-00000.jsonl"]
    assert (tmp_path / "out" / "errors.jsonl").read_bytes() == b""


def test_the_manifest_names_no_path_and_no_time(
    notes: Path, tmp_path: Path, engine: FakeEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    (notes / "other.pdf").touch()
    run(engine, [str(notes)], str(tmp_path / "out"), workers=1)
    monkeypatch.chdir(notes)
    run(engine, ["."], str(tmp_path / "out2"), workers=2)
    text = (tmp_path / "out" / "manifest.json").read_text()
    assert text == (tmp_path / "out2" / "manifest.json").read_text()
    assert str(tmp_path) not in text
    assert "/x/" not in text
    manifest = json.loads(text)
    assert manifest["counts"]["notes"] == 20
    assert manifest["passed_over"] == 1
    assert manifest["inputs"] == [{"kind": "folder", "name": "notes"}]
    assert manifest["options"] == {"scheme": None, "format": "jsonl", "encoding": "utf-8"}
    assert [file["file"] for part in manifest["parts"] for file in part["files"]] == ["part-00000.jsonl"]


def test_all_kinds_of_input_in_one_run(notes: Path, tmp_path: Path, engine: FakeEngine, lines: Read, small_parts: None) -> None:
    (tmp_path / "n.jsonl").write_text('\ufeff{"id": "l1", "text": "pain"}\n\n{"note_id": "l2", "text": "x"}\n')
    (tmp_path / "single.log").write_text("pain")
    run(engine, [str(tmp_path / "single.log"), str(notes), str(tmp_path / "n.jsonl")], str(tmp_path / "out"), workers=2)
    ids = [line["note_id"] for line in lines(tmp_path / "out")]
    assert ids[0] == "single.log"
    assert ids[-2:] == ["l1", "l2"]
    assert len(ids) == 23


# --- bad notes


def test_bad_notes_are_told_and_the_others_done(
    tmp_path: Path, engine: FakeEngine, lines: Read, errors: Read, small_parts: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "notes"
    folder.mkdir()
    (folder / "binary.txt").write_bytes(b"\0" * 100)
    (folder / "bom8.txt").write_bytes("\ufeffpain".encode())
    (folder / "bom16.txt").write_bytes("pain".encode("utf-16"))
    (folder / "cp1252.txt").write_bytes(b"caf\xe9")
    (folder / "empty.txt").touch()
    (folder / "gone.txt").symlink_to("nowhere")
    (folder / "large.txt").write_text("x" * 1001)
    (folder / "nul.txt").write_text("a\0pain")
    (folder / "slow.txt").write_text("slow regex")
    monkeypatch.setattr(limits, "NOTE_BYTES", 1000)
    totals = run(engine, [str(folder)], str(tmp_path / "out"), workers=1)
    done = {line["note_id"]: (line["length"], line["entities"]) for line in lines(tmp_path / "out")}
    assert done == {
        "bom8.txt": (4, [{"start": 0, "end": 4}]),
        "bom16.txt": (4, [{"start": 0, "end": 4}]),
        "empty.txt": (0, []),
        "nul.txt": (6, [{"start": 2, "end": 6}]),
    }
    told = errors(tmp_path / "out")
    assert [(error["note_id"], error["code"]) for error in told] == [
        ("binary.txt", "N103"),
        ("cp1252.txt", "N102"),
        ("gone.txt", "N101"),
        ("large.txt", "N105"),
        ("slow.txt", "N201"),
    ]
    assert told[2]["reason"] == "cannot be read: No such file or directory"
    assert totals.failed == 5


def test_a_given_encoding(tmp_path: Path, engine: FakeEngine, lines: Read) -> None:
    (tmp_path / "n").mkdir()
    (tmp_path / "n" / "a.txt").write_bytes(b"caf\xe9 pain")
    assert run(engine, [str(tmp_path / "n")], str(tmp_path / "out"), encoding="latin-1", workers=1).failed == 0
    assert lines(tmp_path / "out")[0]["length"] == 9


def test_a_file_that_changes_its_size_is_read_whole(
    tmp_path: Path, engine: FakeEngine, lines: Read, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "n").mkdir()
    (tmp_path / "n" / "a.txt").write_text("x")
    (tmp_path / "n" / "b.txt").write_text("x" * 100)
    read = work._read

    def late(path: str, size: int) -> bytes:
        Path(path).write_text("y" * 50)
        return read(path, size)

    monkeypatch.setattr(work, "_read", late)
    run(engine, [str(tmp_path / "n")], str(tmp_path / "out"), workers=1)
    assert [line["length"] for line in lines(tmp_path / "out")] == [50, 50]


def test_a_large_note(tmp_path: Path, engine: FakeEngine, lines: Read) -> None:
    (tmp_path / "n").mkdir()
    (tmp_path / "n" / "a.txt").write_bytes(b"no complaint.  \n" * (50 << 16))
    (tmp_path / "n" / "b.txt").write_text("pain")
    assert run(engine, [str(tmp_path / "n")], str(tmp_path / "out"), workers=1).parts == 2
    assert [line["length"] for line in lines(tmp_path / "out")] == [50 << 20, 4]


def test_no_memory_for_one_note_leaves_the_others(tmp_path: Path, errors: Read, lines: Read, notes: Path) -> None:
    @dataclass
    class Small(FakeEngine):
        def batch(self, texts: list[str], ids: list[str]) -> FakeBatch:
            if any(len(text) > 300 for text in texts):
                raise MemoryError
            return super().batch(texts, ids)

    run(Small(), [str(notes)], str(tmp_path / "out"), workers=1)
    told = errors(tmp_path / "out")
    assert {error["code"] for error in told} == {"N105"}
    assert len(told) + len(lines(tmp_path / "out")) == 20
    assert 0 < len(told) < 10


def test_ids_used_twice(tmp_path: Path, engine: FakeEngine, lines: Read, errors: Read) -> None:
    (tmp_path / "n.jsonl").write_text("".join(f'{{"id": "{i}", "text": "{i}"}}\n' for i in ("a", "b", "a", "c", "a")))
    run(engine, [str(tmp_path / "n.jsonl")], str(tmp_path / "out"), workers=2)
    assert [line["note_id"] for line in lines(tmp_path / "out")] == ["a", "b", "c"]
    assert [(error["note_id"], error["code"], error["reason"]) for error in errors(tmp_path / "out")] == [
        ("a", "N104", "its id is used twice: first at n.jsonl:1, again at n.jsonl:3"),
        ("a", "N104", "its id is used twice: first at n.jsonl:1, again at n.jsonl:5"),
    ]


def test_two_folders_with_the_same_names(tmp_path: Path, engine: FakeEngine, errors: Read) -> None:
    for name in ("x", "y"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "a.txt").touch()
    run(engine, [str(tmp_path / "x"), str(tmp_path / "y")], str(tmp_path / "out"), workers=1)
    assert [error["reason"] for error in errors(tmp_path / "out")] == ["its id is used twice: first at x/a.txt, again at y/a.txt"]


def test_lines_that_are_no_notes(tmp_path: Path, engine: FakeEngine, errors: Read, lines: Read) -> None:
    (tmp_path / "n.jsonl").write_bytes(
        b'{"id": "a", "text": "x"}\nnonsense\n{"id": "b"}\n{"id": "c\xff", "text": ""}\n{"id": "d", "text": ""}'
    )
    run(engine, [str(tmp_path / "n.jsonl")], str(tmp_path / "out"), workers=1)
    assert [(e["note_id"], e["code"]) for e in errors(tmp_path / "out")] == [
        ("n.jsonl:2", "N106"),
        ("b", "N106"),
        ("n.jsonl:4", "N102"),
    ]
    assert [line["note_id"] for line in lines(tmp_path / "out")] == ["a", "d"]


def test_a_folder_that_cannot_be_listed_is_in_the_errors(
    notes: Path, tmp_path: Path, engine: FakeEngine, errors: Read, monkeypatch: pytest.MonkeyPatch
) -> None:
    scandir = os.scandir

    def refuse(path: str) -> object:
        if path.endswith("sub1"):
            raise PermissionError(13, "Permission denied")
        return scandir(path)

    monkeypatch.setattr(os, "scandir", refuse)
    totals = run(engine, [str(notes)], str(tmp_path / "out"), workers=1)
    assert errors(tmp_path / "out") == [{"note_id": "sub1/", "code": "N101", "reason": "the folder cannot be listed"}]
    assert totals.failed == 1


# --- bad inputs and outputs


def test_a_folder_without_notes_makes_no_output(tmp_path: Path, engine: FakeEngine) -> None:
    (tmp_path / "n" / "deep").mkdir(parents=True)
    (tmp_path / "n" / "deep" / "a.docx").touch()
    with pytest.raises(UsageError, match=r"U203.*no notes found \(1 other files\)"):
        run(engine, [str(tmp_path / "n")], str(tmp_path / "out"))
    assert not (tmp_path / "out").exists()


def test_foreign_files_in_the_output(notes: Path, tmp_path: Path, engine: FakeEngine) -> None:
    out = tmp_path / "out"
    out.mkdir()
    (out / "thesis.doc").write_text("precious")
    for overwrite in (False, True):
        with pytest.raises(UsageError, match=r"U204.*thesis\.doc"):
            run(engine, [str(notes)], str(out), overwrite=overwrite)
    assert tree(out) == {"thesis.doc": b"precious"}


def test_a_foreign_journal_is_never_overwritten(notes: Path, tmp_path: Path, engine: FakeEngine) -> None:
    out = tmp_path / "out"
    out.mkdir()
    (out / "journal.jsonl").write_text('{"mine": 1}\n')
    for overwrite in (False, True):
        with pytest.raises(UsageError, match="U204"):
            run(engine, [str(notes)], str(out), overwrite=overwrite)
    assert tree(out) == {"journal.jsonl": b'{"mine": 1}\n'}


def test_the_output_may_lie_in_the_input(notes: Path, tmp_path: Path, engine: FakeEngine) -> None:
    run(engine, [str(notes)], str(notes / "out"), workers=1)
    (notes / "out" / "part-00000.txt").write_text("not a note")
    assert run(engine, [str(notes)], str(notes / "out"), workers=1).notes == 20


@pytest.mark.parametrize("kind", ["file", "below a file"])
def test_an_output_that_cannot_be_made(notes: Path, tmp_path: Path, engine: FakeEngine, kind: str) -> None:
    (tmp_path / "out").touch()
    out = tmp_path / "out" if kind == "file" else tmp_path / "out" / "deeper"
    with pytest.raises(UsageError, match="U208"):
        run(engine, [str(notes)], str(out))


def test_two_runs_at_once(notes: Path, tmp_path: Path, engine: FakeEngine) -> None:
    ready, told = os.pipe()
    pid = os.fork()
    if pid == 0:
        with Output(str(tmp_path / "out"), {"schema": "rulener.journal/3", "of": "the first"}):
            os.write(told, b"x")
            signal.pause()
    os.read(ready, 1)
    try:
        for overwrite in (False, True):
            with pytest.raises(UsageError, match="U206"):
                run(engine, [str(notes)], str(tmp_path / "out"), overwrite=overwrite)
    finally:
        os.kill(pid, signal.SIGKILL)
        os.waitpid(pid, 0)
        os.close(ready)
        os.close(told)
    run(engine, [str(notes)], str(tmp_path / "out"), overwrite=True)


@pytest.mark.parametrize("count", [1, 2])
def test_a_full_disk(
    notes: Path, tmp_path: Path, engine: FakeEngine, small_parts: None, monkeypatch: pytest.MonkeyPatch, count: int
) -> None:
    run(engine, [str(notes)], str(tmp_path / "whole"), workers=1)
    with monkeypatch.context() as patch:
        write = Sink.write

        def full(sink: Sink, data: bytes) -> int:
            if "part-00004" in sink.path:
                raise OSError(errno.ENOSPC, "No space left on device")
            return write(sink, data)

        patch.setattr(Sink, "write", full)
        with pytest.raises(UsageError, match=r"U207.*No space left on device; \d parts are done and stay \(make room"):
            run(engine, [str(notes)], str(tmp_path / "out"), workers=count)
    assert not [name for name in tree(tmp_path / "out") if name.startswith(".")]
    run(engine, [str(notes)], str(tmp_path / "out"), workers=count)
    assert tree(tmp_path / "out") == tree(tmp_path / "whole")


def test_a_full_disk_at_the_sync(notes: Path, tmp_path: Path, engine: FakeEngine, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(_: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(UsageError, match="U207"):
        run(engine, [str(notes)], str(tmp_path / "out"), workers=1)


# --- workers that die


@pytest.mark.parametrize("start", ["fork", "spawn"])
def test_a_killed_worker_is_replaced(notes: Path, tmp_path: Path, small_parts: None, start: str) -> None:
    run(FakeEngine(), [str(notes)], str(tmp_path / "whole"), workers=1)
    text = (notes / "n08.txt").read_text()
    (notes / "n08.txt").write_text(text.replace("note 8", "deadly"))
    run(FakeEngine(kill=str(tmp_path / "killed")), [str(notes)], str(tmp_path / "out"), workers=2, start=start)
    assert (tmp_path / "killed").exists()
    assert [name for name in tree(tmp_path / "out")] == [name for name in tree(tmp_path / "whole")]


@dataclass
class Interrupting(FakeEngine):
    """Sends Ctrl-C to the process of the run at the note with the word "now"."""

    run_pid: int = 0

    def batch(self, texts: list[str], ids: list[str]) -> FakeBatch:
        if any("now" in text for text in texts):
            os.kill(self.run_pid, signal.SIGINT)
            if os.getpid() != self.run_pid:
                signal.pause()  # until the run ends its workers
        return super().batch(texts, ids)


def child_processes() -> set[str]:
    """The children of this process, other tests' helpers included (Linux; elsewhere none are seen)."""
    tasks = Path("/proc/self/task")
    return {child for task in tasks.glob("*/children") for child in task.read_text().split()}


@pytest.mark.parametrize("count", [1, 2])
def test_ctrl_c_ends_workers_and_can_be_taken_up(notes: Path, tmp_path: Path, small_parts: None, count: int) -> None:
    (notes / "n08.txt").write_text("now")
    run(FakeEngine(), [str(notes)], str(tmp_path / "whole"), workers=1)
    before = child_processes()
    with pytest.raises(KeyboardInterrupt):
        run(Interrupting(run_pid=os.getpid()), [str(notes)], str(tmp_path / "out"), workers=count)
    assert child_processes() <= before
    assert not [name for name in tree(tmp_path / "out") if name.startswith(".")]
    run(FakeEngine(), [str(notes)], str(tmp_path / "out"), workers=count)
    assert tree(tmp_path / "out") == tree(tmp_path / "whole")


def test_the_default_number_of_workers_is_bounded() -> None:
    assert 1 <= default_workers() <= limits.WORKERS
