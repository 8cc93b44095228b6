"""Given mentions through the sieve: each step finds what it is for, and only when the steps before it find nothing."""

from __future__ import annotations

import json
import pickle
from pathlib import Path
from typing import Any

import pytest

import rulener
from rulener import errors

from .support import codes, engine_of, row

ROWS = [
    row("breast cancer", "1"),
    row("ovarian cancer", "2"),
    row("kidney diseases", "3"),
    row("Epilepsy", "4"),
    row("diabetes mellitus, type 2", "5"),
    row("myotonic dystrophy", "6"),
    row("DM", "7", case="exact"),
    row("ankylosing spondylitis", "8"),
    row("angelman syndrome", "9"),
    row("AS", "8", case="exact"),
    row("sodium", "20", label="drug"),
    row("lung cancer, small cell", "10", variant="order"),
    row("diabetic retinopathy", "11"),
]


@pytest.fixture(scope="module")
def engine(tmp_path_factory: pytest.TempPathFactory) -> rulener.Engine:
    return engine_of(tmp_path_factory.mktemp("sieve"), ROWS)


def link(engine: rulener.Engine, text: str, mention: str, label: str = "disorder", *, last: bool = False) -> Any:
    start = text.rindex(mention) if last else text.index(mention)
    (entity,) = engine.annotate(text, mentions=[(start, start + len(mention), label)]).entities
    return entity


@pytest.mark.parametrize(
    ("text", "mention", "code", "step"),
    [
        ("Breast cancer.", "Breast cancer", "1", "exact"),
        ("Cancer of the breast.", "Cancer of the breast", "1", "word_order"),
        ("He is epileptic.", "epileptic", "4", "word_form"),
        ("Breast tumour.", "Breast tumour", "1", "synonym"),
        ("Renal dysfunction.", "Renal dysfunction", "3", "synonym"),
        ("Type II diabetes mellitus.", "Type II diabetes mellitus", "5", "word_form"),
        ("Severe breast cancer.", "Severe breast cancer", "1", "partial"),
        ("Nephropathy.", "Nephropathy", "3", "partial"),
        ("Breast (ductal) cancer.", "Breast (ductal) cancer", "1", "exact"),
        ("Small cell lung cancer.", "Small cell lung cancer", "10", "word_order"),
    ],
)
def test_steps(engine: rulener.Engine, text: str, mention: str, code: str, step: str) -> None:
    entity = link(engine, text, mention)
    assert (codes(entity)[:1], entity.concepts[0].step) == ([code], step)
    assert entity.linking == "resolved"


def test_an_enumeration_has_the_concept_of_every_part(engine: rulener.Engine) -> None:
    entity = link(engine, "Breast and ovarian cancer.", "Breast and ovarian cancer")
    assert (codes(entity), {c.step for c in entity.concepts}) == (["1", "2"], {"composite"})


def test_the_note_says_what_an_abbreviation_stands_for(engine: rulener.Engine) -> None:
    text = "Angelman syndrome (AS). His AS is known."
    assert codes(link(engine, text, "AS", last=True))[0] == "9"
    assert link(engine, text, "AS", last=True).concepts[0].step == "abbreviation"
    assert codes(link(engine, "His AS is known.", "AS")) == ["8"]


def test_initials_in_another_order(engine: rulener.Engine) -> None:
    assert codes(link(engine, "Myotonic dystrophy (DM) and DM.", "DM", last=True))[0] == "6"


def test_a_short_form_inside_a_mention_is_written_out(engine: rulener.Engine) -> None:
    text = "Breast cancer (BC). Familial BC was found."
    assert codes(link(engine, text, "BC", last=True)) == ["1"]


def test_symbols_of_elements_need_a_label_that_fits(engine: rulener.Engine) -> None:
    assert codes(link(engine, "Na 140", "Na", "drug")) == ["20"]
    assert codes(link(engine, "Na 140", "Na", "disorder")) == []


def test_labels_must_fit_when_they_are_known(engine: rulener.Engine) -> None:
    assert codes(link(engine, "cancer of breast", "cancer of breast", "problem")) == ["1"]
    assert codes(link(engine, "cancer of breast", "cancer of breast", "drug")) == []
    assert codes(link(engine, "cancer of breast", "cancer of breast", "anything else")) == ["1"]


def test_nothing_is_guessed(engine: rulener.Engine) -> None:
    for mention in ("fractured arm", "syndrome", "severe disorder", "it", "...", ""):
        entity = link(engine, f"{mention} was seen", mention)
        assert (codes(entity), entity.linking) == ([], "unresolved")


def test_steps_can_be_switched_off(tmp_path: Path) -> None:
    engine = engine_of(tmp_path, ROWS, linking={"steps": ["exact", "word_order"]})
    assert codes(link(engine, "Cancer of the breast.", "Cancer of the breast")) == ["1"]
    assert codes(link(engine, "Breast tumour.", "Breast tumour")) == []
    off = engine_of(tmp_path, ROWS, linking=False)
    assert codes(link(off, "Cancer of the breast.", "Cancer of the breast")) == []
    default = engine_of(tmp_path, ROWS)
    assert len({e.fingerprint for e in (engine, off, default)}) == 3
    assert engine.manifest()["options"]["linking"]["steps"] == ["exact", "word_order"]
    again = pickle.loads(pickle.dumps(engine))
    assert again.fingerprint == engine.fingerprint
    assert codes(link(again, "Breast tumour.", "Breast tumour")) == []


@pytest.mark.parametrize("wrong", [{"step": []}, {"steps": ["exakt"]}, {"min_score": 2}, {"steps": "exact"}])
def test_unknown_options_are_refused(tmp_path: Path, wrong: dict[str, Any]) -> None:
    with pytest.raises(errors.UsageError, match="U250"):
        engine_of(tmp_path, ROWS, linking=wrong)


def test_spelling_is_only_tried_when_asked_for(tmp_path: Path, engine: rulener.Engine) -> None:
    assert codes(link(engine, "epilepsi", "epilepsi")) == []
    pytest.importorskip("rapidfuzz")
    from rulener.linking.linker import DEFAULT_STEPS

    asked = engine_of(tmp_path, ROWS, linking={"steps": [*DEFAULT_STEPS, "spelling"]})
    found = link(asked, "ankilosing spondylitis", "ankilosing spondylitis").concepts[0]
    assert (found.code, found.step) == ("8", "spelling")
    assert found.matched == "ankylosing spondylitis (ankilosing -> ankylosing)"
    assert codes(link(asked, "brest", "brest")) == []  # too short


def test_the_same_call_gives_the_same_bytes(engine: rulener.Engine, tmp_path: Path) -> None:
    text = "Severe tumours of the ovary or breast; nephropathy; epileptic."
    mentions = [(0, 33, "disorder"), (35, 46, "disorder"), (48, 57, "disorder")]
    other = engine_of(tmp_path, ROWS)
    first = engine.annotate(text, mentions=mentions).to_json()
    assert engine.annotate(text, mentions=mentions[::-1]).to_dict() != json.loads(first)
    assert other.annotate(text, mentions=mentions).to_json() == first == engine.annotate(text, mentions=mentions).to_json()
