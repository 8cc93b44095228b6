"""medspaCy's JSON: `context_rules` (ConText) and `section_rules` (the sectionizer), in one file or in two.

A rule's `pattern` is none (the literal is the cue), a list of token descriptions, or a regular expression. Lists that
only name words (`LOWER`, `TEXT`, `ORTH`, one word or `IN`, optional with `OP: "?"`) say what `( | )` and `?` say
here and are turned into it.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from rulener.packs.importers.located_json import items
from rulener.packs.importers.reading import ForeignCue, ForeignHeading, Meaning, Reading, as_cue, read_text
from rulener.packs.model import Direction, Place

DEFAULTS = {
    "NEGATED_EXISTENCE": Meaning(("negated",)),
    "DEFINITE_NEGATED_EXISTENCE": Meaning(("negated",)),
    "PROBABLE_NEGATED_EXISTENCE": Meaning(("negated",)),
    "POSSIBLE_EXISTENCE": Meaning(("uncertain",)),
    "PROBABLE_EXISTENCE": Meaning(("uncertain",)),
    "AMBIVALENT_EXISTENCE": Meaning(("uncertain",)),
    "HISTORICAL": Meaning(("historical",)),
    "HYPOTHETICAL": Meaning(("hypothetical",)),
    "FAMILY": Meaning(("family",)),
    "past_medical_history": Meaning(("historical",)),
    "past_surgical_history": Meaning(("historical",)),
    "family_history": Meaning(("family",)),
}
_DIRECTIONS = {
    "FORWARD": Direction.FORWARD,
    "BACKWARD": Direction.BACKWARD,
    "BIDIRECTIONAL": Direction.BOTH,
    "TERMINATE": Direction.STOP,
    "PSEUDO": Direction.PSEUDO,
}
_LISTS = ("context_rules", "section_rules", "item_data")
_TOKEN_KEYS = ("LOWER", "TEXT", "ORTH")
_NO_EQUAL = {
    "on_match": "callback `on_match`",
    "on_modifies": "callback `on_modifies`",
    "max_targets": "`max_targets` (the number of mentions a cue may reach)",
    "terminated_by": "`terminated_by` (other categories that end a scope)",
    "metadata": "`metadata`",
    "parents": "`parents` (sections do not nest in a pack)",
    "parent_required": "`parent_required`",
}
_PLAIN_REGEX = re.compile(r"[\w ,'/-]+")


def read(path: Path) -> Reading:
    """The rules of a file. U230: unreadable; U231: not JSON of this format."""
    reading = Reading("medspacy", DEFAULTS)
    for key, item, place in items(read_text(path), path, _LISTS):
        if not isinstance(item, dict) or not all(isinstance(name, str) for name in item):
            reading.leave("item that is no object", place, str(item))
        elif key == "section_rules" or ("direction" not in item and "rule" not in item):
            _section(item, place, reading)
        else:
            _context(item, place, reading)
    return reading


def _context(rule: Mapping[str, Any], place: Place, reading: Reading) -> None:
    shown, category = _text(rule, "literal"), _text(rule, "category")
    direction = _DIRECTIONS.get((_text(rule, "direction") or _text(rule, "rule") or "FORWARD").upper())
    if not shown or not category:
        reading.leave("rule without literal or category", place, str(shown or category or ""))
        return
    if direction is None:
        reading.leave("direction of another kind", place, shown)
        return
    cue = _cue(rule, shown, place, reading)
    if cue is None:
        return
    silent = direction in (Direction.STOP, Direction.PSEUDO)  # these act on every category there
    on, not_on = _labels(rule.get("allowed_types")), _labels(rule.get("excluded_types"))
    if on and not_on:
        reading.change("`excluded_types` beside `allowed_types`", place, shown)
    _changes(rule, shown, place, reading)
    reading.cues.append(
        ForeignCue(
            cue,
            "" if silent else category,
            direction,
            place,
            shown,
            None if silent else _window(rule, shown, place, reading),
            () if silent else on,
            () if silent or on else not_on,
        )
    )


def _window(rule: Mapping[str, Any], shown: str, place: Place, reading: Reading) -> int | None:
    window = rule.get("max_scope")
    if window is None or (isinstance(window, int) and not isinstance(window, bool) and window > 0):
        return window
    reading.change("`max_scope` that is no number: the scope ends with the sentence", place, shown)
    return None


def _changes(rule: Mapping[str, Any], shown: str, place: Place, reading: Reading) -> None:
    for name, reason in _NO_EQUAL.items():
        if rule.get(name) not in (None, [], {}, False, ""):
            reading.change(f"{reason} has no equal here", place, shown)


def _cue(rule: Mapping[str, Any], literal: str, place: Place, reading: Reading) -> str | None:
    """The cue in the language of `cues:`; None when it has no equal."""
    pattern = rule.get("pattern")
    if pattern is None:
        return as_cue(literal)
    if isinstance(pattern, str):
        if _PLAIN_REGEX.fullmatch(pattern):
            return as_cue(pattern)
        reading.leave("regular expression (a cue is words here)", place, literal)
        return None
    if not isinstance(pattern, list) or not pattern:
        reading.leave("pattern of another kind", place, literal)
        return None
    parts = []
    for token in pattern:
        part, problem = _token(token)
        if problem:
            reading.leave(f"token pattern with {problem}", place, literal)
            return None
        parts.append(part)
    return " ".join(part for part in parts if part)


def _token(token: Any) -> tuple[str, str]:
    """(what stands for it in a cue, "") or ("", why there is nothing)."""
    if not isinstance(token, dict):
        return "", "a token that is no object"
    names = [name for name in token if str(name).upper() != "OP"]
    if len(names) != 1 or names[0].upper() not in _TOKEN_KEYS:
        other = next((name for name in names if str(name).upper() not in _TOKEN_KEYS), "no text or more than one")
        return "", f"`{other}`"
    operator = next((str(value) for name, value in token.items() if str(name).upper() == "OP"), "1")
    if operator not in ("1", "?"):
        return "", f'`OP: "{operator}"`'
    value = token[names[0]]
    if isinstance(value, dict):
        if list(value) != ["IN"] or not isinstance(value["IN"], list):
            return "", f"`{names[0]}: {{{', '.join(map(str, value))}}}`"
        value = value["IN"]
    words = [value] if isinstance(value, str) else value
    if not isinstance(words, list) or not words or not all(isinstance(word, str) and word.strip() for word in words):
        return "", "an empty list or something that is no text"
    # The possessive is part of its word here, and a contraction is one word.
    own = [as_cue(word) for word in words if word not in ("'s", "’s", "'", "’", "n't", "n’t")]
    if not own:
        return ("", "") if operator == "?" else ("", "a contraction")
    cue = own[0] if len(own) == 1 and (operator == "1" or " " not in own[0]) else f"({' | '.join(own)})"
    return cue + ("?" if operator == "?" else ""), ""


def _section(rule: Mapping[str, Any], place: Place, reading: Reading) -> None:
    """`{literal, category, pattern}`, before medspaCy 0.1 `{pattern, section_title}`."""
    category = _text(rule, "category") or _text(rule, "section_title")
    old = "section_title" in rule and "literal" not in rule
    literal = _text(rule, "pattern") if old else _text(rule, "literal")
    pattern = None if old else rule.get("pattern")
    if not literal or not category:
        reading.leave("section rule without literal or category", place, str(literal or category or ""))
    elif pattern is not None and not (isinstance(pattern, str) and _PLAIN_REGEX.fullmatch(pattern.rstrip(":"))):
        kind = "regular expression" if isinstance(pattern, str) else "token pattern"
        reading.leave(f"{kind} for a heading (a heading is words here)", place, literal)
    else:
        _changes({**rule, "max_targets": None}, literal, place, reading)
        if rule.get("max_scope") is not None:
            reading.change("`max_scope` of a section (it runs to the next heading here)", place, literal)
        reading.headings.append(ForeignHeading(" ".join((pattern or literal).split()), category, place))


def _labels(value: Any) -> tuple[str, ...]:
    return tuple(str(one) for one in value if isinstance(one, str) and one.strip()) if isinstance(value, list) else ()


def _text(rule: Mapping[str, Any], key: str) -> str:
    value = rule.get(key)
    return value.strip() if isinstance(value, str) else ""
