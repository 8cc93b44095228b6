"""Same inputs, same bytes; other inputs, another fingerprint."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from rulener.compiler.fingerprint import fingerprint
from rulener.engine import compile_to
from tests.small import write_lexicon, write_pack

REPOSITORY = Path(__file__).parents[2]
CODE = (
    "import sys; from rulener.engine import compile_to; compile_to(sys.argv[1], sys.argv[2], base=None, lexicons=[sys.argv[3]])"
)


@pytest.fixture
def paths(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> tuple[Path, Path]:
    monkeypatch.setenv("RULENER_CACHE_DIR", str(tmp_path / "cache"))
    return write_pack(tmp_path / "small"), write_lexicon(tmp_path / "lexicon.tsv")


def compiled(target: Path, paths: tuple[Path, Path]) -> bytes:
    compile_to(target, paths[0], base=None, lexicons=[paths[1]])
    return target.read_bytes()


def test_rebuilds_are_identical_in_one_process(tmp_path: Path, paths: tuple[Path, Path]) -> None:
    first = compiled(tmp_path / "1.rnr", paths)
    assert len(first) > 10000
    assert compiled(tmp_path / "another-name.rnr", paths) == first


def test_rebuilds_are_identical_in_other_processes(tmp_path: Path, paths: tuple[Path, Path]) -> None:
    first = compiled(tmp_path / "1.rnr", paths)
    for seed in ("0", "1", "4711"):
        target = tmp_path / f"{seed}.rnr"
        command = [sys.executable, "-c", CODE, str(target), str(paths[0]), str(paths[1])]
        subprocess.run(command, check=True, cwd=REPOSITORY, env={**os.environ, "PYTHONHASHSEED": seed})
        assert target.read_bytes() == first


def test_where_the_inputs_lie_does_not_matter(tmp_path: Path, paths: tuple[Path, Path]) -> None:
    first = compiled(tmp_path / "1.rnr", paths)
    other = write_pack(tmp_path / "deep" / "er" / "small"), write_lexicon(tmp_path / "deep" / "lexicon.tsv")
    assert compiled(tmp_path / "2.rnr", other) == first


def test_the_fingerprint_covers_names_hashes_order_and_options() -> None:
    packs, lexicons = [("a", "1"), ("b", "2")], [("x", "3"), ("y", "4")]
    found = [
        fingerprint(packs, lexicons, {"resolution": None}),
        fingerprint(packs[::-1], lexicons, {"resolution": None}),
        fingerprint(packs, lexicons[::-1], {"resolution": None}),
        fingerprint([("a", "1"), ("b", "5")], lexicons, {"resolution": None}),
        fingerprint([("a", "1"), ("c", "2")], lexicons, {"resolution": None}),
        fingerprint(packs, [("x", "3"), ("z", "4")], {"resolution": None}),
        fingerprint(packs, lexicons[:1], {"resolution": None}),
        fingerprint(packs, lexicons, {"resolution": "all"}),
    ]
    assert len(set(found)) == len(found)
    assert {len(one) for one in found} == {32}
    assert fingerprint(packs, lexicons, {"resolution": None}) == found[0]
