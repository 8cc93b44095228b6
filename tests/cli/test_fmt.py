from __future__ import annotations

from pathlib import Path

import pytest

from rulener.authoring.files import replace_file
from rulener.errors import UsageError
from tests.cli.conftest import Call
from tests.cli.pack import TERMS, write_pack

LOOSE = TERMS.replace("    label: ailment\n", "    label:   ailment # kept\n")


def test_a_file_is_written_anew_and_only_when_needed(call: Call, tmp_path: Path) -> None:
    pack = write_pack(tmp_path / "tiny", terms=LOOSE)
    (pack / "terms.yaml").chmod(0o600)
    ended = call("fmt", pack)
    assert (ended.code, ended.err) == (0, "")
    assert f"{pack}/terms.yaml: written\n" in ended.out
    assert "    label: ailment  # kept\n" in (pack / "terms.yaml").read_text()
    assert (pack / "terms.yaml").stat().st_mode & 0o777 == 0o600
    assert sorted(path.name for path in pack.iterdir()) == ["context.yaml", "pack.yaml", "terms.yaml", "tiny.cases.yaml"]
    assert call("fmt", "--check", pack).out == "4 files, 0 would change\n"


def test_check_changes_nothing(call: Call, tmp_path: Path) -> None:
    pack = write_pack(tmp_path / "tiny", terms=LOOSE)
    ended = call("fmt", "--check", pack)
    assert ended.code == 1
    assert f"{pack}/terms.yaml: not in canonical form\n" in ended.out
    assert (pack / "terms.yaml").read_text() == LOOSE
    shown = call("fmt", "--diff", pack / "terms.yaml")
    assert shown.code == 1
    assert "+    label: ailment  # kept\n" in shown.out
    assert (pack / "terms.yaml").read_text() == LOOSE


def test_a_file_that_cannot_be_read_is_named_and_the_others_are_written(call: Call, tmp_path: Path) -> None:
    pack = write_pack(tmp_path / "tiny", terms=LOOSE, context="context: [\n")
    ended = call("fmt", pack)
    assert ended.code == 3
    assert "error[R102]" in ended.err
    assert ended.out == f"{pack}/terms.yaml: written\n4 files, 1 changed, 1 cannot be read\n"
    assert (pack / "context.yaml").read_text() == "context: [\n"


def test_a_file_that_cannot_be_written_is_an_error(call: Call, tmp_path: Path) -> None:
    with pytest.raises(UsageError) as raised:
        replace_file(tmp_path / "nowhere" / "a.yaml", b"")
    assert raised.value.code == "U271"
    assert call("fmt", tmp_path / "nowhere").code == 2
