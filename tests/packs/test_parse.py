"""Whole packs: the grammar page's examples, several packs together, hashes, and that nothing makes the parser raise."""

from __future__ import annotations

import pickle
import tempfile
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rulener.errors import EXIT_BAD_PACK, PackError
from rulener.packs.cases import load_cases
from rulener.packs.checks import ALL_CHECKS
from rulener.packs.diagnostics import TITLES, name_of
from rulener.packs.model import Direction, Pack, Scope
from rulener.packs.parse import check_packs, link, load_packs, parse_pack

ROOT = Path(__file__).parents[2]

PACK = """\
name: sample
version: 0.1.0
description: For tests.
labels:
  - id: disorder
    description: A disease.
    schemes: {i2b2: problem, basic: diagnosis}
  - id: measurement
  - id: identifier
axes: [historical, negated]
resolution: longest_per_label
options:
  cues_inside_mention: act
"""

RULES = r"""
words:
  - id: dose-unit
    any: [mg, mcg, "%"]
abbreviations:
  - id: titles
    any: [Dr, e.g]
continues:
  - id: function-words
    any: [of, the]
continues_list:
  - id: list-words
    any: [and, or, no]
terms:
  - id: heart-failure
    label: disorder
    concepts: [ICD10CM:I50.9, SNOMEDCT:84114007]
    any: [heart failure, cardiac failure]
    exact: [CHF, HF, NO]
    priority: -5
    unless: {section: [past_medical_history], before: [association], after: [american]}
    examples:
      match: ["Known [CHF], on furosemide.", "heart failure", "No [CHF]{problem negated}."]
      skip: ["heart failure association"]
patterns:
  - id: ejection-fraction
    label: measurement
    status: experimental
    name: EF
    match: "(LVEF | EF | ejection fraction) (of|is|was|:|=)? {value:number} ((-|to) {high:number})? <dose-unit>?"
  - id: mrn
    label: identifier
    status: deprecated
    regex: '\bMRN[:# ]*(?<value>\d{6,10})\b'
    anchors: [MRN]
context:
  - id: denies
    axis: negated
    direction: forward
    cues: [denies, denied, "(was|were) ruled out", "no( evidence of)?", no sign of]
    exact: [NEG]
    scope: {within: section, lists: stop, stop_at: [heading], tokens: 12}
    blocked_by: [once, if]
    on: [disorder, problem]
    examples:
      match: ["Denies [chest pain]."]
      skip: ["[Pain] that she denies."]
  - id: no-change
    direction: pseudo
    cues: [no change in]
    examples: {match: [There is no change in size.]}
sections:
  - id: past-medical-history
    headings: [past medical history, PMH, "hx:"]
    sets: {historical: true}
    part: true
    examples:
      match: ["[PMH]: DM, HTN."]
      skip: ["His past medical history is long."]
"""


def write(folder: Path, **files: str) -> Path:
    folder.mkdir(exist_ok=True)
    for name, text in files.items():
        (folder / f"{name}.yaml").write_bytes(text.encode())
    return folder


@pytest.fixture
def sample(tmp_path: Path) -> Pack:
    pack, diagnostics = parse_pack(write(tmp_path / "sample", pack=PACK, rules=RULES))
    assert diagnostics == []
    assert pack is not None
    return pack


def test_the_header(sample: Pack) -> None:
    assert (sample.name, sample.version, sample.resolution) == ("sample", "0.1.0", "longest_per_label")
    assert sample.options.cues_inside_mention == "act"
    assert sample.axes == ("negated", "historical")
    assert sample.labels[0].schemes == (("i2b2", "problem"), ("basic", "diagnosis"))


def test_the_lists_of_words(sample: Pack) -> None:
    assert [text.value for text in sample.words[0].any] == ["mg", "mcg", "%"]
    assert [text.value for text in sample.abbreviations[0].any] == ["Dr", "e.g"]
    assert [text.value for text in sample.continues_list[0].any] == ["and", "or", "no"]


def test_the_term(sample: Pack) -> None:
    (term,) = sample.terms
    assert (term.id, term.label.value, term.name, term.priority, term.status) == (
        "heart-failure",
        "disorder",
        "heart failure",
        -5,
        "stable",
    )
    assert [(c.system, c.code) for c in term.concepts] == [("ICD10CM", "I50.9"), ("SNOMEDCT", "84114007")]
    assert [text.value for text in term.exact] == ["CHF", "HF", "NO"]
    assert [text.value for text in term.unless.section] == ["past_medical_history"]
    assert [text.value for text in term.examples.skip] == ["heart failure association"]


def test_the_patterns(sample: Pack) -> None:
    first, second = sample.patterns
    assert first.regex is None
    assert len(first.match) == 1
    assert second.regex is not None
    assert [text.value for text in second.anchors] == ["MRN"]
    assert second.status == "deprecated"


