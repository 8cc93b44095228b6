"""The little language of `match:` and `cues:` (docs/authors/grammar.md), read into model nodes.

A `Word` is one chunk as the author wrote it: a word, a number, a dotted abbreviation, one punctuation mark. A hyphen or slash
with word characters tight on both sides ("follow-up", "mg/dL") belongs to the word and is soft, as it is in terms; any
other `-` or `/` is a `Separator`. The compiler cuts a `Word` into tokens with the notes' own tokenizer.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from itertools import product
from math import prod
from typing import NoReturn

from rulener.packs.anchors import regex_anchors
from rulener.packs.diagnostics import Diagnostic, Findings
from rulener.packs.model import (
    Alternatives,
    Capture,
    ContextCue,
    Gap,
    LabelClass,
    MentionPart,
    Optional_,
    PatternNode,
    Place,
    Separator,
    Sequence_,
    Text,
    TokenClass,
    Word,
)
from rulener.packs.source import place_at

__all__ = [
    "MAX_FORMS",
    "CueForm",
    "cue_forms",
    "empty_alternatives",
    "expand_literal",
    "has_anchor",
    "label_classes",
    "parse_pattern",
    "regex_anchors",
    "token_classes",
]

MENTION = "[]"  # stands for a pattern's mention among the names of its captures
MAX_FORMS = 500
MAX_NESTING = 16
MAX_GAP = 63
ANCHOR_REACH = 4
HYPHENS = "-\u2010\u2011\u2012\u2013\u2212\ufe63\uff0d"
SLASHES = "/\u2044\u2215\uff0f"
APOSTROPHES = "'\u2018\u2019\u02bc\uff07`"
BUILT_IN_CLASSES = ("number", "word", "label")
CAPTURE_NAME = re.compile(r"[a-z][a-z0-9_]*")
LIST_NAME = re.compile(r"[a-z][a-z0-9-]*")
_LABEL_NAME = re.compile(r"[a-z][a-z0-9_-]*")
_LABELS = re.compile(r"label(?:\s+(.*))?", re.DOTALL)
_SPECIAL = "()|?{}<>[]\\"
_GAP = re.compile(r"([0-9]{1,3})\s*-\s*([0-9]{1,3})\s+words?")
_GAP_LIKE = re.compile(r"([0-9]{1,3})?[-\s]*([0-9]{1,3})\s+words?")
_DOTTED = re.compile(r"[A-Za-z](?:\.[A-Za-z])+")
_REGEX_CLASSES = {
    "d": "`<number>`",
    "w": "`<word>`",
    "s": "a space (tokens are apart anyway)",
    "b": "nothing (a word is always a whole word)",
}


def parse_pattern(text: Text) -> tuple[PatternNode | None, list[Diagnostic]]:
    """The pattern as a sequence of nodes; None when it has an error, which points into the text."""
    known = _known_pattern(text.value)
    return (known, []) if known is not None else _parsed(_Parser(text))


@lru_cache(maxsize=1 << 12)
def _known_pattern(value: str) -> PatternNode | None:
    """A pattern, which several checks and the compiler ask for; None when it has an error, which has a place."""
    return _parsed(_Parser(Text(value, Place("", 1, 1))))[0]


def _parsed(parser: _Parser) -> tuple[PatternNode | None, list[Diagnostic]]:
    try:
        return parser.pattern(), []
    except _PatternError:
        return None, parser.findings.all


class _PatternError(Exception):
    """Leaves the parser once the finding is noted."""


class _Parser:
    """Recursive descent over one text."""

    def __init__(self, text: Text, *, plain: bool = False) -> None:
        """`plain`: for cues, whose surfaces are cut into tokens later: there a tight hyphen and a slash are no marks."""
        self.findings = Findings()
        self._plain = plain
        self._text = text
        self._source = text.value
        self._at = 0
        self._nesting = 0
        self._in_mention = False

    def pattern(self) -> Sequence_:
        options = self._options()
        if self._at < len(self._source):
            self._fail(self._at, "`)` without `(`", fix=r"remove it, or write `\)` for the character")
        if len(options) > 1:
            self._fail(
                self._source.index("|"),
                "alternatives must stand in brackets",
                fix=f"write `({_shortened(self._source.strip())})`, or a list with one text for each",
            )
        return options[0]

    def _options(self) -> list[Sequence_]:
        """Alternatives up to the closing bracket or the end."""
        options = [self._sequence()]
        while self._peek() == "|":
            self._at += 1
            options.append(self._sequence())
        return options

    def _sequence(self) -> Sequence_:
        start = self._at
        items: list[PatternNode] = []
        while True:
            self._skip_space()
            if self._peek() in ("", "|", ")") or (self._in_mention and self._peek() == "]"):
                break
            items.append(self._item())
        if not items:
            self._empty(start)
        return Sequence_(tuple(items))

    def _item(self) -> PatternNode:
        start = self._at
        char = self._peek()
        if char == "(":
            node = self._group()
        elif char == "<":
            node = self._class()
        elif char == "{":
            node = self._capture()
        elif char == "[" and not self._plain:
            return self._mention()
        elif char == "]" and not self._plain:
            self._fail(start, "`]` without `[`", fix=r"remove it, or write `\]` for the character")
        elif char == "?":
            self._lonely_question_mark()
        elif char in ">}":
            self._fail(start, f"`{char}` without `{'<' if char == '>' else '{'}`", fix=f"write `\\{char}` for the character")
        else:
            node = self._literal()
        return self._maybe_optional(node, start)

    def _maybe_optional(self, node: PatternNode, start: int) -> PatternNode:
        if self._peek() != "?":
            return node
        self._at += 1
        if self._peek() == "?":
            self._fail(self._at, "`?` twice", fix="one is enough")
        if isinstance(node, Gap):
            self._fail(
                start, "a gap cannot be optional", end=self._at, fix=f"write `<0-{node.high} words>`, which may be empty already"
            )
        return Optional_(node)

    def _group(self) -> PatternNode:
        start = self._at
        self._nesting += 1
        if self._nesting > MAX_NESTING:
            self._fail(start, f"brackets nested more than {MAX_NESTING} deep", fix="split the pattern into several")
        self._at += 1
        if self._is_word_at(start - 1) and self._is_word_at(self._at):
            self._glued(start)
        options = self._options()
        if self._peek() != ")":
            self._fail(start, "`(` is not closed", fix=r"add `)`, or write `\(` for the character")
        self._at += 1
        if self._is_word_at(self._at + (self._peek() == "?")):
            self._glued(self._at - 1)
        self._nesting -= 1
        return options[0] if len(options) == 1 else Alternatives(tuple(options))

    def _mention(self) -> MentionPart:
        start = self._at
        if self._in_mention:
            self._fail(start, "`[` inside `[…]`", fix=r"mark one part of the pattern; write `\[` for the character")
        self._in_mention = True
        self._at += 1
        options = self._options()
        if self._peek() != "]":
            self._fail(start, "`[` is not closed", fix=r"add `]`, or write `\[` for the character")
        if len(options) > 1:
            self._fail(start, "alternatives must stand in round brackets", fix="write `[(… | …)]`")
        self._at += 1
        self._in_mention = False
        if self._peek() == "?":
            self._fail(start, "the mention cannot be optional", end=self._at + 1, fix="write a list with one text for each way")
        if _can_be_empty(options[0]):
            self._fail(start, "the mention can be empty", end=self._at, fix="require at least one word inside `[…]`")
        return MentionPart(options[0])

    def _glued(self, at: int) -> None:
        self._fail(
            at,
            "this bracket is glued to a word",
            notes=["brackets hold whole words, not parts of words"],
            fix="write the words out, `(finding|findings)`, or put a space between",
        )

    def _class(self) -> PatternNode:
        start = self._at
        end = self._source.find(">", start)
        if end < 0:
            self._fail(start, "`<` is not closed", fix=r"add `>`, or write `\<` for the character")
        self._at = end + 1
        inner = self._source[start + 1 : end].strip()
        if inner[:1].isdigit():
            return self._gap(inner, start)
        return self._named_class(inner, start, self._at)

    def _gap(self, inner: str, start: int) -> Gap:
        written = _GAP.fullmatch(inner)
        if not written:
            like = _GAP_LIKE.fullmatch(inner)
            fix = f"write `<0-{like[2]} words>`" if like else "write a gap as `<0-3 words>`"
            self._fail(start, f"`<{inner}>` is not a gap", end=self._at, fix=fix)
        low, high = int(written[1]), int(written[2])
        if not low <= high or not 1 <= high <= MAX_GAP:
            self._fail(
                start,
                f"a gap of {low} to {high} words",
                end=self._at,
                fix=f"the first number must not be greater than the second, the second from 1 to {MAX_GAP}",
            )
        return Gap(low, high)

    def _named_class(self, name: str, start: int, end: int) -> TokenClass | LabelClass:
        labels = _LABELS.fullmatch(name)
        if labels:
            return self._label_class(labels[1] or "", start, end)
        if not LIST_NAME.fullmatch(name):
            self._fail(
                start,
                f"`{name}` is not the name of a class or word list" if name else "a class needs a name",
                end=end,
                fix=r"write `<number>`, `<word>` or `<name-of-a-word-list>`; `\<` for the character",
            )
        return TokenClass(name)

    def _label_class(self, written: str, start: int, end: int) -> LabelClass:
        names = tuple(name.strip() for name in written.split("|"))
        for name in names:
            if not _LABEL_NAME.fullmatch(name):
                self._fail(
                    start,
                    f"`{name}` is not the name of a label" if name else "no label is named",
                    end=end,
                    fix="write `<label anatomy>`, or several as `<label symptom|finding>`",
                )
        return LabelClass(tuple(dict.fromkeys(names)))

    def _capture(self) -> Capture:
        start = self._at
        colon, close = self._source.find(":", start), self._source.find("}", start)
        if colon < 0 or 0 <= close < colon:
            self._fail(
                start,
                "a capture is written {name:class}",
                end=close + 1 if close > 0 else None,
                fix=r"for example `{value:number}`; write `\{` for the character",
            )
        name = self._source[start + 1 : colon].strip()
        if not CAPTURE_NAME.fullmatch(name):
            self._fail(
                start + 1,
                f"`{name}` cannot be the name of a capture" if name else "the capture has no name",
                end=colon,
                code="R202",
                fix="use lower-case letters, digits and _, beginning with a letter",
            )
        self._at = colon + 1
        self._skip_space()
        item = self._captured(start)
        self._skip_space()
        if self._peek() == "?":
            self._fail(self._at, "`?` inside the braces", code="R202", fix="write it after the closing brace: `{…}?`")
        if self._peek() != "}":
            self._fail(start, "`{` is not closed", fix=r"add `}`, or write `\{` for the character")
        self._at += 1
        return Capture(name, item)

    def _captured(self, start: int) -> PatternNode:
        if self._peek() == "(":
            return self._group()
        end = self._at
        while end < len(self._source) and self._source[end] not in "}?":
            end += 1
        if end == len(self._source):
            self._fail(start, "`{` is not closed", fix=r"add `}`, or write `\{` for the character")
        begin, self._at = self._at, end
        inner = self._source[begin:end].strip()
        if inner.startswith("<") and inner.endswith(">"):
            self._fail(begin, "no <> inside a capture", end=end, fix=f"write `{inner[1:-1].strip()}`")
        labels = _LABELS.fullmatch(inner)
        if labels:
            return self._label_class(labels[1] or "", begin, end)
        if not LIST_NAME.fullmatch(inner):
            self._fail(
                begin,
                f"`{inner}` cannot be captured" if inner else "the capture has no class",
                end=max(end, begin + 1),
                fix="write number, word, the name of a word list, or a group in brackets: `{how:(low|high)}`",
            )
        return TokenClass(inner)

    def _literal(self) -> PatternNode:
        char = self._source[self._at]
        if char == "\\":
            return self._escaped()
        end = _word_end(self._source, self._at)
        if end > self._at:
            word = self._source[self._at : end]
            self._at = end
            return Word(word)
        if char in HYPHENS or char in SLASHES:
            return self._separator(char)
        if char in APOSTROPHES:
            self._fail(
                self._at,
                "an apostrophe must stand inside a word",
                fix="write the whole words: `(patient's|mother's)`",
            )
        self._at += 1
        return Word(char)

    def _separator(self, char: str) -> PatternNode:
        start = self._at
        self._at += 1
        if not self._plain:
            return Separator(char)
        if self._is_word_at(self._at):
            self._at = _word_end(self._source, self._at)
            return Word(self._source[start : self._at])
        before, after = self._source[max(0, start - 1) : start], self._peek()
        spaced = (not before or before in " (|") and (not after or after in " )|?")
        return Separator(char) if spaced and char in HYPHENS else Sequence_(())

    def _is_word_at(self, at: int) -> bool:
        return 0 <= at < len(self._source) and _is_word(self._source[at])

    def _escaped(self) -> Word:
        char = self._source[self._at + 1 : self._at + 2]
        if char and char in _SPECIAL:
            self._at += 2
            return Word(char)
        start = self._at
        if char in _REGEX_CLASSES:
            fix = f"this is not a regex; instead of `\\{char}` write {_REGEX_CLASSES[char]}"
        elif char and not char.isalnum() and not char.isspace():
            fix = f"`{char}` needs no backslash"
        else:
            fix = f"a backslash stands before one of {' '.join(_SPECIAL)} only"
        self._fail(start, f"`\\{char}` means nothing here", end=start + 1 + len(char), fix=fix)

    def _empty(self, start: int) -> None:
        if not self._source.strip():
            self._fail(0, "the pattern is empty", fix="write the words to be found")
        at = min(start, len(self._source) - 1)
        self._fail(at, "nothing stands here", fix="for something that may be missing write `(…)?`; for the character write `\\|`")

    def _lonely_question_mark(self) -> None:
        self._fail(
            self._at,
            "`?` must stand directly after what it makes optional",
            fix=r"remove the space before it, or write `\?` for the character",
        )

    def _skip_space(self) -> None:
        while self._at < len(self._source) and self._source[self._at].isspace():
            self._at += 1

    def _peek(self) -> str:
        return self._source[self._at : self._at + 1]

    def _fail(
        self, at: int, message: str, *, end: int | None = None, code: str = "R201", fix: str = "", notes: Sequence[str] = ()
    ) -> NoReturn:
        self.findings.error(code, message, place_at(self._text, at, end), fix=fix, notes=notes)
        raise _PatternError


def _is_word(char: str) -> bool:
    """The class WORD or IGNORE of docs/design/matching.md, as far as a pattern needs it."""
    return char.isalnum() or unicodedata.category(char) in ("Mn", "Mc", "Me", "Cs", "Cf")


def _word_end(source: str, start: int) -> int:
    """The end of the word that starts here, joined over single marks that stand inside a word or number."""
    at = start
    if source[at] == "." and source[at + 1 : at + 2].isdigit():
        at += 1
    while at < len(source):
        if not (_is_word(source[at]) or (start < at < len(source) - 1 and _joins(source, at))):
            break
        at += 1
    if at < len(source) and source[at] == "." and _DOTTED.fullmatch(source, start, at):
        at += 1
    return at


def _joins(source: str, at: int) -> bool:
    before, char, after = source[at - 1], source[at], source[at + 1]
    if not (_is_word(before) and _is_word(after)):
        return False
    if char == ",":
        return before.isdigit() and after.isdigit()
    return char == "." or char in APOSTROPHES or char in HYPHENS or char in SLASHES


def _shortened(text: str) -> str:
    return text if len(text) <= 40 else text[:39] + "…"


# --- what else is asked of a pattern -----------------------------------------------------------------------------------


def check_captures(text: Text, node: PatternNode) -> list[Diagnostic]:
    """Names that two captures of one way through the pattern share, and captures inside captures."""
    findings = Findings()
    for name in sorted(_shared_names(node) - {MENTION}):
        findings.error(
            "R202",
            f"the capture `{name}` stands twice in one way through the pattern",
            _capture_place(text, name, last=True),
            others=[(_capture_place(text, name, last=False), "first here")],
            fix="give the second another name",
        )
    if MENTION in _shared_names(node):
        at = _brackets(text)
        findings.error(
            "R202",
            "the mention `[…]` stands twice in one way through the pattern",
            at[-1],
            others=[(at[0], "first here")],
            fix="mark one part; the rest of the match is what must stand around it",
        )
    if any(isinstance(inner, MentionPart) for outer in _walk(node) if isinstance(outer, Capture) for inner in _walk(outer.item)):
        findings.error(
            "R202", "the mention `[…]` stands inside a capture", _brackets(text)[-1], fix="put the capture inside the mention"
        )
    for capture in _nested_captures(node):
        findings.error(
            "R202",
            f"the capture `{capture.name}` stands inside another capture",
            _capture_place(text, capture.name, last=True),
            fix="capture one of the two",
        )
    return findings.all


def _shared_names(node: PatternNode) -> set[str]:
    shared: set[str] = set()

    def names(inner: PatternNode) -> set[str]:
        if isinstance(inner, Capture):
            return {inner.name} | names(inner.item)
        if isinstance(inner, MentionPart):
            return {MENTION} | names(inner.item)
        if isinstance(inner, Optional_):
            return names(inner.item)
        if isinstance(inner, Alternatives):
            return {name for option in inner.options for name in names(option)}
        seen: set[str] = set()
        if isinstance(inner, Sequence_):
            for item in inner.items:
                found = names(item)
                shared.update(seen & found)
                seen |= found
        return seen

    names(node)
    return shared


def _nested_captures(node: PatternNode) -> Iterator[Capture]:
    for outer in _walk(node):
        if isinstance(outer, Capture):
            yield from (inner for inner in _walk(outer.item) if isinstance(inner, Capture))


def _capture_place(text: Text, name: str, *, last: bool) -> Place:
    written = list(re.finditer(r"\{\s*(" + re.escape(name) + r")\s*:", text.value))
    found = written[-1 if last else 0]
    return place_at(text, *found.span(1))


def _brackets(text: Text) -> list[Place]:
    """Where `[` opens a mention."""
    return [place_at(text, at, at + 1) for at in (m.start() for m in re.finditer(r"(?<!\\)\[", text.value))]


def _walk(node: PatternNode) -> Iterator[PatternNode]:
    yield node
    if isinstance(node, Capture | Optional_ | MentionPart):
        yield from _walk(node.item)
    elif isinstance(node, Sequence_):
        for item in node.items:
            yield from _walk(item)
    elif isinstance(node, Alternatives):
        for option in node.options:
            yield from _walk(option)


def token_classes(node: PatternNode) -> list[str]:
    """The names of the word lists a pattern uses, each once, in order."""
    names = (inner.name for inner in _walk(node) if isinstance(inner, TokenClass))
    return list(dict.fromkeys(name for name in names if name not in BUILT_IN_CLASSES))


def label_classes(node: PatternNode) -> list[str]:
    """The labels that a pattern's `<label …>` elements name, each once, in order."""
    return list(dict.fromkeys(name for inner in _walk(node) if isinstance(inner, LabelClass) for name in inner.labels))


