"""A note that ends or holds up the worker that annotates it is given up, and it alone, whatever the number of workers."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from rulener.errors import UsageError
from rulener.formats import writers
from rulener.formats.writers import Format
from rulener.run import limits
from rulener.run.directory import run
from rulener.run.trouble import WorkerBug
from tests.run.fake import FakeBatch, FakeEngine
from tests.run.poison import Poisoned, bug, ended, hangs, killed, no_memory, poisoned_fake, small_engine
from tests.run.tree import tree
from tests.small import NOTES

Read = Callable[[Path], list[Any]]


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """A busy machine may hold up a note for so long once, but not twice: then it is given up."""
    monkeypatch.setattr(limits, "HUNG_SECONDS", 0.7)
    monkeypatch.setattr(limits, "HUNG_SECONDS_A_NOTE", 0.0)


def spoil(notes: Path, **words: str) -> None:
    """Put words into notes: n08="deadly"."""
    for name, word in words.items():
        (path,) = notes.rglob(f"{name}.txt")
        path.write_text(f"pain, {word}")


@pytest.mark.parametrize(
    ("poison", "code", "reason"),
    [
        (killed, "N302", "the process that annotated it was ended by signal SIGKILL, 2 times"),
        (ended, "N302", "the process that annotated it ended with code 3, 2 times"),
        (hangs, "N303", "the engine took longer than 0.7 s, 2 times"),
        (bug, "N304", "a bug in rulener: KeyError at poison.py:41"),
        (no_memory, "N105", "not enough memory for its 11 characters"),
    ],
)
def test_it_is_given_up_and_named(
    notes: Path, tmp_path: Path, small_parts: None, impatient: None, lines: Read, errors: Read,
    poison: Callable[[], None], code: str, reason: str,
) -> None:  # fmt: skip
    run(FakeEngine(), [str(notes)], str(tmp_path / "whole"), workers=1)
    spoil(notes, n08="venom")
    for count in (1, 2):
        totals = run(poisoned_fake(venom=poison), [str(notes)], str(tmp_path / f"out{count}"), workers=count)
        assert (totals.notes, totals.failed) == (20, 1)
    (error,) = errors(tmp_path / "out1")
    assert (error["note_id"], error["code"]) == ("n08.txt", code)
    assert error["reason"].partition(":")[0] == reason.partition(":")[0]
    assert "private" not in error["reason"]
    assert lines(tmp_path / "out1") == [line for line in lines(tmp_path / "whole") if line["note_id"] != "n08.txt"]
    assert tree(tmp_path / "out1") == tree(tmp_path / "out2")


def test_several_in_one_part_and_at_its_ends(
    notes: Path, tmp_path: Path, small_parts: None, impatient: None, lines: Read, errors: Read
) -> None:
    spoil(notes, n00="deadly", n04="quick", n08="deadly", n10="endless", n12="quick", n19="deadly")
    engine = poisoned_fake(deadly=killed, endless=hangs, quick=ended)
    for count in (1, 3):
        run(engine, [str(notes)], str(tmp_path / f"out{count}"), workers=count)
    assert tree(tmp_path / "out1") == tree(tmp_path / "out3")
    told = [(error["note_id"], error["code"]) for error in errors(tmp_path / "out1")]
    assert told == [(f"{name}.txt", code) for name, code in (
        ("n00", "N302"), ("n04", "N302"), ("n08", "N302"), ("n10", "N303"), ("n12", "N302"), ("sub1/n19", "N302"),
    )]  # fmt: skip
    assert len(lines(tmp_path / "out1")) == 14


FORMATS = ("jsonl", "parquet", "brat", "html", "csv")


@pytest.mark.parametrize("kind", ["jsonl", "csv"])
def test_every_format_is_without_it(tmp_path: Path, small_parts: None, errors: Read, kind: str) -> None:
    """What is written of the others is the same as if it had been a note that could not be read."""
    pytest.importorskip("pyarrow")
    texts = [f"{text} {number}" for number, text in enumerate((*NOTES, *NOTES))]
    texts[5] += " venom"
    ids = [f"n{number}" for number in range(len(texts))]
    table = tmp_path / f"notes.{kind}"
    if kind == "jsonl":
        table.write_text("".join(json.dumps({"id": one, "text": text}) + "\n" for one, text in zip(ids, texts, strict=True)))
    else:
        quoted = ('"' + text.replace('"', '""') + '"' for text in texts)
        table.write_text("id,text\n" + "".join(f"{one},{text}\n" for one, text in zip(ids, quoted, strict=True)), newline="")
    engine = Poisoned(small_engine(tmp_path), {"venom": ended})
    for count in (1, 2):
        run(engine, [str(table)], str(tmp_path / f"out{count}"), workers=count, format=FORMATS)
    assert [(error["note_id"], error["code"]) for error in errors(tmp_path / "out1")] == [("n5", "N302")]
    assert tree(tmp_path / "out1") == tree(tmp_path / "out2")
    files = {Path(name).stem for name in tree(tmp_path / "out1") if "brat" in name and name.endswith(".ann")}
    assert files == set(ids) - {"n5"}


def test_it_is_not_done_again_when_the_run_is_taken_up(notes: Path, tmp_path: Path, small_parts: None) -> None:
    spoil(notes, n08="venom")
    run(poisoned_fake(venom=killed), [str(notes)], str(tmp_path / "out"), workers=1)
    before = tree(tmp_path / "out")
    totals = run(FakeEngine(), [str(notes)], str(tmp_path / "out"), workers=1)
    assert (totals.resumed, totals.failed) == (7, 1)
    assert tree(tmp_path / "out") == before


@pytest.mark.parametrize(
    ("poison", "error"), [(killed, r"U209.*over 4 notes of part \d a worker ended; the last one was ended by"), (bug, "KeyError")]
)
def test_too_many_of_them_are_no_notes_fault(
    notes: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, poison: Callable[[], None], error: str
) -> None:
    monkeypatch.setattr(limits, "LOST_NOTES", 3)
    with pytest.raises((UsageError, WorkerBug), match=error):
        run(poisoned_fake(pain=poison), [str(notes)], str(tmp_path / "out"), workers=1)


@dataclass
class OnlyTogether(FakeEngine):
    """Does something over two notes and more, as long as a file does not exist; makes it when it has seen notes one by one."""

    does: Callable[[], None] = killed
    until: str = "/never"

    def batch(self, texts: list[str], ids: list[str]) -> FakeBatch:
        if len(texts) > 1 and not Path(self.until).exists():
            self.does()
        if len(texts) == 1 and self.until != "/never":
            Path(self.until).touch()
        return super().batch(texts, ids)


@pytest.mark.parametrize("count", [1, 2])
@pytest.mark.parametrize("does", [killed, hangs])
def test_notes_that_only_once_did_it_together_are_all_done(
    notes: Path, tmp_path: Path, small_parts: None, impatient: None, does: Callable[[], None], count: int
) -> None:
    run(FakeEngine(), [str(notes)], str(tmp_path / "whole"), workers=1)
    engine = OnlyTogether(does=does, until=str(tmp_path / "until"))
    run(engine, [str(notes)], str(tmp_path / "out"), workers=count)
    assert tree(tmp_path / "out") == tree(tmp_path / "whole")


@pytest.mark.parametrize(("does", "how"), [(killed, "was ended by signal SIGKILL"), (hangs, "took too long")])
def test_a_part_that_no_note_alone_spoils_ends_the_run(
    notes: Path, tmp_path: Path, small_parts: None, impatient: None, does: Callable[[], None], how: str
) -> None:
    with pytest.raises(UsageError, match=rf"U209.*a worker {how} 2 times while making part \d; \d parts are done and stay"):
        run(OnlyTogether(does=does), [str(notes)], str(tmp_path / "out"), workers=2)
    run(FakeEngine(), [str(notes)], str(tmp_path / "out"), workers=2)
    run(FakeEngine(), [str(notes)], str(tmp_path / "whole"), workers=1)
    assert tree(tmp_path / "out") == tree(tmp_path / "whole")


def test_a_developer_sees_the_first_bug(notes: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RULENER_TRACEBACK", "1")
    with pytest.raises(WorkerBug) as caught:
        run(poisoned_fake(pain=bug), [str(notes)], str(tmp_path / "out"), workers=2)
    assert caught.value.place.startswith("poison.py:")
    assert "in bug" in caught.value.traceback
    assert "private" not in str(caught.value)


def test_workers_that_cannot_begin_end_the_run(notes: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("rulener.run.workers._serve", lambda *_: ended())
    with pytest.raises(UsageError, match=r"U209.*a worker ended with code 3 before it had begun, 3 times"):
        run(FakeEngine(), [str(notes)], str(tmp_path / "out"), workers=2)


@dataclass
class Unfinished(FakeEngine):
    """Its files cannot be completed: that part with the word "venom" does something instead."""

    does: Callable[[], None] = killed


class UnfinishedWriter:
    """One line a note; at the end what the engine does when a note had the word."""

    def __init__(self, sink: Any, engine: Unfinished) -> None:
        self._sink = sink
        self._does = engine.does
        self._is_bad = False

    def write(self, batch: FakeBatch) -> None:
        self._is_bad |= any('"n08.txt"' in line for line in batch.lines)
        self._sink.write("".join(batch.lines).encode())

    def close(self) -> None:
        if self._is_bad:
            self._does()


@pytest.mark.parametrize(
    ("does", "error"),
    [
        (killed, r"U209.*a worker was ended by signal SIGKILL 2 times while making part 1"),
        (no_memory, r"U209.*a worker ran out of memory 2 times while making part 1"),
        (bug, "KeyError"),
    ],
)
@pytest.mark.parametrize("count", [1, 2])
def test_a_part_whose_files_cannot_be_completed_ends_the_run(
    notes: Path, tmp_path: Path, small_parts: None, monkeypatch: pytest.MonkeyPatch, does: Callable[[], None], error: str,
    count: int,
) -> None:  # fmt: skip
    module = ModuleType("rulener.formats.unfinished")
    module.UnfinishedWriter = UnfinishedWriter  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "rulener.formats.unfinished", module)
    made = Format("unfinished", ".unfinished", "unfinished:UnfinishedWriter", "for this test")
    monkeypatch.setitem(writers.FORMATS, "unfinished", made)
    monkeypatch.setitem(writers._ALL, "unfinished", made)
    with pytest.raises((UsageError, WorkerBug), match=error):
        run(Unfinished(does=does), [str(notes)], str(tmp_path / "out"), format="unfinished", workers=count)
