"""The benchmark of databases runs, once and small, and what it counts is right."""

from __future__ import annotations

from pathlib import Path

import pytest

from benchmarks import databases


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("duckdb", reason="the extra [duckdb] has it")
    monkeypatch.setenv("RULENER_CACHE_DIR", str(tmp_path / "cache"))
    monkeypatch.setenv("PYTHONPATH", str(Path(__file__).parents[2]))


def test_kills(tmp_path: Path) -> None:
    made = databases.kills(tmp_path / "kills", f"duckdb:{tmp_path}/results.duckdb", 1, 20)
    assert (made["seeds"], made["wrong"]) == (1, [])
    assert made["rows"] > 20
    assert not (tmp_path / "kills").exists()
