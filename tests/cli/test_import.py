from __future__ import annotations

from pathlib import Path

import pytest

from tests.cli.conftest import Call

TRIGGERS = "could find no\t[PREN]\nno\t[PREN]\ncould find no more\t[PSEU]\nseldom met\t[ONEW]\n"


@pytest.fixture(autouse=True)
def cache(monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory) -> None:
    monkeypatch.setenv("RULENER_CACHE_DIR", str(tmp_path_factory.getbasetemp() / "import-cache"))


@pytest.fixture
def triggers(tmp_path: Path) -> Path:
    path = tmp_path / "triggers.txt"
    path.write_text(TRIGGERS)
    return path


def test_the_new_pack_passes_check_and_test(call: Call, triggers: Path, tmp_path: Path) -> None:
    pack = tmp_path / "mine"
    ended = call("import", "negex", triggers, "-o", pack, "--no-base", "--map", "ONEW=historical/forward")
    assert (ended.code, ended.err) == (0, "")
    assert "4 cues in 3 rules" in ended.out
    assert call("check", pack, "--no-base", "--strict").code == 0
    tested = call("test", pack, "--no-base")
    assert (tested.code, tested.out.strip()) == (0, "4 passed")
    assert (pack / "IMPORT.md").read_text().startswith("# What `rulener import negex` made of triggers.txt\n")


def test_beside_the_english_pack(call: Call, triggers: Path, tmp_path: Path) -> None:
    triggers.write_text(TRIGGERS.replace("\nno\t[PREN]", "\nnone seen\t[POST]"))
    pack = tmp_path / "mine"
    ended = call("import", "negex", triggers, "-o", pack)
    assert ended.code == 0
    assert "the pack english has it already: triggers.txt:2\n" in ended.out
    assert call("check", pack).code == 0
    assert call("test", pack).code == 0


def test_an_example_that_does_not_hold_is_taken_out(call: Call, triggers: Path, tmp_path: Path) -> None:
    triggers.write_text("seldom met\t[PREN]\nseldom met rash\t[PSEU]\n")
    pack = tmp_path / "mine"
    ended = call("import", "negex", triggers, "-o", pack, "--no-base")
    assert ended.code == 0
    assert "1  no example: another rule gets in the way of it: triggers.txt:1\n" in ended.out
    assert call("test", pack, "--no-base").code == 0


def test_the_folder_must_be_new(call: Call, triggers: Path, tmp_path: Path) -> None:
    ended = call("import", "negex", triggers, "-o", tmp_path)
    assert (ended.code, ended.out) == (2, "")
    assert ended.err.startswith("rulener: error[U234]: ")


def test_nothing_to_import(call: Call, triggers: Path, tmp_path: Path) -> None:
    triggers.write_text("none seen\t[POST]\n")
    ended = call("import", "negex", triggers, "-o", tmp_path / "mine")
    assert ended.code == 2
    assert "1  the pack english has it already: triggers.txt:1" in ended.out
    assert "error[U233]: triggers.txt: " in ended.err
    assert not (tmp_path / "mine").exists()


def test_an_unknown_system(call: Call, triggers: Path, tmp_path: Path) -> None:
    ended = call("import", "ctakes", triggers, "-o", tmp_path / "mine")
    assert ended.code == 2
    assert "error[U100]" in ended.err