def test_the_context(sample: Pack) -> None:
    denies, pseudo = sample.context
    assert denies.direction is Direction.FORWARD
    assert denies.axes == ("negated",)
    assert denies.scope == Scope(within="section", lists="stop", stop_at_clause=False, tokens=12)
    assert [text.value for text in denies.on] == ["disorder", "problem"]
    assert pseudo.axes == ()


def test_the_section(sample: Pack) -> None:
    (section,) = sample.sections
    assert (section.name, section.sets, section.part) == ("past_medical_history", ("historical",), True)


def test_it_links_without_findings_but_what_is_meant(sample: Pack) -> None:
    # "no" is a cue and "no change in" a longer pseudo cue: no conflict.
    assert link([sample]) == []


def test_a_pack_is_pickled_whole(sample: Pack) -> None:
    assert pickle.loads(pickle.dumps(sample)) == sample


def test_places_name_the_display_folder(tmp_path: Path) -> None:
    folder = write(tmp_path / "p", pack="name: p\n")
    pack, diagnostics = parse_pack(folder, display="rules/p")
    assert pack is None
    assert [str(d.place) for d in diagnostics] == ["rules/p/pack.yaml:1:1"]


def test_every_finding_of_all_files_is_given(tmp_path: Path) -> None:
    bad = "terms:\n  - id: X\n  - id: Y\n    labl: z\n"
    _, diagnostics = parse_pack(write(tmp_path / "p", pack="name: P\n", a=bad, b="a: [", c=bad), display="p")
    per_file: dict[str, list[str]] = {}
    for diagnostic in diagnostics:
        assert diagnostic.place is not None
        per_file.setdefault(diagnostic.place.path, []).append(diagnostic.code)
    assert sorted(per_file) == ["p/a.yaml", "p/b.yaml", "p/c.yaml", "p/pack.yaml"]
    assert sorted(per_file["p/a.yaml"]) == ["R114", "R115", "R115", "R120", "R120", "R212", "R212"]
    assert per_file["p/b.yaml"] == ["R102"]
    assert sorted(per_file["p/c.yaml"]) == ["R114", "R115", "R115", "R120", "R120", "R121", "R121", "R212", "R212"]
    assert per_file["p/pack.yaml"] == ["R115", "R120"]


def test_load_packs_raises_with_all_findings(tmp_path: Path) -> None:
    good, bad = write(tmp_path / "good", pack=PACK, rules=RULES), write(tmp_path / "bad", pack="name: bad\nverzion: 1\n")
    with pytest.raises(PackError) as caught:
        load_packs([good, bad])
    assert [d.code for d in caught.value.diagnostics] == ["R115", "R114"]
    assert caught.value.exit_code == EXIT_BAD_PACK
    assert "bad/pack.yaml:1:1" in str(caught.value)


def test_packs_share_labels_axes_sections_and_word_lists(tmp_path: Path) -> None:
    site = """
terms:
  - id: fever
    status: experimental
    label: disorder
    any: [fever]
    unless: {section: [past_medical_history]}
patterns:
  - id: dose
    status: experimental
    label: measurement
    match: "{value:number} <dose-unit>"
context:
  - id: ohne
    status: experimental
    axis: negated
    direction: forward
    cues: [ohne]
    on: [problem]
"""
    base = write(tmp_path / "base", pack=PACK, rules=RULES)
    other = write(tmp_path / "site", pack="name: site\nversion: 1.0\n", rules=site)
    assert [pack.name for pack in load_packs([base, other])] == ["sample", "site"]
    alone = [d.code for d in check_packs([other])[1]]
    assert sorted(alone) == ["R130", "R130", "R130", "R131", "R132", "R133"]


def test_a_missing_folder(tmp_path: Path) -> None:
    pack, diagnostics = parse_pack(tmp_path / "none", display="none")
    assert pack is None
    assert [d.code for d in diagnostics] == ["R100"]


def test_subfolders_are_not_read(tmp_path: Path) -> None:
    folder = write(tmp_path / "p", pack=PACK)
    write(folder / "more.yaml", bad="a: [")
    pack, diagnostics = parse_pack(folder)
    assert pack is not None
    assert diagnostics == []


def test_the_order_is_that_of_the_files(tmp_path: Path) -> None:
    def term(id_: str) -> str:
        return f"terms:\n  - id: {id_}\n    label: disorder\n    any: [{id_}]\n"

    pack, _ = parse_pack(write(tmp_path / "p", b=term("x"), a=term("y"), pack=PACK, z=term("a")))
    assert pack is not None
    assert [t.id for t in pack.terms] == ["y", "x", "a"]


