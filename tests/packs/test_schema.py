"""The JSON Schemas agree with the parser."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from rulener.authoring.starter import new_pack
from rulener.packs.cases import load_cases
from rulener.packs.parse import parse_pack
from rulener.packs.schema import Schema, schemas
from rulener.packs.source import Fields

jsonschema = pytest.importorskip("jsonschema", reason="the extra [test] has it")

ROOT = Path(__file__).parents[2]
GOLDEN = Path(__file__).parent / "golden"
SHAPE = ("R113", "R114", "R115", "R116", "R117", "R118", "R119", "R120", "R122", "R123", "R211")
"""Codes of mistakes in the shape of a file, which a schema can tell."""


class Loader(yaml.SafeLoader):
    """YAML 1.2 as editors read it: no dates, and only true and false are booleans."""


Loader.yaml_implicit_resolvers = {
    first: [(tag, found) for tag, found in resolvers if not tag.endswith(("timestamp", "bool"))]
    for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
}
Loader.add_implicit_resolver("tag:yaml.org,2002:bool", re.compile(r"^(?:true|false)$"), list("tf"))

SCHEMAS = schemas()


def schema_of(path: Path) -> Schema:
    if path.name == "pack.yaml":
        return SCHEMAS["pack.schema.json"]
    return SCHEMAS["cases.schema.json" if path.name.endswith(".cases.yaml") else "rules.schema.json"]


def problems(path: Path) -> list[str]:
    try:
        content = yaml.load(path.read_text(encoding="utf-8"), Loader=Loader)
    except yaml.YAMLError as error:
        return [str(error)]
    return [error.message for error in jsonschema.Draft7Validator(schema_of(path)).iter_errors(content)]


@pytest.mark.parametrize("name", SCHEMAS)
def test_they_are_schemas(name: str) -> None:
    jsonschema.Draft7Validator.check_schema(SCHEMAS[name])


@pytest.mark.parametrize("path", sorted((ROOT / "rules").rglob("*.yaml")), ids=lambda path: path.name)
def test_every_shipped_file_is_valid(path: Path) -> None:
    assert problems(path) == []


def test_a_new_pack_is_valid(tmp_path: Path) -> None:
    for path in new_pack(tmp_path / "mypack"):
        assert path.suffix != ".yaml" or problems(path) == []


def shape_errors() -> list[str]:
    names = []
    for folder in sorted(GOLDEN.iterdir()):
        expected = (folder / "expected.txt").read_text(encoding="utf-8")
        if folder.name.startswith(SHAPE) and "error[" in expected:
            names.append(folder.name)
    return names


@pytest.mark.parametrize("name", shape_errors())
def test_a_pack_of_wrong_shape_is_not_valid(name: str) -> None:
    found = {path.name: problems(path) for path in sorted((GOLDEN / name).rglob("*.yaml"))}
    assert any(found.values())


def test_there_are_packs_of_wrong_shape() -> None:
    assert len(shape_errors()) >= 10


# --- keys ------------------------------------------------------------------------------------------------------------

PACK = """\
name: whole
version: 0.1.0
labels: [{id: a, schemes: {b: c}}]
options: {cues_inside_mention: act}
silence: [{warning: R301, rules: [t], reason: r}]
"""
RULES = """\
words: [{id: w, any: [x]}]
abbreviations: [{id: v, any: [x]}]
continues: [{id: u, any: [x]}]
continues_list: [{id: y, any: [x]}]
terms: [{id: t, label: a, any: [x], unless: {before: [y]}, examples: {match: [x]}}]
patterns: [{id: p, label: a, match: x}]
context: [{id: c, axis: negated, direction: forward, cues: [x], scope: {lists: stop}}]
sections: [{id: s, headings: [x], sets: {family: true}}]
"""


def parts(schema: Schema) -> dict[str, set[str]]:
    """What the parser calls a mapping -> the keys that the schema gives it."""
    lists = schema["properties"]

    def keys(*path: str) -> set[str]:
        found: Any = lists[path[0]].get("items", lists[path[0]])
        for step in path[1:]:
            found = found["properties"][step]
            found = schema["definitions"][found["$ref"].rsplit("/", 1)[-1]] if "$ref" in found else found
        return set(found["properties"])

    return {
        "pack.yaml": set(lists),
        "a label": keys("labels"),
        "options": keys("options"),
        "an entry of `silence`": keys("silence"),
        "a word list": keys("words"),
        "a list of abbreviations": keys("abbreviations"),
        "a list of words": keys("continues"),
        "a term": keys("terms"),
        "unless": keys("terms", "unless"),
        "examples": keys("terms", "examples"),
        "a pattern": keys("patterns"),
        "a context rule": keys("context"),
        "scope": keys("context", "scope"),
        "a section": keys("sections"),
        "sets": keys("sections", "sets"),
    }


def test_the_keys_are_those_of_the_parser(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    seen: dict[str, set[str]] = {}
    made = Fields.__init__

    def noted(self: Fields, table: Any, what: str, known: Any, findings: Any) -> None:
        seen[what] = set(known)
        made(self, table, what, known, findings)

    monkeypatch.setattr(Fields, "__init__", noted)
    (tmp_path / "pack.yaml").write_text(PACK)
    (tmp_path / "rules.yaml").write_text(RULES)
    (tmp_path / "a.cases.yaml").write_text("cases: [{id: a, text: b}]\n")
    assert [finding for finding in parse_pack(tmp_path)[1] if finding.severity == "error"] == []
    load_cases(tmp_path)
    schema = SCHEMAS["pack.schema.json"]
    assert seen.pop("schemes") == {"b"}
    assert seen.pop("a file of rules") == set(SCHEMAS["rules.schema.json"]["properties"])
    assert seen.pop("a case file") == set(SCHEMAS["cases.schema.json"]["properties"])
    assert seen.pop("a case") == set(SCHEMAS["cases.schema.json"]["properties"]["cases"]["items"]["properties"])
    assert seen == parts(schema)
    assert problems(tmp_path / "pack.yaml") == problems(tmp_path / "rules.yaml") == []


def test_the_hooks_call_commands_that_exist() -> None:
    from rulener.cli.main import COMMANDS

    hooks = yaml.safe_load((ROOT / ".pre-commit-hooks.yaml").read_text(encoding="utf-8"))
    assert [hook["id"] for hook in hooks] == ["rulener-check", "rulener-test", "rulener-fmt"]
    for hook in hooks:
        program, command = hook["entry"].split()
        assert (program, command in COMMANDS, hook["pass_filenames"]) == ("rulener", True, False)
