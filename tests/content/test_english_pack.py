"""The shipped English pack as a whole: its examples and cases hold, it is as broad as it says, and offsets are right on notes."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

import rulener
from rulener.authoring import testing as running
from rulener.packs.cases import load_cases
from rulener.packs.link import known_label_names
from rulener.packs.model import AXES, Direction, Pack
from rulener.packs.parse import check_packs
from rulener.packs.patterns import cue_forms

ROOT = Path(__file__).resolve().parents[2]
FOLDER = ROOT / "rules" / "english"
EXAMPLES = ROOT / "examples" / "notes"
PUBLIC_NOTES = ROOT.parent / "shared" / "data" / "notes"


@pytest.fixture(scope="module")
def engine(tmp_path_factory: pytest.TempPathFactory) -> rulener.Engine:
    return rulener.load(cache_dir=tmp_path_factory.mktemp("cache"))


@pytest.fixture(scope="module")
def pack() -> Pack:
    packs, findings = check_packs([FOLDER])
    assert [finding for finding in findings if finding.severity == "error"] == []
    return packs[0]


# --- examples and cases -------------------------------------------------------------------------------------------------


def test_every_example_holds(engine: rulener.Engine, pack: Pack) -> None:
    results = list(running.Tester(engine, [pack]).examples(pack))
    assert [result.to_dict() for result in results if result.status != "pass"] == []
    assert len(results) >= 1_000


def test_every_case_holds_and_known_gaps_are_gaps(engine: rulener.Engine, pack: Pack) -> None:
    cases, findings = load_cases(FOLDER, labels=known_label_names([pack]))
    assert findings == []
    tester = running.Tester(engine, [pack])
    results = [tester.case(case) for case in cases]
    assert [result.to_dict() for result in results if result.status in ("fail", "xpass")] == []
    assert Counter(result.status for result in results)["pass"] >= 200


# --- breadth --------------------------------------------------------------------------------------------------------------


def test_there_are_many_sections_with_variants(pack: Pack) -> None:
    assert len([section for section in pack.sections if len(section.headings) > 1]) >= 60


def test_there_are_many_cues_on_every_axis(pack: Pack) -> None:
    surfaces = {(axis, form.surface) for cue in pack.context for form in cue_forms(cue) for axis in cue.axes}
    assert {axis for axis, _ in surfaces} == set(AXES)
    assert len({surface for _, surface in surfaces}) >= 150
    directions = {cue.direction for cue in pack.context}
    assert {Direction.PSEUDO, Direction.STOP} <= directions


def test_there_are_many_patterns(pack: Pack) -> None:
    assert len(pack.patterns) >= 40


# --- notes ----------------------------------------------------------------------------------------------------------------


def notes_of(folder: Path) -> Iterator[tuple[str, str]]:
    for path in sorted(folder.rglob("*.txt")):
        yield path.name, path.read_bytes().decode("utf-8", "replace")


def assert_offsets_are_right(engine: rulener.Engine, notes: list[tuple[str, str]]) -> int:
    """Every entity, attribute, cue, section and sentence lies in its note where it says; the number of entities."""
    found = 0
    documents = engine.annotate_many([text for _, text in notes])
    for (name, text), document in zip(notes, documents, strict=True):
        previous = (0, 0)
        for entity in document.entities:
            assert 0 <= entity.start < entity.end <= len(text), name
            assert text[entity.start : entity.end] == entity.text, name
            assert previous <= (entity.start, entity.end), name
            assert all(text[a.start : a.end] == a.text for a in entity.attributes.values()), name
            assert all(0 <= cue.start < cue.end <= len(text) for cue in entity.cues), name
            sentence = document.sentences[entity.sentence]
            assert sentence.start <= entity.start < sentence.end, name
            previous = (entity.start, entity.end)
        assert all(0 <= s.start <= s.heading_end <= s.body <= s.end <= len(text) for s in document.sections), name
        found += len(document.entities)
    return found


@pytest.mark.parametrize("path", sorted(EXAMPLES.glob("*.txt")), ids=lambda path: path.stem)
def test_an_example_note_is_annotated(engine: rulener.Engine, path: Path) -> None:
    assert assert_offsets_are_right(engine, [(path.name, path.read_text(encoding="utf-8"))]) >= 10


def test_every_public_note_is_annotated(engine: rulener.Engine) -> None:
    notes = list(notes_of(PUBLIC_NOTES)) if PUBLIC_NOTES.is_dir() else []
    if not notes:
        pytest.skip("the public notes are not here (../shared/data/notes)")
    assert assert_offsets_are_right(engine, notes) > len(notes)