def empty_alternatives(node: PatternNode) -> int:
    """How many alternatives can be passed through without a token."""
    alternatives = (inner for inner in _walk(node) if isinstance(inner, Alternatives))
    return sum(_can_be_empty(option) for inner in alternatives for option in inner.options)


def _can_be_empty(node: PatternNode) -> bool:
    if isinstance(node, Optional_):
        return True
    if isinstance(node, Capture | MentionPart):
        return _can_be_empty(node.item)
    if isinstance(node, Alternatives):
        return any(map(_can_be_empty, node.options))
    return isinstance(node, Sequence_) and all(map(_can_be_empty, node.items))


def has_anchor(node: PatternNode) -> bool:
    """Whether every way through the pattern meets a word, mark or word list at one place among its first four tokens.

    A label at the very beginning does not count as one: how long it is does not matter, since what ends there is known.
    """
    return _anchored(_without_first_label(node), ANCHOR_REACH)


def _without_first_label(node: PatternNode) -> PatternNode:
    if isinstance(node, LabelClass):
        return Sequence_(())
    if isinstance(node, Sequence_) and node.items:
        return Sequence_((_without_first_label(node.items[0]), *node.items[1:]))
    if isinstance(node, Alternatives):
        return Alternatives(tuple(Sequence_((_without_first_label(option),)) for option in node.options))
    if isinstance(node, Optional_ | Capture | MentionPart):
        return replace(node, item=_without_first_label(node.item))
    return node


