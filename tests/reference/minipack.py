"""Packs from plain data, so that the oracle needs none of the code under test to read one.

The data has the shape of the YAML files of a pack (docs/authors/grammar.md), all in one mapping. Nothing is checked.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import yaml

from rulener.packs.model import (
    ConceptRef,
    ContextCue,
    Direction,
    Label,
    Options,
    Pack,
    Pattern,
    Place,
    Scope,
    Section,
    Term,
    Text,
    Unless,
    WordList,
)

from .matching import LexiconRow

NOWHERE = Place("data", 1, 1)


class _PackLoader(yaml.SafeLoader):
    """YAML in which only true and false are truth values: `on` is a key of a cue and `no` is a word."""


_PackLoader.yaml_implicit_resolvers = {
    first: [(tag, pattern) for tag, pattern in resolvers if tag != "tag:yaml.org,2002:bool" or first in "tTfF"]
    for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
}


def read_yaml(path: Path) -> Any:
    return yaml.load(path.read_text(encoding="utf-8"), _PackLoader)


def pack_from_folder(folder: Path) -> Pack:
    """A pack folder read with plain YAML; lists of several files are joined in the order of the file names."""
    data: dict[str, Any] = read_yaml(folder / "pack.yaml")
    for path in sorted(folder.glob("*.yaml")):
        if path.name != "pack.yaml" and not path.name.endswith(".cases.yaml"):
            for key, rules in read_yaml(path).items():
                data[key] = [*data.get(key, []), *rules]
    return pack_from_data(data)


def lexicon_from_table(path: Path) -> list[LexiconRow]:
    """The rows of a tab-separated term table with a header line."""
    header, *rows = [line.split("\t") for line in path.read_text(encoding="utf-8").splitlines()]
    return [LexiconRow(**dict(zip(header, row, strict=True))) for row in rows]


def pack_from_data(data: Mapping[str, Any]) -> Pack:
    return Pack(
        name=data["name"],
        version=str(data.get("version", "0.1.0")),
        path=Path(data["name"]),
        labels=tuple(_label(d) for d in data.get("labels", [])),
        axes=tuple(data.get("axes", [])),
        resolution=data.get("resolution"),
        options=Options(**data.get("options", {})),
        words=_word_lists(data, "words"),
        abbreviations=_word_lists(data, "abbreviations"),
        continues=_word_lists(data, "continues"),
        continues_list=_word_lists(data, "continues_list"),
        terms=tuple(_term(d) for d in data.get("terms", [])),
        patterns=tuple(_pattern(d) for d in data.get("patterns", [])),
        context=tuple(_cue(d) for d in data.get("context", [])),
        sections=tuple(_section(d) for d in data.get("sections", [])),
    )


def _text(value: object) -> Text:
    return Text(str(value), NOWHERE)


def _texts(values: Iterable[object] | None) -> tuple[Text, ...]:
    return tuple(_text(v) for v in values or ())


def _label(data: Mapping[str, Any]) -> Label:
    return Label(data["id"], NOWHERE, schemes=tuple(data.get("schemes", {}).items()))


def _word_lists(data: Mapping[str, Any], key: str) -> tuple[WordList, ...]:
    return tuple(WordList(id=d["id"], place=NOWHERE, any=_texts(d["any"])) for d in data.get(key, []))


def _mention_fields(data: Mapping[str, Any]) -> dict[str, Any]:
    unless = data.get("unless", {})
    return {
        "id": data["id"],
        "place": NOWHERE,
        "label": _text(data["label"]),
        "concepts": tuple(_concept(c) for c in data.get("concepts", [])),
        "name": data.get("name", ""),
        "priority": data.get("priority", 0),
        "unless": Unless(**{where: _texts(words) for where, words in unless.items()}),
    }


def _concept(written: str) -> ConceptRef:
    system, _, code = written.partition(":")
    return ConceptRef(system, code, NOWHERE)


def _term(data: Mapping[str, Any]) -> Term:
    surfaces = [*data.get("any", []), *data.get("exact", [])]
    named = {"name": surfaces[0], **data}
    return Term(**_mention_fields(named), any=_texts(data.get("any")), exact=_texts(data.get("exact")))


def _pattern(data: Mapping[str, Any]) -> Pattern:
    match = data.get("match", [])
    texts: Sequence[str] = [match] if isinstance(match, str) else match
    return Pattern(
        **_mention_fields(data),
        match=_texts(texts),
        regex=_text(data["regex"]) if "regex" in data else None,
        anchors=_texts(data.get("anchors")),
    )


def _cue(data: Mapping[str, Any]) -> ContextCue:
    axis = data.get("axis", [])
    return ContextCue(
        id=data["id"],
        place=NOWHERE,
        axes=(axis,) if isinstance(axis, str) else tuple(axis),
        direction=Direction(data["direction"]),
        cues=_texts(data.get("cues")),
        exact=_texts(data.get("exact")),
        scope=_scope(data.get("scope", {})),
        blocked_by=_texts(data.get("blocked_by")),
        after=_texts(data.get("after")),
        takes_object=data.get("takes_object", False),
        on=_texts(data.get("on")),
        not_on=_texts(data.get("not_on")),
    )


def _scope(data: Mapping[str, Any]) -> Scope:
    return Scope(
        within=data.get("within", "sentence"),
        lists=data.get("lists"),
        stop_at_clause="clause" in data.get("stop_at", ["clause", "heading"]),
        tokens=data.get("tokens"),
    )


def _section(data: Mapping[str, Any]) -> Section:
    sets = tuple(axis for axis, value in data.get("sets", {}).items() if value)
    return Section(
        id=data["id"],
        place=NOWHERE,
        name=data.get("name", data["id"].replace("-", "_")),
        headings=_texts(data["headings"]),
        sets=sets,
        part=data.get("part", False),
    )