def test_the_hash_covers_names_and_bytes_but_no_cases(tmp_path: Path) -> None:
    def digest(folder: Path) -> str:
        pack, _ = parse_pack(folder)
        assert pack is not None
        return pack.content_hash

    first = digest(write(tmp_path / "a", pack=PACK, rules=RULES))
    assert digest(write(tmp_path / "b", pack=PACK, rules=RULES)) == first
    assert digest(write(tmp_path / "a", **{"x.cases": "cases: []\n"})) == first
    others = [
        digest(write(tmp_path / "c", pack=PACK, other=RULES)),
        digest(write(tmp_path / "d", pack=PACK, rules=RULES + "# comment\n")),
        digest(write(tmp_path / "e", pack=PACK)),
    ]
    assert len({first, *others}) == 4


def test_a_field_cue_may_also_reach_forward(tmp_path: Path) -> None:
    rules = "context:\n" + "".join(
        f"  - id: no-{direction}\n    status: experimental\n    axis: negated\n    direction: {direction}\n    cues: [no]\n"
        for direction in ("forward", "field")
    )
    assert check_packs([write(tmp_path / "p", pack=PACK, rules=rules)])[1] == []


def test_forms_that_keep_different_case_are_different_cues(tmp_path: Path) -> None:
    rules = "context:\n" + "".join(
        f"  - id: no-{direction}\n    status: experimental\n    axis: negated\n    direction: {direction}\n    exact: [{cue}]\n"
        for direction, cue in (("forward", "NO"), ("pseudo", "No"))
    )
    assert check_packs([write(tmp_path / "p", pack=PACK, rules=rules)])[1] == []


def test_a_spaced_hyphen_is_part_of_a_cue_and_a_tight_one_is_not(tmp_path: Path) -> None:
    rules = "context:\n" + "".join(
        f"  - id: no-{direction}\n    status: experimental\n    axis: negated\n    direction: {direction}\n    cues: [{cue}]\n"
        for direction, cue in (("forward", "free of"), ("pseudo", "free - of"), ("backward", "free-of"))
    )
    (finding,) = check_packs([write(tmp_path / "p", pack=PACK, rules=rules)])[1]
    assert finding.code == "R104"
    assert [located.place.line for located in finding.places] == [16, 6]


@pytest.mark.parametrize(("anchor", "allowed"), [("@", True), ("MRN", True), ("-", False), ("' /", False)])
def test_anchors_may_be_punctuation_that_is_a_token(tmp_path: Path, anchor: str, allowed: bool) -> None:
    pattern = "patterns:\n  - id: x\n    label: identifier\n    status: experimental\n    regex: '\\w@'\n"
    found = check_packs([write(tmp_path / "p", pack=PACK, rules=f'{pattern}    anchors: ["{anchor}"]\n')])[1]
    assert [d.code for d in found] == ([] if allowed else ["R209"])


def test_checks_have_registered_codes_and_distinct_names() -> None:
    assert {check.code for check in ALL_CHECKS} <= set(TITLES)
    assert len({name_of(check.code) for check in ALL_CHECKS}) == len(ALL_CHECKS)


SIGNS = (":", "-", "[", "]", "{", "}", "&a", "*a", "!x", "<<:", "\t", "'", '"', "|", ">", "#")
FRAGMENTS = st.sampled_from(sorted({*PACK.split(), *RULES.split(), *SIGNS}))
INDENTS = st.sampled_from(["", "  ", "    ", "  - ", "      - "])


@given(
    at=st.integers(0, len(RULES)),
    cut=st.integers(0, 30),
    inserted=st.lists(FRAGMENTS, max_size=3),
    joint=st.sampled_from(["", " ", "\n", "\n  ", "\n    "]),
)
def test_a_damaged_pack_never_raises(at: int, cut: int, inserted: list[str], joint: str) -> None:
    damaged = RULES[:at] + joint.join(inserted) + joint + RULES[at + cut :]
    with tempfile.TemporaryDirectory() as name:
        folder = write(Path(name), pack=PACK, rules=damaged, **{"a.cases": damaged})
        packs, diagnostics = check_packs([folder])
        load_cases(folder)
    assert packs or diagnostics
    assert all(d.code in TITLES and d.message and "\n" not in d.message for d in diagnostics)


@given(st.lists(st.tuples(INDENTS, FRAGMENTS, st.sampled_from(["", ":", ": ", " "]), FRAGMENTS)))
def test_shuffled_fragments_never_raise(lines: list[tuple[str, ...]]) -> None:
    text = "\n".join("".join(line) for line in lines)
    with tempfile.TemporaryDirectory() as name:
        _, diagnostics = check_packs([write(Path(name), pack=text, rules=text)])
    assert all(d.place is None or d.place.line >= 1 for d in diagnostics)
