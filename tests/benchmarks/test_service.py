"""The load test, once and short: every phase runs, nothing goes wrong, and it says what the record needs."""

from __future__ import annotations

import importlib.util
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).parents[2]


@pytest.mark.skipif(not Path("/proc/self/status").is_file(), reason="memory is read from Linux's kernel")
@pytest.mark.skipif(importlib.util.find_spec("fastapi") is None, reason="the extra [serve] has it")
def test_every_phase_says_what_it_found() -> None:
    script = str(REPOSITORY / "benchmarks" / "service.py")
    command = [sys.executable, script, "--seconds", "1", "--others", "0.5", "--warm-up", "0.2", "--notes", "60"]
    ended = subprocess.run(command, cwd=REPOSITORY, env=dict(os.environ), capture_output=True, text=True, check=False)
    assert ended.returncode == 0, ended.stderr[-3000:]
    found = json.loads(ended.stdout)
    phases = found["phases"]
    assert list(phases) == ["saturation", "overload", "batches", "reloads", "stop"]
    assert found["complaints"] == []
    for name in ("saturation", "batches", "reloads"):
        assert set(phases[name]["statuses"]) == {"200"}
        assert phases[name]["notes_per_second"] > 0
        assert phases[name]["memory_mb"]["first"] > 0
    assert set(phases["saturation"]["latency_ms"]) == {"p50", "p90", "p99", "p99.9"}
    assert phases["stop"]["exit_code"] == 0