def _anchored(node: PatternNode, reach: int) -> bool:
    """Whether every way through `node` begins one of its anchoring tokens within `reach` tokens."""
    if reach <= 0:
        return False
    if isinstance(node, Word):
        return True
    if isinstance(node, TokenClass):
        return node.name not in BUILT_IN_CLASSES
    if isinstance(node, Capture | MentionPart):
        return _anchored(node.item, reach)
    if isinstance(node, Alternatives):
        return all(_anchored(option, reach) for option in node.options)
    if isinstance(node, Sequence_):
        for item in node.items:
            if _anchored(item, reach):
                return True
            reach -= _longest(item)
    return False


def _longest(node: PatternNode) -> int:
    """The greatest number of tokens a node takes, a chunk counted as one."""
    if isinstance(node, Gap):
        return node.high
    if isinstance(node, LabelClass):
        return MAX_GAP
    if isinstance(node, Capture | Optional_ | MentionPart):
        return _longest(node.item)
    if isinstance(node, Sequence_):
        return sum(map(_longest, node.items))
    if isinstance(node, Alternatives):
        return max(map(_longest, node.options))
    return 1


# --- cues ----------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class CueForm:
    """One surface of a cue; `exact` when it keeps its case."""

    surface: str
    exact: bool
    text: Text


