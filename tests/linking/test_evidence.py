"""What a note says beside a mention: causes, short forms it defines in other ways, the abbreviation lexicon and its evidence."""

from __future__ import annotations

import pickle
from pathlib import Path
from typing import Any

import pytest

import rulener
from rulener import errors
from rulener.linking.abbreviations import implied, of_brackets
from rulener.linking.note import note_of
from rulener.linking.short_forms import ShortForms, best_supported, read_short_forms, shipped

from .support import codes, engine_of, row

ROWS = [
    row("hepatitis", "1"),
    row("drug-induced hepatitis", "2"),
    row("isoniazid", "20", label="drug"),
    row("multiple sclerosis", "3"),
    row("mitral stenosis", "4"),
    row("diabetes mellitus", "5"),
    row("diabetes mellitus, type 2", "6"),
    row("overactive bladder", "7"),
    row("cyclosporine", "21", label="drug"),
    row("prostaglandin E2", "22", label="drug"),
    row("renal insufficiency", "8"),
    row("thromboembolism", "9"),
    row("celecoxib", "23", label="drug"),
    row("celecoxid", "24", label="drug"),
    row("pulmonary embolism", "10"),
    row("serotonin", "25", label="drug"),
]


@pytest.fixture(scope="module")
def engine(tmp_path_factory: pytest.TempPathFactory) -> rulener.Engine:
    return engine_of(tmp_path_factory.mktemp("evidence"), ROWS)


def link(engine: rulener.Engine, text: str, *mentions: str, label: str = "disorder") -> list[Any]:
    """The entities of the last place of each mention; a mention after "drug:" is one of that label."""
    given = []
    for mention in mentions:
        kind, _, words = mention.rpartition(":")
        start = text.rindex(words)
        given.append((start, start + len(words), kind or label))
    return list(engine.annotate(text, mentions=given).entities)


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("Isoniazid-induced hepatitis.", "2"),
        ("Isoniazid-associated hepatitis. The hepatitis settled.", "2"),
        ("Hepatitis due to high-dose isoniazid.", "2"),
        ("Hepatitis secondary to chemotherapy.", "2"),
        ("Stress-induced hepatitis.", "1"),
        ("Hepatitis due to travel. Isoniazid was given.", "1"),
        ("Isoniazid was given. Hepatitis followed.", "1"),
    ],
)
def test_a_drug_named_as_the_cause(engine: rulener.Engine, text: str, code: str) -> None:
    word = "hepatitis" if "hepatitis" in text else "Hepatitis"
    (entity,) = link(engine, text, word)
    assert (codes(entity)[0], entity.concepts[0].step) == (code, "cause" if code == "2" else "exact")


def test_the_cause_may_be_part_of_the_mention_and_the_step_can_be_switched_off(engine: rulener.Engine, tmp_path: Path) -> None:
    text = "An isoniazid-induced hepatitis."
    (entity,) = link(engine, text, "isoniazid-induced hepatitis")
    assert (codes(entity)[0], entity.concepts[0].step) == ("2", "cause")
    off = engine_of(tmp_path, ROWS, linking={"steps": ["exact", "variant"]})
    assert codes(link(off, "Isoniazid-induced hepatitis.", "hepatitis")[0]) == ["1"]
    assert codes(link(off, text, "isoniazid-induced hepatitis")[0]) == ["1"]  # what has a cause is still what it is


@pytest.mark.parametrize(
    ("text", "code", "linking"),
    [
        ("Relapsing MS with optic neuritis, on interferon.", "3", "resolved"),
        ("Diastolic murmur; MS on the echocardiogram.", "4", "resolved"),
        ("Multiple sclerosis for years. The MS is stable.", "3", "resolved"),
        ("She has MS.", None, "ambiguous"),
    ],
)
def test_neighbours_decide_between_the_meanings_of_a_short_form(
    engine: rulener.Engine, text: str, code: str | None, linking: str
) -> None:
    (entity,) = link(engine, text, "MS")
    assert entity.linking == linking
    assert {c.step for c in entity.concepts} == {"abbreviation"}
    if code is None:
        assert sorted(code for code in codes(entity) if code) == ["3", "4"]
    else:
        assert codes(entity)[0] == code


