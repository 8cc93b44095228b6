"""Plain lines of a table go straight to the builder; what it makes is what the exact reader makes."""

from __future__ import annotations

import gzip
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rulener.compiler import lexicons, unicode
from rulener.core.automaton import Builder
from rulener.errors import LexiconError
from rulener.lexicon import table

LABELS = {"disorder": 0, "finding": 1, "läsion": 2}
VALUES = [
    "", "disorder", "finding", "läsion", "unknown", "heart failure", "Crohn's disease", " leading", "trailing ", "\u00a0nbsp",
    "nbsp\u00a0", "é", "naïve œdème", "exact", "EXACT", "any", "link", "0", "7", "65535", "65536", "x1", "S:1", "S", ":", "S:1:2",
    "2147483647", "2147483648", "plural", "w " * 70, "'", "\x1c", "a\x01b", "\"quoted\"", "MG", "ß", "١", "\ufeff", "x" * 300,
]  # fmt: skip
lines = st.lists(st.one_of(st.sampled_from(VALUES), st.text(max_size=6)), max_size=len(table.COLUMNS) + 2).map("\t".join)
endings = st.sampled_from(["\n", "\r\n", "\r\r\n", "\n\n"])
broken = st.sampled_from([b"\xff\tdisorder\n", b"caf\xc3\tdisorder\n", b"ok\tdisorder\tS\t\xe9\n", b"\xed\xa0\x80\tdisorder\n"])


def good(line: str) -> bytes:
    return line.replace("\n", " ").encode("utf-8", "replace")


contents = st.lists(st.one_of(st.builds(lambda line, end: good(line) + end.encode(), lines, endings), broken), max_size=12)


class Made:
    """What a reader makes of a table: what was added, reported and refused."""

    def __init__(self, path: Path, *, plain: bool) -> None:
        builder = Builder(*unicode.tables())
        monkeypatch = pytest.MonkeyPatch()
        if not plain:
            monkeypatch.setattr(lexicons, "read_rest", exact)
        try:
            report = lexicons.add_lexicon(builder, path, "hash", 3, LABELS, "labels")
            self.report: Any = (report.described, report.warnings)
        except LexiconError as error:
            self.report = str(error)
        finally:
            monkeypatch.undo()
        arrays, state = builder.freeze()
        self.arrays = {name: bytes(array) for name, array in arrays.items()}
        self.state = state


def exact(path: Path, skipped: table.Skipped, take: table.Take) -> Iterator[table.Row]:
    return table.read_table(path, skipped)


def same(content: bytes, name: str = "t.tsv") -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / name
        path.write_bytes(content)
        one, other = Made(path, plain=True), Made(path, plain=False)
    assert one.report == other.report
    assert one.state == other.state
    assert one.arrays == other.arrays


@settings(max_examples=300, deadline=None)
@given(st.permutations(table.COLUMNS), contents, st.booleans())
def test_the_exact_reader_makes_the_same(columns: list[str], content: list[bytes], ends: bool) -> None:
    whole = "\t".join(columns).encode() + b"\n" + b"".join(content)
    same(whole if ends else whole.rstrip(b"\n"))


@settings(max_examples=50, deadline=None)
@given(contents)
def test_so_does_it_for_few_columns_and_other_ones(content: list[bytes]) -> None:
    same(b"note\tterm\tlabel\tother\tcode\n" + b"".join(content))


@settings(max_examples=50, deadline=None)
@given(contents, st.integers(min_value=1, max_value=40))
def test_blocks_may_end_anywhere(content: list[bytes], size: int) -> None:
    with pytest.MonkeyPatch.context() as changed:
        changed.setattr(table, "_SOME", size)
        same(b"term\tlabel\tcode\n" + b"".join(content))


@pytest.mark.parametrize("name", ["t.csv", "t.tsv", "t.txt", "t.tsv.gz"])
def test_all_forms_of_tables(name: str) -> None:
    comma = "\t" if "csv" not in name else ","
    rows = ["heart failure,disorder,S,1", '"a ""b"", c",finding,S,2', "x,unknown,S,3", " y ,disorder,S,4", "z,läsion,S,5"]
    content = "\n".join(["term,label,system,code", *rows]).replace(",", comma).encode()
    same(gzip.compress(content) if name.endswith(".gz") else content, name)


def test_a_cut_off_gzip_names_the_same_line(tmp_path: Path) -> None:
    rows = "".join(f"term {k * 7919 % 10007} {k}\tdisorder\tS\t{k}\n" for k in range(20000))
    same(gzip.compress(("term\tlabel\tsystem\tcode\n" + rows).encode())[:-40000], "t.tsv.gz")


def test_a_table_of_many_columns(tmp_path: Path) -> None:
    head = "\t".join(f"c{k}" for k in range(140))
    row = "\t".join("v" for _ in range(140))
    same(f"term\tlabel\t{head}\tcode\na\tdisorder\t{row}\tC1\n".encode())
    same(f"{head}\tterm\tlabel\n{row}\ta\tdisorder\n".encode())


def test_limits_are_said_with_their_place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "t.tsv"
    path.write_text("term\tlabel\na\tdisorder\nb\tdisorder\n")

    class Full(Builder):
        def add_lines(self, *arguments: Any) -> tuple[int, int, int]:
            super().add_lines(*arguments)
            raise OverflowError("names and codes pass 4 GiB (4294967294 bytes)")

    with pytest.raises(LexiconError) as caught:
        lexicons.add_lexicon(Full(*unicode.tables()), path, "hash", 0, LABELS, "labels")
    assert caught.value.code == "L120"
    assert str(path) in str(caught.value)
    assert "names and codes pass 4 GiB" in str(caught.value)
