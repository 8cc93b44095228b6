"""The compiler's conflict analysis: what terms, cues and headings do to each other, in packs and in lexicons."""

from __future__ import annotations

import gzip
import json
from pathlib import Path

import pytest

from rulener import shipped
from rulener.cli.main import ended
from rulener.compiler.conflicts import lexicon_conflicts, pack_conflicts
from rulener.errors import LexiconError
from rulener.lexicon.table import Skipped
from rulener.packs.model import Pack
from rulener.packs.parse import load_packs

HEADER = """\
name: sample
version: 0.1.0
labels:
  - id: disorder
  - id: medication
axes: [negated, historical]
"""

CONTEXT = """\
context:
  - {id: "no", axis: negated, direction: forward, cues: ["no", "(denies|denied)"], exact: [NEG], status: experimental}
  - {id: known, axis: historical, direction: backward, cues: [known], status: experimental}
  - {id: pseudo, axis: negated, direction: pseudo, cues: [no change in], status: experimental}
  - {id: stop, axis: negated, direction: stop, cues: [but], status: experimental}
  - {id: none, axis: negated, direction: field, cues: [absent], status: experimental}
sections:
  - {id: allergies, headings: ["allergies:", past history], status: experimental}
"""


def packs(folder: Path, rules: str, *, header: str = HEADER) -> list[Pack]:
    folder.mkdir(exist_ok=True)
    (folder / "pack.yaml").write_text(header)
    (folder / "context.yaml").write_text(CONTEXT)
    (folder / "rules.yaml").write_text(rules)
    return load_packs([folder])


def term(*texts: str, id: str = "a", label: str = "disorder", more: str = "") -> str:
    return f"  - {{id: {id}, label: {label}, status: experimental, any: {json.dumps(list(texts))}{more}}}\n"


def codes(found: list[Pack]) -> list[str]:
    return [diagnostic.code for diagnostic in pack_conflicts(found)]


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("no pain syndrome", "R305"),
        ("pain, Denied", "R305"),
        ("well-known rash", "R305"),
        ("known", "R306"),
        ("Known", "R306"),
        ("allergies", "R307"),
        ("past-history", "R307"),
        ("fit", "R309"),
    ],
)
def test_a_term_that_collides(tmp_path: Path, text: str, code: str) -> None:
    assert codes(packs(tmp_path, "terms:\n" + term(text))) == [code]


@pytest.mark.parametrize(
    "text",
    [
        "nodule",  # no cue: a part of a word
        "no change in vision",  # the pseudo cue is longer
        "butterfly rash",
        "but rash",  # a stop cue does nothing to others
        "absent",  # a field cue needs a field
        "neg rash",  # the cue keeps its case
        "allergies to eggs",  # a heading inside does nothing
        "fit of rage",
    ],
)
def test_a_term_that_does_not(tmp_path: Path, text: str) -> None:
    assert codes(packs(tmp_path, "terms:\n" + term(text))) == []


def test_the_finding_names_both_places(tmp_path: Path) -> None:
    (diagnostic,) = pack_conflicts(packs(tmp_path, "terms:\n" + term("no pain syndrome")))
    assert diagnostic.severity == "warning"
    assert [Path(located.place.path).name for located in diagnostic.places] == ["rules.yaml", "context.yaml"]
    assert "`sample:no`" in diagnostic.message


def test_an_exact_cue_and_an_exact_everyday_word(tmp_path: Path) -> None:
    exact = '  - {id: a, label: disorder, status: experimental, exact: ["NEG rash", "FIT", "fit"]}\n'
    found = pack_conflicts(packs(tmp_path, "terms:\n" + exact))
    assert [(d.code, d.message.split("`")[1]) for d in found] == [("R305", "NEG rash"), ("R309", "fit")]


@pytest.mark.parametrize(("cue", "useless"), [("increase", True), ("no increase", False), ("but not", False), ("pain is", True)])
def test_pseudo_cues(tmp_path: Path, cue: str, useless: bool) -> None:
    rules = f"context:\n  - {{id: q, axis: negated, direction: pseudo, cues: [{cue}], status: experimental}}\n"
    assert codes(packs(tmp_path, rules)) == ["R308"] * useless


def test_a_pseudo_cue_of_another_axis_is_useless(tmp_path: Path) -> None:
    rules = "context:\n  - {id: q, axis: historical, direction: pseudo, cues: [no increase], status: experimental}\n"
    assert codes(packs(tmp_path, rules)) == ["R308"]


def test_a_pseudo_cue_that_overlaps_a_cue_is_not(tmp_path: Path) -> None:
    rules = (
        "context:\n"
        "  - {id: free, axis: negated, direction: forward, cues: [free of], status: experimental}\n"
        "  - {id: q, axis: negated, direction: pseudo, cues: [is pain free], status: experimental}\n"
    )
    assert codes(packs(tmp_path, rules)) == []


SHADOW = (
    "terms:\n" + term("lithium", id="first", more="{first}") + term("Lithium", id="second", label="medication", more="{second}")
)


