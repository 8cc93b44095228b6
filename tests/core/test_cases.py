"""The table of cases (tests/cases), run on the core."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

import rulener
from rulener import Engine
from rulener.packs.model import AXES
from tests.reference.test_oracle import CASES, cases, token_from_case

from .support import core_sections, core_sentences, core_tokens, oracle_tokens


@pytest.fixture(scope="module")
def engine(tmp_path_factory: pytest.TempPathFactory) -> Engine:
    cache: Path = tmp_path_factory.mktemp("cache")
    return rulener.load(CASES / "pack", base=None, lexicons=[CASES / "table.tsv"], cache_dir=cache)


@pytest.mark.parametrize("case", cases("tokens"))
def test_tokens(engine: Engine, case: dict[str, Any]) -> None:
    assert core_tokens(engine, case["text"]) == oracle_tokens([token_from_case(row) for row in case["tokens"]])


@pytest.mark.parametrize("case", cases("sentences"))
def test_sentences(engine: Engine, case: dict[str, Any]) -> None:
    assert [case["text"][a:b] for a, b in core_sentences(engine, case["text"])] == case["sentences"]


@pytest.mark.parametrize("case", cases("sections"))
def test_sections(engine: Engine, case: dict[str, Any]) -> None:
    text = case["text"]
    found = [[name, rule, text[a:b], text[start:end]] for name, rule, a, b, start, end in core_sections(engine, text)]
    assert found == case["sections"]


@pytest.mark.parametrize("case", cases("entities"))
def test_entities(engine: Engine, case: dict[str, Any]) -> None:
    given = [tuple(m) for m in case["mentions"]] if "mentions" in case else None
    entities = engine.annotate(case["text"], given).entities
    assert [summary(e) for e in entities] == [row[:4] for row in case["entities"]]
    for entity, row in zip(entities, case["entities"], strict=True):
        for name, expected in (row[4] if len(row) > 4 else {}).items():
            assert detail(case["text"], entity, name) == expected, name


def summary(entity: Any) -> list[Any]:
    return [entity.start, entity.text, entity.label, " ".join(axis for axis in AXES if getattr(entity, axis))]


def detail(text: str, entity: Any, name: str) -> Any:
    if name == "cues":
        return [[c.axis, c.rule, text[c.start : c.end], text[c.scope_start : c.scope_end], c.via] for c in entity.cues]
    if name == "attributes":
        return {key: [a.text, a.number] for key, a in entity.attributes.items()}
    if name == "concepts":
        return [[c.system, c.code, c.name or ""] for c in entity.concepts if c.code is not None]
    if name == "rule":
        return entity.rule or ""
    return getattr(entity, name)
