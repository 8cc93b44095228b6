"""The measurement of the workbench, once and small: every step says how long it took."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

REPOSITORY = Path(__file__).parents[2]


def test_every_wait_is_measured(tmp_path: Path) -> None:
    script = str(REPOSITORY / "benchmarks" / "workbench.py")
    command = [sys.executable, script, str(tmp_path), "--edits", "1", "--notes", "20"]
    ended = subprocess.run(command, cwd=REPOSITORY, env=dict(os.environ), capture_output=True, text=True, check=False)
    assert ended.returncode == 0, ended.stderr[-3000:]
    found = json.loads(ended.stdout)["workbench"]
    (shipped,) = found.values()
    waits = [shipped[name]["median_ms"] for name in ("findings", "note", "tests", "changes", "all")]
    assert waits == sorted(waits)
    assert shipped["mentions_changed"] > 0
