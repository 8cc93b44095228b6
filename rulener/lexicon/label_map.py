"""Which label a semantic type, tag, domain, tree or chapter of a source gets: a YAML file an author can edit.

    groups:                       # names for several keys; may be left out
      DISO: [T019, T046, T047]
    labels:                       # label -> keys or names of groups; a concept with several keys gets the label named first
      disorder: [DISO]
      symptom: [T184]

A key named by itself counts before one that comes by a group. Labels stand in the order of their preference.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from importlib import resources
from pathlib import Path
from typing import Any

import yaml

from rulener.errors import LexiconError

_LABEL = re.compile(r"[a-z][a-z0-9_-]*")


@dataclass(frozen=True, slots=True)
class LabelMap:
    """Keys with their preference (0 is best) and label. Keys are compared without case."""

    keys: dict[str, tuple[int, str]]
    groups: dict[str, tuple[str, ...]] = field(default_factory=dict)

    def best(self, keys: list[str]) -> tuple[str, str] | None:
        """`(key, label)` of the most preferred of these keys; none has a label: None."""
        found = [(*self.keys[key.upper()], key) for key in keys if key.upper() in self.keys]
        if not found:
            return None
        _, label, key = min(found)
        return key, label

    def by_prefix(self, key: str) -> tuple[int, str] | None:
        """Preference and label of the longest key that `key` begins with."""
        key = key.upper()
        for end in range(len(key), 0, -1):
            found = self.keys.get(key[:end])
            if found is not None:
                return found
        return None

    def expanded(self, keys: tuple[str, ...]) -> tuple[str, ...]:
        """The same with the names of groups replaced by their keys."""
        return tuple(one for key in keys for one in self.groups.get(key.upper(), (key,)))


def label_map(source: str, path: Path | None = None) -> LabelMap:
    """The map of a source: the one in `path`, or the one that ships.

    Raises LexiconError L107: it cannot be read, is no such map, or names a key twice.
    """
    if path is None:
        text = (resources.files("rulener.lexicon") / "labels" / f"{source}.yaml").read_text("utf-8")
        return _parsed(text, f"{source}.yaml")
    try:
        return _parsed(path.read_bytes().decode("utf-8-sig"), str(path))
    except OSError as error:
        raise LexiconError("L107", f"the label map cannot be read: {error.strerror}", place=str(path)) from error
    except UnicodeDecodeError:
        raise LexiconError("L107", "the label map is not UTF-8", place=str(path)) from None


def shipped_map(source: str) -> str:
    """The text of the map that ships, to begin an own one with."""
    return (resources.files("rulener.lexicon") / "labels" / f"{source}.yaml").read_text("utf-8")


def _parsed(text: str, place: str) -> LabelMap:
    try:
        root = yaml.compose(text, Loader=yaml.SafeLoader)
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        where = f"{place}:{mark.line + 1}:{mark.column + 1}" if mark else place
        raise LexiconError("L107", f"this is not YAML: {getattr(error, 'problem', '') or error}", place=where) from None
    parts = dict(_pairs(root, place, "the label map", "groups: and labels:"))
    for key in parts:
        if key.value not in ("groups", "labels"):
            raise _wrong(key, place, f"unknown key {key.value!r}", "known: groups, labels")
    by_name = {key.value: value for key, value in parts.items()}
    if "labels" not in by_name:
        raise LexiconError("L107", "the label map has no `labels`", place=place, hint="labels: {disorder: [...]}")
    groups = {}
    if "groups" in by_name:
        for name, value in _pairs(by_name["groups"], place, "`groups`", "NAME: [KEY, ...]"):
            groups[name.value.upper()] = tuple(one.value for one in _texts(value, place))
    return LabelMap(_keys(by_name["labels"], groups, place), groups)


def _keys(node: Any, groups: dict[str, tuple[str, ...]], place: str) -> dict[str, tuple[int, str]]:
    direct: dict[str, tuple[int, str]] = {}
    grouped: dict[str, tuple[int, str]] = {}
    order = 0
    for label, value in _pairs(node, place, "`labels`", "LABEL: [KEY, ...]"):
        if not _LABEL.fullmatch(label.value):
            hint = "lower-case letters, digits, _ and -, beginning with a letter"
            raise _wrong(label, place, f"{label.value!r} is no label", hint)
        for one in _texts(value, place):
            name = one.value.upper()
            order += 1
            if name in groups:
                for key in groups[name]:
                    grouped.setdefault(key.upper(), (order, label.value))
            elif name in direct:
                raise _wrong(one, place, f"{one.value!r} is there twice", "a key has one label")
            else:
                direct[name] = (order, label.value)
    return {**grouped, **direct}


def _pairs(node: Any, place: str, what: str, hint: str) -> list[tuple[Any, Any]]:
    if not isinstance(node, yaml.MappingNode):
        raise _wrong(node, place, f"{what} is not a mapping", hint)
    seen: set[str] = set()
    for key, _ in node.value:
        if not isinstance(key, yaml.ScalarNode):
            raise _wrong(key, place, "a key is not a word", hint)
        if key.value in seen:
            raise _wrong(key, place, f"{key.value!r} is there twice", "keep one of them")
        seen.add(key.value)
    return list(node.value)


def _texts(node: Any, place: str) -> list[Any]:
    """A list of words; a single word counts as a list of one."""
    nodes = node.value if isinstance(node, yaml.SequenceNode) else [node]
    for one in nodes:
        if not isinstance(one, yaml.ScalarNode) or not one.value.strip():
            raise _wrong(one, place, "this is not a list of words", "LABEL: [KEY, KEY]")
    return list(nodes)


def _wrong(node: Any, place: str, message: str, hint: str) -> LexiconError:
    mark = getattr(node, "start_mark", None)
    where = f"{place}:{mark.line + 1}:{mark.column + 1}" if mark else place
    return LexiconError("L107", message, place=where, hint=hint)
