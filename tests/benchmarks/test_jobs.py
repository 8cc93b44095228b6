"""The measurement of engines in jobs, once and small: every step runs and says what the record needs."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).parents[2]


@pytest.mark.skipif(sys.platform != "linux", reason="peak memory is read as Linux counts it")
def test_every_step_says_what_it_found(tmp_path: Path) -> None:
    pytest.importorskip("pyarrow", reason="the extra [parquet] has it")
    environment = {**os.environ, "RULENER_BENCH": "tiny", "RULENER_CACHE_DIR": str(tmp_path)}
    command = [sys.executable, "benchmarks/jobs.py", "--short", "500"]
    ended = subprocess.run(command, cwd=REPOSITORY, env=environment, capture_output=True, text=True, check=False)
    assert ended.returncode == 0, ended.stderr[-3000:]
    steps = json.loads(ended.stdout)["steps"]
    assert list(steps) == ["pickled", "threads", "million", "columns"]
    assert steps["pickled"]["bytes"] < 1000
    assert steps["threads"]["ratio"] > 0
    assert (steps["million"]["notes"], steps["million"]["entities"]) == (500, 2000)
    assert steps["columns"]["annotate_batch"] >= 0
