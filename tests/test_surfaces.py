"""The rows of a compiled file: the same surfaces and concepts that went in."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import rulener
from rulener.errors import ArtifactError
from rulener.lexicon.surface import key
from rulener.lexicon.table import Row, write_table
from rulener.surfaces import Surfaces

PACK = "name: tiny\nversion: 1.0.0\nlabels:\n  - id: drug\n  - id: ailment\n"


@pytest.fixture(autouse=True)
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("RULENER_CACHE_DIR", str(tmp_path / "cache"))
    Path("tiny").mkdir()
    Path("tiny/pack.yaml").write_text(PACK)


def compiled(rows: list[Row]) -> Surfaces:
    write_table(rows, Path("t.tsv"))
    return Surfaces(rulener.load("tiny", base=None, lexicons=["t.tsv"]).path)


def row(term: str, code: str, label: str = "ailment", **more: object) -> Row:
    return Row(0, term, label, "S", code, f"name {code}", "T1", False)._replace(**more)  # type: ignore[arg-type]


def test_everything_a_row_says() -> None:
    rows = [
        row("Blue fever", "1", rank=7, variant="plural", standard="X:9", standard_id=99, standard_name="Nine"),
        row("ALL", "2", exact=True, use="link"),
        row("röte", "3"),
        Row(0, "a very-long/word electroencephalographically", "drug", "", "", "only a name", "", False),
    ]
    found = {one.term: one for one in compiled(rows).rows()}
    blue = found["blue fever"]
    assert blue[1:9] == ("blue fever", "ailment", "S", "1", "name 1", "T1", False, "lexicon:t")
    assert blue[10:] == (7, "plural", "", "X:9", 99, "Nine")
    assert (found["all"].exact, found["all"].use) == (True, "link")
    assert found["rote"].code == "3"
    assert found["a very long word electroencephalographically"].preferred == "only a name"


def test_one_surface_and_one_code() -> None:
    surfaces = compiled(
        [row("fever", "1"), row("blue fever", "1"), row("blue", "2", "drug"), row("blue", "3"), row("fever blue x", "4")]
    )
    assert sorted((one.term, one.code) for one in surfaces.rows(spelling="blue")) == [("blue", "2"), ("blue", "3")]
    assert [one.code for one in surfaces.rows(spelling="blue fever")] == ["1"]
    assert list(surfaces.rows(spelling="fever blue")) == list(surfaces.rows(spelling="unknown")) == []
    assert list(surfaces.rows(spelling="")) == []
    assert [one.term for one in surfaces.rows(code="s:1")] == ["fever", "blue fever"]
    assert [one.term for one in surfaces.rows(code="3")] == ["blue"]
    assert list(surfaces.rows(code="S:9")) == []


WORDS = st.lists(st.sampled_from(["a", "b", "c", "longerthaneight", "é"]), min_size=1, max_size=6).map(" ".join)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=30, deadline=None)
@given(st.lists(st.tuples(WORDS, st.sampled_from("123"), st.sampled_from(["drug", "ailment"])), min_size=1, max_size=25))
def test_what_goes_in_comes_out(given_rows: list[tuple[str, str, str]]) -> None:
    surfaces = compiled([row(term, code, label) for term, code, label in given_rows])
    expected = {(key(term), code, label) for term, code, label in given_rows}
    found = [(one.term, one.code, one.label) for one in surfaces.rows()]
    assert sorted(found) == sorted(expected)
    for term, _, _ in given_rows:
        assert {one[0] for one in ((row.term,) for row in surfaces.rows(spelling=key(term)))} == {key(term)}
    for code in "123":
        assert {(one.term, one.label) for one in surfaces.rows(code=code)} == {(t, n) for t, c, n in expected if c == code}


def test_a_damaged_file_is_an_error_and_no_crash() -> None:
    path = compiled([row("blue fever", "1"), row("x", "2")]).path
    data = path.read_bytes()
    sections = rulener.load(str(path)).info()["sections"]
    assert sections["edges"] > 0
    for begin in range(512, len(data), 997):
        broken = bytearray(data)
        broken[begin : begin + 64] = b"\xfe" * len(broken[begin : begin + 64])
        Path("broken.rnr").write_bytes(broken)
        try:
            surfaces = Surfaces(Path("broken.rnr"))
            list(surfaces.rows())
            list(surfaces.rows(code="1"))
            list(surfaces.rows(spelling="blue fever"))
        except ArtifactError:
            continue
