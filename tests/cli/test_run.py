from __future__ import annotations

import errno
import json
import os
import re
from pathlib import Path
from typing import Any

import pytest

from tests.cli.conftest import Call
from tests.run.fake import FakeEngine

GOLDEN = Path(__file__).parent / "golden"

pytestmark = pytest.mark.usefixtures("fake_engine")


@pytest.fixture
def notes(tmp_path: Path) -> Path:
    folder = tmp_path / "notes"
    folder.mkdir()
    for number in range(3):
        (folder / f"{number}.txt").write_text("chest pain\n" * number)
    return folder


def test_the_last_line_says_what_was_done(call: Call, notes: Path, tmp_path: Path) -> None:
    ended = call("run", notes, "-o", tmp_path / "out", "--workers", 1)
    assert ended.code == 0
    assert ended.out == ""
    assert re.fullmatch(r"rulener: 3 notes, 3 entities; 0\.0 MB in \d+\.\d s\n", ended.err)


def test_failed_notes_and_what_was_there_before(call: Call, notes: Path, tmp_path: Path) -> None:
    (notes / "bad.txt").write_bytes(b"\xff")
    (notes / "scan.pdf").touch()
    for resumed in ("", ", 1 of 1 parts from before"):
        ended = call("run", notes, "-o", tmp_path / "out")
        assert ended.code == 5
        expected = f"rulener: 4 notes, 3 entities, 1 failed (see errors.jsonl){resumed}, 1 other files passed over; "
        assert ended.err.startswith(expected)


def test_the_summary_as_json(call: Call, notes: Path, tmp_path: Path) -> None:
    ended = call("run", notes, "-o", tmp_path / "out", "--json", "--workers", 2)
    summary = json.loads(ended.out)
    assert (summary["notes"], summary["failed"], summary["entities"], summary["workers"]) == (3, 0, 3, 2)
    assert ended.err == ""


def test_warnings_of_the_engine_go_to_stderr(call: Call, notes: Path, tmp_path: Path, fake_engine: FakeEngine) -> None:
    fake_engine.warnings = ("drugs.tsv:7: no term",)
    assert call("run", notes, "-o", tmp_path / "out").err.startswith("rulener: warning: drugs.tsv:7: no term\n")


def test_options_reach_the_manifest(call: Call, notes: Path, tmp_path: Path) -> None:
    assert call("run", notes, "-o", tmp_path / "out", "--scheme", "i2b2", "--encoding", "latin1").code == 0
    options = json.loads((tmp_path / "out" / "manifest.json").read_text())["options"]
    assert options == {"scheme": "i2b2", "format": "jsonl", "encoding": "iso8859-1"}


# --- every message, as the person sees it


def foreign(tmp_path: Path, patch: pytest.MonkeyPatch) -> list[str]:
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "thesis.doc").touch()
    return ["notes"]


def another_run(tmp_path: Path, patch: pytest.MonkeyPatch) -> list[str]:
    from rulener.run.directory import run

    run(FakeEngine(fingerprint="another"), ["notes"], "out", encoding="cp1252")
    return ["notes"]


def full(tmp_path: Path, patch: pytest.MonkeyPatch) -> list[str]:
    def write(maker: Any, data: bytes) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    patch.setattr("rulener.formats.sink.Sink.write", write)
    return ["notes"]


def no_notes(tmp_path: Path, patch: pytest.MonkeyPatch) -> list[str]:
    (tmp_path / "empty").mkdir()
    (tmp_path / "empty" / "a.pdf").touch()
    return ["empty"]


def pipe(tmp_path: Path, patch: pytest.MonkeyPatch) -> list[str]:
    os.mkfifo(tmp_path / "pipe")
    return ["pipe"]


def output_is_a_file(tmp_path: Path, patch: pytest.MonkeyPatch) -> list[str]:
    (tmp_path / "out").touch()
    return ["notes"]


def many_ids_twice(tmp_path: Path, patch: pytest.MonkeyPatch) -> list[str]:
    patch.setattr("rulener.run.limits.DUPLICATE_IDS", 2)
    (tmp_path / "n.jsonl").write_text('{"id": "patient", "text": ""}\n' * 9)
    return ["n.jsonl"]


def interrupted(tmp_path: Path, patch: pytest.MonkeyPatch) -> list[str]:
    def write(maker: Any, data: bytes) -> None:
        raise KeyboardInterrupt

    patch.setattr("rulener.formats.sink.Sink.write", write)
    return ["notes"]


def missing(tmp_path: Path, patch: pytest.MonkeyPatch) -> list[str]:
    return ["nowhere"]


def bad_encoding(tmp_path: Path, patch: pytest.MonkeyPatch) -> list[str]:
    return ["notes", "--encoding", "klingon"]


CASES = [foreign, another_run, full, no_notes, pipe, output_is_a_file, many_ids_twice, interrupted, missing, bad_encoding]


@pytest.mark.parametrize("prepare", CASES, ids=lambda function: function.__name__)
def test_messages(call: Call, notes: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, prepare: Any) -> None:
    monkeypatch.chdir(tmp_path)
    ended = call("run", *prepare(tmp_path, monkeypatch), "-o", "out", "--workers", 1)
    shown = f"{ended.err.replace(str(tmp_path), 'TMP')}exit code {ended.code}\n"
    golden = GOLDEN / f"run-{prepare.__name__}.txt"
    if os.environ.get("RULENER_WRITE_GOLDEN") == "1":
        golden.parent.mkdir(exist_ok=True)
        golden.write_text(shown)
    assert shown == golden.read_text()
