"""What an entity says of its concepts: their order, score, step, standard concept, and whether the first is the one."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from rulener.core.views import StandardConcept

from .support import codes, engine_of, row


def test_original_names_before_variants_then_rank_then_the_order_of_the_table(tmp_path: Path) -> None:
    engine = engine_of(
        tmp_path,
        [
            row("colds", "1", variant="plural"),
            row("colds", "2", rank=7),
            row("colds", "3", rank=2),
            row("colds", "4", rank=2),
            row("colds", "3", rank=9),
        ],
    )
    (entity,) = engine.annotate("Two colds.").entities
    assert codes(entity) == ["3", "4", "2", "1"]
    assert [(c.score, c.step) for c in entity.concepts] == [(1.0, "exact")] * 3 + [(0.95, "variant")]


@pytest.mark.parametrize(
    ("rows", "linking"),
    [
        ([row("x", "1")], "resolved"),
        ([row("x", "1"), row("x", "2")], "ambiguous"),
        ([row("x", "1", rank=1), row("x", "2", rank=2)], "resolved"),
        ([row("x", "1"), row("x", "2", variant="plural")], "resolved"),
        ([row("x", "1", system="S"), row("x", "1", system="T")], "resolved"),  # two systems do not compete
        ([row("x", "", preferred="no code"), row("x", "1"), row("x", "2")], "ambiguous"),
        ([row("x", ""), row("y", "1")], "unresolved"),
        ([row("x", ""), row("y", "")], None),
    ],
)
def test_whether_the_first_concept_is_the_one(tmp_path: Path, rows: list[dict[str, object]], linking: str | None) -> None:
    pytest.importorskip("pyarrow")
    engine = engine_of(tmp_path, rows)
    doc = engine.annotate("x")
    assert doc.entities[0].linking == linking
    assert json.loads(doc.to_json()) == doc.to_dict()
    assert doc.to_dict()["entities"][0]["linking"] == linking
    assert engine.annotate_batch(["x"]).column("linking").to_pylist() == [linking]


def test_labels_without_any_code_are_not_called_unresolved(tmp_path: Path) -> None:
    today, cold = engine_of(tmp_path, [row("x", "1")]).annotate("Today feeling cold.").entities
    assert (today.label, today.linking) == ("date", None)
    assert (cold.label, cold.linking) == ("disorder", "unresolved")


def test_the_standard_concept(tmp_path: Path) -> None:
    pytest.importorskip("pyarrow")
    standard = {"standard": "SNOMED:77", "standard_id": 4711, "standard_name": "Standard cold"}
    engine = engine_of(tmp_path, [row("cold", "1", **standard), row("flu", "2")])
    doc = engine.annotate("cold, flu")
    cold, flu = doc.entities
    assert cold.concepts[0].standard == StandardConcept("SNOMED", "77", "Standard cold", 4711)
    assert flu.concepts[0].standard is None
    made = json.loads(doc.to_json())["entities"]
    assert made[0]["concepts"][0]["standard"] == {"system": "SNOMED", "code": "77", "name": "Standard cold", "id": 4711}
    assert "standard" not in made[1]["concepts"][0]
    found = [concepts[0] for concepts in engine.annotate_batch(["cold, flu"]).column("concepts").to_pylist()]
    assert [(c["standard_system"], c["standard_code"], c["standard_id"]) for c in found] == [
        ("SNOMED", "77", 4711),
        (None, None, None),
    ]


def test_terms_that_are_only_linked_are_no_mentions(tmp_path: Path) -> None:
    engine = engine_of(tmp_path, [row("ALL", "1", case="exact", use="link"), row("flu", "2")])
    assert [e.text for e in engine.annotate("ALL had flu").entities] == ["flu"]
    (given,) = engine.annotate("ALL had flu", mentions=[(0, 3, "disorder")]).entities
    assert codes(given) == ["1"]
    assert [p.reason for p in engine.explain("ALL had flu").passed_over] == ["link only"]
