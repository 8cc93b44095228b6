"""Which files may be opened, and saving without losing anybody's work."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from rulener.errors import UsageError
from rulener.workbench.files import MAX_BYTES, Files

TERMS = "mypack/terms.yaml"


@pytest.fixture
def files(pack: Path) -> Files:
    return Files.of([pack])


def test_only_the_packs_files_are_listed(files: Files, pack: Path) -> None:
    (pack / ".hidden.yaml").write_text("x: 1\n", "utf-8")
    (pack / "sub").mkdir()
    (pack / "sub" / "more.yaml").write_text("x: 1\n", "utf-8")
    names = ["context.yaml", "mypack.cases.yaml", "pack.yaml", "patterns.yaml", "terms.yaml"]
    assert files.listed() == [f"mypack/{name}" for name in names]


@pytest.mark.parametrize(
    "key",
    ["", "mypack", "mypack/", "mypack/../mypack/terms.yaml", "other/terms.yaml", "/etc/passwd", "mypack/README.md", "mypack/\0"],
)
def test_anything_else_is_refused(files: Files, key: str) -> None:
    with pytest.raises(UsageError, match="U350"):
        files.open(key)


def test_links_out_of_the_folder_are_refused(files: Files, pack: Path) -> None:
    outside = pack.parent / "secret.yaml"
    outside.write_text("secret: 1\n", "utf-8")
    os.symlink(outside, pack / "link.yaml")
    assert files.refused() == ["mypack/link.yaml"]
    assert "link.yaml" not in files.on_disk("mypack")
    with pytest.raises(UsageError, match="U350"):
        files.open("mypack/link.yaml")


def test_a_file_that_becomes_a_link_is_not_written(files: Files, pack: Path) -> None:
    outside = pack.parent / "secret.yaml"
    outside.write_text("secret: 1\n", "utf-8")
    files.edit(TERMS, "terms: []\n")
    (pack / "terms.yaml").unlink()
    os.symlink(outside, pack / "terms.yaml")
    with pytest.raises(UsageError, match="U350"):
        files.save(TERMS)
    assert outside.read_text("utf-8") == "secret: 1\n"


def test_a_pack_behind_a_link_can_be_edited(pack: Path) -> None:
    os.symlink(pack, pack.parent / "there")
    files = Files.of([pack.parent / "there"])
    files.edit(TERMS, "terms: []\n")
    assert files.save(TERMS) is None
    assert (pack / "terms.yaml").read_text("utf-8") == "terms: []\n"


def test_two_packs_of_one_name_are_told_apart(pack: Path, tmp_path: Path) -> None:
    other = tmp_path / "more" / "mypack"
    other.mkdir(parents=True)
    (other / "pack.yaml").write_text("name: other\n", "utf-8")
    files = Files.of([pack, other])
    assert "mypack-2/pack.yaml" in files.listed()
    assert files.text("mypack-2/pack.yaml") == "name: other\n"


def test_comments_and_line_ends_stay(files: Files, pack: Path) -> None:
    written = "\ufeff# why\r\nterms:  # here\r\n  - {id: a, label: disorder, any: [b]}\r\n"
    (pack / "terms.yaml").write_bytes(written.encode())
    assert files.open(TERMS).text == written[1:].replace("\r\n", "\n")
    files.edit(TERMS, files.text(TERMS).replace("[b]", "[b, c]"))
    assert files.save(TERMS) is None
    assert (pack / "terms.yaml").read_bytes() == written.replace("[b]", "[b, c]").encode()


def test_a_file_changed_on_disk_is_not_overwritten(files: Files, pack: Path) -> None:
    files.edit(TERMS, "mine: 1\n")
    (pack / "terms.yaml").write_text("theirs: 1\n", "utf-8")
    conflict = files.save(TERMS)
    assert conflict is not None
    assert conflict.theirs == "theirs: 1\n"
    assert (pack / "terms.yaml").read_text("utf-8") == "theirs: 1\n"
    (pack / "terms.yaml").write_text("theirs: 2\n", "utf-8")  # and once more, after it was shown
    again = files.save(TERMS, over=conflict.digest)
    assert again is not None
    assert files.save(TERMS, over=again.digest) is None
    assert (pack / "terms.yaml").read_text("utf-8") == "mine: 1\n"


def test_a_deleted_file_is_a_conflict_and_stays_in_the_list(files: Files, pack: Path) -> None:
    files.edit(TERMS, "mine: 1\n")
    (pack / "terms.yaml").unlink()
    assert TERMS in files.listed()
    conflict = files.save(TERMS)
    assert conflict is not None
    assert conflict.theirs is None
    assert files.save(TERMS, over=conflict.digest) is None
    assert (pack / "terms.yaml").read_text("utf-8") == "mine: 1\n"


def test_a_clean_file_is_read_afresh_when_opened(files: Files, pack: Path) -> None:
    files.open(TERMS)
    (pack / "terms.yaml").write_text("theirs: 1\n", "utf-8")
    assert files.open(TERMS).text == "theirs: 1\n"
    files.edit(TERMS, "mine: 1\n")
    assert files.open(TERMS).text == "mine: 1\n"
    assert files.revert(TERMS).text == "theirs: 1\n"


def test_what_is_no_text_is_said_to_be_none(files: Files, pack: Path) -> None:
    (pack / "latin.yaml").write_bytes("terms: [é]\n".encode("latin-1"))
    with pytest.raises(UsageError, match=r"U351.*not UTF-8: byte 8 of"):
        files.open("mypack/latin.yaml")
    (pack / "huge.yaml").write_bytes(b"#" * (MAX_BYTES + 1))
    with pytest.raises(UsageError, match=r"U351.*the editor takes"):
        files.open("mypack/huge.yaml")


def test_a_file_deleted_before_it_is_opened(files: Files, pack: Path) -> None:
    files.open(TERMS)
    (pack / "terms.yaml").unlink()
    with pytest.raises(UsageError, match=r"U35[01]"):
        files.open(TERMS)


def test_what_cannot_be_written_stays(files: Files, pack: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    files.edit(TERMS, "mine: 1\n")

    def fails(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "replace", fails)
    with pytest.raises(UsageError, match="U271"):
        files.save(TERMS)
    assert files.is_dirty(TERMS)
    assert sorted(path.name for path in pack.glob(".*")) == []