def expand_literal(text: Text) -> tuple[list[str], list[Diagnostic]]:
    """All surfaces of a cue, each once, in the order written: the first alternative first, taken before left out.

    The words of a surface are joined by one space. A hyphen stands alone in it only where the author put spaces around it.
    """
    known = _known_forms(text.value)
    return (list(known), []) if known else _expanded(text)


@lru_cache(maxsize=1 << 14)
def _known_forms(value: str) -> tuple[str, ...]:
    """The surfaces of a cue, which several checks and the compiler ask for; none when it has an error, which has a place."""
    return tuple(_expanded(Text(value, Place("", 1, 1)))[0])


def _expanded(text: Text) -> tuple[list[str], list[Diagnostic]]:
    node, problems = _parsed(_Parser(text, plain=True))
    if node is None:
        return [], problems
    findings = Findings()
    if any(isinstance(inner, TokenClass | Gap | Capture) for inner in _walk(node)):
        at = min(i for i in (text.value.find("<"), text.value.find("{")) if i >= 0)
        findings.error(
            "R205",
            "a cue cannot have classes, gaps or captures",
            place_at(text, at),
            notes=["a cue is words, `( | )` and `?`"],
            fix="write the words out",
        )
    elif (count := _count_forms(node)) > MAX_FORMS:
        findings.error(
            "R204",
            f"this cue stands for {_rounded(count)} forms; at most {MAX_FORMS} are allowed",
            text.place,
            fix="split it into several cues with fewer alternatives",
        )
    elif not all(forms := [" ".join(form) for form in _forms(node)]):
        findings.error("R212", "this cue can be empty", text.place, fix="require at least one word")
    else:
        return list(dict.fromkeys(forms)), []
    return [], findings.all


def _rounded(count: int) -> str:
    return str(count) if count < 1_000_000 else "more than a million"


def _count_forms(node: PatternNode) -> int:
    if isinstance(node, Optional_):
        return 1 + _count_forms(node.item)
    if isinstance(node, Sequence_):
        return prod(map(_count_forms, node.items))
    if isinstance(node, Alternatives):
        return sum(map(_count_forms, node.options))
    return 1


def _forms(node: PatternNode) -> list[tuple[str, ...]]:
    if isinstance(node, Word | Separator):
        return [(node.text,)]
    if isinstance(node, Optional_):
        return [*_forms(node.item), ()]
    if isinstance(node, Alternatives):
        return [form for option in node.options for form in _forms(option)]
    if isinstance(node, Sequence_):
        return [sum(parts, ()) for parts in product(*map(_forms, node.items))]
    raise AssertionError("classes, gaps and captures were refused before")


def cue_forms(rule: ContextCue) -> list[CueForm]:
    """All forms of a checked rule: those of `cues`, then those of `exact`, which is written in the same language."""
    forms = [CueForm(surface, False, text) for text in rule.cues for surface in expand_literal(text)[0]]
    return forms + [CueForm(surface, True, text) for text in rule.exact for surface in expand_literal(text)[0]]
