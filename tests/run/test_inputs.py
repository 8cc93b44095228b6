from __future__ import annotations

import os
from pathlib import Path

import pytest

from rulener.errors import NoteError, UsageError
from rulener.run import sorting
from rulener.run.inputs import JSONL, UNLISTED, Input, Walk, line_id, readable, resolve

LINES = Input(JSONL, "/notes.jsonl", "notes.jsonl")


def make(folder: Path, *names: str) -> None:
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(name)


def test_order_is_that_of_the_paths(tmp_path: Path) -> None:
    names = ["b.txt", "a/z.txt", "a.txt", "a-b/x.txt", "a/b/c.txt", "a0.txt", "Ä.txt", "B.txt", "a/A.txt"]
    make(tmp_path, *names)
    assert [name for name, _ in Walk(str(tmp_path))] == sorted(names)


def test_sizes_are_known_and_other_files_counted(tmp_path: Path) -> None:
    make(tmp_path, "a.txt", "B.TXT", "c.pdf", "d/e.json", ".hidden.txt")
    walk = Walk(str(tmp_path))
    assert list(walk) == [(".hidden.txt", 11), ("B.TXT", 5), ("a.txt", 5)]
    assert walk.others == 2


def test_many_entries_go_through_files_in_the_same_order(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    make(tmp_path, *(f"{number % 7}/{number * 7919 % 1000}.txt" for number in range(100)))
    short = list(Walk(str(tmp_path)))
    monkeypatch.setattr(sorting.Sorter.__init__, "__defaults__", (4,))
    assert list(Walk(str(tmp_path))) == short
    assert len(short) == 100


def test_links_are_followed_once(tmp_path: Path) -> None:
    make(tmp_path, "a/x.txt", "elsewhere.md")
    (tmp_path / "a" / "loop").symlink_to(tmp_path)
    (tmp_path / "b").symlink_to(tmp_path / "a")
    (tmp_path / "gone.txt").symlink_to(tmp_path / "nowhere")
    assert [name for name, _ in Walk(str(tmp_path))] == ["a/x.txt", "b/x.txt", "gone.txt"]


def test_a_pipe_is_no_note(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.txt")
    walk = Walk(str(tmp_path))
    assert list(walk) == []
    assert walk.others == 1


def test_a_subfolder_that_cannot_be_listed_is_not_passed_over(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    make(tmp_path, "a.txt", "shut/b.txt", "z.txt")
    scandir = os.scandir

    def refuse(path: str) -> object:
        if path.endswith("shut"):
            raise PermissionError(13, "Permission denied")
        return scandir(path)

    monkeypatch.setattr(os, "scandir", refuse)
    assert [name for name, _ in Walk(str(tmp_path))] == ["a.txt", "shut/", "z.txt"]
    assert dict(Walk(str(tmp_path)))["shut/"] == UNLISTED


def test_names_that_are_not_utf8_become_readable(tmp_path: Path) -> None:
    path = os.fsencode(tmp_path) + b"/caf\xe9.txt"
    with open(path, "w"):
        pass
    ((name, _),) = Walk(str(tmp_path))
    assert os.fsencode(name) == b"caf\xe9.txt"
    assert readable(name) == "caf\\xe9.txt"


@pytest.mark.parametrize(("kind", "code"), [("missing", "U201"), ("pipe", "U202")])
def test_inputs_that_are_none(tmp_path: Path, kind: str, code: str) -> None:
    if kind == "pipe":
        os.mkfifo(tmp_path / kind)
    with pytest.raises(UsageError) as caught:
        resolve([str(tmp_path / kind)])
    assert caught.value.code == code


def test_kinds_and_names_of_inputs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    make(tmp_path, "notes/a.txt", "b.JSONL", "c.log")
    monkeypatch.chdir(tmp_path / "notes")
    found = resolve([".", "../notes/", "../b.JSONL", str(tmp_path / "c.log")])
    assert [(source.kind, source.name) for source in found] == [
        ("folder", "notes"),
        ("folder", "notes"),
        ("jsonl", "b.JSONL"),
        ("file", "c.log"),
    ]


GOOD = [
    (b'{"id": "a", "text": "x"}', ("a", "x")),
    (b'{"note_id": "a", "text": "x"}', ("a", "x")),
    (b'{"id": 17, "text": ""}', ("17", "")),
    (b'{"text": "x", "id": "a"}', ("a", "x")),
    (b'{"id": "a", "note_id": "b", "text": "x"}', ("b", "x")),
    (b'{"id": "a", "text": "x", "id": "b"}', ("b", "x")),
    (b'{"id": "a\\n", "text": "the \\"id\\": \\"z\\""}', ("a\n", 'the "id": "z"')),
    ('{"id": "ä", "text": "\\ud800"}'.encode(), ("ä", "\ud800")),
    (b'{"id": "a", "patient_id": "p", "text": "x"}', ("a", "x")),
]
BAD = [b"", b"[]", b'"x"', b"{}", b'{"id": "a"}', b'{"id": "a", "text": null}', b'{"id": "", "text": "x"}', b'{"text": "x"}']
BAD += [
    b'{"id": true, "text": "x"}',
    b'{"id": "\\ud800", "text": "x"}',
    b'{"id": "a", "text": "x"',
    b"[" * 100_000,
    b'{"id": "\xff"',
]


@pytest.mark.parametrize(("line", "expected"), GOOD)
def test_lines_with_a_note(line: bytes, expected: tuple[str, str]) -> None:
    assert LINES.note(line) == (*expected, {})
    assert line_id(line, LINES) == expected[0]


@pytest.mark.parametrize("line", BAD)
def test_lines_without_a_note(line: bytes) -> None:
    with pytest.raises(NoteError) as caught:
        LINES.note(line)
    assert caught.value.code in ("N102", "N106")
