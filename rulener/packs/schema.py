"""JSON Schemas of a pack's files, for editors: they complete keys and mark mistakes while one types.

They say what the shape is; `rulener check` says the rest. Kept to the parser by tests: the keys are compared, every shipped file
validates, and every golden pack whose shape is wrong does not.
"""

from __future__ import annotations

from typing import Any

from rulener.packs.model import AXES, RESOLUTIONS, STATUSES, Direction

DRAFT = "http://json-schema.org/draft-07/schema#"
Schema = dict[str, Any]

_ID = r"^[a-z][a-z0-9-]*$"
_NAME = r"^[a-z][a-z0-9_-]*$"
_CONCEPT = r"^[A-Z][A-Z0-9_.-]*:[^\s:|,;]+$"


def schemas() -> dict[str, Schema]:
    """File name -> schema: for `pack.yaml`, for files of rules, for `*.cases.yaml`."""
    lists = _lists()
    header = _header()
    return {
        "pack.schema.json": _file("A rulener pack: its settings", {**header, **lists}, ["name", "version"]),
        "rules.schema.json": _file("Rules of a rulener pack", lists, []),
        "cases.schema.json": _file("Cases of a rulener pack", {"cases": _list_of(_case(), "Notes to stay right.")}, ["cases"]),
    }


def _file(title: str, properties: Schema, required: list[str]) -> Schema:
    return {"$schema": DRAFT, "title": title, "definitions": _definitions(), **_object(properties, required)}


# --- parts -----------------------------------------------------------------------------------------------------------


def _object(properties: Schema, required: list[str] | None = None, **more: Any) -> Schema:
    made: Schema = {"type": "object", "properties": properties, "additionalProperties": False}
    if required:
        made["required"] = required
    return {**made, **more}


def _list_of(item: Schema, description: str = "") -> Schema:
    made: Schema = {"type": "array", "items": item, "minItems": 1}
    return {**made, "description": description} if description else made


def _text(description: str = "", **more: Any) -> Schema:
    made: Schema = {"$ref": "#/definitions/text"} if not more else {"type": "string", **more}
    return {"allOf": [made], "description": description} if description else made


def _texts(description: str) -> Schema:
    return _list_of({"$ref": "#/definitions/text"}, description)


def _one_of(values: tuple[str, ...] | list[str], description: str) -> Schema:
    return {"enum": list(values), "description": description}


def _definitions() -> Schema:
    return {
        # Every scalar is read as the text that stands there, so a bare number or `no` is a text too.
        "text": {"anyOf": [{"type": "string", "pattern": r"\S"}, {"type": "number"}, {"type": "boolean"}]},
        "id": {"type": "string", "pattern": _ID},
        "name": {"type": "string", "pattern": _NAME},
        "examples": _object(
            {
                "match": _texts("Texts in which the rule must find something; [brackets] mark what exactly."),
                "skip": _texts("Texts in which it must not."),
            }
        ),
        "unless": _object(
            {
                "section": _texts("Not in these sections."),
                "before": _texts("Not directly before these words."),
                "after": _texts("Not directly after these words."),
            }
        ),
    }


def _rule(properties: Schema, required: list[str], **more: Any) -> Schema:
    own: Schema = {
        "id": {"$ref": "#/definitions/id", "description": "Unique in the pack, and never changed."},
        "status": _one_of(STATUSES, "Default: stable."),
        "note": _text("For readers."),
        "examples": {"$ref": "#/definitions/examples"},
    }
    return _object({**own, **properties}, ["id", *required], **more)


def _mention(properties: Schema, **more: Any) -> Schema:
    own: Schema = {
        "label": {"$ref": "#/definitions/name", "description": "A label that some loaded pack declares."},
        "concepts": _list_of({"type": "string", "pattern": _CONCEPT}, "SYSTEM:CODE"),
        "name": _text("Preferred name."),
        "priority": {"type": "integer", "minimum": -1000, "maximum": 1000, "description": "Higher wins over longer."},
        "unless": {"$ref": "#/definitions/unless"},
    }
    return _rule({**own, **properties}, ["label"], **more)


# --- rules -----------------------------------------------------------------------------------------------------------


def _lists() -> Schema:
    return {
        "words": _list_of(_words(), "Word lists for patterns."),
        "abbreviations": _list_of(_words(), "A full stop after these ends no sentence."),
        "continues": _list_of(_words(), "A line that ends in one of these goes on in the next."),
        "continues_list": _list_of(_words(), "Words that carry a list on."),
        "terms": _list_of(_term(), "Words and phrases to be found."),
        "patterns": _list_of(_pattern(), "Numbers and shapes."),
        "context": _list_of(_cue(), "Words that change the meaning of what stands around them."),
        "sections": _list_of(_section(), "Section headings."),
    }


