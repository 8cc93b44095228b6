from __future__ import annotations

import io
import json
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest

from rulener.authoring.marks import marked
from rulener.cli.explain import offset_of, split_position
from rulener.cli.info import lines_of
from rulener.cli.show import braces_of, marks_of
from rulener.errors import UsageError
from tests.cli.conftest import Call
from tests.run.fake import FakeEngine, FakeEntity

pytestmark = pytest.mark.usefixtures("fake_engine")


def test_entities_are_marked(call: Call, tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("Has no chest pain.\n")
    assert call("show", tmp_path / "a.txt").out == "Has no [chest pain]{symptom -}.\n"


def test_a_note_from_stdin(call: Call, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdin", SimpleNamespace(buffer=io.BytesIO("\ufeffpain".encode())))
    ended = call("show", "-", "--json")
    assert json.loads(ended.out) == {"note_id": "-", "entities": [{"start": 0, "end": 4}]}


def test_overlapping_entities_never_repeat_the_text() -> None:
    entities = [FakeEntity(5, 9), FakeEntity(0, 9), FakeEntity(10, 11, negated=True, family=True)]
    shown = "".join(piece for piece, _ in marked("chest pain!", entities, braces_of))
    assert shown == "[chest pai]{symptom}{5-9 symptom}n[!]{symptom -@}"


def test_marks_are_those_of_true_axes() -> None:
    assert marks_of(FakeEntity(0, 1, negated=True, uncertain=True, historical=True, hypothetical=True, family=True)) == "-?<~@"
    assert marks_of(FakeEntity(0, 1, negated=None)) == ""


@pytest.mark.parametrize(("data", "code", "exit_code"), [(None, "U201", 2), (b"caf\xe9", "N102", 5), (b"\0" * 99, "N103", 5)])
def test_a_note_that_cannot_be_read(call: Call, tmp_path: Path, data: bytes | None, code: str, exit_code: int) -> None:
    if data is not None:
        (tmp_path / "a.txt").write_bytes(data)
    ended = call("show", tmp_path / "a.txt")
    assert ended.code == exit_code
    assert ended.err.startswith(f"rulener: error[{code}]: {tmp_path}/a.txt: ")
    assert ended.err.count("\n") == 1


def test_explain_takes_a_position(call: Call, tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("one\r\ntwo pain\n")
    assert call("explain", tmp_path / "a.txt").out == "position None\n"
    assert call("explain", f"{tmp_path}/a.txt:7").out == "position 7\n"
    assert json.loads(call("explain", f"{tmp_path}/a.txt:2:5", "--json").out) == {"position": 9}


def test_a_file_with_a_colon_is_a_file(tmp_path: Path) -> None:
    path = tmp_path / "a:1"
    assert split_position(str(path)) == (str(tmp_path / "a"), (1,))
    path.touch()
    assert split_position(str(path)) == (str(path), ())
    assert split_position(f"{path}:2:3") == (str(path), (2, 3))


@pytest.mark.parametrize(("where", "offset"), [((), None), ((0,), 0), ((1, 1), 0), ((2, 1), 3), ((3, 1), 5), ((4, 2), 8)])
def test_positions(where: tuple[int, ...], offset: int | None) -> None:
    assert offset_of("a\r\nb\rc\nde", where, "a.txt") == offset


@pytest.mark.parametrize("where", [(9,), (0, 1), (5, 1), (1, 0), (1, 9)])
def test_positions_that_do_not_exist(where: tuple[int, ...]) -> None:
    with pytest.raises(UsageError, match=r"U220\] a\.txt: "):
        offset_of("a\r\nb\rc\nde", where, "a.txt")


def test_info(call: Call, fake_engine: FakeEngine) -> None:
    ended = call("info")
    assert ended.code == 0
    assert "  terms  1,200\n" in ended.out
    assert "warnings  none\n" in ended.out
    assert json.loads(call("info", "--json").out)["counts"]["terms"] == 1200


def test_info_of_no_file(call: Call, tmp_path: Path) -> None:
    ended = call("info", tmp_path / "no.rnr")
    assert ended.code == 2
    assert "error[U201]" in ended.err


def test_facts_as_lines() -> None:
    facts = {"a": None, "long_name": True, "list": [1000, {"x": 1, "y": "z"}], "none": []}
    assert lines_of(facts) == ["a          -", "long name  yes", "list", "  1,000", "  x 1  y z", "none       none"]
