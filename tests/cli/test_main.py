from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from rulener import __version__
from rulener.cli.main import COMMANDS
from tests.cli.conftest import Call
from tests.run.fake import FakeEngine

REPOSITORY = Path(__file__).parents[2]


def program(*arguments: object, **environment: str) -> subprocess.CompletedProcess[str]:
    """`rulener ARGUMENTS` in a process of its own."""
    command = [sys.executable, "-m", "rulener.cli.main", *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, env={**os.environ, **environment}, cwd=REPOSITORY, check=False)


def test_help_names_every_command(call: Call) -> None:
    ended = call("--help")
    assert ended.code == 0
    assert all(re.search(rf"^  {name} +\S", ended.out, re.MULTILINE) for name in COMMANDS)


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_has_help_with_an_example(call: Call, name: str) -> None:
    ended = call(name, "--help")
    assert ended.code == 0
    assert re.search(rf"Examples?:\n(  .*\n)*?    rulener {name}", ended.out.replace("\n  ", "\n  ")), ended.out


def test_help_imports_nothing_heavy() -> None:
    code = "import sys; from rulener.cli.main import ended; ended(['--help']); print(sorted(sys.modules), file=sys.stderr)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=REPOSITORY, check=True)
    for module in ("numpy", "rich", "pyarrow", "yaml", "regex", "multiprocessing", "rulener.engine", "rulener.packs"):
        assert f"'{module}'" not in done.stderr


def test_version(call: Call) -> None:
    assert call("--version").out == f"rulener {__version__}\n"


def test_no_command_is_help(call: Call) -> None:
    ended = call()
    assert ended.code == 2
    assert "Usage: rulener" in ended.err


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["nonsense"], "No such command 'nonsense'"),
        (["run", "notes"], "Missing option '--output' / '-o'"),
        (["run", "-o", "out"], "give an INPUT, or --db"),
        (["run", "notes", "-o", "out", "--workers", "0"], "Invalid value for '--workers' / '-w'"),
        (["run", "notes", "-o", "out", "--format", "xml"], "Invalid value for '--format' / '-f'"),
        (["show", "--nonsense"], "No such option"),
    ],
)
def test_wrong_usage_is_one_line(call: Call, arguments: list[str], message: str) -> None:
    ended = call(*arguments)
    assert ended.code == 2
    assert ended.err.startswith("rulener: error[U100]: ")
    assert message in ended.err
    assert ended.err.count("\n") == 1
    assert "--help)" in ended.err


def test_a_bug_is_one_line_without_the_note(
    call: Call, fake_engine: FakeEngine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(self: Any, text: str, **_: Any) -> None:
        raise KeyError(text)

    monkeypatch.setattr(FakeEngine, "annotate", broken)
    (tmp_path / "a.txt").write_text("secret")
    ended = call("show", tmp_path / "a.txt")
    assert ended.code == 70
    assert re.fullmatch(
        r"rulener: error\[U199\]: unexpected KeyError at test_main\.py:\d+: this is a bug in rulener \(.*\)\n", ended.err
    )
    monkeypatch.setenv("RULENER_TRACEBACK", "1")
    assert "Traceback (most recent call last)" in call("show", tmp_path / "a.txt").err


def test_ctrl_c(call: Call, fake_engine: FakeEngine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted(*_: Any, **__: Any) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(FakeEngine, "annotate", interrupted)
    (tmp_path / "a.txt").touch()
    ended = call("show", tmp_path / "a.txt")
    assert ended.code == 130
    assert ended.err == "rulener: interrupted\n"


def test_a_reader_that_goes_away_is_no_error() -> None:
    reading, writing = os.pipe()
    os.close(reading)
    command = [sys.executable, "-m", "rulener.cli.main", "--help"]
    done = subprocess.run(command, stdout=writing, stderr=subprocess.PIPE, text=True, cwd=REPOSITORY, check=False)
    os.close(writing)
    assert (done.returncode, done.stderr) == (141, "")