def _words() -> Schema:
    return _rule({"any": _texts("The words.")}, ["any"])


def _term() -> Schema:
    found = {"any": _texts("Found whatever their capitals."), "exact": _texts("Found only as they are written.")}
    return _mention(found, anyOf=[{"required": ["any"]}, {"required": ["exact"]}])


def _pattern() -> Schema:
    found = {
        "match": {"anyOf": [_text(), _texts("")], "description": "A token pattern, or several."},
        "regex": _text("A regular expression."),
        "anchors": _texts("Whole words one of which every match of the regex holds."),
    }
    return _mention(found, oneOf=[{"required": ["match"]}, {"required": ["regex"]}])


def _cue() -> Schema:
    axis: Schema = {"enum": list(AXES)}
    scope = {
        "within": _one_of(["sentence", "line", "section"], "Default: sentence."),
        "lists": _one_of(["follow", "stop"], "Whether it goes along a list."),
        "stop_at": _list_of({"enum": ["clause", "heading"]}),
        "tokens": {"type": "integer", "minimum": 1, "maximum": 1000},
    }
    own: Schema = {
        "axis": {"anyOf": [axis, _list_of(axis)], "description": "What it says; several only for pseudo and stop."},
        "direction": _one_of([direction.value for direction in Direction], "Where the mention stands."),
        "cues": _texts("(a | b) means one of, ? that the word or bracket before it may be missing."),
        "exact": _texts("Cues that count only as they are written."),
        "scope": _object(scope),
        "blocked_by": _texts("It does nothing where one of these stands near."),
        "after": _texts("stop only: it ends a scope in which one of these stands before it."),
        "takes_object": {"type": "boolean", "description": "stop only: it ends a scope only with an object behind it."},
        "on": _texts("Acts only on these labels."),
        "not_on": _texts("Acts on all labels but these."),
    }
    sign: Schema = {"properties": {"direction": {"const": Direction.SIGN.value}}}  # a sign is no word
    return _rule(own, ["direction"], anyOf=[{"required": ["cues"]}, {"required": ["exact"]}, sign])


def _section() -> Schema:
    own: Schema = {
        "name": {"$ref": "#/definitions/name", "description": "The normalised name; default: the id with _ for -."},
        "headings": _texts("A final colon means: only with the colon."),
        "part": {"type": "boolean", "description": "Below another heading it has what that one sets, too."},
        "sets": _object({axis: {"const": True} for axis in AXES}),
    }
    return _rule(own, ["headings"])


def _case() -> Schema:
    own: Schema = {
        "id": {"$ref": "#/definitions/id"},
        "text": _text("A note with its mentions marked: [chest pain]{problem negated}."),
        "xfail": _text("A known gap, and why."),
        "only": {"type": "boolean", "description": "No other mention may be found."},
        "note": _text("For readers."),
    }
    return _object(own, ["id", "text"])


# --- the header ------------------------------------------------------------------------------------------------------


def _header() -> Schema:
    label = {
        "id": {"$ref": "#/definitions/name"},
        "description": _text("For readers."),
        "schemes": {
            "type": "object",
            "propertyNames": {"pattern": _NAME},
            "additionalProperties": {"type": "string", "pattern": r"^[A-Za-z][A-Za-z0-9_.-]*$"},
            "description": "What other schemes call it: {i2b2: problem}",
        },
    }
    options = {
        "cues_inside_mention": _one_of(["ignore", "act"], "Default: ignore."),
        "values_in_mention": _one_of(["outside", "inside"], "Default: outside."),
        "lists": _one_of(["follow", "stop"], "Default: follow."),
    }
    silence = {
        "warning": _text("Its name or code."),
        "rules": _texts("The rules it is silenced for."),
        "reason": _text("Why it is right as it is."),
    }
    return {
        "name": {"$ref": "#/definitions/name"},
        "version": _text("Raised whenever a stable rule changes what it does."),
        "description": _text("For readers."),
        "labels": _list_of(_object(label, ["id"]), "The kinds of mentions."),
        "axes": _list_of({"enum": list(AXES)}, "The assertion axes this pack assesses."),
        "resolution": _one_of(RESOLUTIONS, "What happens to overlapping mentions."),
        "options": _object(options),
        "systems": _texts("Code systems of your own."),
        "silence": _list_of(_object(silence, ["warning", "rules", "reason"]), "Warnings that you have judged."),
    }
