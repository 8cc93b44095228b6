"""The generated release: what it promises."""

from __future__ import annotations

import hashlib
from pathlib import Path

from benchmarks import umls


def names(folder: Path) -> list[list[str]]:
    lines = (folder / "MRCONSO.RRF").read_text(encoding="utf-8").splitlines()
    return [line.split("|") for line in lines]


def test_the_same_size_is_the_same_release(tmp_path: Path) -> None:
    one, other = (umls.write_release(tmp_path / name, 2000) for name in ("one", "other"))
    for file in ("MRCONSO.RRF", "MRSTY.RRF", "MRRANK.RRF"):
        assert (one / file).read_bytes() == (other / file).read_bytes()
    # Not of this machine or Python either: when the generator is changed with intent, records begin anew.
    assert hashlib.sha256((one / "MRCONSO.RRF").read_bytes()).hexdigest()[:16] == "63bd31086583c55c"


def test_it_has_the_names_it_says(tmp_path: Path) -> None:
    rows = names(umls.write_release(tmp_path / "release", 3000))
    assert {len(row) for row in rows} == {19}
    kept = {(row[0], row[14].lower()) for row in rows if row[1] == "ENG" and row[16] == "N"}
    assert len(kept) == 3000
    texts = [row[14] for row in rows if row[1] == "ENG" and row[16] == "N"]
    assert 22 < sum(map(len, texts)) / len(texts) < 32
    assert 3 < sum(len(text.split()) for text in texts) / len(texts) < 4
    assert {row[16] for row in rows} == set("NOEY")
    assert [row[0] for row in rows] == sorted(row[0] for row in rows)


def test_a_name_belongs_to_one_concept_in_all_but_a_few_cases(tmp_path: Path) -> None:
    rows = names(umls.write_release(tmp_path / "release", 20_000))
    concepts: dict[str, set[str]] = {}
    for row in rows:
        if row[1] == "ENG" and row[16] == "N":
            concepts.setdefault(row[14].lower(), set()).add(row[0])
    shared = [found for found in concepts.values() if len(found) > 1]
    assert 0 < len(shared) < len(concepts) / 50
    assert max(map(len, shared)) < 20
