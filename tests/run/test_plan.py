from __future__ import annotations

import json
import tracemalloc
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rulener.errors import UsageError
from rulener.run import limits, sorting
from rulener.run.inputs import resolve
from rulener.run.plan import PlanFile, PlannedPart, Planner, read_at
from rulener.run.sorting import Sorter


def planned(*paths: Path) -> list[PlannedPart]:
    return list(Planner(resolve([str(path) for path in paths])))


def names(part: PlannedPart) -> list[str]:
    return [name for segment in json.loads(part.line)["segments"] for name in segment["names"]]


@given(st.lists(st.binary(max_size=9)), st.integers(1, 5))
def test_sorting_in_files_is_sorting(records: list[bytes], limit: int) -> None:
    with Sorter(limit) as sorter:
        for record in records:
            sorter.add(record)
        assert list(sorter) == sorted(records)


def test_parts_are_cut_by_number(tmp_path: Path, small_parts: None) -> None:
    for number in range(7):
        (tmp_path / f"{number}.txt").touch()
    assert [names(part) for part in planned(tmp_path)] == [["0.txt", "1.txt", "2.txt"], ["3.txt", "4.txt", "5.txt"], ["6.txt"]]


def test_parts_are_cut_by_size(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "PART_BYTES", 10)
    for number, size in enumerate([4, 6, 1, 50, 3, 7]):
        (tmp_path / f"{number}.txt").write_bytes(b"x" * size)
    assert [(part.notes, part.size) for part in planned(tmp_path)] == [(2, 10), (1, 1), (1, 50), (2, 10)]


def test_a_jsonl_is_cut_into_byte_ranges(tmp_path: Path, small_parts: None) -> None:
    path = tmp_path / "n.jsonl"
    rows = [f'{{"id": "{number}", "text": "{"x" * number}"}}\n' for number in range(7)]
    path.write_text(rows[0] + "\n  \n" + "".join(rows[1:])[:-1])
    data = path.read_bytes()
    segments: list[dict[str, Any]] = [segment for part in planned(path) for segment in json.loads(part.line)["segments"]]
    assert b"".join(data[s["offset"] : s["offset"] + s["length"]] for s in segments) == data
    assert [(s["line"], s["notes"]) for s in segments] == [(1, 3), (6, 3), (9, 1)]


def test_the_digest_sees_names_sizes_and_lines(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("x")
    first = planned(tmp_path)[0].digest
    assert planned(tmp_path)[0].digest == first
    (tmp_path / "a.txt").write_text("xy")
    longer = planned(tmp_path)[0].digest
    (tmp_path / "a.txt").rename(tmp_path / "b.txt")
    assert len({first, longer, planned(tmp_path)[0].digest}) == 3
    lines = tmp_path / "n.jsonl"
    lines.write_text('{"id": "a", "text": "x"}')
    before = planned(lines)[0].digest
    lines.write_text('{"id": "a", "text": "y"}')
    assert planned(lines)[0].digest != before


def test_ids_used_twice_are_found_with_their_places(tmp_path: Path, small_parts: None) -> None:
    (tmp_path / "one").mkdir()
    (tmp_path / "one" / "a.txt").touch()
    (tmp_path / "n.jsonl").write_text(
        "".join(f'{{"id": "{note_id}", "text": ""}}\n' for note_id in ["b", "a.txt", "c", "b", "b", "\\u0000"])
    )
    planner = Planner(resolve([str(tmp_path / "one"), str(tmp_path / "n.jsonl")]))
    assert planner.checks_ids
    assert len(list(planner)) == 3
    assert planner.duplicates() == {0: {"2": "one/a.txt"}, 1: {"1": "n.jsonl:1", "2": "n.jsonl:1"}}


def test_ids_of_one_folder_need_no_check(tmp_path: Path) -> None:
    assert not Planner(resolve([str(tmp_path)])).checks_ids


def test_ids_that_are_no_ids_end_the_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "DUPLICATE_IDS", 3)
    (tmp_path / "n.jsonl").write_text('{"id": "a", "text": ""}\n' * 9)
    planner = Planner(resolve([str(tmp_path / "n.jsonl")]))
    assert len(list(planner)) == 1
    with pytest.raises(UsageError, match=r"U211.*n\.jsonl:1 and n\.jsonl:5"):
        planner.duplicates()


def test_a_plan_file_gives_back_its_lines_and_leaves_nothing(tmp_path: Path) -> None:
    plan = PlanFile(str(tmp_path / "plan"))
    lines = [b"x" * size + b"\n" for size in (0, 5, 100_000)]
    for number, line in enumerate(lines):
        plan.append(PlannedPart(number, 1, 1, "", line))
    assert [read_at(plan.fd, *plan.where(number)) for number in (2, 0, 1)] == [lines[2], lines[0], lines[1]]
    plan.close()
    assert list(tmp_path.iterdir()) == []


def test_memory_does_not_grow_with_the_number_of_notes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sorting.Sorter.__init__, "__defaults__", (500,))
    monkeypatch.setattr(limits, "PART_NOTES", 100)

    def peak(notes: int) -> int:
        path = tmp_path / f"{notes}.jsonl"
        with open(path, "w") as file:
            file.writelines(f'{{"id": "note-{number}", "text": "x"}}\n' for number in range(notes))
        inputs = resolve([str(path)])  # looks into the beginning of the file, whatever its length
        tracemalloc.start()
        planner = Planner(inputs)
        assert sum(part.notes for part in planner) == notes
        assert planner.duplicates() == {}
        used = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        return used

    peak(500)  # imports
    assert peak(20_000) < peak(2_000) + 800_000  # a buffer for each spilled file
