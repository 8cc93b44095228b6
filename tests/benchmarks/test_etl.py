"""The benchmark of runs goes through its steps on a few notes and counts the same entities in each."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from benchmarks import etl

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="it reads the memory of its children from the kernel")


def test_its_steps_do_the_same_work(tmp_path: Path) -> None:
    pytest.importorskip("pyarrow")
    for number in range(3):
        (tmp_path / f"{number}.txt").write_text("Denies chest pain. Acute otalgia, left.\n" * (number + 1))
    lexicon = tmp_path / "terms.tsv"
    lexicon.write_text("term\tlabel\notalgia\tdisorder\n")
    found = etl.measure(10, tmp_path, lexicon, ("start", "memory", "parquet", "folder"), 1)
    steps = found["steps"]
    assert steps["memory"]["entities"] == steps["parquet"]["entities"] == steps["folder"]["entities"] > 10
    assert set(found["ratios"]["wall"]) == {"parquet", "folder"}