def test_one_meaning_and_everyday_names(engine: rulener.Engine) -> None:
    assert codes(link(engine, "Has OAB.", "OAB")[0]) == ["7"]
    assert codes(link(engine, "Known diabetes.", "diabetes")[0]) == ["5"]
    assert codes(link(engine, "Two PEs last year, on heparin after a Doppler.", "PEs")[0])[0] == "10"
    assert link(engine, "A PE was done.", "PE")[0].linking == "resolved"  # no other meaning has a name here


def test_the_section_speaks_for_a_meaning() -> None:
    senses = shipped().senses("OD")
    eye = next(k for k, sense in enumerate(senses) if ("right", "eye") in sense.names)
    note = note_of("OD 20/40", [(0, 2, "od", "word", 0, 0)])
    assert best_supported(senses, note, 0, 2, "eyes") == eye
    assert best_supported(senses, note, 0, 2, None) is None


def test_the_users_own_abbreviations(engine: rulener.Engine, tmp_path: Path) -> None:
    path = tmp_path / "own.tsv"
    path.write_text("short\tlong\tsections\tnear\n# ours\nQQ\tmultiple sclerosis\n", encoding="utf-8")
    own = engine_of(tmp_path, ROWS, linking={"abbreviations": path})
    assert codes(link(own, "Has QQ.", "QQ")[0]) == ["3"]
    assert codes(link(engine, "Has QQ.", "QQ")[0]) == []
    assert own.fingerprint != engine.fingerprint
    assert pickle.loads(pickle.dumps(own)).fingerprint == own.fingerprint


@pytest.mark.parametrize("wrong", ["MS\n", "\tmultiple sclerosis\n", "a\tb\tc\td\te\n"])
def test_wrong_abbreviations_are_refused(tmp_path: Path, wrong: str) -> None:
    path = tmp_path / "wrong.tsv"
    path.write_text("short\tlong\n" + wrong, encoding="utf-8")
    with pytest.raises(errors.UsageError, match=r"U255.*wrong\.tsv:2"):
        read_short_forms(path)
    with pytest.raises(errors.UsageError, match="U255"):
        read_short_forms(tmp_path / "missing.tsv")


def test_the_shipped_lexicon_is_in_order() -> None:
    found: ShortForms = shipped()
    assert len(found) > 200
    for short in ("MS", "PT", "RA", "CP", "OD", "LAD", "PE"):
        senses = found.senses(short)
        assert len(senses) > 1
        assert sum(not sense.sections and not sense.near for sense in senses) <= 1, short


def test_definitions_that_only_mentions_show(engine: rulener.Engine) -> None:
    text = "Cyclosporine (CSA) was given. CSA was stopped."
    assert codes(link(engine, text, "drug:Cyclosporine", "drug:CSA")[1]) == ["21"]
    spans = [(0, 12, "drug"), (14, 17, "drug"), (30, 33, "drug")]
    assert {k: text[d.start : d.end] for k, d in of_brackets(text, spans, {}).items()} == {"CSA": "Cyclosporine"}
    assert implied("overactive bladder and OAB", [(0, 18, "d"), (23, 26, "d")], {})["OAB"].end == 18
    assert implied("overactive bladder and OAB", [(0, 18, "d"), (23, 26, "e")], {}) == {}


def test_words_cut_joined_or_parted(engine: rulener.Engine) -> None:
    assert codes(link(engine, "the serotonin6 receptor", "serotonin", label="drug")[0]) == ["25"]
    assert codes(link(engine, "Prostaglandin E(2)", "Prostaglandin E(2)", label="drug")[0]) == ["22"]
    assert codes(link(engine, "venous thrombo-embolism", "thrombo-embolism")[0]) == ["9"]


def test_a_decreased_function_is_an_insufficiency(engine: rulener.Engine) -> None:
    assert codes(link(engine, "Decreased renal function.", "Decreased renal function")[0]) == ["8"]
    assert link(engine, "Normal renal function.", "Normal renal function")[0].linking != "resolved"


def test_drugs_that_look_alike_are_not_chosen_between(tmp_path: Path) -> None:
    pytest.importorskip("rapidfuzz")
    from rulener.linking.linker import DEFAULT_STEPS

    asked = engine_of(tmp_path, ROWS, linking={"steps": [*DEFAULT_STEPS, "spelling"]})
    (entity,) = link(asked, "On celecoxibb.", "celecoxibb", label="drug")
    assert (entity.linking, sorted(c for c in codes(entity) if c)) == ("ambiguous", ["23", "24"])
    assert entity.concepts[0].matched == "celecoxib (celecoxibb -> celecoxib)"
    (sure,) = link(asked, "On isoniazidd.", "isoniazidd", label="drug")
    assert (sure.linking, codes(sure)) == ("resolved", ["20"])


