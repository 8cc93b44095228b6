"""The measurement at scale, once and small: every step runs and says what the record needs."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).parents[2]


@pytest.mark.skipif(not Path("/proc/self/smaps").is_file(), reason="peak memory and shared pages are read from Linux's kernel")
def test_every_step_says_what_it_found(tmp_path: Path) -> None:
    script = str(REPOSITORY / "benchmarks" / "scale.py")
    command = [sys.executable, script, str(tmp_path), "--strings", "3000", "--quick"]
    ended = subprocess.run(command, cwd=REPOSITORY, env=dict(os.environ), capture_output=True, text=True, check=False)
    assert ended.returncode == 0, ended.stderr[-3000:]
    found = json.loads(ended.stdout)
    steps = found["steps"]
    assert found["strings"] == 3000
    assert list(steps) == ["generate", "build", "compile", "again", "edit", "open", "share", "speed"]
    assert all(step["peak_mb"] > 0 and step["seconds"] > 0 for step in steps.values())
    assert steps["compile"]["rows"] > 2500
    assert len(steps["share"]["workers"]) == 2
    assert all(0 < worker["pss_mb"] <= worker["rss_mb"] for worker in steps["share"]["workers"])
    assert steps["speed"]["counts"]["annotate_batch"] > 0
