"""Building and merging tables, and what a map of codes does."""

from __future__ import annotations

from pathlib import Path

import pytest

import rulener
from rulener.errors import LexiconError
from rulener.lexicon.build import Given, build_table, merge_tables
from rulener.lexicon.table import Row, Skipped, read_table
from tests.lexicon.support import write

MESH = (
    "term\tlabel\tsystem\tcode\tpreferred\tsemantic_type\n"
    "blue fever\tdisorder\tMESH\tD1\tFever, Blue\tC01\n"
    "red rash\tsymptom\tMESH\tD2\t\t\n"
)
UMLS = "term\tlabel\tsystem\tcode\tpreferred\nblue pyrexia\tdisorder\tUMLS\tC1\tBlue fever\n"


@pytest.fixture(autouse=True)
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("RULENER_CACHE_DIR", str(tmp_path / "cache"))
    write({"mesh.tsv": MESH, "umls.tsv": UMLS})


def merged(rows: str, *tables: str) -> list[tuple[str, ...]]:
    write({"map.tsv": rows})
    merge_tables([Path(table) for table in tables], Path("out.tsv"), map_path=Path("map.tsv"))
    return [(row.term, f"{row.system}:{row.code}", row.preferred, row.semantic_type, row.source) for row in table("out.tsv")]


def table(path: str) -> list[Row]:
    return list(read_table(Path(path), Skipped()))


def refusal(rows: str | bytes) -> str:
    write({"map.tsv": rows})
    with pytest.raises(LexiconError) as caught:
        merge_tables([Path("mesh.tsv")], Path("out.tsv"), map_path=Path("map.tsv"))
    assert not Path("out.tsv").exists()
    return str(caught.value)


def test_tables_one_after_the_other() -> None:
    built = merge_tables([Path("mesh.tsv"), Path("umls.tsv")], Path("out.tsv"))
    assert [row.term for row in table("out.tsv")] == ["blue fever", "red rash", "blue pyrexia"]
    assert (built.read, built.rows, built.labels) == (3, 3, {"disorder": 2, "symptom": 1})
    assert [(one.source, one.rows, one.read) for one in built.readings] == [
        ("table", 2, {"mesh.tsv": 2}),
        ("table", 1, {"umls.tsv": 1}),
    ]


def test_a_map_joins_concepts_under_one_code_and_name() -> None:
    expected = [
        ("blue fever", "UMLS:C1", "Blue fever", "", "MESH"),
        ("red rash", "MESH:D2", "red rash", "", ""),
        ("blue pyrexia", "UMLS:C1", "Blue fever", "", ""),
    ]
    assert merged("from\tto\nmesh:D1\tumls:C1\n", "mesh.tsv", "umls.tsv") == expected
    (mention,) = rulener.load(lexicons=["out.tsv"]).annotate("Blue fever.").entities
    assert [(one.system, one.code) for one in mention.concepts] == [("UMLS", "C1")]


def test_a_build_with_a_map_gives_the_same() -> None:
    write({"map.tsv": "from\tto\nMESH:D1\tUMLS:C1\n"})
    given = [Given("table", Path("mesh.tsv")), Given("table", Path("umls.tsv"))]
    built = build_table(given, Path("built.tsv"), map_path=Path("map.tsv"))
    merge_tables([Path("mesh.tsv"), Path("umls.tsv")], Path("merged.tsv"), map_path=Path("map.tsv"))
    assert Path("built.tsv").read_bytes() == Path("merged.tsv").read_bytes()
    assert (built.read, built.rows, built.joined) == (3, 3, 1)
    assert sorted(path.name for path in Path().glob("*.t*")) == ["built.tsv", "map.tsv", "merged.tsv", "mesh.tsv", "umls.tsv"]


def test_a_target_in_no_lexicon_gets_the_name_of_the_first() -> None:
    rows = merged("from,to\nMESH:D1,LOCAL:9\nMESH:D2,LOCAL:9\n", "mesh.tsv")
    assert rows == [
        ("blue fever", "LOCAL:9", "Fever, Blue", "C01", "MESH"),
        ("red rash", "LOCAL:9", "Fever, Blue", "C01", "MESH"),
    ]
    assert {row.label for row in table("out.tsv")} == {"disorder"}


def test_several_targets_give_a_row_each_and_steps_are_followed() -> None:
    steps = "# a comment\nsubject_id\tpredicate\tobject_id\nMESH:D1\tx\tA:1\nMESH:D1\tx\tA:2\nA:2\tx\tB:3\nMESH:D2\tx\tMESH:D2\n"
    rows = merged(steps + "A:9\tx\tB:9\n", "mesh.tsv")
    assert [row[:2] for row in rows] == [("blue fever", "A:1"), ("blue fever", "B:3"), ("red rash", "MESH:D2")]


def test_bad_rows_of_a_map() -> None:
    write({"map.tsv": b"\xef\xbb\xbffrom\tto\r\nMESH:D1\tUMLS:C1\r\nD2\tUMLS:C2\r\nMESH:D2\r\n\xe9:1\tA:2\r\n"})
    built = merge_tables([Path("mesh.tsv")], Path("out.tsv"), map_path=Path("map.tsv"))
    assert built.readings[0].skipped["map.tsv"].messages("map.tsv") == [
        "map.tsv:5: row skipped: not UTF-8",
        "map.tsv:3: row skipped: no two codes of the form SYSTEM:CODE (and 1 more: lines 4)",
    ]


def test_maps_that_are_refused() -> None:
    hint = "(the first line names the columns: from, to; below it codes such as MESH:D003920 and UMLS:C0011849)"
    assert refusal("a\tb\n") == f"[L108] map.tsv:1: no columns 'from' and 'to' in the header of the map {hint}"
    assert refusal("from\tto\n") == f"[L103] map.tsv: the map has no usable row {hint}"
    assert refusal("") == "[L103] map.tsv: the file is empty (copy it again)"
    assert refusal("from\tto\nA:1\tB:1\nB:1\tC:1\nC:1\tB:1\n") == (
        "[L108] map.tsv: the map goes round in a ring: B:1 -> C:1 -> B:1 (take one of these rows out: it must be clear which "
        "code stays)"
    )
    Path("map.tsv").unlink()
    Path("map.tsv").mkdir()
    with pytest.raises(LexiconError, match=r"\[L101\] map.tsv: the map cannot be read: this is a folder, not a table"):
        merge_tables([Path("mesh.tsv")], Path("out.tsv"), map_path=Path("map.tsv"))


def test_stages_in_their_order() -> None:
    stages = [
        lambda rows: (row for row in rows if row.label == "disorder"),
        lambda rows: (row._replace(term=row.term.upper()) for row in rows),
    ]
    built = build_table([Given("table", Path("mesh.tsv"))], Path("out.tsv"), stages=stages)
    assert [row.term for row in table("out.tsv")] == ["BLUE FEVER"]
    assert (built.read, built.rows) == (2, 1)


def test_nothing_is_left() -> None:
    write({"none.tsv": "term\tlabel\n\tx\n", "out.tsv": "old"})
    with pytest.raises(LexiconError) as caught:
        build_table([Given("table", Path("none.tsv"))], Path("out.tsv"))
    assert str(caught.value) == "[L103] none.tsv: no usable row; none.tsv:2: row skipped: no term"
    with pytest.raises(LexiconError) as caught:
        build_table([Given("table", Path("mesh.tsv"))], Path("out.tsv"), stages=[lambda rows: (row for row in rows if not row)])
    assert str(caught.value) == "[L103] out.tsv: every row was left out: nothing to write"
    assert Path("out.tsv").read_text() == "old"