@pytest.mark.parametrize(
    ("first", "second", "loser"),
    [
        ("", "", "second"),
        ("", ", priority: 5", "first"),
        (", unless: {before: [toxicity]}", "", None),
        (", priority: -1", "", "first"),
    ],
)
def test_who_never_wins(tmp_path: Path, first: str, second: str, loser: str | None) -> None:
    rules = SHADOW.replace("{first}", first).replace("{second}", second)
    found = pack_conflicts(packs(tmp_path, rules))
    assert [(d.code, d.message.split("`")[3]) for d in found] == ([("R310", f"sample:{loser}")] if loser else [])


@pytest.mark.parametrize("policy", ["all", "longest_per_label"])
def test_other_policies_keep_both(tmp_path: Path, policy: str) -> None:
    rules = SHADOW.replace("{first}", "").replace("{second}", "")
    assert codes(packs(tmp_path, rules, header=HEADER + f"resolution: {policy}\n")) == []


def test_a_longer_term_shadows_nothing(tmp_path: Path) -> None:
    assert codes(packs(tmp_path, "terms:\n" + term("lithium") + term("lithium toxicity", id="b", label="medication"))) == []


def test_what_wins_is_what_the_engine_reports(tmp_path: Path) -> None:
    from rulener.engine import load

    rules = SHADOW.replace("{first}", "").replace("{second}", ", priority: 5")
    packs(tmp_path / "pack", rules)
    engine = load(tmp_path / "pack", base=None, lexicons=[], cache_dir=tmp_path / "cache")
    assert [entity.rule for entity in engine.annotate("On lithium.").entities] == ["sample:second"]


# --- lexicons --------------------------------------------------------------------------------------------------------

ROWS = [
    ("term", "label"),
    ("no pain syndrome", "disorder"),
    ("no pain syndrome", "disorder"),
    ("known", "disorder"),
    ("allergies", "disorder"),
    ("fit", "disorder"),
    ("measles", "disorder"),
    *((f"no pain type {k}", "disorder") for k in range(6)),
]


def table(path: Path, rows: list[tuple[str, ...]]) -> Path:
    data = "".join("\t".join(row) + "\n" for row in rows).encode()
    path.write_bytes(gzip.compress(data) if path.suffix == ".gz" else data)
    return path


@pytest.mark.parametrize("name", ["t.tsv", "t.tsv.gz"])
def test_rows_are_counted_and_the_first_named(tmp_path: Path, name: str) -> None:
    found = lexicon_conflicts(packs(tmp_path / "pack", ""), table(tmp_path / name, ROWS))
    assert [(d.code, d.message) for d in found] == [
        ("R305", f"{name}: 7 terms contain a cue"),
        ("R306", f"{name}: a term is a cue"),
        ("R307", f"{name}: a term is a heading"),
        ("R309", f"{name}: a term is an everyday word"),
    ]
    notes = found[0].notes
    assert notes[0] == "line 2: `no pain syndrome` contains `no` of `sample:no`"
    assert [note.split(":")[0] for note in notes[1:5]] == ["line 8", "line 9", "line 10", "line 11"]
    assert notes[5:] == ("and 2 more", "most often: `no` of `sample:no` (7)")


def test_bad_rows_are_left_to_their_list(tmp_path: Path) -> None:
    skipped = Skipped()
    path = table(tmp_path / "t.tsv", [*ROWS[:2], ("", "disorder")])
    assert [d.code for d in lexicon_conflicts(packs(tmp_path / "pack", ""), path, skipped)] == ["R305"]
    assert skipped.messages("t.tsv") == ["t.tsv:3: row skipped: no term"]


def test_an_empty_lexicon(tmp_path: Path) -> None:
    with pytest.raises(LexiconError) as caught:
        lexicon_conflicts(packs(tmp_path / "pack", ""), table(tmp_path / "t.tsv", ROWS[:1]))
    assert caught.value.code == "L103"


def test_a_pack_without_context_finds_everyday_words(tmp_path: Path) -> None:
    (tmp_path / "pack.yaml").write_text(HEADER)
    found = lexicon_conflicts(load_packs([tmp_path]), table(tmp_path / "t.tsv", ROWS))
    assert [d.code for d in found] == ["R309"]


@pytest.mark.parametrize("path", shipped.lexicons(), ids=lambda path: path.name)
def test_no_shipped_term_is_an_everyday_word(path: Path) -> None:
    found = lexicon_conflicts(load_packs([shipped.packs()["english"]]), path)
    assert "R309" not in {d.code for d in found}


# --- the command -----------------------------------------------------------------------------------------------------


def test_check_shows_them(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    packs(tmp_path / "pack", "terms:\n" + term("no pain syndrome"))
    lexicon = table(tmp_path / "t.tsv", [*ROWS, ("", "disorder")])
    assert ended(["check", str(tmp_path / "pack"), "--no-base", "--lexicon", str(lexicon)]) == 0
    out, err = capfd.readouterr()
    assert "warning[R305]: `no pain syndrome` contains the cue" in out
    assert "warning[R305]: t.tsv: 7 terms contain a cue" in out
    assert "rulener: warning: t.tsv:14: row skipped: no term" in err
    assert ended(["check", str(tmp_path / "pack"), "--no-base", "--strict"]) == 1


def test_check_of_a_missing_lexicon(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    packs(tmp_path / "pack", "")
    assert ended(["check", str(tmp_path / "pack"), "--no-base", "--lexicon", str(tmp_path / "none.tsv")]) == 4
    assert capfd.readouterr().err.startswith("rulener: error[L101]: ")
