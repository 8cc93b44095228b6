"""The table of cases (tests/cases), run on the oracle."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from rulener.packs.model import AXES

from .minipack import lexicon_from_table, pack_from_folder
from .oracle import Oracle, OracleEntity
from .text import Flag, Token

CASES = Path(__file__).parents[1] / "cases"
KINDS = {"W": "WORD", "N": "NUMBER", "P": "PUNCT"}


def cases(name: str) -> list[Any]:
    found = yaml.safe_load((CASES / f"{name}.yaml").read_text(encoding="utf-8"))
    return [pytest.param(case, id=case["name"]) for case in found]


@pytest.fixture(scope="module")
def oracle() -> Oracle:
    return Oracle([pack_from_folder(CASES / "pack")], lexicon_from_table(CASES / "table.tsv"))


def token_from_case(row: list[Any]) -> Token:
    start, surface, key, kind, flags = row
    named = Flag(0)
    for name in flags.split():
        named |= Flag[name]
    return Token(start, start + len(surface), key, KINDS[kind], named)


@pytest.mark.parametrize("case", cases("tokens"))
def test_tokens(oracle: Oracle, case: dict[str, Any]) -> None:
    tokens = oracle.tokens(case["text"])
    assert tokens == [token_from_case(row) for row in case["tokens"]]
    assert [case["text"][t.start : t.end] for t in tokens] == [row[1] for row in case["tokens"]]


@pytest.mark.parametrize("case", cases("sentences"))
def test_sentences(oracle: Oracle, case: dict[str, Any]) -> None:
    assert [case["text"][a:b] for a, b in oracle.sentences(case["text"])] == case["sentences"]


@pytest.mark.parametrize("case", cases("sections"))
def test_sections(oracle: Oracle, case: dict[str, Any]) -> None:
    text = case["text"]
    found = [[s.name, s.rule, text[s.heading_start : s.heading_end], text[s.start : s.end]] for s in oracle.sections(text)]
    assert found == case["sections"]


@pytest.mark.parametrize("case", cases("entities"))
def test_entities(oracle: Oracle, case: dict[str, Any]) -> None:
    text = case["text"]
    given = [tuple(m) for m in case["mentions"]] if "mentions" in case else None
    entities = oracle.annotate(text, given)
    assert [summary(text, e) for e in entities] == [row[:4] for row in case["entities"]]
    for entity, row in zip(entities, case["entities"], strict=True):
        for name, expected in (row[4] if len(row) > 4 else {}).items():
            assert detail(text, entity, name) == expected, name


def summary(text: str, entity: OracleEntity) -> list[Any]:
    axes = " ".join(axis for axis in AXES if getattr(entity, axis))
    return [entity.start, text[entity.start : entity.end], entity.label, axes]


def detail(text: str, entity: OracleEntity, name: str) -> Any:
    if name == "cues":
        return [[axis, rule, text[a:b], text[x:y], via] for axis, rule, a, b, x, y, via in entity.cues]
    if name == "attributes":
        return {key: [value, number] for key, (_, _, value, number) in entity.attributes.items()}
    if name == "concepts":
        return [list(concept) for concept in entity.concepts]
    return getattr(entity, name)
