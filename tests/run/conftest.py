from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from rulener.run import limits
from tests.run.fake import FakeEngine


@pytest.fixture
def engine() -> FakeEngine:
    return FakeEngine()


@pytest.fixture
def small_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    """Parts of 3 notes, slices of 2, so that few notes make many parts."""
    monkeypatch.setattr(limits, "PART_NOTES", 3)
    monkeypatch.setattr(limits, "SLICE_NOTES", 2)


@pytest.fixture
def notes(tmp_path: Path) -> Path:
    """A folder of 20 notes, some in subfolders, one of them empty."""
    folder = tmp_path / "notes"
    for number in range(20):
        path = folder / f"sub{number % 3}" / f"n{number:02d}.txt" if number % 2 else folder / f"n{number:02d}.txt"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("" if number == 4 else f"note {number}: chest pain\n" * (number + 1))
    return folder


@pytest.fixture
def lines() -> Callable[[Path], list[Any]]:
    """The objects in all parts of an output folder, in order."""

    def read(out: Path) -> list[Any]:
        parts = sorted(out.glob("part-*.jsonl"))
        return [json.loads(line) for part in parts for line in part.read_text().splitlines()]

    return read


@pytest.fixture
def errors() -> Callable[[Path], list[Any]]:
    def read(out: Path) -> list[Any]:
        return [json.loads(line) for line in (out / "errors.jsonl").read_text().splitlines()]

    return read
