"""The benchmarks run: once each, on a tiny corpus, with their counts checked. No time is measured here."""

from __future__ import annotations

import importlib.util
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

pytest.importorskip("pytest_benchmark", reason="the extra [test] has it")

REPOSITORY = Path(__file__).parents[2]


def test_every_benchmark_counts_what_it_should(tmp_path: Path) -> None:
    environment = {**os.environ, "RULENER_BENCH": "tiny", "RULENER_CACHE_DIR": str(tmp_path / "cache")}
    raw = tmp_path / "raw.json"
    once = ["--benchmark-min-rounds=1", "--benchmark-max-time=0.000001", "--benchmark-warmup=off"]
    ended = subprocess.run(
        [sys.executable, "-m", "pytest", "benchmarks", "-q", "-p", "no:cacheprovider", f"--benchmark-json={raw}", *once],
        cwd=REPOSITORY,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert ended.returncode == 0, ended.stdout[-4000:]
    record = record_module()
    made = record.record_of(json.loads(raw.read_text()))
    groups = {m["group"] for m in made["measurements"]}
    assert groups == {"tokenise", "scan", "arrow", "entities", "jsonl", "compile", "open", "run"}
    lines = record.table_of(made).splitlines()
    assert len(lines) == 4 + len(made["measurements"])
    beside = [line for line in lines[4:] if "_yardstick" in line]
    assert len(beside) == len(groups)
    assert all(line.endswith("| 1.00 |") for line in beside)
    assert record.name_of(made).startswith(made["date"] + "-")


def record_module():  # type: ignore[no-untyped-def]
    spec = importlib.util.spec_from_file_location("record", REPOSITORY / "benchmarks/record.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module
