"""A run that is killed at any moment and taken up again ends with the same bytes as one that is not."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from rulener.errors import UsageError
from rulener.run import output
from rulener.run.directory import Totals, run
from tests.run.fake import FakeEngine
from tests.run.tree import tree

STEPS = ("open", "write", "replace", "fsync", "unlink", "fork")


def killed_at(step: int, work: Callable[[], Any]) -> bool:
    """Does `work` in a child that kills itself before its `step`-th call to the system. False when it came to its end."""
    pid = os.fork()
    if pid == 0:
        try:
            _kill_before(step)
            work()
        finally:
            os._exit(0)
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == -signal.SIGKILL


def _kill_before(step: int) -> None:
    calls = 0
    own = os.getpid()

    def counted(function: Callable[..., Any]) -> Callable[..., Any]:
        def call(*args: Any, **kwargs: Any) -> Any:
            nonlocal calls
            if os.getpid() == own:
                calls += 1
                if calls == step:
                    os.kill(own, signal.SIGKILL)
            return function(*args, **kwargs)

        return call

    for name in STEPS:
        setattr(os, name, counted(getattr(os, name)))
    output.Output._write_line = counted(output.Output._write_line)  # type: ignore[method-assign]


@pytest.mark.parametrize("count", [1, 2])
def test_killed_before_every_step(notes: Path, tmp_path: Path, small_parts: None, count: int) -> None:
    (notes / "bad.txt").write_bytes(b"\xff")
    paths = [str(notes)]
    run(FakeEngine(), paths, str(tmp_path / "whole"), workers=1)
    whole = tree(tmp_path / "whole")

    def again(out: Path) -> Totals:
        return run(FakeEngine(), paths, str(out), workers=count)

    step = 1
    while killed_at(step, partial(again, out := tmp_path / f"out{step}")):
        totals = again(out)
        assert (totals.notes, totals.failed) == (21, 1)
        assert tree(out) == whole, step
        step += 1
    assert step > 30


def test_killed_again_and_again(notes: Path, tmp_path: Path, small_parts: None) -> None:
    paths, out = [str(notes)], str(tmp_path / "out")
    run(FakeEngine(), paths, str(tmp_path / "whole"), workers=1)
    kills = 0
    while killed_at(25 + 5 * kills, lambda: run(FakeEngine(), paths, out, workers=1)):
        kills += 1
    assert kills > 1
    assert tree(tmp_path / "out") == tree(tmp_path / "whole")


def test_done_parts_are_not_done_again(notes: Path, tmp_path: Path, small_parts: None) -> None:
    out = tmp_path / "out"
    run(FakeEngine(), [str(notes)], str(out), workers=1)
    before = tree(out)
    totals = run(FakeEngine(kill="/never"), [str(notes)], str(out), workers=1)
    assert totals.resumed == totals.parts == 7
    assert tree(out) == before


def test_a_part_that_is_gone_is_done_again(notes: Path, tmp_path: Path, small_parts: None) -> None:
    out = tmp_path / "out"
    run(FakeEngine(), [str(notes)], str(out), workers=1)
    before = tree(out)
    (out / "part-00003.jsonl").unlink()
    assert run(FakeEngine(), [str(notes)], str(out), workers=1).resumed == 6
    assert tree(out) == before


def test_a_line_cut_short_is_dropped(notes: Path, tmp_path: Path, small_parts: None) -> None:
    out = tmp_path / "out"
    run(FakeEngine(), [str(notes)], str(out), workers=1)
    before = tree(out)
    (out / "journal.jsonl").write_bytes(before["journal.jsonl"][:-5])
    (out / "manifest.json").unlink()
    assert run(FakeEngine(), [str(notes)], str(out), workers=1).resumed == 6
    assert tree(out) == before


def changed_engine(notes: Path) -> dict[str, Any]:
    return {"engine": FakeEngine(fingerprint="another")}


def changed_lexicon(notes: Path) -> dict[str, Any]:
    return {"engine": FakeEngine(fingerprint="another", lexicons=[{"name": "drugs.tsv", "sha256": "ef" * 32}])}


def changed_option(notes: Path) -> dict[str, Any]:
    return {"encoding": "cp1252"}


def renamed_note(notes: Path) -> dict[str, Any]:
    (notes / "n02.txt").rename(notes / "n03.txt")
    return {}


def fewer_notes(notes: Path) -> dict[str, Any]:
    for path in notes.glob("sub*/*"):
        path.unlink()
    return {}


def other_input(notes: Path) -> dict[str, Any]:
    notes.rename(notes.with_name("moved"))
    return {"notes": notes.with_name("moved")}


@pytest.mark.parametrize(
    ("change", "named"),
    [
        (changed_engine, "the compiled engine"),
        (changed_lexicon, r"lexicons (was [starter abababab], is [drugs.tsv efefefef])"),
        (changed_option, "encoding (was utf-8, is cp1252)"),
        (renamed_note, "the input notes (names, sizes or order)"),
        (fewer_notes, "the input notes"),
        (other_input, "inputs (was [notes], is [moved])"),
    ],
)
def test_the_folder_of_another_run(
    notes: Path, tmp_path: Path, small_parts: None, change: Callable[[Path], dict[str, Any]], named: str
) -> None:
    out = tmp_path / "out"
    run(FakeEngine(), [str(notes)], str(out), workers=1)
    before = tree(out)
    new = change(notes)
    engine, notes = new.pop("engine", FakeEngine()), new.pop("notes", notes)
    with pytest.raises(UsageError) as caught:
        run(engine, [str(notes)], str(out), workers=1, **new)
    assert caught.value.code == "U205"
    assert named in caught.value.message
    assert {name: data for name, data in tree(out).items() if name != "journal.jsonl"} == {
        name: data for name, data in before.items() if name != "journal.jsonl"
    }
    run(engine, [str(notes)], str(out), workers=1, overwrite=True, **new)
    run(engine, [str(notes)], str(tmp_path / "fresh"), workers=1, **new)
    assert tree(out) == tree(tmp_path / "fresh")


def test_new_notes_in_a_finished_folder(notes: Path, tmp_path: Path) -> None:
    run(FakeEngine(), [str(notes)], str(tmp_path / "out"), workers=1)
    (notes / "z.txt").write_text("new")
    with pytest.raises(UsageError, match="U205"):
        run(FakeEngine(), [str(notes)], str(tmp_path / "out"), workers=1)


def test_more_parts_after_a_finished_run_are_another_run(notes: Path, tmp_path: Path, small_parts: None) -> None:
    for number in range(4):
        (notes / f"z{number}.txt").write_text("x")
    paths = [str(notes)]
    run(FakeEngine(), paths, str(tmp_path / "out"), workers=1)
    for number in range(4, 8):
        (notes / f"z{number}.txt").write_text("x")
    with pytest.raises(UsageError, match="U205"):
        run(FakeEngine(), paths, str(tmp_path / "out"), workers=1)


def test_overwrite_leaves_other_files_alone(notes: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    run(FakeEngine(), [str(notes)], str(out), workers=1)
    (out / "README").write_text("mine")
    run(FakeEngine(fingerprint="new"), [str(notes)], str(out), workers=1, overwrite=True)
    assert (out / "README").read_text() == "mine"
