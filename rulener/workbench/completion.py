"""What may be written where in a pack's files, for completion in the editor: from the JSON Schemas that other editors use."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from rulener.packs.model import Pack
from rulener.packs.schema import Schema, schemas


def completion(packs: Sequence[Pack]) -> dict[str, Any]:
    """`keys`: for each list ("" for the file itself) the keys with their descriptions. `values`: for a key what may follow it."""
    known = schemas()
    files = [known["pack.schema.json"], known["cases.schema.json"]]
    keys: dict[str, dict[str, str]] = {"": {}}
    values: dict[str, list[str]] = {}
    for file in files:
        for name, node in file["properties"].items():
            keys[""][name] = _description(node)
            inner = dict(_properties(node, file["definitions"]))
            keys[name] = {key: _description(value) for key, value in inner.items()}
            for key, value in [(name, node), *inner.items()]:
                found = list(dict.fromkeys(_choices(value, file["definitions"])))
                if found:
                    values[key] = found
    labels = list(dict.fromkeys(label.id for pack in packs for label in pack.labels))
    names = list(dict.fromkeys(section.name for pack in packs for section in pack.sections))
    values |= {"label": labels, "on": labels, "not_on": labels, "section": names}
    return {"keys": {name: sorted(found.items()) for name, found in keys.items()}, "values": values}


def _resolved(node: Schema, definitions: Schema) -> Schema:
    name = node.get("$ref", "").rpartition("/")[2]
    found: Schema = definitions.get(name, {}) if name else node
    return found


def _description(node: Schema) -> str:
    return str(node.get("description", ""))


def _properties(node: Schema, definitions: Schema) -> Iterator[tuple[str, Schema]]:
    """The keys below a node, those deeper down too."""
    here = _resolved(node, definitions)
    for name, value in here.get("properties", {}).items():
        yield name, value
        yield from _properties(value, definitions)
    if "items" in here:
        yield from _properties(here["items"], definitions)


def _choices(node: Schema, definitions: Schema) -> Iterator[str]:
    here = _resolved(node, definitions)
    yield from (str(value) for value in here.get("enum", ()))
    if here.get("type") == "boolean":
        yield from ("true", "false")
    for other in here.get("anyOf", ()):
        if "enum" in other or "items" in other:
            yield from _choices(other, definitions)
    if "items" in here and "enum" in here["items"]:
        yield from _choices(here["items"], definitions)
