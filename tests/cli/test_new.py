from __future__ import annotations

from pathlib import Path

from tests.cli.conftest import Call


def test_a_new_pack_is_clean(call: Call, tmp_path: Path) -> None:
    pack = tmp_path / "My Clinic"
    ended = call("new", pack)
    assert (ended.code, ended.err) == (0, "")
    assert "name: my-clinic\n" in (pack / "pack.yaml").read_text()
    checked = call("check", "--strict", pack)
    assert (checked.code, checked.out.strip()) == (0, "no findings")
    tested = call("test", pack)
    assert (tested.code, tested.out) == (0, "11 passed\n")
    assert call("fmt", "--check", pack).code == 0
    assert "| `rulener check " in (pack / "README.md").read_text()


def test_what_is_there_is_never_written_over(call: Call, tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("mine")
    ended = call("new", tmp_path)
    assert (ended.code, ended.err.count("U272")) == (2, 1)
    assert [path.name for path in tmp_path.iterdir()] == ["notes.txt"]


def test_a_bad_name(call: Call, tmp_path: Path) -> None:
    assert "U272" in call("new", tmp_path / "42").err
    assert "U272" in call("new", tmp_path / "good", "--name", "Not good").err
    assert not (tmp_path / "good").exists()
    assert call("new", tmp_path / "42", "--name", "answers").code == 0