def test_a_concept_of_another_label_is_no_answer(engine: rulener.Engine) -> None:
    (entity,) = link(engine, "On hepatitis.", "hepatitis", label="drug")
    assert (codes(entity), entity.linking) == ([], "unresolved")


# --- found mentions -------------------------------------------------------------------------------------------

FOUND = [
    row("OCD", "30", preferred="obsessive compulsive disorder", case="exact"),
    row("MS", "3", preferred="multiple sclerosis", case="exact"),
    row("mitral stenosis", "4"),
    row("cold", "40", preferred="common cold", semantic_type="T047"),
    row("cold", "41", preferred="cold remedy", semantic_type="T121"),
    row("feeling cold", "42", use="link"),
]


@pytest.mark.parametrize(
    ("text", "linking", "code"),
    [
        ("Relapsing MS, on interferon.", "resolved", "3"),
        ("Has MS.", "ambiguous", "3"),
        ("Diastolic murmur of the mitral valve: MS.", "ambiguous", "3"),
        ("OCD since childhood.", "resolved", "30"),  # the usual meaning
        ("An OCD lesion of the talus in the knee clinic.", "ambiguous", "30"),
    ],
)
def test_found_short_forms_of_several_meanings(tmp_path: Path, text: str, linking: str, code: str) -> None:
    (entity,) = engine_of(tmp_path, FOUND).annotate(text).entities
    assert (entity.linking, codes(entity)[0]) == (linking, code)
    off = engine_of(tmp_path, FOUND, linking={"steps": ["exact", "variant"]})
    assert off.annotate(text).entities[0].linking == "resolved"


def test_deep_says_what_is_meant_and_links_what_rules_found(tmp_path: Path) -> None:
    deep = engine_of(tmp_path, FOUND, linking={"deep": True})
    (entity,) = deep.annotate("Diastolic murmur of the mitral valve: MS.").entities
    assert (entity.linking, codes(entity), entity.concepts[0].step) == ("resolved", ["4", "3"], "abbreviation")
    (felt,) = deep.annotate("She is feeling cold.").entities
    assert (felt.linking, codes(felt), felt.concepts[0].step) == ("resolved", ["42"], "exact")
    plain = engine_of(tmp_path, FOUND)
    assert plain.annotate("She is feeling cold.").entities[0].linking == "unresolved"
    assert plain.fingerprint != deep.fingerprint
    assert pickle.loads(pickle.dumps(deep)).fingerprint == deep.fingerprint
    with pytest.raises(errors.UsageError, match="U250"):
        engine_of(tmp_path, FOUND, linking={"deep": 1})


def test_the_section_decides_between_equals_by_their_kind(tmp_path: Path) -> None:
    engine = engine_of(tmp_path, FOUND)
    (listed,) = engine.annotate("Allergies:\nCold").entities
    assert (listed.linking, codes(listed)) == ("resolved", ["41", "40"])
    (said,) = engine.annotate("Has a cold.").entities
    assert (said.linking, codes(said)) == ("ambiguous", ["40", "41"])
    text = "Allergies:\nCold"
    (given,) = engine.annotate(text, mentions=[(11, 15, "disorder")]).entities
    assert codes(given)[0] == "41"


def test_batches_say_the_same_as_single_notes(tmp_path: Path) -> None:
    engine = engine_of(tmp_path, FOUND, linking={"deep": True})
    texts = ["Has MS.", "Relapsing MS, on interferon. Feeling cold.", "", "An OCD lesion of the knee; a cold."]
    together = [d.to_json() for d in engine.annotate_many(texts)]
    assert together == [engine.annotate(text).to_json() for text in texts]


def test_no_concept_of_a_surface_is_left_out(tmp_path: Path) -> None:
    """The compiled file counts a term's concepts in 16 bits: what is beyond goes on in another term."""
    engine = engine_of(tmp_path, [row("breast cancer", str(k)) for k in range(66_000)])
    (entity,) = engine.annotate("Breast cancer.").entities
    assert len({concept.code for concept in entity.concepts}) == 66_000
