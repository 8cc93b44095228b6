"""Killed at any moment, parent or worker, with formats of one file and of many: taken up, it ends with the same bytes."""

from __future__ import annotations

import errno
import json
import os
import random
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from rulener.engine import Engine
from rulener.run import limits
from rulener.run.directory import run
from tests.run.faults import after, at_call, fail, in_child, kill
from tests.run.poison import small_engine
from tests.run.tree import tree
from tests.small import NOTES

pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="the system does not fork")

FORMATS = (("jsonl", "brat"), ("parquet", "html"), ("jsonl",), ("brat", "csv", "parquet"))
SEEDS = 60


class Case:
    """A folder of notes and a table of notes, and for each choice of formats what an unbroken run makes of them."""

    def __init__(self, folder: Path) -> None:
        self.engine: Engine = small_engine(folder)
        self.notes = folder / "notes"
        (self.notes / "ward").mkdir(parents=True)
        for number, text in enumerate(NOTES[:5] * 2):
            (self.notes / ("ward" if number % 3 else ".") / f"n{number}.txt").write_text(text)
        (self.notes / "bad.txt").write_bytes(b"\xff")
        self.table = folder / "more.jsonl"
        self.table.write_text("".join(json.dumps({"id": f"t{k}", "text": text}) + "\n" for k, text in enumerate(NOTES[:5])))
        self.whole: dict[tuple[str, ...], dict[str, bytes]] = {}
        for formats in FORMATS:
            out = folder / "-".join(formats)
            self.run(out, formats, 1)
            self.whole[formats] = tree(out)

    def run(self, out: Path, formats: tuple[str, ...], workers: int) -> None:
        run(self.engine, [str(self.notes), str(self.table)], str(out), format=formats, workers=workers)


@pytest.fixture(scope="module")
def case(tmp_path_factory: pytest.TempPathFactory) -> Any:
    pytest.importorskip("pyarrow")
    import pyarrow.parquet

    pyarrow.array(["imports pandas where that is installed: here once, not in every child"])
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(os, "fsync", lambda _: None)  # no matter for a process that is killed; slow
        patch.setattr(limits, "PART_NOTES", 3)
        patch.setattr(limits, "SLICE_NOTES", 2)
        yield Case(tmp_path_factory.mktemp("case"))


@pytest.mark.parametrize("seed", range(SEEDS))
def test_killed_at_a_call_that_a_seed_chooses(case: Case, tmp_path: Path, seed: int) -> None:
    """Once to three times in the same run, before a call to the system. A worker that is killed is replaced in the same run."""
    chance = random.Random(seed)
    formats, out = FORMATS[seed % len(FORMATS)], tmp_path / "out"
    kills = 0
    for attempt in range(chance.randint(1, 3)):
        victim = str(tmp_path / f"killed{attempt}") if chance.random() < 0.4 else None
        step = chance.randint(1, 16 if victim else 90)
        ending = in_child(partial(case.run, out, formats, chance.randint(1, 3)), at_call(step, kill, in_worker=victim))
        assert ending == "done" if victim else ending in ("killed", "done")
        kills += os.path.exists(victim) if victim else ending == "killed"
    if not kills:  # the run does not come to the calls chosen: then an early one
        assert in_child(partial(case.run, out, formats, 2), at_call(chance.randint(1, 8), kill)) == "killed"
    case.run(out, formats, 2)
    assert tree(out) == case.whole[formats]


@pytest.mark.parametrize("in_worker", [False, True])
@pytest.mark.parametrize("seed", range(6))
def test_killed_at_any_time(case: Case, tmp_path: Path, seed: int, in_worker: bool) -> None:
    formats, out = FORMATS[seed % len(FORMATS)], tmp_path / "out"
    for _ in range(2):
        ending = in_child(partial(case.run, out, formats, 2), after(0.01 + 0.02 * seed, in_worker=in_worker))
        assert ending in ("killed", "done")
    case.run(out, formats, 2)
    assert tree(out) == case.whole[formats]


ERRORS = (errno.EIO, errno.ENOSPC, errno.ESTALE, errno.EXDEV, errno.EACCES, errno.EROFS, errno.EINVAL, errno.EDQUOT)


@pytest.mark.parametrize("seed", range(48))
def test_an_error_of_the_system_at_a_moment_that_a_seed_chooses(case: Case, tmp_path: Path, seed: int) -> None:
    """It has a number, or does no harm; and the run can be taken up."""
    chance = random.Random(1000 + seed)
    formats, out = FORMATS[seed % len(FORMATS)], tmp_path / "out"
    in_worker = seed % 2 == 1
    prepare = at_call(
        chance.randint(1, 60 if in_worker else 150),
        fail(ERRORS[seed % len(ERRORS)]),
        in_worker=str(tmp_path / "failed") if in_worker else None,
        calls=("open", "write", "replace", "fsync", "unlink", "mkdir", "listdir", "rmdir"),
    )
    ending = in_child(partial(case.run, out, formats, 2), prepare)
    assert ending in ("done", "U201", "U207", "U208")
    if ending == "done" and tree(out) != case.whole[formats]:  # the note that could not be read is in errors.jsonl
        assert b"N101" in tree(out)["errors.jsonl"]
        return
    case.run(out, formats, 2)
    assert tree(out) == case.whole[formats]
