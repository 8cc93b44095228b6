"""Located tables -> rules of the model: one function per kind of rule, each noting all that is wrong."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import regex as regex_package

from rulener.packs.cases import parse_marked
from rulener.packs.diagnostics import Findings
from rulener.packs.model import (
    AXES,
    STATUSES,
    ConceptRef,
    ContextCue,
    Direction,
    Examples,
    Pattern,
    Place,
    Scope,
    Section,
    Term,
    Text,
    Unless,
    WordList,
)
from rulener.packs.names import check_id, check_name, concept
from rulener.packs.patterns import (
    APOSTROPHES,
    BUILT_IN_CLASSES,
    CAPTURE_NAME,
    HYPHENS,
    SLASHES,
    check_captures,
    expand_literal,
    has_anchor,
    parse_pattern,
    regex_anchors,
)
from rulener.packs.source import Fields, Table, place_at, suggestion

MAX_PRIORITY = 1000
MAX_SCOPE_TOKENS = 1000
_RULE_KEYS = ("id", "status", "note", "examples")
_MENTION_KEYS = ("label", "concepts", "name", "priority", "unless")
_DOTTED = re.compile(r"[A-Za-z](?:\.[A-Za-z])+\.?")
_SILENT = (Direction.PSEUDO, Direction.STOP)
_IDLE_KEYS = {
    Direction.FORWARD: ("after", "takes_object"),
    Direction.BACKWARD: ("after", "takes_object"),
    Direction.BOTH: ("after", "takes_object"),
    Direction.FIELD: ("scope", "after", "takes_object"),
    Direction.PSEUDO: ("scope", "blocked_by", "after", "takes_object", "on", "not_on"),
    Direction.STOP: ("scope", "blocked_by", "on", "not_on"),
    Direction.SIGN: ("cues", "exact", "scope", "blocked_by", "after", "takes_object"),
}
_TOKENLESS = HYPHENS + SLASHES + APOSTROPHES
_INVISIBLE = "\u200b\ufeff"


@dataclass(frozen=True, slots=True)
class _Head:
    """The keys every rule has."""

    id: str
    place: Place
    status: str
    note: str
    examples: Examples


@dataclass(frozen=True, slots=True)
class _Mention:
    """The keys that terms and patterns share."""

    label: Text | None
    concepts: tuple[ConceptRef, ...]
    name: str
    priority: int
    unless: Unless


def read_term(table: Table, findings: Findings) -> Term | None:
    """One entry of `terms`."""
    fields = Fields(table, "a term", (*_RULE_KEYS, *_MENTION_KEYS, "any", "exact"), findings)
    head = _head(fields, findings)
    mention = _mention(fields, findings)
    any_ = _surfaces(fields, "any", findings)
    exact = _surfaces(fields, "exact", findings)
    if not fields.has("any") and not fields.has("exact"):
        _nothing_to_find(fields, "`any` or `exact`", findings)
    if head is None or mention.label is None:
        return None
    texts = any_ + exact
    return Term(
        id=head.id,
        place=head.place,
        status=head.status,
        note=head.note,
        examples=head.examples,
        label=mention.label,
        concepts=mention.concepts,
        name=mention.name or (texts[0].value if texts else ""),
        priority=mention.priority,
        unless=mention.unless,
        any=any_,
        exact=exact,
    )


def read_pattern(table: Table, findings: Findings) -> Pattern | None:
    """One entry of `patterns`."""
    fields = Fields(table, "a pattern", (*_RULE_KEYS, *_MENTION_KEYS, "match", "regex", "anchors"), findings)
    head = _head(fields, findings)
    mention = _mention(fields, findings)
    match = fields.text_or_texts("match")
    regex = fields.text("regex")
    anchors = _neighbours(fields, "anchors", findings)
    for text in match:
        _check_match(text, findings)
    if regex:
        _check_regex(regex, bool(anchors) or fields.has("anchors"), findings)
    _check_match_or_regex(fields, findings)
    if head is None or mention.label is None:
        return None
    return Pattern(
        id=head.id,
        place=head.place,
        status=head.status,
        note=head.note,
        examples=head.examples,
        label=mention.label,
        concepts=mention.concepts,
        name=mention.name,
        priority=mention.priority,
        unless=mention.unless,
        match=match,
        regex=regex,
        anchors=anchors,
    )


def read_context(table: Table, findings: Findings) -> ContextCue | None:
    """One entry of `context`."""
    keys = (*_RULE_KEYS, "axis", "direction", "cues", "exact", "scope", "blocked_by", "after", "takes_object", "on", "not_on")
    fields = Fields(table, "a context rule", keys, findings)
    direction = _direction(fields, findings)
    silent = direction in _SILENT
    check = _check_unmarked if silent else _check_marked
    head = _head(fields, findings, check if direction else None)
    axes = _axes(fields, silent or direction is None, findings)
    cues = fields.texts("cues")
    exact = fields.texts("exact")
    for text in cues + exact:
        _refuse_controls(text, findings)
        findings.extend(expand_literal(text)[1])
    if direction is not Direction.SIGN and not fields.has("cues") and not fields.has("exact"):
        _nothing_to_find(fields, "`cues` or `exact`", findings)
    scope = _scope(fields, findings)
    blocked_by = _neighbours(fields, "blocked_by", findings)
    after = _neighbours(fields, "after", findings)
    on, not_on = fields.texts("on"), fields.texts("not_on")
    _check_keys_of_direction(fields, direction, findings)
    if head is None or direction is None:
        return None
    return ContextCue(
        id=head.id,
        place=head.place,
        status=head.status,
        note=head.note,
        examples=head.examples,
        axes=axes,
        direction=direction,
        cues=() if direction is Direction.SIGN else cues,
        exact=() if direction is Direction.SIGN else exact,
        scope=scope,
        blocked_by=blocked_by,
        after=after,
        takes_object=bool(fields.flag("takes_object")),
        on=on,
        not_on=not_on,
    )


def read_section(table: Table, findings: Findings) -> Section | None:
    """One entry of `sections`."""
    fields = Fields(table, "a section", (*_RULE_KEYS, "name", "headings", "sets", "part"), findings)
    head = _head(fields, findings, _check_heading_marked)
    name = fields.text("name")
    if name:
        check_name(name, "section name", findings)
    fields.require("headings")
    headings = _surfaces(fields, "headings", findings)
    sets = _sets(fields, findings)
    part = fields.flag("part")
    if head is None:
        return None
    return Section(
        id=head.id,
        place=head.place,
        status=head.status,
        note=head.note,
        examples=head.examples,
        name=name.value if name else head.id.replace("-", "_"),
        headings=headings,
        sets=sets,
        part=bool(part),
    )


def read_words(table: Table, findings: Findings) -> WordList | None:
    """One entry of `words`."""
    word_list = _word_list(table, "a word list", findings, _refuse_controls)
    if word_list and word_list.id in BUILT_IN_CLASSES:
        findings.error(
            "R120",
            f"`{word_list.id}` is the name of a built-in class",
            word_list.place,
            fix="give the list another id",
        )
    return word_list


def read_abbreviations(table: Table, findings: Findings) -> WordList | None:
    """One entry of `abbreviations`."""
    return _word_list(table, "a list of abbreviations", findings, _check_one_word)


def read_continues(table: Table, findings: Findings) -> WordList | None:
    """One entry of `continues` or `continues_list`."""
    return _word_list(table, "a list of words", findings, _check_one_word)


def _word_list(table: Table, what: str, findings: Findings, check: Callable[[Text, Findings], None]) -> WordList | None:
    fields = Fields(table, what, (*_RULE_KEYS, "any"), findings)
    head = _head(fields, findings)
    fields.require("any")
    words = fields.texts("any")
    for text in words:
        check(text, findings)
    if head is None:
        return None
    return WordList(id=head.id, place=head.place, status=head.status, note=head.note, examples=head.examples, any=words)


# --- what all rules have -------------------------------------------------------------------------------------------


def _head(fields: Fields, findings: Findings, check_example: Callable[[Text, int, Findings], None] | None = None) -> _Head | None:
    id_ = fields.text("id", required=True)
    if id_:
        check_id(id_, findings)
    status = one_of(fields, "status", STATUSES, findings) or "stable"
    note = fields.text("note")
    examples = _examples(fields, findings, check_example)
    if id_ is None:
        return None
    return _Head(id_.value, id_.place, status, note.value if note else "", examples)


def one_of(fields: Fields, key: str, allowed: Sequence[str], findings: Findings) -> str | None:
    """A text that must be one of `allowed`."""
    text = fields.text(key)
    if text is None or text.value in allowed:
        return text.value if text else None
    not_allowed(text, key, allowed, findings)
    return None


def not_allowed(text: Text, key: str, allowed: Sequence[str], findings: Findings) -> None:
    """Report a value that is none of `allowed`."""
    findings.error(
        "R122",
        f"`{text.value}` is not allowed for `{key}`",
        text.place,
        notes=[f"allowed: {', '.join(allowed)}"],
        fix=suggestion(text.value, allowed).replace("known are:", "write one of:"),
    )


def _examples(fields: Fields, findings: Findings, check: Callable[[Text, int, Findings], None] | None) -> Examples:
    table = fields.mapping("examples")
    if table is None:
        return Examples()
    inner = Fields(table, "examples", ("match", "skip"), findings)
    examples = Examples(inner.texts("match"), inner.texts("skip"))
    for text in examples.match + examples.skip:
        marked, problems = parse_marked(text)
        findings.extend(problems)
        if check and not problems and (check is not _check_heading_marked or text in examples.match):
            check(text, len(marked.mentions), findings)
    return examples


def _check_marked(text: Text, marks: int, findings: Findings) -> None:
    if not marks:
        findings.error(
            "R140",
            "no mention is marked in this example",
            text.place,
            fix="put the mention that the cue should (not) reach in brackets: `Denies [chest pain].`",
        )


def _check_unmarked(text: Text, marks: int, findings: Findings) -> None:
    if marks:
        findings.error(
            "R140",
            "a pseudo or stop cue reaches no mention, so its example has no brackets",
            text.place,
            fix="write the text without brackets",
        )


def _check_heading_marked(text: Text, marks: int, findings: Findings) -> None:
    if not marks:
        findings.error(
            "R140",
            "no heading is marked in this example",
            text.place,
            fix="put the heading in brackets: `[PMH]: diabetes.`",
        )


def _nothing_to_find(fields: Fields, keys: str, findings: Findings) -> None:
    findings.error("R212", f"{fields.what} needs {keys}", fields.table.place, fix=f"add {keys}")


def _mention(fields: Fields, findings: Findings) -> _Mention:
    label = fields.text("label", required=True)
    concepts = tuple(ref for ref in (concept(text, findings) for text in fields.texts("concepts")) if ref)
    name = fields.text("name")
    if name:
        _refuse_controls(name, findings)
    priority = fields.integer("priority", -MAX_PRIORITY, MAX_PRIORITY)
    return _Mention(label, concepts, name.value if name else "", priority or 0, _unless(fields, findings))


def _unless(fields: Fields, findings: Findings) -> Unless:
    table = fields.mapping("unless")
    if table is None:
        return Unless()
    inner = Fields(table, "unless", ("section", "before", "after"), findings)
    return Unless(inner.texts("section"), _neighbours(inner, "before", findings), _neighbours(inner, "after", findings))


# --- texts to be found ---------------------------------------------------------------------------------------------


def _surfaces(fields: Fields, key: str, findings: Findings) -> tuple[Text, ...]:
    """Plain texts to be found in notes; they need a letter or digit."""
    texts = fields.texts(key)
    for text in texts:
        _refuse_controls(text, findings)
        if not any(map(str.isalnum, text.value)):
            _nothing_in(text, key, "has no letter and no digit", findings)
    return texts


def _neighbours(fields: Fields, key: str, findings: Findings) -> tuple[Text, ...]:
    """Plain texts that stand near what is found; they may be punctuation, but not only what leaves no token."""
    texts = fields.texts(key)
    for text in texts:
        _refuse_controls(text, findings)
        if all(char.isspace() or char in _TOKENLESS for char in text.value):
            _nothing_in(text, key, "has nothing that could be found", findings)
    return texts


def _nothing_in(text: Text, key: str, problem: str, findings: Findings) -> None:
    fix = "write a word, or use a pattern for punctuation"
    findings.error("R209", f"`{text.value}` in `{key}` {problem}", text.place, fix=fix)


def _refuse_controls(text: Text, findings: Findings) -> None:
    for at, char in enumerate(text.value):
        if unicodedata.category(char) in ("Cc", "Cs", "Zl", "Zp") or char in _INVISIBLE:
            findings.error(
                "R210",
                f"the text holds the control character U+{ord(char):04X}",
                place_at(text, at),
                fix="write the text in one line, without control characters",
            )
            return


def _check_one_word(text: Text, findings: Findings) -> None:
    _refuse_controls(text, findings)
    value = text.value
    if _DOTTED.fullmatch(value) or len(value) == 1 or all(char.isalnum() or _joins(char) for char in value):
        return
    fix = f"write `{value[:-1]}` without the full stop" if value.endswith(".") else "give each word by itself"
    findings.error("R213", f"`{value}` is not a single word", text.place, fix=fix)


def _joins(char: str) -> bool:
    return char in APOSTROPHES or unicodedata.category(char)[0] == "M"


# --- patterns ------------------------------------------------------------------------------------------------------


def _check_match(text: Text, findings: Findings) -> None:
    _refuse_controls(text, findings)
    node, problems = parse_pattern(text)
    findings.extend(problems)
    if node is None:
        return
    findings.extend(check_captures(text, node))
    if not has_anchor(node):
        findings.error(
            "R203",
            "this pattern has no anchor",
            text.place,
            notes=["among its first four tokens a pattern needs a place where a word, a mark or a word list must stand"],
            fix="add a word that is always there, or make one that is optional required",
        )


def _check_match_or_regex(fields: Fields, findings: Findings) -> None:
    match, regex = fields.has("match"), fields.has("regex")
    if match and regex:
        findings.error(
            "R208",
            "a pattern has either `match` or `regex`, not both",
            fields.key_place("regex"),
            others=[(fields.key_place("match"), "the other one")],
            fix="make two patterns of it",
        )
    elif not match and not regex:
        findings.error("R208", "a pattern needs `match` or `regex`", fields.table.place, fix="add `match: …`")
    elif match and fields.has("anchors"):
        findings.warning(
            "R214",
            "`anchors` has no effect with `match`",
            fields.key_place("anchors"),
            notes=["the anchors of a token pattern are its own words"],
            fix="remove it",
        )


def _check_regex(text: Text, anchored: bool, findings: Findings) -> None:
    compiled = _compiled(text, findings)
    if compiled is None:
        return
    for name in compiled.groupindex:
        if not CAPTURE_NAME.fullmatch(name):
            at = text.value.find(f"<{name}>") + 1
            findings.error(
                "R202",
                f"`{name}` cannot be the name of a capture",
                place_at(text, at, at + len(name)),
                fix="use lower-case letters, digits and _, beginning with a letter",
            )
    if compiled.fullmatch(""):
        findings.error("R215", "this regex also matches nothing at all", text.place, fix="require at least one character")
    if not anchored and not regex_anchors(text.value):
        findings.warning(
            "R207",
            "no anchor can be read off this regex",
            text.place,
            notes=[
                "an anchor is a whole word that every match holds; with one, the regex runs only near that word",
                "without one it is tried at every character of every note, which is many times slower",
            ],
            fix="add `anchors: […]` with words of which every match holds one, or begin the regex with a word and `\\b`",
        )


def _compiled(text: Text, findings: Findings) -> regex_package.Pattern[str] | None:
    try:
        return regex_package.compile(text.value)
    except regex_package.error as error:
        at, problem = getattr(error, "pos", None), getattr(error, "msg", str(error))
        place = text.place if at is None else place_at(text, at)
        findings.error("R206", f"this regex cannot be compiled: {problem}", place, fix="mend the place that is shown")
    except (ValueError, OverflowError, RecursionError, MemoryError, KeyError, IndexError, TypeError) as error:
        findings.error("R206", f"this regex cannot be compiled ({type(error).__name__})", text.place, fix="make it simpler")
    return None


# --- context -------------------------------------------------------------------------------------------------------


def _direction(fields: Fields, findings: Findings) -> Direction | None:
    fields.require("direction")
    value = one_of(fields, "direction", [d.value for d in Direction], findings)
    return Direction(value) if value else None


def _axes(fields: Fields, optional: bool, findings: Findings) -> tuple[str, ...]:
    if not optional and not fields.require("axis"):
        return ()
    texts = fields.text_or_texts("axis")
    if len(texts) > 1 and not optional:
        findings.error(
            "R116",
            "only a pseudo or stop cue may speak of several axes",
            texts[1].place,
            fix="make one rule for each axis",
        )
    for text in texts:
        if text.value not in AXES:
            not_allowed(text, "axis", AXES, findings)
    written = {text.value for text in texts}
    return tuple(axis for axis in AXES if axis in written)


def _scope(fields: Fields, findings: Findings) -> Scope:
    table = fields.mapping("scope")
    if table is None:
        return Scope()
    inner = Fields(table, "scope", ("within", "lists", "stop_at", "tokens"), findings)
    stops = inner.texts("stop_at")
    for text in stops:
        if text.value not in ("clause", "heading"):
            not_allowed(text, "stop_at", ("clause", "heading"), findings)
    return Scope(
        within=one_of(inner, "within", ("sentence", "line", "section"), findings) or "sentence",
        lists=one_of(inner, "lists", ("follow", "stop"), findings),
        stop_at_clause=not inner.has("stop_at") or any(text.value == "clause" for text in stops),
        tokens=inner.integer("tokens", 1, MAX_SCOPE_TOKENS),
    )


def _check_keys_of_direction(fields: Fields, direction: Direction | None, findings: Findings) -> None:
    if fields.has("on") and fields.has("not_on"):
        findings.error(
            "R216",
            "a rule has either `on` or `not_on`",
            fields.key_place("not_on"),
            others=[(fields.key_place("on"), "the other one")],
            fix="keep `on`: it names all labels the cue acts on",
        )
    if direction is None:
        return
    for key in _IDLE_KEYS.get(direction, ()):
        if fields.has(key):
            findings.warning(
                "R214",
                f"`{key}` has no effect on a {direction.value} cue",
                fields.key_place(key),
                fix="remove it",
            )


# --- sections ------------------------------------------------------------------------------------------------------


def _sets(fields: Fields, findings: Findings) -> tuple[str, ...]:
    table = fields.mapping("sets")
    if table is None:
        return ()
    inner = Fields(table, "sets", AXES, findings)
    true = []
    for axis in AXES:
        value = inner.flag(axis)
        if value:
            true.append(axis)
        elif value is False:
            findings.error(
                "R122",
                f"`{axis}: false` is not allowed in `sets`",
                inner.key_place(axis),
                notes=["a section can make an axis true; it never takes away what a cue says"],
                fix="remove it",
            )
    return tuple(true)
